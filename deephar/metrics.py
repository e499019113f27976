"""Scores for 2D poses and for classification, in numpy float64.

A score is the fraction of joints predicted within a threshold of the truth, with distances divided by the size of the
person: the torso (PCK) or the head (PCKh). Joints without a label are masked out. Totals are pooled over joints and
people; they are not means of means.
"""

import numpy as np

from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats, Ints

HEAD_FACTOR = 0.6
"""PCKh's head size is 0.6 times the diagonal of the annotated head box."""

NOT_IN_TOTAL = ("pelvis", "thorax")
"""Joints that PCKh excludes, as customary on MPII."""


def head_size(head_box: ArrayLike) -> Floats:
    """Head size of MPII's PCKh from head boxes (..., 4) in pixels: 0.6 times the diagonal, (...) float64."""
    box = np.asarray(head_box, dtype=np.float64)
    return HEAD_FACTOR * np.hypot(box[..., 2] - box[..., 0], box[..., 3] - box[..., 1])


def torso_size(pose: ArrayLike, layout: PoseLayout) -> Floats:
    """The longer of the two shoulder-hip diagonals, of those located.

    Args:
        pose: (..., J, 2 or more) pixels, NaN where not located.
        layout: `deephar.layouts.PoseLayout` with shoulders and hips.

    Returns:
        float64 (...), NaN if neither diagonal is located or both have zero length.
    """
    pose = np.asarray(pose, dtype=np.float64)[..., :2]
    diagonals = [
        np.linalg.norm(pose[..., layout.index(f"{a}_shoulder"), :] - pose[..., layout.index(f"{b}_hip"), :], axis=-1)
        for a, b in ("rl", "lr")
    ]
    longer = np.fmax(*diagonals)
    return np.where(longer > 0, longer, np.nan)


def normalised_distances(
    y_true: ArrayLike, y_pred: ArrayLike, size: ArrayLike, valid: ArrayLike | None = None
) -> Floats:
    """Distance of every joint, in units of the person's size.

    Args:
        y_true, y_pred: (N, J, D) in the same unit.
        size: (N,) or (N, 1) > 0 in that unit; NaN excludes a person.
        valid: optional (N, J), false for joints to exclude.

    Returns:
        float64 (N, J), NaN for excluded joints: masked, without a finite label, or of a person without a size.

    Raises:
        ValueError: if shapes differ, a size is not above zero, or the prediction of a labelled joint is not finite.
    """
    y_true, y_pred = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    if y_true.shape != y_pred.shape or y_true.ndim != 3:
        raise ValueError(
            "Truth and prediction must both be (people, joints, coordinates). "
            f"Received: y_true.shape={y_true.shape}, y_pred.shape={y_pred.shape}"
        )
    size = np.asarray(size, dtype=np.float64).reshape(len(y_true), 1)
    if np.any(size <= 0):
        raise ValueError(f"Every size must be above 0. Received: a minimum of {np.nanmin(size)}")
    kept = np.all(np.isfinite(y_true), axis=-1) & np.isfinite(size)
    if valid is not None:
        kept &= np.asarray(valid, dtype=bool)
    distance = np.linalg.norm(y_pred - y_true, axis=-1) / size
    if not np.all(np.isfinite(distance[kept])):
        raise ValueError("The prediction of a labelled joint is NaN or infinite")
    return np.where(kept, distance, np.nan)


def correct_share(distances: Floats, threshold: float) -> float:
    """PCK or PCKh: fraction of the counted joints at most `threshold` off.

    Args:
        distances: from `normalised_distances`; select columns to score only some joints.
        threshold: relative to the size.

    Returns:
        float in [0, 1]; NaN if no joint counts.
    """
    counted = np.isfinite(distances)
    if not counted.any():
        return float("nan")
    return float(np.sum(distances[counted] <= threshold) / counted.sum())


def correct_share_per_joint(distances: ArrayLike, threshold: float) -> Floats:
    """`correct_share` of every joint, (J,)."""
    return np.array([correct_share(column, threshold) for column in np.asarray(distances).T])


def area_under_curve(distances: Floats, threshold: float) -> float:
    """Mean of `correct_share` over all thresholds from 0 to `threshold`, exactly.

    A joint at distance d is correct for every threshold from d on, so the area is the mean of 1 - d / threshold,
    clipped at 0; no integration step is needed.

    Args:
        distances: from `normalised_distances`.
        threshold: upper end, e.g. 0.5 for the paper's AUC@0.5 (table 2).

    Returns:
        float in [0, 1]; NaN if no joint counts.
    """
    counted = distances[np.isfinite(distances)]
    return float(np.mean(np.maximum(1.0 - counted / threshold, 0.0))) if counted.size else float("nan")


def pck(
    y_true: ArrayLike, y_pred: ArrayLike, layout: PoseLayout, threshold: float = 0.2, valid: ArrayLike | None = None
) -> float:
    """Fraction of joints within `threshold` torso sizes (see `torso_size`), pooled over joints and people.

    Args:
        y_true, y_pred: (N, J, 2) pixels; NaN in `y_true` where not located.
        layout: `deephar.layouts.PoseLayout`.
        threshold: in torso sizes.
        valid: optional (N, J).

    Returns:
        float in [0, 1].
    """
    return correct_share(normalised_distances(y_true, y_pred, torso_size(y_true, layout), valid), threshold)


def pckh(
    y_true: ArrayLike, y_pred: ArrayLike, head_sizes: ArrayLike, threshold: float = 0.5, valid: ArrayLike | None = None
) -> float:
    """Fraction of joints within `threshold` head sizes, pooled over joints and people.

    Args:
        y_true, y_pred: (N, J, 2) pixels; NaN in `y_true` where not annotated.
        head_sizes: (N,) pixels, see `head_size`.
        threshold: in head sizes.
        valid: optional (N, J).

    Returns:
        float in [0, 1].
    """
    return correct_share(normalised_distances(y_true, y_pred, head_sizes, valid), threshold)


def accuracy(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Fraction of correctly predicted classes, float in [0, 1]; NaN for no items. Both (N,) int."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    return float(np.mean(truth == predicted)) if truth.size else float("nan")


def confusion(truth: ArrayLike, predicted: ArrayLike, classes: int) -> Ints:
    """Confusion matrix, rows: truth, columns: prediction: (classes, classes) int counts."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (np.asarray(truth), np.asarray(predicted)), 1)
    return counts


def accuracy_per_class(truth: ArrayLike, predicted: ArrayLike, classes: int) -> Floats:
    """`accuracy` of every class, (classes,); NaN for a class without items."""
    counts = confusion(truth, predicted, classes)
    total = counts.sum(axis=1)
    return np.where(total > 0, np.diag(counts) / np.maximum(total, 1), np.nan)
