"""Where people may be in a picture, and who of those found there is the same person."""

import typing
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from deephar import metrics_overlap
from deephar.inference.people import Person
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats

Detector: typing.TypeAlias = Callable[[Image.Image], tuple[ArrayLike, ArrayLike]]
"""Function of an upright RGB picture that gives boxes (N, 4) x1, y1, x2, y2 in its pixels, and scores (N,): yours, or
`deephar.detection.detector.PeopleDetector`."""

SAME = 0.35
"""Similarity of joints, see `deephar.metrics_overlap.oks`, above which two poses are the same person's."""

ABSENT = 0.2
"""Confidence of a joint below which it is taken not to be in the picture."""

OVERLAP = 0.7
"""Overlap of boxes above which two poses are the same person's, whatever their joints."""

PART = 0.85
"""Share of a box inside the larger one of somebody surer, from which it is a part of them."""


def distinct(people: Sequence[Person], layout: PoseLayout) -> list[Person]:
    """People without those who are another seen again, the surest first.

    Of two that are the same, the one of whom more is seen counts: the product of its score and its joints' confidence.
    """
    if not people:
        return []
    poses, boxes = np.stack([p.pose_px for p in people]), np.stack([p.box_px for p in people])
    confidences = np.stack([p.confidence for p in people])
    seen = np.where(confidences[..., None] >= ABSENT, poses, np.nan)
    scores = np.array([p.score for p in people])
    kept = surest(seen, poses, boxes, scores * confidences.mean(axis=1), layout)
    return [people[place] for place in sorted(kept, key=lambda place: -scores[place])]


def surest(seen: Floats, poses: Floats, boxes: Floats, scores: Floats, layout: PoseLayout) -> list[int]:
    """Positions of the surest pose of every person, the surest first.

    Args:
        seen: (N, J, 2) pixels, NaN where a joint is not in the picture.
        poses: (N, J, 2) pixels of all joints.
        boxes: (N, 4) around them.
        scores: (N,).
        layout: of the joints.
    """
    areas = np.maximum(metrics_overlap.area_of(boxes), 1.0)
    alike = metrics_overlap.oks(seen, poses, areas, metrics_overlap.sigmas_of(layout, metrics_overlap.ORDINARY))
    same = (alike > SAME) | (metrics_overlap.box_overlap(boxes, boxes) > OVERLAP) | (shares_inside(boxes, boxes) > PART)
    return metrics_overlap.surest(same, scores)


def shares_inside(outer: Floats, inner: Floats) -> Floats:
    """Share of every inner box (M, 4) inside every outer one (N, 4): (N, M)."""
    low = np.maximum(outer[:, None, :2], inner[None, :, :2])
    high = np.minimum(outer[:, None, 2:], inner[None, :, 2:])
    areas = np.prod(inner[:, 2:] - inner[:, :2], axis=-1)
    return np.prod(np.maximum(high - low, 0), axis=-1) / np.maximum(areas, 1.0)
