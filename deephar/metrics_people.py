"""Scores of several people in a picture, in numpy float64: COCO's average precision of poses, and detection.

A found person counts once, for one true person. `average_precision` gives the surest the first choice, as COCO does;
`detection`, which knows no scores, gives as many as possible a partner (`deephar.metrics_overlap.pairs`).
"""

import typing
from collections.abc import Iterable, Sequence

import numpy as np

from deephar.metrics_overlap import box_overlap, checked_poses, oks, pairs
from deephar.typed import ArrayLike, Bools, Floats, Ints

THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""COCO's, of the similarity from which a person is found: 0.50, 0.55, ..., 0.95."""

RECALLS: Floats = np.linspace(0, 1, 101)
"""COCO's, where precision is read."""

MOST_FOUND = 20
"""The surest people of a picture, which alone count: COCO's number for keypoints."""

PoseImage: typing.TypeAlias = tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]
"""True poses (N, J, 2), areas (N,), found poses (M, J, 2) and scores (M,) of a picture, pixels."""


class PrecisionScores(typing.TypedDict):
    """See `average_precision`."""

    AP: float
    AP50: float
    AP75: float
    AR: float
    people: int
    found: int


class DetectionScores(typing.TypedDict):
    """See `detection`."""

    precision: float
    recall: float
    f1: float
    false_people_share: float
    people: int
    found: int
    matched: int


def average_precision(
    images: Iterable[PoseImage], sigmas: ArrayLike, thresholds: Sequence[float] = THRESHOLDS
) -> PrecisionScores:
    """COCO's average precision and recall of poses of several people, over pictures.

    In every picture the found people choose in the order of their scores, each the true person most similar to them
    of those left. Precision is read from its envelope at 101 recalls. People without a located joint are left out;
    COCO, which has a box of theirs, also forgives who is found in it.

    Args:
        images: of `PoseImage`.
        sigmas: (J,) see `deephar.metrics_overlap.sigmas_of`.
        thresholds: of `deephar.metrics_overlap.oks`, from which on a person is found; means are over them.

    Returns:
        dict: `AP`, `AP50`, `AP75` (NaN without the threshold), `AR`, in [0, 1] and NaN without true people; `people`
        and `found` (that count).

    Raises:
        ValueError: if shapes do not fit or a score is not finite.
    """
    sigmas = np.asarray(sigmas, dtype=np.float64)
    right: list[Bools] = [np.zeros((len(thresholds), 0), dtype=bool)]
    every_score: list[Floats] = [np.zeros(0)]
    people = 0
    for truth_px, areas, found_px, scores in images:
        truth, found = (
            checked_poses(truth_px, "truth_px", len(sigmas)),
            checked_poses(found_px, "found_px", len(sigmas)),
        )
        surest = _surest(scores, len(found))
        located = np.all(np.isfinite(truth), axis=-1).any(axis=1)
        similarity = oks(truth[located], found[surest], np.asarray(areas)[located], sigmas)
        right.append(np.array([_chosen(similarity, threshold) for threshold in thresholds]))
        every_score.append(np.asarray(scores, dtype=np.float64)[surest])
        people += int(located.sum())
    order = np.argsort(-np.concatenate(every_score), kind="stable")
    curves = [_precision_and_recall(row, people) for row in np.concatenate(right, axis=1)[:, order]]
    precision = [p for p, _ in curves]
    at = dict(zip(np.round(thresholds, 4).tolist(), precision, strict=True))
    return {
        "AP": float(np.mean(precision)),
        "AP50": at.get(0.5, float("nan")),
        "AP75": at.get(0.75, float("nan")),
        "AR": float(np.mean([r for _, r in curves])),
        "people": people,
        "found": len(order),
    }


def _surest(scores: ArrayLike, people: int) -> Ints:
    """Positions of the surest found people, falling."""
    scores = np.asarray(scores, dtype=np.float64).reshape(-1)
    if len(scores) != people or not np.all(np.isfinite(scores)):
        raise ValueError(f"Expected a finite score for each of {people} found people. Received: {scores.tolist()}")
    return np.argsort(-scores, kind="stable")[:MOST_FOUND]


def _chosen(similarity: Floats, threshold: float) -> Bools:
    """Whether each found person (column), surest first, gets a true person (row) of its own."""
    left, right = similarity.copy(), np.zeros(similarity.shape[1], dtype=bool)
    for column in range(similarity.shape[1] if len(left) else 0):
        row = np.argmax(left[:, column])
        if left[row, column] >= min(threshold, 1 - 1e-10):
            right[column], left[row] = True, -1.0
    return right


def _precision_and_recall(right: Bools, people: int) -> tuple[float, float]:
    """Mean of the precision at `RECALLS`, and the highest recall; of found people, surest first."""
    if not people:
        return float("nan"), float("nan")
    so_far = np.cumsum(right)
    precision, recall = so_far / np.arange(1, len(right) + 1), so_far / people
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(envelope[np.searchsorted(recall, RECALLS)].mean()), float(right.sum() / people)


def detection(truth_boxes: Sequence[ArrayLike], found_boxes: Sequence[ArrayLike], iou: float = 0.5) -> DetectionScores:
    """How many people are found, pooled over pictures.

    Args:
        truth_boxes: of every picture, (N, 4) x1, y1, x2, y2 in pixels.
        found_boxes: of every picture, (M, 4).
        iou: `box_overlap` of a person who is found, at least; see `pairs`.

    Returns:
        dict: `precision`, `recall`, `f1`, in [0, 1] and NaN where nobody counts; `false_people_share`, of the pictures,
        with somebody found who is not there, or twice; `people`, `found` and `matched`, numbers.

    Raises:
        ValueError: if there are not as many pictures in both, or a box is none.
    """
    if len(truth_boxes) != len(found_boxes):
        raise ValueError(
            f"Expected boxes of the same pictures. Received: {len(truth_boxes)} true and {len(found_boxes)} found lists"
        )
    overlaps = [box_overlap(*boxes) for boxes in zip(truth_boxes, found_boxes, strict=True)]
    people, found = (sum(overlap.shape[axis] for overlap in overlaps) for axis in (0, 1))
    matched = [len(pairs(overlap, iou)[0]) for overlap in overlaps]
    wrong = [overlap.shape[1] > number for overlap, number in zip(overlaps, matched, strict=True)]
    return {
        "precision": share(sum(matched), found),
        "recall": share(sum(matched), people),
        "f1": share(2 * sum(matched), people + found),
        "false_people_share": share(sum(wrong), len(wrong)),
        "people": people,
        "found": found,
        "matched": sum(matched),
    }


def share(part: float, whole: float) -> float:
    """part / whole, NaN of nothing."""
    return part / whole if whole else float("nan")
