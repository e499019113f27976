"""People found by the pose network itself, which looks at a pyramid of windows and says how sure it is of somebody."""

import math
import typing
from collections.abc import Callable

import numpy as np

from deephar import checks, geometry, metrics_overlap
from deephar.inference import boxes as box_rules
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Size

Look: typing.TypeAlias = Callable[[list[tuple[Floats, Floats]]], tuple[Floats, Floats]]
"""Function of N square windows (centre, size) that gives poses (N, J, 2 or more) in pixels and confidences (N, J)."""

SHRINK = 0.6
"""Side of a level's windows, in those of the level above."""

STEP = 0.5
"""Between two windows of a level, at most, in sides."""

FILLED = (0.4, 1.0)
"""Shares of its window that a person's longer side may have: others are seen better at another level."""


def pyramid(size: Size, least_px: float = 64.0, levels: int = 3) -> list[tuple[Floats, Floats]]:
    """Square windows that cover a picture at several scales.

    Args:
        size: (width, height) in pixels.
        least_px: side of the smallest windows, at least.
        levels: of the pyramid, at most; the first is the whole picture.

    Returns:
        list of centre (2,) and size (2,) in pixels.
    """
    windows = []
    for level in range(levels):
        side = max(size) * SHRINK**level
        if level and side < least_px:
            break
        xs, ys = (_places(length, side) for length in size)
        windows += [(np.array([x, y]), np.full(2, side)) for y in ys for x in xs]
    return windows


def _places(length: float, side: float) -> Floats:
    """Centres of windows along one axis: in the middle if one is enough, else from edge to edge."""
    if side >= length:
        return np.array([length / 2])
    count = 1 + math.ceil((length - side) / (STEP * side))
    return np.linspace(side / 2, length - side / 2, count)


class WindowSearch:
    """A detector: finds people in a picture by a pose network that has learnt to see nobody where nobody is.

    Every window of a pyramid is looked at once, and those with somebody once more in the window around the pose; poses
    of the same person are joined by their object keypoint similarity.

    Args:
        layout: `deephar.layouts.PoseLayout` of the network's joints.
        least: score of a person, at least: the mean confidence of the joints.
        same: similarity above which two poses are the same person's.
        levels: see `pyramid`.
        margin: side of a person's window, in longer sides of the box.
    """

    def __init__(
        self,
        layout: PoseLayout,
        least: float = 0.5,
        same: float = 0.35,
        levels: int = 3,
        margin: float = geometry.MARGIN,
    ) -> None:
        self.layout: PoseLayout = layout
        self.least: float = checks.between("least", least, 0, 1)
        self.same: float = checks.between("same", same, 0, 1)
        self.levels: int = checks.whole("levels", levels)
        self.margin: float = margin

    def __call__(self, look: Look, size: Size) -> tuple[Floats, Floats]:
        """Find the people in a picture.

        Args:
            look: the network on windows of the picture.
            size: (width, height) of the picture in pixels.

        Returns:
            boxes (N, 4) x1, y1, x2, y2 around the joints, and scores (N,), the highest first.
        """
        windows = pyramid(size, levels=self.levels)
        poses, confidences = look(windows)
        boxes = np.stack([box_rules.extent(*one) for one in zip(poses[..., :2], confidences, strict=True)])
        filled = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) / np.array([side for _, (side, _) in windows])
        # half of what is asked for: the second look decides
        likely = (confidences.mean(axis=1) >= self.least / 2) & (filled >= FILLED[0]) & (filled <= FILLED[1])
        boxes = boxes[self._kept(poses, boxes, np.where(likely, confidences.mean(axis=1), -1.0), likely)]
        if not len(boxes):
            return np.empty((0, 4)), np.empty(0)
        poses, confidences = look([geometry.person_window(box, self.margin) for box in boxes])
        scores = confidences.mean(axis=1)
        boxes = np.stack([box_rules.extent(*one) for one in zip(poses[..., :2], confidences, strict=True)])
        kept = self._kept(poses, boxes, scores, (scores >= self.least) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1))
        return boxes[kept], scores[kept]

    def _kept(self, poses: Floats, boxes: Floats, scores: Floats, likely: "np.ndarray") -> list[int]:
        """Positions of the best pose of every person, the highest score first."""
        areas = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1.0)
        alike = metrics_overlap.oks(poses[..., :2], poses[..., :2], areas, metrics_overlap.sigmas_of(self.layout))
        alike = np.maximum(alike, metrics_overlap.box_overlap(boxes, boxes) / 2)
        kept: list[int] = []
        for index in np.argsort(-scores, kind="stable"):
            if likely[index] and not any(alike[other, index] > self.same for other in kept):
                kept.append(int(index))
        return kept
