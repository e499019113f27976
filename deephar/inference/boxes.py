"""Boxes around people: given ones, and those derived from poses."""

import numpy as np

from deephar import geometry
from deephar.typed import ArrayLike, Bools, Floats, Size

SURE, FEWEST = 0.5, 4
"""A person's box encloses the joints of at least this confidence; if these are fewer than so many, the surest ones."""

LEAST_PX = 2.0
"""Width and height of the box of a person who is found, at least."""


def extent(pose_px: Floats, confidence: Floats, size: Size | None = None) -> Floats:
    """Box (4,) x1, y1, x2, y2 enclosing the joints that are seen.

    Args:
        pose_px: (J, 2) in pixels.
        confidence: (J,) in [0, 1].
        size: (width, height) of the picture at whose border the box ends, if there is one.
    """
    surest = np.sort(confidence)[-FEWEST:]
    box = geometry.points_box(pose_px[confidence >= min(SURE, surest[0])])
    return box if size is None else np.clip(box, 0.0, np.tile(size, 2))


def checked(boxes: ArrayLike, size: Size) -> Floats:
    """Boxes as float64 (N, 4).

    Args:
        boxes: (N, 4), or (4,) for one: x1, y1, x2, y2 in pixels.
        size: (width, height) of the photograph.

    Raises:
        ValueError: if one is empty, not finite, outside the photograph or far too large.
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    boxes = boxes.reshape(-1, 4) if boxes.shape in ((0,), (4,)) else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"Boxes must be (N, 4), x1, y1, x2, y2 each. Received: {boxes.shape}")
    for x1, y1, x2, y2 in boxes:
        box = f"x={x1:g}, y={y1:g}, width={x2 - x1:g}, height={y2 - y1:g}"
        if not np.all(np.isfinite([x1, y1, x2, y2])) or x2 <= x1 or y2 <= y1:
            raise ValueError(f"A box needs finite numbers and a width and height above 0. Received: {box}")
        if x2 <= 0 or y2 <= 0 or x1 >= size[0] or y1 >= size[1]:
            raise ValueError(f"A box lies outside the photograph of {size[0]} x {size[1]} pixels. Received: {box}")
        if max(x2 - x1, y2 - y1) > 100 * max(size):
            raise ValueError(f"A box is larger than 100 times the photograph. Received: {box}")
    return boxes


def overlapping(boxes: Floats, size: Size) -> Bools:
    """Whether boxes (N, 4) are large enough for a person and lie at least partly in a picture of some size, (N,)."""
    finite = np.isfinite(boxes).all(axis=1)
    large = np.all(boxes[:, 2:] - boxes[:, :2] >= LEAST_PX, axis=1)
    return np.logical_and.reduce([finite, large, *(boxes[:, 2:] > 0).T, *(boxes[:, :2] < size).T])
