"""Video files without labels: for prediction, not for training."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from deephar import layouts
from deephar.data.readers.base import Video
from deephar.typed import Ints, Path
from deephar.video import open_video

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")


class VideoFiles:
    """Reader of video files without labels; see `deephar.data.readers.base.VideoDataset`.

    Their action is unknown (-1) and no joint is located, so clips are cropped from the whole frame, or from the boxes
    in a file (`deephar.data.samples.boxes.chooser`).

    Args:
        source: folder, whose videos at any depth are all read, or list of files.
        actions: names of the network's classes.
        layout: of the unknown joints, a `PoseLayout` or a name.

    Raises:
        ValueError: if there is no such folder or file, or no video in it.
    """

    def __init__(
        self, source: Path | Sequence[Path], actions: Sequence[str] = (), layout: layouts.PoseLayout | str = "pa16j"
    ) -> None:
        listed = _videos_below(pathlib.Path(source)) if isinstance(source, (str, os.PathLike)) else source
        self.paths: list[pathlib.Path] = [pathlib.Path(path) for path in listed]
        missing = [path for path in self.paths if not path.is_file()]
        if missing or not self.paths:
            raise ValueError(f"No such video: {missing[0]}" if missing else "Expected a video. Received: none")
        self.actions: tuple[str, ...] = tuple(actions)
        self.layout: layouts.PoseLayout = layouts.get(layout)

    def __len__(self) -> int:
        return len(self.paths)

    def video(self, index: int) -> Video:
        """The video at a position: `Video`. Raises ValueError if it cannot be read; the message names it."""
        file = open_video(self.paths[index])
        nothing = np.full((len(file), len(self.layout), 2), np.nan)
        return Video(str(self.paths[index]), -1, nothing, file.size, file.frame, file.close)

    def labelled_frames(self, index: int) -> Ints:
        """Numbers of a video's frames that have labels: none."""
        return np.arange(0)


def _videos_below(folder: pathlib.Path) -> list[pathlib.Path]:
    if not folder.is_dir():
        raise ValueError(f"Expected a folder of videos. Received: {folder}")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(f"No videos ({', '.join(SUFFIXES)}) in {folder}")
    return found
