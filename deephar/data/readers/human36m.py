"""Human3.6M: one person per photograph with 3D joints, from the official release or conversions of it."""

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from deephar import geometry, layouts
from deephar.data.readers import human36m_converted, human36m_files
from deephar.data.readers.base import Sample
from deephar.data.readers.human36m_files import ACTIONS, Metadata, Recording
from deephar.data.samples.frames import open_image, upright_size
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints, Path, Size

SPLITS: dict[str, tuple[tuple[str, ...], int]] = {
    "train": (("S1", "S5", "S6", "S7", "S8"), 5),
    "test": (("S9", "S11"), 64),
}
"""Subjects and frame stride; frames are counted from 1 and start at 1 (the original's protocol)."""

MISSING = {("S11", "Directions", "54138969")}
"""Recordings whose video is corrupt in the release."""

SOURCES = {17: "h36m17", 32: "h36m32"}
"""Layout of a file by its number of joints."""


class Human36M:
    """Reader of Human3.6M, frame by frame.

    Poses are (u, v, depth): pixels and mm, from world positions by the exact camera. The unaugmented crop is the
    published one: centred on the root joint (pelvis), with side 2.25 max(W fx, H fy) / depth of the root, i.e. 2.25 m
    there, for the release's width W of 1000 pixels; for another width, scaled to match. A sample without a
    camera has the square extent of its joints and a margin instead.

    Args:
        recordings: list of `deephar.data.readers.human36m_files.Recording`, see `open_release`, `open_mmpose`.
        images: folder of the images.
        layout: of the returned joints, a `PoseLayout` or a name; those that the file lacks are NaN, as is the neck of
            pa17j. To train in pa17j by names, keep h36m17 here and pass the layout to the loader, so that the neck
            counts as unknown, not as hidden.
        published: use the original's joint mapping (`deephar.layouts.PUBLISHED`), which contradicts the names: its
            17 have two joints 0.1 mm apart and no face. For published weights, and to report both.
        down_px: shift of the crop's centre downwards; the original has 1 (times the sampled scale), unlike its paper.

    Raises:
        ValueError: if the folder is missing, there are no frames, or there is no published mapping.
    """

    def __init__(
        self,
        recordings: Iterable[Recording],
        images: Path,
        layout: PoseLayout | str = "h36m17",
        published: bool = False,
        down_px: float = 0.0,
    ) -> None:
        self.recordings: list[Recording] = list(recordings)
        self.images: pathlib.Path = pathlib.Path(images)
        self.down_px = down_px
        self._starts = np.cumsum([0, *map(len, self.recordings)])
        if not self.images.is_dir():
            raise ValueError(f"Expected the folder of Human3.6M's images. Received: {images}")
        if not len(self):
            raise ValueError("There are no frames of Human3.6M to read")
        joints = {recording.poses.shape[1] for recording in self.recordings}
        if len(joints) != 1 or not joints <= set(SOURCES):
            raise ValueError(f"Recordings must all have 17 or all have 32 joints. Received: {sorted(joints)}")
        source = SOURCES[joints.pop()]
        self.layout: PoseLayout = layouts.get(layout)
        self.published = published
        if published and not layouts.exception(source, self.layout):
            raise ValueError(f"There is no published mapping from {source} to {self.layout.name}; use published=False")
        order = layouts.published_map(source, layout) if published else layouts.index_map(source, layout)
        self._joints, self._root = np.array(order), layouts.get(source).index("pelvis")

    @property
    def joint_set(self) -> str:
        """Description of the joint set, for tables."""
        lacking = [name for name, joint in zip(self.layout.names, self._joints, strict=True) if joint < 0]
        text = f"{self.layout.name} {'by the published map' if self.published else 'by names'}"
        return f"{text} without {', '.join(lacking)}" if lacking else text

    def __len__(self) -> int:
        return int(self._starts[-1])

    def _place(self, index: int) -> tuple[Recording, int]:
        """The recording, and the row within it."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self.recordings[number], int(index - self._starts[number])

    def action_of(self, index: int) -> str:
        """Canonical name of the action, one of `ACTIONS`."""
        return self._place(index)[0].action

    def subject_of(self, index: int) -> str:
        """Name of the subject, e.g. "S9"."""
        return self._place(index)[0].subject

    def _uvd(self, index: int) -> Floats:
        """All joints of the file: pixels and depth."""
        recording, row = self._place(index)
        poses = recording.poses[row]
        return recording.camera.world_to_uvd(poses) if recording.camera else poses

    def _ordered(self, pose: Floats) -> Floats:
        return np.where(self._joints[:, None] >= 0, pose[self._joints], np.nan)

    def pose_world(self, index: int) -> Floats:
        """(J, 3) world mm, without opening the image. Raises ValueError if the camera is unknown."""
        recording, row = self._place(index)
        if recording.camera is None:
            raise ValueError(f"{recording.name} has no camera, so no world positions; give `cameras`")
        return self._ordered(recording.poses[row])

    def pose_camera(self, index: int) -> Floats:
        """(J, 3) camera mm, without opening the image. Raises ValueError if the camera is unknown."""
        pose, camera = self.pose_world(index), self._place(index)[0].camera
        assert camera is not None
        return camera.to_camera(pose)

    def sample(self, index: int) -> Sample:
        """The person at a position: `Sample`.

        Raises:
            ValueError: if the image is missing, damaged or of another size, or the root joint has no label.
        """
        recording, row = self._place(index)
        name = recording.picture.format(recording.frames[row])
        uvd = self._uvd(index)
        root = uvd[self._root]
        if not np.all(np.isfinite(root)):
            raise ValueError(f"{name} has no label of the root joint (pelvis) in front of its camera")
        image = open_image(self.images / name)
        size = upright_size(image)
        if recording.camera is None:
            center, window = geometry.person_window(geometry.points_box(uvd), name=name)
        else:
            _check_size(name, size, recording.camera.size)
            center = root[:2] + [0.0, self.down_px]
            window = np.full(2, geometry.WINDOW_MM * max(size * recording.camera.focal) / size[0] / root[2])
        pose = self._ordered(uvd)
        return Sample(name, image, pose, center, window, root_mm=float(root[2]), camera=recording.camera)


def _check_size(name: str, size: Size, expected: Size) -> None:
    """Images may differ by the two extra rows of some cameras in the release, but must not be resized."""
    if max(abs(np.subtract(size, expected))) > 2:
        raise ValueError(
            f"{name} must have the camera's {expected[0]} x {expected[1]} pixels, or its labels do not match. "
            f"Received: {size[0]} x {size[1]}"
        )


def takes(metadata: Metadata, subjects: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """All recordings of some subjects in the release: (subject, action, file name, camera id).

    Args:
        metadata: `deephar.data.readers.human36m_files.Metadata`.
        subjects: e.g. ("S9", "S11").

    Returns:
        list, ordered by subject, action, take and camera.
    """
    return [
        (subject, ACTIONS[action - 2], name, camera)
        for wanted in subjects
        for (subject, action, _), name in sorted(metadata.names.items())
        for owner, camera in metadata.cameras
        if subject == owner == wanted and (subject, name, camera) not in MISSING
    ]


def picture_path(subject: str, name: str, camera: str) -> str:
    """Path template, below the root, of the frames of a video as `datasets/prepare_human36m.py` writes them."""
    return f"{subject}/Images/{name}.{camera}/{{:06d}}.jpg"


def open_release(
    folder: Path,
    split: str = "test",
    subjects: Sequence[str] | None = None,
    step: int | None = None,
    metadata: Path | None = None,
) -> list[Recording]:
    """Recordings of the official release, 32 joints.

    Args:
        folder: folder with S1, S5 and so on, and metadata.xml; also the folder of the images, once
            `datasets/prepare_human36m.py` has extracted them.
        split: one of `SPLITS`.
        subjects: instead of the split's.
        step: frame stride, instead of the split's.
        metadata: path of metadata.xml, if it is elsewhere.

    Returns:
        list of `Recording`.

    Raises:
        ModuleNotFoundError: without cdflib.
        ValueError: if a file is missing or damaged; the message names it.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(SPLITS)}. Received: {split!r}")
    folder, (usual, usual_step) = pathlib.Path(folder), SPLITS[split]
    if not folder.is_dir():
        raise ValueError(f"Expected the folder of Human3.6M's release. Received: {folder}")
    about = human36m_files.read_metadata(metadata or folder / "metadata.xml")
    positions, frames = np.empty((0, 32, 3)), np.empty(0, dtype=int)
    recordings, path = [], None
    for subject, action, name, camera in takes(about, subjects or usual):
        wanted = folder / subject / "MyPoseFeatures" / "D3_Positions" / f"{name}.cdf"
        if wanted != path:
            path, positions = wanted, human36m_files.read_positions(wanted)
            positions, frames = _every(positions, step or usual_step)
        picture = picture_path(subject, name, camera)
        placed = about.cameras[subject, camera]
        title = f"{subject}/{name}.{camera}"
        recordings.append(Recording(title, subject, action, picture, frames, positions, placed))
    return recordings


def _every(positions: Floats, step: int) -> tuple[Floats, Ints]:
    """Frames 1, 1 + step, ... and their numbers; the recordings of a take's cameras share the array."""
    return positions[::step].copy(), np.arange(1, len(positions) + 1, step)


def open_mmpose(path: Path, cameras: Path | None = None) -> list[Recording]:
    """Recordings of mmpose's npz or h36m_coco.json, 17 joints, one split each.

    Args:
        path: .npz, or .json.
        cameras: path of a camera file, see `human36m_converted.read_cameras`; required for the JSON; without it, the
            npz gives pixels and depth, but no camera.

    Returns:
        list of `Recording`.

    Raises:
        ValueError: if a file is missing, damaged or of the wrong kind, or the JSON is given without cameras.
    """
    known = human36m_converted.read_cameras(cameras) if cameras else None
    if pathlib.Path(path).suffix.lower() != ".json":
        return human36m_converted.read_mmpose(path, known)
    if known is None:
        raise ValueError(f"{path} has world positions, which need `cameras`")
    return human36m_converted.read_coco(path, known)


def open_original(path: Path, split: str = "test") -> list[Recording]:
    """Recordings of the original's annotations.mat, 32 joints; its images are aAA_sSS_eEE_cCC/%05d.jpg in images/.

    Args:
        path: of the .mat, which was not available: not verified against it.
        split: one of `SPLITS`; the test split is called validation in the file (S9 and S11).

    Returns:
        list of `Recording`.
    """
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {', '.join(SPLITS)}. Received: {split!r}")
    return human36m_converted.read_original(path, {"train": "sequences_tr", "test": "sequences_val"}[split])
