"""Where to crop clips from videos: the box of a frame, the frames that determine it, and the source of their boxes."""

import functools
import typing
from collections.abc import Callable

import numpy as np

from deephar import geometry
from deephar.data.readers.base import Video, VideoDataset
from deephar.data.samples import box_file
from deephar.typed import ArrayLike, Floats, Ints, Path, Size

Chooser: typing.TypeAlias = Callable[[Video, Ints], Floats]
"""Function of a video and the numbers of a clip's frames that returns the boxes (N, 4) to crop around."""

BOX_MARGIN = 1.5
"""A clip's box is the extent of the joints times this factor (published preprocessing)."""


def key_positions(frames: int) -> list[int]:
    """Positions of the first, middle and last of a clip's T frames, without repeats; they alone determine its window.

    The paper predicts boxes for them (section 5); the middle is as published.
    """
    return sorted({0, min(int(frames / 2 + 0.5), frames - 1), frames - 1})


def frame_box(extent: ArrayLike | None, size_px: Size, scale: float = 1.0) -> Floats:
    """The box of one frame: square, with the margin; a clip's box is their union (published rule).

    Args:
        extent: (4,) x1, y1, x2, y2 from outermost joint to outermost joint; None if nobody is located.
        size_px: (width, height) of the frame, which is used whole if nobody is located.
        scale: of the augmentation to come.

    Returns:
        float64 (4,).
    """
    if extent is None:
        return np.array([0.0, 0.0, *size_px])
    return geometry.enlarge_box(extent, BOX_MARGIN * scale, square=True)


def whole_picture(video: Video, numbers: Ints) -> Floats:
    """The box (1, 4) of the whole frame, for `deephar.data.samples.clips.make_clip`."""
    return np.array([[0.0, 0.0, *video.size_px]])


def predicted(stored: box_file.BoxFile, video: Video, numbers: Ints) -> Floats:
    """The boxes of a clip from predictions: the published rule applied to the stored boxes.

    Args:
        stored: `deephar.data.samples.box_file.BoxFile`.
        video: `deephar.data.readers.base.Video`.
        numbers: (T,) of the clip's frames. For the first, middle and last, the nearest stored frame is used.

    Returns:
        float64 (N, 4) x1, y1, x2, y2 of 1 to 3 frames, square, with the margin.

    Raises:
        ValueError: if nothing is stored for the video, or for frames of another size.
    """
    extents = stored.frames(video.name, video.size_px)
    known = np.array(sorted(extents))
    wanted = [numbers[position] for position in key_positions(len(numbers))]
    nearest = sorted({int(known[np.abs(known - number).argmin()]) for number in wanted})
    return np.stack([frame_box(extents[number], video.size_px) for number in nearest])


def chooser(choice: Path, reader: VideoDataset | None = None) -> Chooser | None:
    """The `boxes` argument of `deephar.data.samples.clips.make_clip` from a user's choice.

    Args:
        choice: "truth", "full" or the path of a file of predicted boxes.
        reader: of the videos to be cropped; with it, a file that is not for them is refused at once.

    Returns:
        None, or a function of a video and numbers of its frames.

    Raises:
        ValueError: if the file is missing or damaged, has none of the reader's videos, or has another frame size for
            the first video found in it.
    """
    if choice in ("truth", "full"):
        return None if choice == "truth" else whole_picture
    stored = box_file.read(choice)
    if reader is not None:
        _check(stored, reader)
    return functools.partial(predicted, stored)


def _check(stored: box_file.BoxFile, reader: VideoDataset) -> None:
    for index in range(len(reader)):
        try:
            video = reader.video(index)
        except ValueError:
            continue  # it is counted as broken when cropped
        with video:
            if video.name in stored.pictures:
                stored.frames(video.name, video.size_px)
                return
    has = ", ".join(list(stored.pictures)[:3]) or "nothing"
    raise ValueError(f"{stored.path} has boxes of none of the {len(reader)} videos. It has boxes of {has} ...")
