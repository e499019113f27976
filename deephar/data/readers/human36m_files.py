"""Reads and writes the files of the Human3.6M release: positions and cameras. Conversions: `human36m_converted`."""

import dataclasses
import xml.etree.ElementTree as xml
from collections.abc import Mapping

import numpy as np

from deephar.camera import Camera
from deephar.data.readers.reading import reading
from deephar.files import whole_file
from deephar.typed import ArrayLike, Floats, Ints, Path

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
"""Ids of the cameras, c01 to c04."""

ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting", "SittingDown",
    "Smoking", "TakingPhoto", "Waiting", "Walking", "WalkingDog", "WalkingTogether",
)  # fmt: skip
"""Canonical names of actions a02 to a16, the columns of the paper's table 1; a01 is calibration."""

_ALIASES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog", "WalkTogether": "WalkingTogether"}
_SUBJECTS = tuple(f"S{number}" for number in range(1, 12))


@dataclasses.dataclass(frozen=True)
class Recording:
    """The labelled frames of one take as recorded by one camera.

    Attributes:
        name: for messages, e.g. "S1/Directions 1.54138969".
        subject: e.g. "S1".
        action: one of `ACTIONS`.
        picture: path template of a frame's image below the folder of images, to be formatted with the frame number.
        frames: (n,) numbers of the frames in the video, from 1.
        poses: (n, J, 3) world mm; or, if the camera is unknown, pixels and depth in mm. NaN where not located.
        camera: `deephar.camera.Camera`, or None.
    """

    name: str
    subject: str
    action: str
    picture: str
    frames: Ints
    poses: Floats
    camera: Camera | None

    def __len__(self) -> int:
        return len(self.frames)


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Contents of the official metadata.xml.

    Attributes:
        cameras: (subject, camera id) to `Camera`.
        names: (subject, number of the action, number of the take) to the file name without suffix; 2 is `ACTIONS[0]`.
    """

    cameras: dict[tuple[str, str], Camera]
    names: dict[tuple[str, int, int], str]


def canonical_action(name: str) -> str:
    """One of `ACTIONS` from a file name, e.g. "WalkDog_1", "Photo 2" or "SittingDown".

    Raises:
        ValueError: if it contains none.
    """
    name = name.replace("_", " ").split(" ")[0]
    name = _ALIASES.get(name, name)
    if name not in ACTIONS:
        raise ValueError(f"Unknown action {name!r} of Human3.6M; the actions are {', '.join(ACTIONS)}")
    return name


def read_positions(path: Path) -> Floats:
    """Positions of a take from the official D3_Positions/*.cdf: (n, 32, 3) float64 world mm.

    Raises:
        ModuleNotFoundError: without cdflib.
        ValueError: if the file is missing, damaged or of the wrong kind; the message names it.
    """
    cdflib = _cdflib()
    with reading(path, "a CDF with a variable 'Pose', frames x 96 (32 joints, x y z)"):
        pose = np.asarray(cdflib.CDF(path).varget("Pose"), dtype=np.float64)
        if pose.shape[-1] != 96 or not pose.size:
            raise ValueError(f"its Pose is {pose.shape}")
        return pose.reshape(-1, 32, 3)


def write_positions(path: Path, positions: ArrayLike) -> None:
    """Write positions (n, 32, 3) world mm as a CDF like the official ones: 'Pose', 1 x n x 96, single precision.

    It is not compressed, since gzip stores the time: the same positions give the same bytes.
    """
    cdflib = _cdflib()
    pose = np.asarray(positions, dtype=np.float32).reshape(1, -1, 96)
    about = {
        "Variable": "Pose", "Data_Type": cdflib.cdfwrite.CDF.CDF_REAL4, "Num_Elements": 1, "Rec_Vary": True,
        "Dim_Sizes": list(pose.shape[1:]), "Compress": 0,
    }  # fmt: skip
    with whole_file(path) as temporary:
        file = cdflib.cdfwrite.CDF(temporary, {"Majority": "row_major"})
        file.write_var(about, var_data=pose)
        file.close()


def _cdflib():
    try:
        import cdflib
        import cdflib.cdfwrite
    except ModuleNotFoundError:
        raise ModuleNotFoundError('CDF files need cdflib: pip install "deephar[h36m]"') from None
    return cdflib


def read_metadata(path: Path) -> Metadata:
    """The official metadata.xml: `Metadata`.

    Its `w0` has, for every camera and then every subject, three angles (a, b, c) of the rotation Rx(a) Ry(b) Rz(c) and
    the centre in mm; then for every camera focal length, principal point, k1 to k3 and p1, p2. The last row of its
    `mapping` has the images' [height width] by subject and camera. A camera with NaN is skipped.

    Raises:
        ValueError: if the file is missing, damaged or of the wrong kind; the message names it.
    """
    with reading(path, "metadata.xml of Human3.6M's code package"):
        root = xml.parse(path).getroot()
        rows = [[(cell.text or "").strip() for cell in row] for row in _part(root, "mapping")]
        subjects, ids = rows[0][2:], [_text(item).strip() for item in _part(root, "dbcameras/index2id")]
        numbers = _numbers(_text(_part(root, "w0")))[0]
        places = numbers[: -9 * len(ids)].reshape(len(ids), len(subjects), 6)
        lenses = numbers[-9 * len(ids) :].reshape(len(ids), 9)
        sizes = [_numbers(cell) for cell in rows[-1][2:]]
        cameras = {
            (subject, camera): _camera(places[c, s], lenses[c], sizes[s][c][::-1])
            for s, subject in enumerate(subjects)
            for c, camera in enumerate(ids)
            if np.all(np.isfinite(places[c, s]))
        }
        takes = [row for row in rows if row[0].isdigit() and 2 <= int(row[0]) <= 1 + len(ACTIONS)]
        names = {
            (subject, int(row[0]), int(row[1])): name
            for row in takes
            for subject, name in zip(subjects, row[2:], strict=True)
            if name
        }
    return Metadata(cameras, names)


def _part(root: xml.Element, path: str) -> xml.Element:
    found = root.find(path)
    if found is None:
        raise ValueError(f"it lacks {path}")
    return found


def _text(element: xml.Element) -> str:
    if element.text is None:
        raise ValueError(f"its {element.tag} is empty")
    return element.text


def _numbers(text: str) -> Floats:
    """A MATLAB matrix as text, "[1 2;3 4]", as (rows, columns) float64."""
    return np.array([row.split() for row in text.strip("[] \n").split(";")], dtype=np.float64)


def _turns(a, b, c):
    """Rx(a), Ry(b), Rz(c)."""
    (ca, cb, cc), (sa, sb, sc) = np.cos([a, b, c]), np.sin([a, b, c])
    return (
        np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]]),
        np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]]),
        np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]]),
    )


def _camera(place: Floats, lens: Floats, size: Floats) -> Camera:
    x, y, z = _turns(*place[:3])
    return Camera(x @ y @ z, place[3:], lens[:2], lens[2:4], lens[4:7], lens[7:], tuple(size.astype(int).tolist()))


def _angles(rotation):
    """(a, b, c) of Rx(a) Ry(b) Rz(c)."""
    r = rotation
    a, c = np.arctan2(-r[1, 2], r[2, 2]), np.arctan2(-r[0, 1], r[0, 0])
    if abs(r[0, 2]) > 1 - 1e-12:  # x and z turn about the same axis
        a, c = np.arctan2(r[2, 1], r[1, 1]), 0.0
    return a, np.arctan2(r[0, 2], np.hypot(r[0, 0], r[0, 1])), c


def write_metadata(
    path: Path, cameras: Mapping[tuple[str, str], Camera], names: Mapping[tuple[str, int, int], str]
) -> None:
    """Write a metadata.xml for `read_metadata`, with those parts of the official structure that it reads.

    Args:
        path: of the new file.
        cameras: (subject, camera id) to `Camera`. A camera must have the same lens for all subjects.
        names: see `Metadata`.

    Raises:
        ValueError: if a lens differs between subjects, or a subject is not S1 to S11.
    """
    subjects = sorted({key[0] for key in (*cameras, *names)} - set(_SUBJECTS))
    if subjects:
        raise ValueError(f"Subjects must be {_SUBJECTS[0]} to {_SUBJECTS[-1]}. Received: {', '.join(subjects)}")
    ids = sorted({camera for _, camera in cameras})
    places, sizes = np.full((len(ids), len(_SUBJECTS), 6), np.nan), {}
    for (subject, camera), given in cameras.items():
        places[ids.index(camera), _SUBJECTS.index(subject)] = *_angles(given.rotation), *given.center
        sizes[subject, camera] = f"{given.size[1]} {given.size[0]}"
    root = xml.Element("a")
    mapping = xml.SubElement(root, "mapping")
    _row(mapping, "Action", "subaction", *_SUBJECTS)
    for action, take in sorted({key[1:] for key in names}):
        _row(mapping, str(action), str(take), *(names.get((subject, action, take), "") for subject in _SUBJECTS))
    _row(mapping, "", "", *("[" + ";".join(sizes.get((s, i), "0 0") for i in ids) + "]" for s in _SUBJECTS))
    numbers = np.concatenate([places.ravel(), *(_lens(cameras, camera) for camera in ids)])
    xml.SubElement(root, "w0").text = "[" + " ".join(repr(float(number)) for number in numbers) + "]"
    index = xml.SubElement(xml.SubElement(root, "dbcameras"), "index2id")
    for camera in ids:
        xml.SubElement(index, "item").text = camera
    xml.indent(root)
    with whole_file(path) as temporary:
        xml.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _row(table: xml.Element, *cells: str) -> None:
    row = xml.SubElement(table, "tr")
    for cell in cells:
        xml.SubElement(row, "td").text = cell


def _lens(cameras: Mapping[tuple[str, str], Camera], camera: str) -> Floats:
    """The nine lens parameters of a camera, the same for all its subjects."""
    lenses = [
        np.concatenate([c.focal, c.principal, c.radial, c.tangential]) for key, c in cameras.items() if key[1] == camera
    ]
    if not all(np.array_equal(lens, lenses[0]) for lens in lenses):
        raise ValueError(f"metadata.xml has one lens per camera; camera {camera} has several among its subjects")
    return lenses[0]
