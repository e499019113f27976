"""Boxes as maps, for training, and maps as boxes, for prediction; in numpy."""

import numpy as np

from deephar import metrics_overlap
from deephar.typed import ArrayLike, Floats

SIDE = 256
"""Height and width of the network's input in pixels."""

STRIDE = 8
"""Pixels of a cell of the map."""

CHANNELS = 5
"""Of the map: the logit of a person's middle, then the distances to the left, upper, right and lower side, in cells."""

SPREAD = 0.12
"""Standard deviation of the score about the middle of a box, in its sides."""

LEAST_SPREAD = 0.5
"""The same in cells, at least."""

WITHIN = 0.3
"""Score above which a cell learns the box."""

UNKNOWN = 0.2
"""Weight of the score where others may be, who are not known."""

SAME = 0.5
"""Overlap of two boxes above which they are of the same person."""


def encode(boxes: ArrayLike, ignored: ArrayLike, cells: int) -> Floats:
    """What a map should be.

    Args:
        boxes: (N, 4) x1, y1, x2, y2 of people, in pixels of the network's input.
        ignored: (M, 4) of regions where others may be, who are not known: the score hardly counts there, except about
            the people of `boxes`.
        cells: along a side of the map.

    Returns:
        float32 (cells, cells, 7): score, which falls off from 1 in the middle of a person; distances in cells to the
        four sides of the box of whoever is nearest; weight of the score and of the distances.
    """
    boxes, ignored = (np.asarray(some, dtype=np.float64).reshape(-1, 4) / STRIDE for some in (boxes, ignored))
    middles = np.arange(cells) + 0.5
    found = np.zeros((cells, cells, 7), dtype=np.float32)
    found[..., 5] = 1.0
    for weight, regions in ((UNKNOWN, ignored), (1.0, boxes)):
        for x1, y1, x2, y2 in regions:
            found[((middles > y1) & (middles < y2))[:, None] & ((middles > x1) & (middles < x2)), 5] = weight
    for x1, y1, x2, y2 in sorted(boxes.tolist(), key=lambda box: (box[0] - box[2]) * (box[3] - box[1])):
        across, down = (
            np.exp(-0.5 * ((middles - (low + high) / 2) / max(SPREAD * (high - low), LEAST_SPREAD)) ** 2)
            for low, high in ((x1, x2), (y1, y2))
        )
        score = down[:, None] * across
        score /= score.max()
        x, y = np.meshgrid(middles, middles)
        sides = np.stack([x - x1, y - y1, x2 - x, y2 - y], axis=-1)
        nearest = (score >= found[..., 0]) & (score > 0.01)
        found[nearest, 0] = score[nearest]
        found[nearest, 1:5] = sides[nearest]
        found[nearest, 6] = np.where((score > WITHIN) & (sides > 0).all(axis=-1), score, 0.0)[nearest]
    return found


def decode(maps: Floats, least: float, most: int = 100) -> tuple[Floats, Floats]:
    """Boxes of one map.

    Args:
        maps: (cells, cells, 5), see `CHANNELS`.
        least: score, at least.
        most: people.

    Returns:
        boxes (N, 4) x1, y1, x2, y2 in pixels of the network's input and scores (N,) in [0, 1], the highest first.
    """
    scores = 1 / (1 + np.exp(-np.asarray(maps[..., 0], dtype=np.float64)))
    rows, columns = np.nonzero(scores >= least)
    x, y = columns + 0.5, rows + 0.5
    left, up, right, down = np.asarray(maps[rows, columns, 1:], dtype=np.float64).T
    boxes = STRIDE * np.stack([x - left, y - up, x + right, y + down], axis=-1)
    kept = apart(boxes, scores[rows, columns])[:most]
    return boxes[kept], scores[rows, columns][kept]


def apart(boxes: Floats, scores: Floats, same: float = SAME) -> list[int]:
    """Positions of boxes (N, 4) of different people, by scores (N,), the highest first."""
    return metrics_overlap.surest(metrics_overlap.box_overlap(boxes, boxes) > same, scores)
