"""Errors of 3D poses in mm, in numpy float64.

Every measure starts from the error of each joint, (N, J), NaN where it does not count: masked, or without a label.

    joint_errors      after both roots are moved to the origin        protocol 1, MPJPE
    scaled_errors     and the prediction scaled, per pose             N-MPJPE
    aligned_errors    after the best similarity, per pose             protocol 2, PA-MPJPE

Means are pooled over joints and people; they are not means of means. The root counts, with an error of 0 under
`joint_errors`, as in the original's evaluation; `pck3d` and `auc3d` exclude it, as the original's PCK does.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from deephar import metrics
from deephar.typed import ArrayLike, Bools, Floats

THRESHOLD_MM = 150.0
"""Threshold of PCK in 3D, about half a head (customary on MPI-INF-3DHP)."""


def joint_errors(y_true: ArrayLike, y_pred: ArrayLike, root: int | None = 0, valid: ArrayLike | None = None) -> Floats:
    """Distance of every joint from its truth.

    Args:
        y_true, y_pred: (N, J, 3) mm; NaN in the truth where there is no label.
        root: joint that is moved to the origin in both; None compares the poses without alignment.
        valid: optional (N, J), false for joints that do not count.

    Returns:
        float64 (N, J) mm, NaN for joints that do not count, including all of a pose whose true root has no label.

    Raises:
        ValueError: if shapes differ, or the prediction of a labelled joint is not finite.
    """
    y_true, y_pred, kept = _checked(y_true, y_pred, valid)
    if root is not None:
        y_true, y_pred = y_true - y_true[:, root : root + 1], y_pred - y_pred[:, root : root + 1]
    return np.where(kept, np.linalg.norm(y_pred - y_true, axis=-1), np.nan)


def scaled_errors(y_true: ArrayLike, y_pred: ArrayLike, root: int = 0, valid: ArrayLike | None = None) -> Floats:
    """`joint_errors` after the prediction, root at the origin, is scaled for the best least-squares fit.

    Args:
        y_true, y_pred, valid: see `joint_errors`.
        root: joint that is moved to the origin in both.

    Returns:
        float64 (N, J) mm, NaN for joints that do not count. A prediction of size 0 stays unchanged.
    """
    y_true, y_pred, kept = _checked(y_true, y_pred, valid)
    y_true, y_pred = (np.where(kept[..., None], p - p[:, root : root + 1], 0.0) for p in (y_true, y_pred))
    scale = _ratio(np.sum(y_true * y_pred, axis=(1, 2)), np.sum(y_pred**2, axis=(1, 2)))
    return np.where(kept, np.linalg.norm(scale[:, None, None] * y_pred - y_true, axis=-1), np.nan)


def aligned_errors(y_true: ArrayLike, y_pred: ArrayLike, valid: ArrayLike | None = None) -> Floats:
    """Errors after the least-squares rotation, scale and shift of each predicted pose.

    Reflections are excluded. Only the counted joints determine the fit (Umeyama 1991).

    Args:
        y_true, y_pred, valid: see `joint_errors`.

    Returns:
        float64 (N, J) mm, NaN for joints that do not count. A prediction of size 0 is moved to the truth's centre.
    """
    y_true, y_pred, kept = _checked(y_true, y_pred, valid)
    y_true, y_pred = _centred(y_true, kept), _centred(y_pred, kept)
    left, stretch, right = np.linalg.svd(np.swapaxes(y_true, 1, 2) @ y_pred)
    sign = np.where(np.linalg.det(left) * np.linalg.det(right) < 0, -1.0, 1.0)
    left[..., -1] *= sign[:, None]
    stretch[..., -1] *= sign
    scale = _ratio(stretch.sum(axis=-1), np.sum(y_pred**2, axis=(1, 2)))
    fitted = scale[:, None, None] * y_pred @ np.swapaxes(left @ right, 1, 2)
    return np.where(kept, np.linalg.norm(fitted - y_true, axis=-1), np.nan)


def _checked(y_true: ArrayLike, y_pred: ArrayLike, valid: ArrayLike | None) -> tuple[Floats, Floats, Bools]:
    """Both as float64, and which joints count."""
    y_true, y_pred = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    if y_true.shape != y_pred.shape or y_true.ndim != 3 or y_true.shape[-1] != 3:
        raise ValueError(
            "Truth and prediction must both be (people, joints, 3), in mm. "
            f"Received: y_true.shape={y_true.shape}, y_pred.shape={y_pred.shape}"
        )
    kept = np.all(np.isfinite(y_true), axis=-1)
    if valid is not None:
        kept &= np.asarray(valid, dtype=bool)
    if not np.all(np.isfinite(y_pred[kept])):
        raise ValueError("The prediction of a labelled joint is NaN or infinite")
    return y_true, y_pred, kept


def _centred(pose: Floats, kept: Bools) -> Floats:
    """Poses with the mean of the counted joints at the origin; the other joints are set to 0."""
    pose = np.where(kept[..., None], pose, 0.0)
    mean = pose.sum(axis=1, keepdims=True) / np.maximum(kept.sum(axis=1), 1)[:, None, None]
    return np.where(kept[..., None], pose - mean, 0.0)


def _ratio(a: Floats, b: Floats) -> Floats:
    """a / b, 1 where b is 0."""
    return np.where(b > 0, a / np.where(b > 0, b, 1.0), 1.0)


def mean_error(errors: ArrayLike) -> float:
    """Mean of the errors that count, in mm; NaN if none does."""
    counted = np.asarray(errors)[np.isfinite(errors)]
    return float(counted.mean()) if counted.size else float("nan")


def mpjpe(y_true: ArrayLike, y_pred: ArrayLike, root: int | None = 0, valid: ArrayLike | None = None) -> float:
    """Mean per joint position error in mm, roots aligned (protocol 1; the paper's table 1). See `joint_errors`."""
    return mean_error(joint_errors(y_true, y_pred, root, valid))


def n_mpjpe(y_true: ArrayLike, y_pred: ArrayLike, root: int = 0, valid: ArrayLike | None = None) -> float:
    """MPJPE in mm after scaling each pose. See `scaled_errors`."""
    return mean_error(scaled_errors(y_true, y_pred, root, valid))


def pa_mpjpe(y_true: ArrayLike, y_pred: ArrayLike, valid: ArrayLike | None = None) -> float:
    """MPJPE in mm after the best similarity of each pose (protocol 2). See `aligned_errors`."""
    return mean_error(aligned_errors(y_true, y_pred, valid))


def pck3d(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    threshold: float = THRESHOLD_MM,
    root: int | None = 0,
    valid: ArrayLike | None = None,
) -> float:
    """Fraction of the joints, without the root, at most `threshold` mm off, roots aligned; float in [0, 1]."""
    return metrics.correct_share(_without_root(y_true, y_pred, root, valid), threshold)


def auc3d(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    threshold: float = THRESHOLD_MM,
    root: int | None = 0,
    valid: ArrayLike | None = None,
) -> float:
    """Mean of `pck3d` over all thresholds from 0 to `threshold`, exactly; float in [0, 1].

    MPI-INF-3DHP's own code takes the mean at 0, 5, ..., 150 mm, which may differ by up to one step.
    """
    return metrics.area_under_curve(_without_root(y_true, y_pred, root, valid), threshold)


def _without_root(y_true: ArrayLike, y_pred: ArrayLike, root: int | None, valid: ArrayLike | None) -> Floats:
    errors = joint_errors(y_true, y_pred, root, valid)
    return errors if root is None else np.delete(errors, root, axis=1)


def per_joint(errors: ArrayLike, names: Iterable[str]) -> dict[str, float]:
    """Mean error of every joint.

    Args:
        errors: (N, J) from `joint_errors` and the like.
        names: of the J joints.

    Returns:
        dict of name to mm, NaN if no joint counts.
    """
    return {name: mean_error(column) for name, column in zip(names, np.asarray(errors).T, strict=True)}


def per_action(errors: Floats, actions: Sequence[str]) -> dict[str, float]:
    """Mean error of the people of every action.

    Args:
        errors: (N, J) from `joint_errors` and the like.
        actions: name of the action of each of the N people.

    Returns:
        dict of name to mm, in order of first appearance.
    """
    found = np.asarray(actions)
    if len(found) != len(errors):
        raise ValueError(f"Expected an action for each of {len(errors)} people. Received: {len(found)}")
    return {name: mean_error(np.asarray(errors)[found == name]) for name in dict.fromkeys(found.tolist())}
