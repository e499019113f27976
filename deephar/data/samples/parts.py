"""Parts of people, all that lies on one side of a line, in photographs that go on there or end."""

import numpy as np

from deephar import geometry
from deephar.data.readers.base import Sample
from deephar.typed import Floats, Pixels

SMALLEST = 1 / 3
"""Side of a part's window, at least, in windows of the person."""


def line(points_px: Floats, part: tuple[float, float]) -> Floats | None:
    """The line at which a part ends.

    Args:
        points_px: (..., 2) among which a person is, NaN where not located.
        part: direction in degrees, from x to y, so that 90 shows what is above; and the share of the extent along it
            that is shown.

    Returns:
        (3,) a, b, c: of the part are source pixels with a x + b y <= c; or None, if there are too few points.
    """
    points = _located(points_px)
    direction = np.array([np.cos(np.deg2rad(part[0])), np.sin(np.deg2rad(part[0]))])
    along = points @ direction
    if len(points) < 3 or not np.ptp(along):
        return None
    return np.append(direction, along.min() + part[1] * np.ptp(along))


def window(sample: Sample, part: tuple[float, float] | None) -> tuple[Floats, Floats]:
    """Centre and window (2,) of a part, see `line`, in source pixels; those of the sample if there is none."""
    end = line(sample.extent_px, part) if part else None
    if end is None:
        return sample.center_px, sample.window_px
    points = _located(sample.extent_px)
    box = geometry.points_box(points[points @ end[:2] <= end[2]])
    center, size = geometry.box_to_window(geometry.enlarge_box(box, geometry.MARGIN, True))
    return center, np.maximum(size, SMALLEST * sample.window_px)


def within(pose_px: Floats, end: Floats | None) -> Floats:
    """A pose (..., J, 2 or 3) whose joints beyond a `line` are NaN; the pose itself without one."""
    if end is None:
        return pose_px
    return np.where(pose_px[..., :2] @ end[:2, None] <= end[2], pose_px, np.nan)


def blacken(pixels: Pixels, end: Floats | None, px_to_crop: Floats) -> Pixels:
    """A crop, uint8 (H, W, 3), in which all beyond a `line` is black; itself without one.

    Args:
        pixels: of the crop.
        end: the `line`, in source pixels.
        px_to_crop: (3, 3), source pixels to [0, 1] of the crop.
    """
    if end is None:
        return pixels
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width] + 0.5
    centers = np.stack([x / width, y / height], axis=-1)
    beyond = geometry.transform_points(np.linalg.inv(px_to_crop), centers) @ end[:2] > end[2]
    return np.where(beyond[..., None], np.uint8(0), pixels)


def _located(points_px: Floats) -> Floats:
    """Those (N, 2) of points (..., 2) that are located."""
    points = points_px.reshape(-1, 2)
    return points[np.isfinite(points).all(axis=1)]
