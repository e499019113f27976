"""Pictures as detectors of other makers take them, and what these find in pixels of the picture."""

import dataclasses
import typing

import numpy as np
from PIL import Image

from deephar import geometry
from deephar.data.samples import frames
from deephar.typed import ArrayLike, Floats, Pixels, Size


@dataclasses.dataclass(frozen=True)
class Letterbox:
    """A whole picture in the middle of a network's input, with bars on two sides where their proportions differ.

    Attributes:
        pixels: uint8 (height, width, 3).
        corner: (2,) of the input, x and y in pixels of the picture.
        scale: pixels of the picture along one of the input.
    """

    pixels: Pixels
    corner: Floats
    scale: float

    @classmethod
    def of(cls, image: Image.Image, size: Size, bars: int = 0) -> typing.Self:
        """Fit a picture into an input.

        Args:
            image: RGB.
            size: (width, height) of the input in pixels.
            bars: grey level of the bars, 0 to 255.
        """
        scale = max(image.width / size[0], image.height / size[1])
        center, window = np.divide(image.size, 2), np.multiply(size, scale)
        corner = center - window / 2
        pixels = frames.warp(image, geometry.window_to_crop(center, window), size)
        across, down = (
            np.abs(low + (np.arange(count) + 0.5) * scale - length / 2) <= length / 2
            for low, count, length in zip(corner, size, image.size, strict=True)
        )
        pixels = np.where(down[:, None, None] & across[:, None], pixels, np.uint8(bars))
        return cls(pixels, corner, scale)

    def in_picture(self, points: ArrayLike) -> Floats:
        """Points (..., 2), or boxes (..., 4), in pixels of the input, in pixels of the picture."""
        points = np.asarray(points, dtype=np.float64)
        return np.tile(self.corner, points.shape[-1] // 2) + points * self.scale


def people(boxes: ArrayLike, scores: ArrayLike, size: Size, least: float) -> tuple[Floats, Floats]:
    """Boxes that can be people's, cut off at the edges of the picture.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 in pixels.
        scores: (N,).
        size: (width, height) of the picture.
        least: score, at least.

    Returns:
        boxes (M, 4) and scores (M,), float64, the highest score first, without those that are empty or not finite.
    """
    scores = np.asarray(scores, dtype=np.float64)
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(boxes[order]).all(axis=1)]
    boxes, scores = np.clip(boxes[order], 0, np.tile(size, 2)), scores[order]
    kept = (scores >= least) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return boxes[kept], scores[kept]
