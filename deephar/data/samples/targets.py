"""Training targets: converts poses and actions to the form that the losses expect, for every output of a network."""

from collections.abc import Callable, Sequence

import numpy as np

from deephar import layouts
from deephar.config import MISSING
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats, Ints


def pose_target(pose_crop: Floats, dim: int = 2, known: ArrayLike | None = None) -> Floats:
    """Joints in crop coordinates to the training target [coordinates, visibility] (published preprocessing).

    A joint counts as visible if it lies strictly inside the crop; any other, and any joint without a label, has
    visibility 0 and `MISSING` in all coordinates. If only the depth has no label, or one out of a network's range, only
    the depth is `MISSING`. For a joint that the dataset does not have, the visibility is `MISSING` too.

    Args:
        pose_crop: (..., J, 2 or 3) in [0, 1], NaN where not located.
        dim: coordinates of the target; a 2D pose in a 3D target has no depth label.
        known: optional (J,), false for joints that the dataset does not have.

    Returns:
        float32 (..., J, dim + 1).
    """
    pose = np.full((*pose_crop.shape[:-1], dim), np.nan)
    given = min(dim, pose_crop.shape[-1])
    pose[..., :given] = pose_crop[..., :given]
    visible = np.all((pose[..., :2] > 0.0) & (pose[..., :2] < 1.0), axis=-1, keepdims=True)
    inside = (pose > 0.0) & (pose < 1.0)
    coordinates = np.where(visible & inside, pose, MISSING)
    target = np.concatenate([coordinates, visible], axis=-1).astype(np.float32)
    if known is not None:
        target[..., ~np.asarray(known), :] = MISSING
    return target


def layout_target(pose_crop: Floats, source: PoseLayout, target: PoseLayout, dim: int) -> Floats:
    """Joints in crop coordinates to a training target in another layout; joints that the source lacks are unknown.

    Args:
        pose_crop: (..., J, 2 or 3), NaN where not located.
        source, target: `deephar.layouts.PoseLayout`; joints are matched by name.
        dim: coordinates of the target.

    Returns:
        float32 (..., len(target), dim + 1), see `pose_target`.
    """
    known = np.array(layouts.index_map(source, target)) >= 0
    return pose_target(layouts.rearrange(pose_crop, source, target), dim, known)


def labelled(target: Floats) -> Floats:
    """float32 (B, 1): 1 where any joint of a pose target (B, ..., J, dim + 1) has a label, else 0."""
    return np.any(target[..., :-1] > MISSING, axis=tuple(range(1, target.ndim)))[:, None].astype(np.float32)


def joint_weights(target: Floats, weights: Sequence[Floats | None], each: bool = False) -> Floats:
    """Sample weights of pose targets.

    Args:
        target: (B, ..., J, dim + 1).
        weights: B arrays (..., J), confidence in every joint's label; or None, if all labels are certain.
        each: whether every joint has a weight even if all are the same, so that parts of a batch have one shape.

    Returns:
        float32 (B, 1), `labelled`, if no joints are weighted; else (B, ..., J).
    """
    whole = labelled(target)
    if not each and all(weight is None for weight in weights):
        return whole
    rows = [np.broadcast_to(a if b is None else b, target.shape[1:-1]) for a, b in zip(whole, weights, strict=True)]
    return np.stack(rows).astype(np.float32)


def one_hot(numbers: Ints, classes: int) -> tuple[Floats, Floats]:
    """Class numbers (B,), -1 if unknown, to a target float32 (B, classes), all 0 if unknown, and weights (B, 1)."""
    known = (numbers >= 0)[:, None].astype(np.float32)
    return np.eye(max(classes, 1), dtype=np.float32)[numbers] * known, known


def as_given(target: Floats) -> Floats:
    """A pose target (..., J, dim + 1) as input of a network that takes given poses: all 0 for unlabelled joints."""
    return np.where(target[..., -1:] > 0, np.where(target > MISSING, target, 0.0), 0.0)


_OF_POSES: dict[str, Callable[[Floats], Floats]] = {
    "pose": lambda target: target[..., :-1],
    "visibility": lambda target: target[..., -1:],
    "pose_visibility": lambda target: target,
    "heatmaps": lambda target: target,
}
"""Target of an output by its kind, from a pose target."""

KINDS: tuple[str, ...] = (*_OF_POSES, "action")
"""Kinds of outputs that can be trained, see `deephar.models.outputs.Kind`."""


def of_outputs(
    kinds: Sequence[str],
    pose: Floats,
    pose_weights: Floats,
    action: Floats | None = None,
    action_weights: Floats | None = None,
) -> tuple[tuple[Floats, ...], Floats | tuple[Floats, ...]]:
    """Targets and sample weights for every output of a network, in the form that Keras' `fit` expects.

    Args:
        kinds: of `KINDS`, one for every output.
        pose: pose target (B, ..., J, dim + 1).
        pose_weights: (B, 1) or (B, ..., J).
        action: one-hot (B, A).
        action_weights: (B, 1).

    Returns:
        tuple of targets; and the weights, also a tuple, or a single array for a single output: in a tuple, Keras would
        apply every weight to every sample.
    """

    def given(kind: str) -> tuple[Floats, Floats]:
        if kind in _OF_POSES:
            return _OF_POSES[kind](pose), pose_weights
        assert action is not None and action_weights is not None
        return action, action_weights

    pairs = [given(kind) for kind in kinds]
    targets, weights = tuple(target for target, _ in pairs), tuple(weight for _, weight in pairs)
    return targets, weights[0] if len(weights) == 1 else weights


def checked_kinds(kinds: str | list[str] | tuple[str, ...], known: Sequence[str] = KINDS) -> tuple[str, ...]:
    """Kinds of outputs as a tuple.

    Raises:
        ValueError: for one that cannot be trained.
    """
    kinds = tuple(kinds) if isinstance(kinds, (list, tuple)) else (kinds,)
    wrong = [kind for kind in kinds if kind not in known]
    if wrong or not kinds:
        raise ValueError(
            f"A loader needs the kind of every output, one of {', '.join(known)}; deephar.models.outputs.kinds(model) "
            f"returns them. Received: {kinds}"
        )
    return kinds
