"""Third-party conversions of Human3.6M: cameras, mmpose's samples, and the original's annotations.mat."""

import json
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.io

from deephar.camera import Camera
from deephar.data.readers.human36m_files import ACTIONS, CAMERAS, Recording, canonical_action, read_metadata
from deephar.data.readers.reading import reading
from deephar.typed import Floats, Path


def read_cameras(path: Path) -> dict[tuple[str, str], Camera]:
    """Cameras by (subject, camera id), from any supported file.

    Args:
        path: official metadata.xml; mmpose's cameras as JSON or npz, keyed "S1.54138969" or by rows; or
            camera-parameters.json with `intrinsics` and `extrinsics`, which lacks sizes: 1000 x 1002 is assumed, and
            1000 x 1000 for the second and third camera (for some subjects these have two more rows).

    Raises:
        ValueError: if the file is missing, damaged or of the wrong kind; the message names it.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() == ".xml":
        return read_metadata(path).cameras
    with reading(path, "cameras of Human3.6M"):
        if path.suffix.lower() == ".npz":
            rows = _arrays(path, ("subject", "camera", *"RTfckpwh"))
            keys = zip(rows["subject"].tolist(), rows["camera"].tolist(), strict=True)
            return {key: Camera.from_mmpose({n: rows[n][i] for n in "RTfckpwh"}) for i, key in enumerate(keys)}
        content = json.loads(path.read_bytes())
        if "intrinsics" in content:
            return {
                (subject, camera): _karfly(content["intrinsics"][camera], extrinsic, camera)
                for subject, extrinsics in content["extrinsics"].items()
                for camera, extrinsic in extrinsics.items()
            }
        return {tuple(key.split(".")): Camera.from_mmpose(entry) for key, entry in content.items()}


def _arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of an npz; the file is closed even if numpy finds it damaged."""
    with open(path, "rb") as file, np.load(file) as arrays:
        return {name: arrays[name] for name in names}


def _karfly(intrinsic, extrinsic, camera):
    size = (1000, 1002 if camera in (CAMERAS[0], CAMERAS[3]) else 1000)
    matrix, distortion = intrinsic["calibration_matrix"], intrinsic["distortion"]
    return Camera.from_opencv(extrinsic["R"], extrinsic["t"], matrix, distortion, size)


def read_mmpose(path: Path, cameras: Mapping[tuple[str, str], Camera] | None = None) -> list[Recording]:
    """mmpose's npz: 17 joints of single frames, in pixels and in camera space.

    Args:
        path: of the npz with imgname, part and S.
        cameras: from `read_cameras`; without them, the recordings only have pixels and depth.

    Returns:
        list of `Recording`, one per video.

    Raises:
        ValueError: if the file is missing, damaged or of the wrong kind, or a camera is missing.
    """
    with reading(path, "an npz of mmpose's Human3.6M with imgname, part and S"):
        rows = _arrays(path, ("imgname", "part", "S"))
        names, pixels, points = rows["imgname"].tolist(), rows["part"][..., :2], 1000.0 * rows["S"][..., :3]
        pixels = pixels.reshape(-1, 17, 2).astype(np.float64)
        points = points.reshape(len(names), 17, 3).astype(np.float64)
    recordings = []
    for (subject, video, camera), found in _videos(path, names).items():
        chosen = [row for row, _ in found]
        if cameras is None:
            placed, poses = None, np.concatenate([pixels[chosen], points[chosen, :, 2:]], axis=-1)
        else:
            placed = _camera(cameras, subject, camera)
            poses = placed.to_world(points[chosen])
        recordings.append(_mmpose_recording(subject, video, [frame for _, frame in found], poses, placed))
    return recordings


def read_coco(path: Path, cameras: Mapping[tuple[str, str], Camera]) -> list[Recording]:
    """mmpose's h36m_coco.json: 17 joints of single frames in world space.

    Its category swaps the names of the legs; the order of the joints is that of layout h36m17.

    Args:
        path: of the JSON with images and annotations.
        cameras: from `read_cameras`.

    Returns:
        list of `Recording`, one per video.

    Raises:
        ValueError: if the file is missing, damaged or of the wrong kind, or a camera is missing.
    """
    with reading(path, "a JSON of mmpose's Human3.6M with images, and annotations with keypoints_3d"):
        content = json.loads(pathlib.Path(path).read_bytes())
        files = {image["id"]: image["file_name"] for image in content["images"]}
        names = [files[entry["image_id"]] for entry in content["annotations"]]
        points = np.array([entry["keypoints_3d"] for entry in content["annotations"]], dtype=np.float64)
        points = points.reshape(len(names), 17, 4)
        points = np.where(points[..., 3:] > 0, 1000.0 * points[..., :3], np.nan)
    return [
        _mmpose_recording(
            subject,
            video,
            [frame for _, frame in found],
            points[[row for row, _ in found]],
            _camera(cameras, subject, camera),
        )
        for (subject, video, camera), found in _videos(path, names).items()
    ]


_MMPOSE_NAME = re.compile(r"(?:.*/)?((S\d+)_(.+)\.(\d+))_(\d+)\.jpg", re.IGNORECASE)


def _videos(path: Path, names: Sequence[str]) -> dict[tuple[str, str, str], list[tuple[int, int]]]:
    """(subject, video, camera) to [(row, frame)] from names like S1_Directions_1.54138969_000001.jpg."""
    videos = {}
    for row, name in enumerate(names):
        match = _MMPOSE_NAME.fullmatch(name)
        if not match:
            raise ValueError(f"Expected images named like S1_Directions_1.54138969_000001.jpg in {path}: {name!r}")
        video, subject, _, camera, frame = match.groups()
        videos.setdefault((subject, video, camera), []).append((row, int(frame)))
    return videos


def _mmpose_recording(
    subject: str, video: str, frames: Sequence[int], poses: Floats, camera: Camera | None
) -> Recording:
    action = canonical_action(video.split("_", 1)[1].split(".")[0])
    return Recording(video, subject, action, f"{subject}/{video}/{video}_{{:06d}}.jpg", np.array(frames), poses, camera)


def _camera(cameras: Mapping[tuple[str, str], Camera], subject: str, camera: str) -> Camera:
    if (subject, camera) not in cameras:
        raise ValueError(f"The given cameras lack camera {camera} of {subject}")
    return cameras[subject, camera]


def read_original(path: Path, variable: str) -> list[Recording]:
    """The original's converted annotations.mat; the file was not available, so this is not verified against it.

    Args:
        path: of the .mat.
        variable: sequences_tr, sequences_val or sequences_te.

    Returns:
        list of `Recording`. Frames without a pose are skipped.

    Raises:
        ValueError: if the file is missing, damaged or of the wrong kind.
    """
    with reading(path, f"the original's annotations.mat with {variable}"):
        sequences = scipy.io.loadmat(path, simplify_cells=True, variable_names=[variable])[variable]
        return [_sequence(entry) for entry in np.atleast_1d(sequences)]


def _sequence(entry):
    name, given = str(entry["name"]), entry["camera_parameters"]
    action, subject = (int(part[1:]) for part in name.split("_")[:2])
    frames = [frame for frame in np.atleast_1d(entry["frames"]) if np.size(frame["pose3d"])]
    size = (int(frames[0]["w"]), int(frames[0]["h"])) if frames else (1000, 1000)
    rotation, center, focal, principal, p, k = (np.asarray(given[key], dtype=np.float64) for key in "RTfcpk")
    return Recording(
        name,
        f"S{subject}",
        ACTIONS[action - 2],
        name + "/{:05d}.jpg",
        np.array([int(frame["f"]) for frame in frames], dtype=int),
        np.array([np.asarray(frame["pose3d"], dtype=np.float64).T for frame in frames]).reshape(-1, 32, 3),
        Camera.from_original(rotation, center, focal, principal, p, k, size),
    )
