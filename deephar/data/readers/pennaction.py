"""Penn Action: 2,326 videos of 15 actions with 13 joints in every frame, from the official labels and frames.

`labels/0001.mat` and so on, in a folder or a zip, and `frames/0001/000001.jpg` and so on. Labels alone suffice for
action from annotated poses.
"""

import collections
import dataclasses
import io
import pathlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.io

from deephar import action_names, layouts
from deephar.data.readers.archive import Archive
from deephar.data.readers.base import Video
from deephar.data.readers.reading import reading
from deephar.layouts import PoseLayout
from deephar.typed import Bools, Floats, Ints, Path, Size
from deephar.video import NoPictures, PictureFolder

ACTIONS = action_names.PENN
"""The 15 classes."""

SPLITS = ("train", "test", "learn", "choose")
"""The official train and test videos; "choose" (validation) is every fifth train video per class, "learn" the rest."""

INDEX_BASE = 1
"""Pixel coordinates in the files are 1-based."""

OUTSIDE_TOLERANCE_PX = 2.0
"""A visible joint farther than this outside the frame is a label error (four files hold 1,012) and is dropped."""


@dataclasses.dataclass(frozen=True)
class Labels:
    """One label file.

    Attributes:
        action: as spelt in the file.
        view: "front", "back", "left" or "right".
        pose: (n, 13, 2) float64 as stored, 1-based; includes invisible joints, whose positions are unreliable.
        visible: (n, 13) bool.
        train: bool.
        size: (width, height) in pixels.
    """

    action: str
    view: str
    pose: Floats
    visible: Bools
    train: bool
    size: Size


def read_labels(content: bytes, name: str) -> Labels:
    """Parse a label file.

    Args:
        content: bytes of the .mat file.
        name: for messages.

    Returns:
        `Labels`.

    Raises:
        ValueError: if it is damaged or not a label file of Penn Action.
    """
    with reading(name, "a label file of Penn Action"):
        stored = scipy.io.loadmat(io.BytesIO(content))
        x, y, visible = (np.asarray(stored[key], dtype=np.float64) for key in ("x", "y", "visibility"))
        height, width = (int(value) for value in np.ravel(stored["dimensions"])[:2])
        action, view = (str(np.ravel(stored[key])[0]) for key in ("action", "pose"))
        train = int(np.ravel(stored["train"])[0]) == 1  # the others hold -1
    if not (x.shape == y.shape == visible.shape and x.ndim == 2 and x.shape[1] == 13 and len(x)):
        raise ValueError(
            f"{name}: x, y and visibility must all be (frames, 13). Received: {x.shape}, {y.shape}, {visible.shape}"
        )
    return Labels(action, view, np.stack([x, y], axis=-1), visible > 0, train, (width, height))


DEFAULT_UP_TO = 1.0
"""An invisible joint that was not annotated is stored at (1, 1) times the file's scale factor, which is at most 1."""


class PennAction:
    """Reader of Penn Action.

    Joint 1 and every second joint after it are on the person's own right.

    Args:
        labels: folder or zip that holds the .mat files, at any depth; or the original's annotations.mat, see
            `read_original`.
        frames: folder that holds `0001/000001.jpg`, or None for labels alone. If they were resized, joints and sizes
            are scaled accordingly.
        split: one of `SPLITS`, or None for all videos.
        actions: names of the classes in order; the official 15 by default. For other files in this format,
            `found_actions` lists theirs.
        hidden: also return joints flagged invisible, if the annotator placed them inside the frame; by default they
            are dropped, as in the published code.

    Attributes:
        parts: dict from the name of every video, also of other splits, to its splits.

    Raises:
        ValueError: if a path is missing, a file is damaged, a class is not in `actions`, or nothing is left.
    """

    layout: PoseLayout = layouts.get("penn13")

    def __init__(
        self,
        labels: Path,
        frames: Path | None = None,
        split: str | None = None,
        actions: Sequence[str] = ACTIONS,
        hidden: bool = False,
    ) -> None:
        if split is not None and split not in SPLITS:
            raise ValueError(f"`split` must be one of {', '.join(SPLITS)} or None. Received: {split!r}")
        self.split = split
        self.hidden = hidden
        self.frames: pathlib.Path | None = None if frames is None else pathlib.Path(frames)
        if self.frames is not None and not self.frames.is_dir():
            raise ValueError(f"Expected the folder of Penn Action's frames. Received: {frames}")
        self.actions: tuple[str, ...] = tuple(actions)
        stored = _read(labels)
        self.parts: dict[str, set[str]] = _parts(stored)
        self.names: list[str] = [name for name in stored if split is None or split in self.parts[name]]
        self.labels: list[Labels] = [stored[name] for name in self.names]
        if not self.names:
            raise ValueError(f"{labels} holds no video of the split {split!r}")
        for name, entry in zip(self.names, self.labels, strict=True):
            if entry.action not in self.actions:
                raise ValueError(
                    f"{name}: unknown action {entry.action!r}; expected one of {', '.join(self.actions)}. For other "
                    "classes give `actions`"
                )

    def __len__(self) -> int:
        return len(self.names)

    def video(self, index: int) -> Video:
        """The video at a position: `Video`, cut to the shorter of its labels and its images."""
        name, labels = self.names[index], self.labels[index]
        pose = self._pose(labels)
        pictures = NoPictures(name, len(pose), labels.size)
        if self.frames is not None:
            pictures = PictureFolder(self.frames / name)
        pose = pose[: len(pictures)] * np.divide(pictures.size, labels.size)
        return Video(name, self.actions.index(labels.action), pose, pictures.size, pictures.frame)

    def labelled_frames(self, index: int) -> Ints:
        """Numbers of a video's frames that show any joint."""
        return np.flatnonzero(np.isfinite(self._pose(self.labels[index])).all(axis=-1).any(axis=-1))

    def _pose(self, labels: Labels) -> Floats:
        """Joints (n, 13, 2) in continuous pixels, NaN where not located."""
        pose = labels.pose + (0.5 - INDEX_BASE)
        outside = np.any((pose < -OUTSIDE_TOLERANCE_PX) | (pose > np.add(labels.size, OUTSIDE_TOLERANCE_PX)), axis=-1)
        gone = outside | np.any(labels.pose == 0, axis=-1)
        gone |= ~labels.visible & (np.all(labels.pose <= DEFAULT_UP_TO, axis=-1) if self.hidden else True)
        return np.where(gone[..., None], np.nan, pose)


def _read(path: Path) -> dict[str, Labels]:
    return read_original(path) if pathlib.Path(path).suffix.lower() == ".mat" else read_all(path)


def read_original(path: Path) -> dict[str, Labels]:
    """The original's converted annotations.mat; the file was not available, so this is not verified against it.

    Args:
        path: of the .mat, with `sequences_tr` and `sequences_te`; its coordinates are assumed to be 1-based.

    Returns:
        dict from the 4-digit name to `Labels`; unlisted frames hold no visible joint, views are unknown.

    Raises:
        ValueError: if the file is missing, damaged or of the wrong kind.
    """
    with reading(path, "the original's annotations.mat of Penn Action"):
        stored = scipy.io.loadmat(path, simplify_cells=True)
        sequences = [
            (entry, train)
            for variable, train in (("sequences_tr", True), ("sequences_te", False))
            for entry in np.atleast_1d(stored[variable])
        ]
        labels = {f"{int(entry['idx']):04d}": _original_labels(entry, train) for entry, train in sequences}
        return dict(sorted(labels.items()))


def _original_labels(entry, train):
    frames = np.atleast_1d(entry["frames"])
    numbers = [int(frame["f"]) - 1 for frame in frames]
    pose, visible = np.zeros((max(numbers) + 1, 13, 2)), np.zeros((max(numbers) + 1, 13), dtype=bool)
    pose[numbers] = [np.asarray(frame["pose"], dtype=np.float64).T for frame in frames]
    visible[numbers] = [np.asarray(frame["visible"], dtype=np.float64) > 0 for frame in frames]
    size = (int(frames[0]["w"]), int(frames[0]["h"]))
    return Labels(ACTIONS[int(entry["action_id"]) - 1], "unknown", pose, visible, train, size)


def read_all(path: Path) -> dict[str, Labels]:
    """All label files in a folder or zip: dict from the 4-digit name to `Labels`, in order."""
    archive = Archive(path, "Penn Action's labels")
    found = {match[1]: name for name in archive.names if (match := re.search(r"(?i)(?:^|/)(\d{4})\.mat$", name))}
    if not found:
        raise ValueError(f"Expected label files 0001.mat and so on in {path}; there is none")
    return {number: read_labels(archive.read(found[number]), found[number]) for number in sorted(found)}


def _parts(stored: Mapping[str, Labels]) -> dict[str, set[str]]:
    """The splits that every video belongs to: dict from name to a set."""
    parts, seen = {}, collections.Counter()
    for name, labels in stored.items():
        if labels.train:
            parts[name] = {"train", "choose" if seen[labels.action] % 5 == 4 else "learn"}
            seen[labels.action] += 1
        else:
            parts[name] = {"test"}
    return parts


def found_actions(path: Path) -> tuple[str, ...]:
    """The classes that occur in a folder or zip of labels: a sorted tuple of names."""
    return tuple(sorted({labels.action for labels in _read(path).values()}))
