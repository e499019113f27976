"""Losses of joints, per item, with missing labels masked; and Keras `Loss` classes over them.

A joint that is not labelled carries `MISSING` (or NaN, or anything below -1e6) in every coordinate it lacks. The
per-item functions take `(..., J, D)` and give `(...)`; the published training code differs from the paper in what it
divides by, and each form has its own name. All compute in float32.
"""

import keras
from keras import ops

from deephar.config import MISSING  # noqa: F401, part of this module for its users
from deephar.ops import gaussian_maps

BCE_WEIGHT = 0.01
"""Weight of the cross-entropy terms in the published training code."""


def annotated_mask(y_true):
    """1 where a coordinate has a label (above -1e6, not NaN), else 0. Shape of `y_true`, float32."""
    return ops.cast(ops.cast(y_true, "float32") > -1e6, "float32")


def positive_mask(y_true):
    """1 where a label is above 0, else 0; the published training losses also drop labels at or left of 0."""
    return ops.cast(ops.cast(y_true, "float32") > 0.0, "float32")


def _difference(y_true, y_pred, mask):
    """Prediction minus label where the mask is 1, and exactly 0 (with no gradient) elsewhere."""
    valid = mask > 0
    y_true = ops.where(valid, ops.cast(y_true, "float32"), 0.0)
    return ops.where(valid, ops.cast(y_pred, "float32") - y_true, 0.0)


def _elastic(difference):
    return ops.abs(difference) + ops.square(difference)


def _sum_over_joints(x):
    return ops.sum(x, axis=(-2, -1))


def masked_mean(values, mask):
    """Mean of the values whose mask is 1, over joints and coordinates; 0 where none is. (..., J, D) to (...)."""
    return _sum_over_joints(values * mask) / ops.maximum(_sum_over_joints(mask), 1.0)


def elastic_net_per_joint(y_true, y_pred):
    """The paper's loss (section 3.1, equation 3): sum of |d| + d^2, divided by the number of labelled joints.

    Args:
        y_true, y_pred: (..., J, D) in [0, 1]; `MISSING` where there is no label.

    Returns:
        float32 (...).
    """
    mask = annotated_mask(y_true)
    joints = ops.sum(ops.max(mask, axis=-1), axis=-1)
    return _sum_over_joints(_elastic(_difference(y_true, y_pred, mask))) / ops.maximum(joints, 1.0)


def elastic_net_sum(y_true, y_pred):
    """Sum of |d| + d^2 over labelled coordinates, divided by nothing (published `compile` default)."""
    return _sum_over_joints(_elastic(_difference(y_true, y_pred, annotated_mask(y_true))))


def _mean_over_positive(y_true, y_pred, penalty):
    mask = positive_mask(y_true)
    return masked_mean(penalty(_difference(y_true, y_pred, mask)), mask)


def elastic_net_mean(y_true, y_pred):
    """Mean of |d| + d^2 over the coordinates whose label is above 0 (published `l1l2`)."""
    return _mean_over_positive(y_true, y_pred, _elastic)


def l1_mean(y_true, y_pred):
    """Mean of |d| over the coordinates whose label is above 0 (published `l1`)."""
    return _mean_over_positive(y_true, y_pred, ops.abs)


def l2_mean(y_true, y_pred):
    """Mean of d^2 over the coordinates whose label is above 0 (published `l2`)."""
    return _mean_over_positive(y_true, y_pred, ops.square)


def elastic_net_bce_mean(y_true, y_pred):
    """`elastic_net_mean` plus 0.01 times the cross-entropy of the coordinates read as probabilities.

    The loss of every published training script (`l1l2bincross`).
    """
    mask = positive_mask(y_true)
    target = ops.where(mask > 0, ops.cast(y_true, "float32"), 0.5)
    entropy = ops.binary_crossentropy(target, ops.cast(y_pred, "float32"))
    return masked_mean(_elastic(_difference(y_true, y_pred, mask)) + BCE_WEIGHT * entropy, mask)


def visibility_bce(v_true, v_pred):
    """Mean cross-entropy of the visibilities that have a label. (..., J, 1) to (...)."""
    mask = annotated_mask(v_true)
    v_true = ops.where(mask > 0, ops.cast(v_true, "float32"), 0.5)
    return masked_mean(ops.binary_crossentropy(v_true, ops.cast(v_pred, "float32")), mask)


def heatmap_cross_entropy(y_true, heatmaps, sigma, grid="end_inclusive"):
    """Cross-entropy between soft-maxed heat maps and a Gaussian around the joint, mean over labelled joints.

    Not of the paper: the coordinate losses tell soft-argmax only which way to move; this one tells each cell what it
    should be, which teaches an untrained network sooner (Sun et al., Integral Human Pose Regression, ECCV 2018).

    Args:
        y_true: (B, J, D >= 2), x and y in [0, 1]; `MISSING` where there is no label.
        heatmaps: (B, H, W, J) logits.
        sigma: of the Gaussian, in crops.
        grid: of the heat maps, see `deephar.ops.GRIDS`.

    Returns:
        float32 (B,).
    """
    height, width, joints = heatmaps.shape[1:]
    mask = ops.min(annotated_mask(y_true[..., :2]), axis=-1)
    located = ops.where(mask[..., None] > 0, ops.cast(y_true[..., :2], "float32"), 0.5)
    cells = (-1, height * width, joints)
    target = ops.reshape(gaussian_maps(located, height, width, sigma, grid), cells)
    log_probability = ops.log_softmax(ops.reshape(ops.cast(heatmaps, "float32"), cells), axis=1)
    entropy = -ops.sum(target * log_probability, axis=1)
    return ops.sum(entropy * mask, axis=-1) / ops.maximum(ops.sum(mask, axis=-1), 1.0)


FORMS = {
    "elastic_net_per_joint": elastic_net_per_joint,
    "elastic_net_sum": elastic_net_sum,
    "elastic_net_mean": elastic_net_mean,
    "elastic_net_bce_mean": elastic_net_bce_mean,
    "l1_mean": l1_mean,
    "l2_mean": l2_mean,
}
"""Name of every coordinate loss."""


class _FormLoss(keras.losses.Loss):
    def __init__(self, form, name, **kwargs):
        super().__init__(name=name, **kwargs)
        if form not in FORMS:
            raise ValueError(f"`form` must be one of {', '.join(FORMS)}. Received: form={form!r}")
        self.form = form

    def get_config(self):
        return {**super().get_config(), "form": self.form}


def _mean_over_frames(values):
    """(B,) of an image batch as it is; (B, T) of clips averaged over frames."""
    return ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=-1)


@keras.saving.register_keras_serializable(package="deephar")
class CoordinateLoss(_FormLoss):
    """Loss of a pose output (B, [T,] J, D) alone.

    Args:
        form: a key of `FORMS`.
    """

    def __init__(self, form="elastic_net_bce_mean", name="coordinate_loss", **kwargs):
        super().__init__(form, name, **kwargs)

    def call(self, y_true, y_pred):
        return _mean_over_frames(FORMS[self.form](y_true, y_pred))


@keras.saving.register_keras_serializable(package="deephar")
class VisibilityLoss(keras.losses.Loss):
    """Cross-entropy of a visibility output (B, [T,] J, 1) alone."""

    def __init__(self, name="visibility_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        return _mean_over_frames(visibility_bce(y_true, y_pred))


@keras.saving.register_keras_serializable(package="deephar")
class PoseLoss(_FormLoss):
    """Loss of an output that joins pose and visibility, (B, [T,] J, D + 1) (published training scripts).

    Args:
        form: a key of `FORMS`, for the coordinates.
        visibility_weight: weight of the visibility's cross-entropy.
    """

    def __init__(self, form="elastic_net_bce_mean", visibility_weight=BCE_WEIGHT, name="pose_loss", **kwargs):
        super().__init__(form, name, **kwargs)
        self.visibility_weight = visibility_weight

    def call(self, y_true, y_pred):
        coordinates = FORMS[self.form](y_true[..., :-1], y_pred[..., :-1])
        visibility = visibility_bce(y_true[..., -1:], y_pred[..., -1:])
        return _mean_over_frames(coordinates + self.visibility_weight * visibility)

    def get_config(self):
        return {**super().get_config(), "visibility_weight": self.visibility_weight}


@keras.saving.register_keras_serializable(package="deephar")
class HeatmapLoss(keras.losses.Loss):
    """Loss of an exported heat map (B, H, W, J) against a target that joins pose and visibility (B, J, D + 1).

    Args:
        weight: factor on `heatmap_cross_entropy`.
        sigma: see there.
    """

    def __init__(self, weight=0.25, sigma=0.05, name="heatmap_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.weight, self.sigma = weight, sigma

    def call(self, y_true, y_pred):
        return self.weight * heatmap_cross_entropy(y_true[..., :-1], y_pred, self.sigma)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight, "sigma": self.sigma}
