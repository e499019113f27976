"""JHMDB: one person's action per clip, with 2D joints, from the official files."""

import pathlib

import numpy as np
import scipy.io

from deephar import layouts
from deephar.data.readers.base import Video
from deephar.data.readers.names import folded, stored
from deephar.data.readers.reading import reading
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints, Path
from deephar.video import NoPictures, PictureFolder

INDEX_BASE = 1
"""Pixel coordinates in the files are 1-based: the centre of the first pixel is 1, in our continuous coordinates 0.5."""

SIZE_PX = (320, 240)
"""Frame size, if the images are not available."""

JOINTS = 15


class Jhmdb:
    """Reader of JHMDB.

    The directory structure is the official one: `joint_positions/<class>/<clip>/joint_positions.mat`, and if available
    `Rename_Images/<class>/<clip>/00001.png` ... and `splits/<class>_test_split1.txt` to 3. Joints are in the files'
    order, layout jhmdb15; its sides were checked on images of a person who faces the camera. Every joint has a
    position, hidden or not. 1-based pixels are the convention of MATLAB, in which the joints were annotated; this
    cannot be verified from an image.

    Args:
        path: root folder.
        split: None for all clips, or 1, 2 or 3.
        train: for a split, whether to read its training or its test clips.
        index_base: of the coordinates in the files; 0.5 leaves them unchanged.

    Attributes:
        actions: names of the classes, sorted: from the split files or, without them, from the folders.
        names: tuple of the clips as <class>/<clip>, sorted.
        left_out: dict from a reason to the clips of the split skipped for it: those without joints.
        truncated: dict from a clip's name to its numbers of labelled frames and of images, if they differ, for the
            clips opened so far; the smaller number is used.

    Raises:
        ValueError: if the folder or the split is missing or holds no clips, or a split file is malformed.
    """

    layout: PoseLayout = layouts.get("jhmdb15")

    def __init__(
        self, path: Path, split: int | None = None, train: bool = True, index_base: float = INDEX_BASE
    ) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self.index_base = index_base
        self._joints, self._images = self.path / "joint_positions", self.path / "Rename_Images"
        if not self._joints.is_dir():
            raise ValueError(f"Expected JHMDB's root folder, with joint_positions in it. Received: {path}")
        found = sorted(f"{f.parent.parent.name}/{f.parent.name}" for f in self._joints.glob("*/*/joint_positions.mat"))
        lists = self._split_files(split)
        self.actions: tuple[str, ...] = tuple(lists) if lists else tuple(sorted({name.split("/")[0] for name in found}))
        strange = [name for name in found if name.split("/")[0] not in self.actions]
        if strange:
            raise ValueError(f"The split files list the classes {', '.join(self.actions)}. Received: {strange[0]}")
        self.left_out: dict[str, list[str]] = {}
        self.truncated: dict[str, tuple[int, int]] = {}
        if split is not None:
            listed = [f"{action}/{clip}" for action, path in lists.items() for clip in _clips(path, train)]
            spelt = {folded(name): name for name in found}
            wanted = [spelt.get(folded(name), name) for name in listed]
            absent = sorted(set(wanted) - set(found))
            if absent:
                self.left_out["no joint_positions.mat"] = absent
            found = sorted(set(wanted) & set(found))
        self.names: tuple[str, ...] = tuple(found)
        if not self.names:
            raise ValueError(f"There are no clips of JHMDB to read in {path}. Received: split={split}, train={train}")

    def _split_files(self, split: int | None) -> dict[str, pathlib.Path]:
        """Sorted dict from a class to its split file; for the first split if none is requested."""
        if split not in (None, 1, 2, 3):
            raise ValueError(f"The splits of JHMDB are 1, 2 and 3. Received: {split}")
        ending = f"_test_split{split or 1}.txt"
        lists = {path.name.removesuffix(ending): path for path in sorted((self.path / "splits").glob(f"*{ending}"))}
        if split is not None and not lists:
            raise ValueError(f"Expected split files like splits/catch{ending} in {self.path}; there are none")
        return lists

    def __len__(self) -> int:
        return len(self.names)

    def video(self, index: int) -> Video:
        """The clip at a position: `Video`. Raises ValueError if its joints are damaged or its images missing."""
        name = self.names[index]
        pose = _read_pose(self._joints / name / "joint_positions.mat") + 0.5 - self.index_base
        if self._images.is_dir():
            pictures = PictureFolder(stored(self._images / name), ".png")
        else:
            pictures = NoPictures(name, len(pose), SIZE_PX)
        if len(pictures) != len(pose):
            self.truncated[name] = (len(pose), len(pictures))
        action = self.actions.index(name.split("/")[0])
        return Video(name, action, pose[: len(pictures)], pictures.size, pictures.frame)

    def labelled_frames(self, index: int) -> Ints:
        """Numbers of a clip's frames that have joints."""
        return np.arange(len(_read_pose(self._joints / self.names[index] / "joint_positions.mat")))


def _clips(path: pathlib.Path, train: bool) -> list[str]:
    """Names of the training or test clips in a split file, without suffix."""
    clips = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines(), 1):
        if not line.strip():
            continue
        clip, _, part = line.replace("\t", " ").strip().rpartition(" ")
        if part not in ("1", "2") or not clip:
            raise ValueError(f"Expected <clip>.avi and 1 or 2 in {path}, line {number}. Received: {line!r}")
        if part == ("1" if train else "2"):
            clips.append(clip.strip().removesuffix(".avi"))
    return clips


def _read_pose(path: Path) -> Floats:
    """Joints of a clip as in the file, (n, 15, 2)."""
    with reading(path, "a MATLAB file with pos_img"):
        pose = scipy.io.loadmat(path)["pos_img"]
    if pose.ndim != 3 or pose.shape[:2] != (2, JOINTS) or not pose.shape[2]:
        raise ValueError(f"`pos_img` of JHMDB must be (2, {JOINTS}, frames) in {path}. Received: {pose.shape}")
    return np.moveaxis(pose.astype(np.float64), (2, 1, 0), (0, 1, 2))
