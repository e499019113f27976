"""The three file formats of MPII's annotations, read into a common table.

Coordinates are kept as stored. All numbers are converted to float64 first: MATLAB stores the smallest type that fits.
"""

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Iterator

import h5py
import numpy as np
import numpy.typing as npt
import scipy.io

from deephar import metrics
from deephar.data.readers.reading import reading
from deephar.files import whole_file
from deephar.typed import Array, ArrayLike, Bools, Floats, Ints, Path

JOINTS = 16

HEAD_BOX_PER_NECK_TO_TOP = 1.25
"""Ratio of the head box diagonal to the distance from neck to head top; within 1 % for 98.6 % of validation people."""

_BOX = ("x1", "y1", "x2", "y2")


@dataclasses.dataclass(frozen=True)
class People:
    """N annotated people.

    Attributes:
        image: (N,) file names.
        person: (N,) 0-based number of the person in the photograph.
        center: (N, 2) rough centre of the person, as in the RELEASE (objpos).
        scale: (N,) person's height / 200 pixels, as in the RELEASE.
        pose: (N, 16, 2) in MPII's order, NaN where not annotated.
        visible: (N, 16) 1 visible, 0 occluded, NaN unknown.
        head_size: (N,) pixels, for PCKh; NaN if neither a head box nor neck and head top are annotated.
        train: (N,) bool, false for test people.
        single: (N,) bool, well separated from others.
        left_out: number of people in the file without a centre or a scale.
    """

    image: npt.NDArray[np.str_]
    person: Ints
    center: Floats
    scale: Floats
    pose: Floats
    visible: Floats
    head_size: Floats
    train: Bools
    single: Bools
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.image)

    def where(self, mask: Bools) -> "People":
        """The people whose mask is true."""
        arrays = {f.name: getattr(self, f.name)[mask] for f in dataclasses.fields(self) if f.name != "left_out"}
        return dataclasses.replace(self, **arrays)


def read_release(path: Path) -> People:
    """The official mpii_human_pose_v1_u12_1.mat. Takes about half a minute for all 25,000 photographs."""
    try:
        stored = scipy.io.loadmat(path, simplify_cells=True)
    except Exception as error:
        raise ValueError(f"{path} is not a readable MATLAB file: {error}") from None
    try:
        return _table(path, *_release_rows(stored["RELEASE"]))
    except (LookupError, AttributeError, TypeError) as error:
        raise ValueError(
            f"Expected MPII's RELEASE with annolist, img_train and single_person in {path}; it lacks {error}"
        ) from None
    except ValueError as error:
        raise ValueError(f"Expected MPII's RELEASE in {path}; {error}") from None


def _release_rows(release):
    rows, left_out = [], 0
    images, singles = _list(release["annolist"]), release["single_person"]
    singles = [singles] if len(images) == 1 else list(np.atleast_1d(singles))
    for image, train, single in zip(images, np.atleast_1d(release["img_train"]), singles, strict=True):
        separate = {int(number) - 1 for number in np.atleast_1d(single).ravel()}
        name, rectangles = image["image"]["name"], _list(image["annorect"])
        for number, rectangle in enumerate(rectangles):
            with _naming(f"person {number} in {name}"):
                row = _rectangle(rectangle)
            if row is None:
                left_out += 1
            else:
                rows.append((name, number, *row, bool(train), number in separate))
    return rows, left_out


@contextlib.contextmanager
def _naming(person: str) -> Iterator[None]:
    """Turn any error in a person's entry into a ValueError that names the person."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{person} lacks {error}") from None
    except Exception as error:
        raise ValueError(f"{person} is malformed: {error}") from None


def _list(value):
    """A MATLAB struct array with zero, one or more elements, as a list."""
    return [value] if isinstance(value, dict) else list(np.atleast_1d(value))


def _number(value):
    """A MATLAB number, character or empty value as float; NaN if empty."""
    value = np.asarray(value)
    return float(value.item()) if value.size == 1 and str(value.item()).strip() else np.nan


def _rectangle(rectangle):
    """centre, scale, pose, visible and head size of an annorect; None without a centre or a scale."""
    objpos = rectangle.get("objpos")
    scale = _number(rectangle.get("scale", ()))
    if not isinstance(objpos, dict) or not np.isfinite(scale):
        return None
    pose, visible = np.full((JOINTS, 2), np.nan), np.full(JOINTS, np.nan)
    annopoints = rectangle.get("annopoints")
    for point in _list(annopoints["point"]) if isinstance(annopoints, dict) else ():
        joint = int(_number(point["id"]))
        if not 0 <= joint < JOINTS:
            raise ValueError(f"joints are numbered from 0 to {JOINTS - 1}. Received: {joint}")
        pose[joint] = _number(point["x"]), _number(point["y"])
        visible[joint] = _number(point.get("is_visible", ()))
    head_size = metrics.head_size([_number(rectangle.get(name, ())) for name in _BOX])
    if not head_size > 0:
        head_size = _head_size_of(pose)
    return np.array([_number(objpos["x"]), _number(objpos["y"])]), scale, pose, visible, head_size


def _head_size_of(pose: Floats) -> float:
    """Head size without a head box, from neck and head top; NaN if they are missing or coincide."""
    size = metrics.HEAD_FACTOR * HEAD_BOX_PER_NECK_TO_TOP * np.linalg.norm(pose[8] - pose[9])
    return float(size) if size > 0 else np.nan


def read_json(path: Path) -> People:
    """HRNet's and mmpose's JSON: one split, no head boxes, so head sizes are computed from neck and head top."""
    try:
        rows, left_out = _json_rows(json.loads(pathlib.Path(path).read_bytes()))
    except Exception as error:
        raise ValueError(
            f"Expected a list of people with image, center, scale, joints and joints_vis in {path}: {error}"
        ) from None
    return _table(path, rows, left_out)


def _json_rows(entries):
    rows, seen, left_out = [], {}, 0
    if not isinstance(entries, list):
        raise ValueError(f"it holds a {type(entries).__name__}, not a list")
    for place, entry in enumerate(entries):
        with _naming(f"person {place} of the list" + (f", in {entry['image']}," if "image" in entry else "")):
            image = entry["image"]
            number = seen[image] = seen.get(image, -1) + 1
            row = _json_person(entry)
        if row is None:
            left_out += 1
        else:
            rows.append((image, number, *row, True, True))
    return rows, left_out


def _json_person(entry):
    """centre, scale, pose, visible and head size of a person; None without a scale, which is stored as -1."""
    if not entry["scale"] > 0:
        return None
    pose, given = _array(entry, "joints", (JOINTS, 2)), _array(entry, "joints_vis", (JOINTS,))
    pose[given == 0] = np.nan
    if np.isinf(pose).any():
        raise ValueError("its joints are not finite")
    center = _array(entry, "center", (2,))
    return center, float(entry["scale"]), pose, np.full(JOINTS, np.nan), _head_size_of(pose)


def _array(entry, key, shape):
    values = np.array(entry[key], dtype=np.float64)
    if values.shape != shape:
        raise ValueError(f"`{key}` must be {shape}. Received: {values.shape}")
    return values


def read_pose_hg(path: Path) -> People:
    """pose-hg's train.h5 or valid.h5: one split; joints truncated to whole pixels, a missing one at (0, 0)."""
    with reading(path, "pose-hg's HDF5 of MPII"):
        with h5py.File(path, "r") as file:
            images, person = _text(file["imgname"][()]), file["person"][()].astype(int)
            part, visible, head_size, scale, center = (
                file[key][()].astype(np.float64) for key in ("part", "visible", "normalize", "scale", "center")
            )
        people = len(images)
        shapes = (part.shape, visible.shape, head_size.shape, scale.shape, center.shape, person.shape)
        if shapes != ((people, JOINTS, 2), (people, JOINTS), (people,), (people,), (people, 2), (people,)):
            raise ValueError(f"arrays must match {people} people and {JOINTS} joints. Received: {shapes}")
    scale = scale / 1.25
    center = center - np.stack([np.zeros_like(scale), 15 * scale], axis=-1)
    missing = np.all(part == 0, axis=-1)
    part[missing] = np.nan
    visible[missing | np.isin(np.arange(JOINTS), (8, 9))] = np.nan  # empty in the RELEASE for neck and head top
    every = np.ones(people, dtype=bool)
    return People(images, person, center, scale, part, visible, head_size, every, every)


def _text(names: Array) -> npt.NDArray[np.str_]:
    """Names from HDF5, stored as UTF-8 bytes, as an array of str."""
    return np.array([name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in names.tolist()])


def _table(path, rows, left_out):
    if not rows:
        raise ValueError(f"{path} holds no person with a centre and a scale")
    return People(*(np.array(column) for column in zip(*rows, strict=True)), left_out=left_out)


def write_release(path: Path, people: People) -> None:
    """Write people as a RELEASE .mat, to be read by `read_release`.

    The head box is a square centred between neck and head top, whose diagonal matches the head size.

    Args:
        path: of the new .mat file.
        people: `People`; every person must have both head joints.
    """
    photographs = {}
    for index, image in enumerate(people.image.tolist()):
        photographs.setdefault(image, {})[int(people.person[index])] = index
    annolist = [
        {
            "image": {"name": image},
            "annorect": [_annotated(people, found[i]) if i in found else _NOBODY for i in range(max(found) + 1)],
        }
        for image, found in photographs.items()
    ]
    single = np.empty((len(photographs), 1), dtype=object)
    single[:, 0] = [np.array([[i + 1 for i in sorted(p) if people.single[p[i]]]]) for p in photographs.values()]
    train = [float(people.train[next(iter(found.values()))]) for found in photographs.values()]
    release = {"annolist": annolist, "img_train": train, "single_person": single, "version": "12"}
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        scipy.io.savemat(file, {"RELEASE": _structs(release)}, oned_as="row")


_NOBODY = {key: [] for key in (*_BOX, "scale", "objpos", "annopoints")}


def _annotated(people, index):
    """The annorect of a person."""
    pose, visible = people.pose[index], people.visible[index]
    half = people.head_size[index] / metrics.HEAD_FACTOR / np.sqrt(8)
    head = np.concatenate([pose[8:10].mean(axis=0) - half, pose[8:10].mean(axis=0) + half])
    points = [
        {"x": x, "y": y, "id": float(joint), "is_visible": visible[joint] if np.isfinite(visible[joint]) else []}
        for joint, (x, y) in enumerate(pose.tolist())
        if np.isfinite(x)
    ]
    x, y = people.center[index].tolist()
    return {
        **dict(zip(_BOX, head.tolist(), strict=True)),
        "scale": float(people.scale[index]),
        "objpos": {"x": x, "y": y},
        "annopoints": {"point": points},
    }


def write_pose_hg(path: Path, people: People) -> None:
    """Write people as pose-hg's HDF5, to be read by `read_pose_hg`; joints are truncated to integers."""
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        file["imgname"], file["person"] = np.char.encode(people.image, "utf-8"), people.person.astype(np.float64)
        file["center"] = people.center + np.stack([np.zeros_like(people.scale), 15 * people.scale], axis=-1)
        file["scale"], file["normalize"] = 1.25 * people.scale, people.head_size
        file["part"], file["visible"] = np.trunc(np.nan_to_num(people.pose)), np.nan_to_num(people.visible)


def write_submission(path: Path, people: People, poses: ArrayLike) -> None:
    """Write predictions on test people as a MATLAB file with an `annolist` like the RELEASE's.

    One element per photograph: `image.name`, and `annorect` with an element per person up to the last predicted one,
    whose `annopoints.point` holds `x`, `y` and `id` of 16 joints; people without predictions have none. The test server
    was not available, so it is not verified that it accepts the file.

    Args:
        path: of the new .mat file.
        people: `People`.
        poses: (N, 16, 2) in the files' coordinates (1-based) and joint order; NaN for a person without a prediction.
    """
    poses = np.asarray(poses, dtype=np.float64)
    if poses.shape != (len(people), 16, 2):
        raise ValueError(f"Expected poses of {len(people)} people, 16 joints, x and y. Received: {poses.shape}")
    photographs = {}
    for image, person, pose in zip(people.image.tolist(), people.person.tolist(), poses, strict=True):
        photographs.setdefault(image, {})[person] = pose
    annolist = [
        {"image": {"name": image}, "annorect": [_predicted(found.get(i)) for i in range(max(found) + 1)]}
        for image, found in photographs.items()
    ]
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        scipy.io.savemat(file, {"annolist": _structs(annolist)}, oned_as="row")


def _predicted(pose):
    """The annorect of a person, with or without a prediction."""
    rows = [] if pose is None or not np.isfinite(pose).all() else pose.tolist()
    points = [{"x": x, "y": y, "id": float(i)} for i, (x, y) in enumerate(rows)]
    return {"annopoints": {"point": points} if points else []}


def _structs(value):
    """Lists of dictionaries with the same keys, nested at any depth, as MATLAB struct arrays (1, N)."""
    if isinstance(value, dict):
        return {key: _structs(item) for key, item in value.items()}
    if not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return value
    array = np.empty((1, len(value)), dtype=[(key, object) for key in value[0]])
    for place, row in enumerate(value):
        array[0, place] = tuple(_structs(item) for item in row.values())
    return array
