"""Videos whose people were cut out and packed in a few large files: tens of thousands open at once.

A folder, written by `deephar.data.readers.clip_packing.pack_clips`, holds

- `clips-00000.tar` and so on: the frames as JPEG files, NAME/00000.jpg, one clip after the other;
- `frames.npy`: of every frame of every clip, where it lies in its file, and its pose; read where it is needed;
- `index.npz`: of every clip what there is to know before it is read, and `about`, JSON of the format's name, the
  layout, the actions and what was left out.
"""

import json
import os
import pathlib
import threading
import typing
from collections.abc import Iterable

import numpy as np
from PIL import Image

from deephar import layouts
from deephar.data.readers.base import Video
from deephar.data.readers.reading import reading
from deephar.data.samples.frames import open_image
from deephar.layouts import PoseLayout
from deephar.typed import Ints, Path

FORMAT = "deephar-clips-1"
INDEX, FRAMES = "index.npz", "frames.npy"
CLIP_FIELDS = ("name", "action", "subject", "split", "size", "shard", "count")
"""Arrays of the index with an entry for every clip; `count` is its number of frames."""


def frame_type(joints: int, dimensions: int) -> np.dtype:
    """Type of an entry of `frames.npy`: place and length in bytes, and the pose in pixels of the packed frame."""
    return np.dtype([("offset", "<i8"), ("length", "<i4"), ("pose", "<f4", (joints, dimensions))])


def shard_name(number: int) -> str:
    """Name of a file of frames."""
    return f"clips-{number:05d}.tar"


class PackedClips:
    """Reader of packed videos; it gives what the reader of the originals gave, in pixels of the packed frames.

    Windows by joints are the same, up to the rounding of JPEG and float32, as far as the packed region reaches. A frame
    that shows nobody counts as a whole, which is the region here; boxes that were predicted are for the originals.

    Args:
        folder: that `deephar.data.readers.clip_packing.pack_clips` has written.
        names: of the clips to read, in their order; None for all.
        splits: read only the clips of these splits, as they were packed with.

    Attributes:
        names: tuple of the clips' names.
        subjects: int (C,), who is in each clip, -1 if unknown.
        left_out: dict from the name or number of a clip that could not be packed to the reason.

    Raises:
        ValueError: if the folder is missing, not complete, damaged or something else; or no such clips are in it.
    """

    def __init__(self, folder: Path, names: Iterable[str] | None = None, splits: Iterable[str] | None = None) -> None:
        self.folder: pathlib.Path = pathlib.Path(folder)
        if not (self.folder / INDEX).is_file():
            raise ValueError(
                f"Expected a folder of packed clips with {INDEX}, see datasets/pack.py. Received: {folder}"
            )
        with (
            reading(self.folder / INDEX, f"clips packed as {FORMAT}"),
            np.load(self.folder / INDEX, allow_pickle=False) as file,
        ):
            about = json.loads(str(file["about"]))
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']}")
            self.layout: PoseLayout = layouts.from_json(about["layout"])
            self.actions: tuple[str, ...] = tuple(about["actions"])
            self.left_out: dict[str, str] = about["left_out"]
            self._clips = {field: file[field] for field in CLIP_FIELDS}
            self._shown = file["shown"]
        self._first = np.concatenate([[0], np.cumsum(self._clips["count"])])
        self._chosen = self._choice(names, splits)
        self.names: tuple[str, ...] = tuple(self._clips["name"][self._chosen].tolist())
        self.subjects: Ints = self._clips["subject"][self._chosen]
        self._files = _Files(self.folder)
        self._frames = self._open_frames()

    def _choice(self, names: Iterable[str] | None, splits: Iterable[str] | None) -> Ints:
        every = {name: place for place, name in enumerate(self._clips["name"].tolist())}
        wanted = list(every) if names is None else list(names)
        absent = [name for name in wanted if name not in every]
        if absent:
            raise ValueError(f"{self.folder} lacks {len(absent)} of {len(wanted)} clips: {absent[0]} ...")
        places = np.array([every[name] for name in wanted], dtype=np.int64)
        if splits is not None:
            splits = list(splits)
            places = places[np.isin(self._clips["split"][places], splits)]
        if not len(places):
            known = ", ".join(sorted(set(self._clips["split"].tolist())))
            raise ValueError(f"{self.folder} holds no clip of the splits {splits}; its splits are {known}")
        return places

    def _open_frames(self) -> np.memmap:
        path = self.folder / FRAMES
        with reading(path, f"the frames of clips packed as {FORMAT}"):
            frames = np.load(path, mmap_mode="r", allow_pickle=False)
            if len(frames) != self._first[-1] or frames.dtype["pose"].shape[:1] != (len(self.layout),):
                raise ValueError(f"it has {len(frames)} frames, and the index {self._first[-1]}")
            return frames

    def __len__(self) -> int:
        return len(self.names)

    def video(self, index: int) -> Video:
        """The clip at a position: `Video`, in pixels of the packed frames."""
        place = int(self._chosen[index])
        name, size = self.names[index], self._clips["size"][place]
        rows = self._frames[self._first[place] : self._first[place + 1]]

        def frame(number: int) -> Image.Image:
            if not 0 <= number < len(rows):
                raise ValueError(f"Expected a frame from 0 to {len(rows) - 1} of {name}. Received: {number}")
            shard = shard_name(self._clips["shard"][place])
            content = self._files.read(shard, int(rows["offset"][number]), int(rows["length"][number]))
            return open_image(content, f"frame {number} of {name} in {shard}")

        pose = np.asarray(rows["pose"], dtype=np.float64)
        return Video(name, int(self._clips["action"][place]), pose, (int(size[0]), int(size[1])), frame)

    def labelled_frames(self, index: int) -> Ints:
        """Numbers of a clip's frames that show any joint."""
        place = self._chosen[index]
        return np.flatnonzero(self._shown[self._first[place] : self._first[place + 1]])

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_frames": None}

    def __setstate__(self, state: dict[str, typing.Any]) -> None:
        self.__dict__.update(state)
        self._frames = self._open_frames()


class _Files:
    """Open files of a folder; threads take turns, and every process opens its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._open: dict[tuple[int, str], typing.BinaryIO] = {}
        self._turn = threading.Lock()

    def read(self, name: str, offset: int, length: int) -> bytes:
        """A part of a file. Raises ValueError, naming it, if it cannot be read."""
        key = os.getpid(), name
        with self._turn:
            try:
                if key not in self._open:
                    self._open[key] = open(self._folder / name, "rb")  # noqa: SIM115
                self._open[key].seek(offset)
                return self._open[key].read(length)
            except OSError as error:
                raise ValueError(f"{self._folder / name} cannot be read: {error.strerror}") from None

    def __reduce__(self) -> tuple[object, ...]:
        return _Files, (self._folder,)

    def __del__(self) -> None:
        for file in self._open.values():
            file.close()
