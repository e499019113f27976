"""NTU RGB+D: one person's action per clip, with 2D and 3D joints, from Kinect skeletons and frames, videos or none."""

import functools
import os
import pathlib
import typing
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from deephar import layouts
from deephar.data.readers import ntu_files
from deephar.data.readers.base import Video
from deephar.data.readers.ntu_names import ACTIONS, LAST, NAME, ClipName, listed, parse_name, splitter
from deephar.data.readers.ntu_names import SPLITS as SPLITS
from deephar.data.readers.ntu_names import TRAIN_SUBJECTS as TRAIN_SUBJECTS
from deephar.data.readers.ntu_names import hold_out as hold_out
from deephar.data.readers.ntu_names import of_split as of_split
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints, Path
from deephar.video import NoPictures, PictureFolder, VideoFile, open_video

SIZE_PX = (1920, 1080)
"""Size of the videos, to which the colour coordinates in the label files refer."""

VIDEO = "_rgb.avi"
"""Ending of a video's file name, after the clip's name."""

_SMALL = 4096
"""Bytes; smaller files are checked for a body when the clips are listed, larger ones must hold one: 25 joints take
at least 600 bytes, a frame without a body 3."""


_Pictures: typing.TypeAlias = NoPictures | PictureFolder | VideoFile


class Ntu:
    """Reader of NTU RGB+D: the main actor of each clip (`deephar.data.readers.ntu_files.main_body`).

    Poses are colour u, v in pixels of the available frames, and the depth sensor's z in mm. Joints that were not
    tracked are NaN; those that the Kinect inferred are kept. Whether the files' coordinates start at the corner or
    at the centre of the first pixel is unknown; they are left unchanged.

    Sides: a person who faces the camera has the Kinect's left joints on the image's left (in every frame of three
    clips, and drawn on the video of S001C001P001R001A001, with the same person and place as A011), where an ordinary
    photograph shows the right ones. The videos appear to be mirrored: the numerals of that video's wall clock,
    averaged over its frames, read correctly only in a mirror. Whatever the cause, a network sees the image, so the
    joints of each pair are swapped: in `pose_px`, in the order of layout ntu25, `r_shoulder` is the one that looks like
    a right shoulder, as in photograph layouts, and `deephar.layouts.rearrange` is correct by name. (The original's
    published mapping from ntu25 swaps sides too; it is for the files' order and must not be applied on top.)

    Args:
        skeletons: folder of the .skeleton files, or of the original's .npy (see `ntu_files.read_converted`); as with
            `frames` and `videos`, they may be in subfolders, such as one per setup.
        split: None for all clips; or one of `SPLITS`: cross_view exists for the 60 classes only, cross_setup (trained
            on even setups) for the 120 only.
        train: for a split, whether to read its training or its test clips.
        frames: folder of folders <name>/00001.jpg ..., of any size, as written by `datasets/prepare_ntu.py`.
        videos: folder of <name>_rgb.avi, read instead of frames. With neither, only labels are available.
        names: clips to read, None for all in the folder.
        classes: 60 or 120.
        missing: lists of clips to skip, a path or several; e.g. the official text files.

    Attributes:
        names: tuple of the clips' names, sorted.
        left_out: dict from a reason to the names of clips skipped for it: on the list, without any body, not of
            the classes.
        truncated: dict from a clip's name to its numbers of labelled frames and of images, if they differ, for the
            clips opened so far; the smaller number is used.

    Raises:
        ValueError: for a missing folder or list, a name without a file, an undefined split, or no clips.
    """

    layout: PoseLayout = layouts.get("ntu25")

    def __init__(
        self,
        skeletons: Path,
        split: str | None = None,
        train: bool = True,
        frames: Path | None = None,
        videos: Path | None = None,
        names: Iterable[str] | None = None,
        classes: int = 60,
        missing: Path | Iterable[Path] | None = None,
    ) -> None:
        if classes not in LAST:
            raise ValueError(f"`classes` must be 60 or 120. Received: {classes}")
        if frames is not None and videos is not None:
            raise ValueError("Expected a folder of frames or one of videos. Received: both")
        self.actions: tuple[str, ...] = ACTIONS[:classes]
        self.skeletons: pathlib.Path = _folder(skeletons, "the .skeleton files")
        self.frames: pathlib.Path | None = _folder(frames, "the clips' frames") if frames else None
        self.videos: pathlib.Path | None = _folder(videos, "the .avi files") if videos else None
        self._pictures_at = clip_frames(frames) if frames else clip_videos(videos) if videos else {}
        self.left_out: dict[str, list[str]] = {}
        self.truncated: dict[str, tuple[int, int]] = {}
        files = _label_files(self.skeletons, names)
        absent, wanted = listed(missing), splitter(split, train, classes)
        self._files = {name: path for name, path in files.items() if self._keep(name, path, absent, wanted, classes)}
        self.names: tuple[str, ...] = tuple(self._files)
        if not self.names:
            counts = {reason: len(found) for reason, found in self.left_out.items()}
            raise ValueError(f"There are no clips of NTU RGB+D to read in {skeletons}. Skipped: {counts}")

    def _keep(
        self, name: str, path: pathlib.Path, absent: set[str], wanted: Callable[[ClipName], bool], classes: int
    ) -> bool:
        clip, reason = parse_name(name), None
        if any(getattr(clip, key) > last for key, last in LAST[classes].items()):
            reason = f"not of the {classes} classes"
        elif not wanted(clip):
            return False
        elif name in absent:
            reason = "on the missing list"
        elif _shows_nobody(path):
            reason = "no body"
        if reason:
            self.left_out.setdefault(reason, []).append(name)
        return not reason

    def __len__(self) -> int:
        return len(self.names)

    def video(self, index: int) -> Video:
        """The clip at a position: `Video`. Its `frame` opens images from the reader's frames or videos.

        Raises:
            ValueError: if its labels, its video or its folder of frames are missing or damaged; the message names it.
        """
        name = self.names[index]
        numbers, pose = _read_pose(self._files[name])
        pictures = self._pictures(name, int(numbers[-1]) + 1)
        if len(pictures) != numbers[-1] + 1:
            self.truncated[name] = (int(numbers[-1]) + 1, len(pictures))
        numbers = numbers[numbers < len(pictures)]
        pose = pose[: len(numbers), self.layout.flip]
        pose[..., :2] *= np.divide(pictures.size, SIZE_PX)
        frame = functools.partial(_frame, pictures, numbers)
        return Video(name, parse_name(name).action - 1, pose, pictures.size, frame, pictures.close)

    def labelled_frames(self, index: int) -> Ints:
        """Numbers of a clip's frames, from the header of its label file; there may be more than can be read."""
        return np.arange(ntu_files.count_frames(self._files[self.names[index]]))

    def _pictures(self, name: str, length: int) -> _Pictures:
        if self.frames is not None:
            return PictureFolder(self._pictures_at.get(name, self.frames / name))
        if self.videos is not None:
            return open_video(self._pictures_at.get(name, self.videos / f"{name}{VIDEO}"))
        return NoPictures(name, length, SIZE_PX)


def _frame(pictures: _Pictures, numbers: Ints, index: int) -> Image.Image:
    if not 0 <= index < len(numbers):
        raise ValueError(f"Expected a frame from 0 to {len(numbers) - 1} of {pictures.path}. Received: {index}")
    return pictures.frame(int(numbers[index]))


def _shows_nobody(path: pathlib.Path) -> bool:
    """Whether a label file holds no body; damaged files are reported by `video`."""
    if path.suffix.lower() != ".skeleton" or path.stat().st_size >= _SMALL:
        return False
    try:
        return not ntu_files.read_skeleton(path).bodies
    except ValueError:
        return False


def _read_pose(path: pathlib.Path) -> tuple[Ints, Floats]:
    """Frame numbers from 0, (n,); and u, v, depth of the main actor in the Kinect's order, (n, 25, 3)."""
    if path.suffix.lower() == ".npy":
        return ntu_files.read_converted(path)
    skeleton = ntu_files.read_skeleton(path)
    numbers = np.arange(skeleton.frames)
    found = ntu_files.main_body(skeleton)
    if not found:
        return numbers, np.full((skeleton.frames, ntu_files.JOINTS, 3), np.nan)
    body = skeleton.bodies[found[0]]
    located = (body.state > 0) & np.isfinite(body.color_px).all(axis=2) & (body.color_px != 0).any(axis=2)
    depth = 1000.0 * body.xyz_m[..., 2:]
    pose = np.concatenate([body.color_px, np.where(depth > 0, depth, np.nan)], axis=2)
    return numbers, np.where(located[..., None], pose, np.nan)


def _folder(path: Path, what: str) -> pathlib.Path:
    path = pathlib.Path(path)
    if not path.is_dir():
        raise ValueError(f"Expected the folder of {what} of NTU RGB+D. Received: {path}")
    return path


def _label_files(folder: Path, names: Iterable[str] | None) -> dict[str, pathlib.Path]:
    """Sorted dict from a clip's name to its file, for the requested names; .skeleton is preferred to .npy."""
    found = _clips_below(folder, "files", ".npy") | _clips_below(folder, "files", ".skeleton")
    wanted = sorted(found if names is None else set(names))
    absent = [name for name in wanted if name not in found]
    if absent:
        raise ValueError(f"{folder} lacks the .skeleton or .npy of {len(absent)} requested clips: {absent[0]} ...")
    return {name: found[name] for name in wanted}


def clip_videos(folder: Path) -> dict[str, pathlib.Path]:
    """Sorted dict from a clip's name to its video, in a folder and its subfolders."""
    return _clips_below(folder, "files", VIDEO)


def clip_frames(folder: Path) -> dict[str, pathlib.Path]:
    """Sorted dict from a clip's name to its folder of frames, in a folder and its subfolders."""
    return _clips_below(folder, "folders", "")


def _clips_below(folder: Path, kind: str, ending: str) -> dict[str, pathlib.Path]:
    """Sorted dict from a clip's name to the path with this name and ending, case-insensitive; files or folders."""
    found, seen = {}, set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        for entry in sorted(files if kind == "files" else folders):
            name = entry[: len(entry) - len(ending)]
            if entry.lower().endswith(ending) and NAME.fullmatch(name):
                found.setdefault(name, pathlib.Path(parent, entry))
        real = os.path.realpath(parent)
        folders[:] = [] if real in seen else sorted(f for f in folders if not NAME.fullmatch(f))  # links may be cyclic
        seen.add(real)
    return dict(sorted(found.items()))
