"""One picture of a source, decoded."""

import dataclasses
import math
import pathlib

import numpy as np
from PIL import Image

from deephar.data.samples import frames
from deephar.inference import optics
from deephar.typed import Size


@dataclasses.dataclass(frozen=True)
class Frame:
    """One picture of a source.

    Attributes:
        index: its number in the source, from 0; frames that are left out, broken or dropped keep theirs.
        seconds: when it is shown, from the first frame of the video; index / fps where a container has no times; by
            the clock of a live source, or when it arrived; NaN for photographs and for frames that are given.
        image: upright RGB, decoded.
        size: (width, height) in pixels of the upright picture in the file; larger than that of `image` where a huge
            photograph was decoded at a part of its size.
        name: where it comes from, for messages: a path, "frame 12 of FILE", "photograph", "camera 0".
        focal_px: focal length in pixels of the file, as the photograph's EXIF data say; NaN where nothing does.
    """

    index: int
    seconds: float
    image: Image.Image
    size: Size
    name: str
    focal_px: float = math.nan


def decoded(index: int, item: object, name: str) -> Frame:
    """A photograph as a frame. Raises ValueError if it cannot be read."""
    if not isinstance(item, (str, pathlib.PurePath, bytes, np.ndarray, Image.Image)):
        raise ValueError(f"Expected a picture: a path, a PIL image or a uint8 array. Received: {type(item).__name__}")
    image = frames.open_image(item, name)
    size = frames.upright_size(image, name)
    return Frame(index, math.nan, frames.to_rgb(image, name), size, name, optics.focal_px(image, size))


def described(item: object, number: str, what: str = "photograph") -> str:
    """A path, where there is one, or else "photograph 3"."""
    path = item if isinstance(item, (str, pathlib.PurePath)) else getattr(item, "filename", None)
    return str(path) if path else f"{what}{number}"
