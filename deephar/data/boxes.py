"""Where to cut clips out of videos: boxes from the joints, the whole picture, or boxes predicted beforehand."""

import functools
import json
import pathlib

import numpy as np

FORMAT = "deephar-boxes-1"
"""Of the JSON that `exp/predict_bboxes.py` writes: {"format", "boxes": {video: {frame: [x, y, width, height]}}}."""


def whole_picture(video, numbers):
    """The box (1, 4) of the whole picture, for `deephar.data.clips.make_clip`."""
    return np.array([[0.0, 0.0, *video.size_px]])


def key_frames(numbers):
    """The first, middle and last frame of a clip, for which the paper predicts boxes (section 5), each once."""
    return sorted({int(numbers[0]), int(numbers[len(numbers) // 2]), int(numbers[-1])})


def predicted(stored, video, numbers):
    """Boxes (N, 4) x1, y1, x2, y2 of a clip's first, middle and last frame: those stored for the nearest frames.

    Raises:
        ValueError: if nothing is stored for the video.
    """
    frames = stored.get(video.name)
    if not frames:
        raise ValueError(f"The file of predicted boxes has none for {video.name}")
    known = np.array(sorted(map(int, frames)))
    nearest = {int(known[np.abs(known - number).argmin()]) for number in key_frames(numbers)}
    found = np.array([frames[str(number)] for number in sorted(nearest)], dtype=np.float64)
    return np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)


def read_boxes(path):
    """The boxes of a file of predicted boxes: dict from video to frame to [x, y, width, height].

    Raises:
        ValueError: if it is missing or no such file.
    """
    try:
        stored = json.loads(pathlib.Path(path).read_bytes())
        if stored["format"] != FORMAT:
            raise ValueError(f"format {stored['format']}")
        return stored["boxes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"Expected a file of predicted boxes, {FORMAT}, in {path}: {error!r}") from None


def chooser(choice):
    """The `boxes` of `deephar.data.clips.make_clip` for "truth", "full" or the path of a file of predicted boxes."""
    if choice in ("truth", "full"):
        return None if choice == "truth" else whole_picture
    return functools.partial(predicted, read_boxes(choice))
