"""Per-item losses on joints, with missing labels masked; and Keras `Loss` classes built on them.

A joint without a label has `MISSING` (or NaN, or anything below -1e6) in every missing coordinate. The per-item
functions map `(..., J, D)` to `(...)`; the published training code differs from the paper in its normalization, and
each form has its own name. All compute in float32 unless `dtype="float64"` is given, and take `joint_weight`,
broadcastable to (..., J), which multiplies the contribution of every joint. Both functions and classes can be passed to
`compile`; only the classes distinguish sample weights of people, frames and joints.
"""

import functools
import typing
from collections.abc import Callable

import keras
from keras import ops

from deephar import checks, sample_weights
from deephar.config import MISSING  # noqa: F401, exported by this module
from deephar.layer_bases import DType, channels_last
from deephar.ops import GRIDS, gaussian_maps
from deephar.typed import ArrayLike, Tensor

BCE_WEIGHT = 0.01
"""Weight of the cross-entropy terms in the published training code."""

SIGMA = 0.05
"""Standard deviation of the target Gaussian of heat maps, in crop sizes."""


class ItemLoss(typing.Protocol):
    """A per-item loss of two tensors."""

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, *, joint_weight: Tensor | ArrayLike | None = None, dtype: str = "float32"
    ) -> Tensor: ...


class HeatmapItemLoss(typing.Protocol):
    """A per-item loss on heat maps."""

    def __call__(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        sigma: float = SIGMA,
        grid: str = "end_inclusive",
        *,
        joint_weight: Tensor | ArrayLike | None = None,
        dtype: str = "float32",
    ) -> Tensor: ...


def annotated_mask(y_true: Tensor) -> Tensor:
    """1 where a coordinate has a label (above -1e6, not NaN), else 0. Shape of `y_true`, float32."""
    return ops.cast(ops.cast(y_true, "float32") > -1e6, "float32")


def positive_mask(y_true: Tensor) -> Tensor:
    """1 where a label is above 0, else 0; the published training losses also drop labels at or below 0."""
    return ops.cast(ops.cast(y_true, "float32") > 0.0, "float32")


def _item_loss(needed: str) -> Callable[[Callable[..., Tensor]], ItemLoss]:
    """Decorator: turns a function returning every joint's contribution, (..., J), into one returning the sum, (...).

    Args:
        needed: axes of its arguments, see `deephar.checks.axes`.

    Returns:
        decorator; its functions are registered with Keras, so that a model compiled with one can be loaded.
    """

    def decorate(shares: Callable[..., Tensor]) -> ItemLoss:
        @functools.wraps(shares)
        def loss(y_true, y_pred, *args, joint_weight=None, dtype="float32", **kwargs):
            y_true, y_pred = ops.cast(y_true, dtype), ops.cast(y_pred, dtype)
            checks.axes(shares.__name__, needed, y_true.shape, y_pred.shape)
            values = shares(y_true, y_pred, *args, **kwargs)
            return ops.sum(values if joint_weight is None else values * joint_weight, axis=-1)

        return keras.saving.register_keras_serializable(package="deephar")(loss)

    return decorate


_coordinate_loss = _item_loss("y_true (B, ..., J, D) and y_pred (B, ..., J, D)")
_heatmap_loss = typing.cast(
    "Callable[[Callable[..., Tensor]], HeatmapItemLoss]",
    _item_loss("y_true (B, ..., J, D) and y_pred (B, ..., H, W, J)"),
)


def _difference(y_true, y_pred, mask):
    """Prediction minus label where the mask is 1, and exactly 0 (with no gradient) elsewhere."""
    valid = mask > 0
    return ops.where(valid, y_pred - ops.where(valid, y_true, 0.0), 0.0)


def _elastic(difference):
    return ops.abs(difference) + ops.square(difference)


def _shares_of_mean(values, mask):
    """Every joint's contribution to the mean of the unmasked values, 0 if there are none: (..., J, D) to (..., J)."""
    mask = ops.cast(mask, values.dtype)
    return ops.sum(values * mask, axis=-1) / ops.maximum(ops.sum(mask, axis=(-2, -1)), 1.0)[..., None]


@_coordinate_loss
def elastic_net_per_joint(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The paper's loss (section 3.1, equation 3): sum of |d| + d^2, divided by the number of labelled joints.

    Args:
        y_true, y_pred: (..., J, D); `MISSING` where there is no label.

    Returns:
        (...).
    """
    mask = annotated_mask(y_true)
    joints = ops.sum(ops.cast(ops.any(mask > 0, axis=-1), y_pred.dtype), axis=-1, keepdims=True)
    return ops.sum(_elastic(_difference(y_true, y_pred, mask)), axis=-1) / ops.maximum(joints, 1.0)


@_coordinate_loss
def elastic_net_sum(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Sum of |d| + d^2 over labelled coordinates, not normalized (published `compile` default)."""
    return ops.sum(_elastic(_difference(y_true, y_pred, annotated_mask(y_true))), axis=-1)


def _mean_over_positive(y_true, y_pred, penalty):
    mask = positive_mask(y_true)
    return _shares_of_mean(penalty(_difference(y_true, y_pred, mask)), mask)


@_coordinate_loss
def elastic_net_mean(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of |d| + d^2 over the coordinates whose label is above 0 (published `l1l2`)."""
    return _mean_over_positive(y_true, y_pred, _elastic)


@_coordinate_loss
def l1_mean(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of |d| over the coordinates whose label is above 0 (published `l1`)."""
    return _mean_over_positive(y_true, y_pred, ops.abs)


@_coordinate_loss
def l2_mean(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean of d^2 over the coordinates whose label is above 0 (published `l2`)."""
    return _mean_over_positive(y_true, y_pred, ops.square)


@_coordinate_loss
def elastic_net_bce_mean(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`elastic_net_mean` plus 0.01 times the cross-entropy of the coordinates treated as probabilities.

    The loss of all published training scripts (`l1l2bincross`).
    """
    mask = positive_mask(y_true)
    entropy = ops.binary_crossentropy(ops.where(mask > 0, y_true, 0.5), y_pred)
    return _shares_of_mean(_elastic(_difference(y_true, y_pred, mask)) + BCE_WEIGHT * entropy, mask)


@_item_loss("y_true (B, ..., J, 1) and y_pred (B, ..., J, 1)")
def visibility_bce(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean cross-entropy over the labelled visibilities. (..., J, 1) to (...)."""
    mask = annotated_mask(y_true)
    return _shares_of_mean(ops.binary_crossentropy(ops.where(mask > 0, y_true, 0.5), y_pred), mask)


@_heatmap_loss
def heatmap_cross_entropy(y_true: Tensor, y_pred: Tensor, sigma: float = SIGMA, grid: str = "end_inclusive") -> Tensor:
    """Cross-entropy between the softmax of heat maps and a Gaussian around the joint, mean over labelled joints.

    Not in the paper: the coordinate losses only tell soft-argmax which way to move; this one gives each cell a target,
    so an untrained network learns faster (Sun et al., Integral Human Pose Regression, ECCV 2018).

    Args:
        y_true: (..., J, D >= 2), x and y in [0, 1]; `MISSING` where there is no label.
        y_pred: (..., H, W, J), the logits of the heat maps.
        sigma: of the Gaussian, in crop sizes.
        grid: of the heat maps, see `deephar.ops.GRIDS`.

    Returns:
        (...).
    """
    located = ops.all(annotated_mask(y_true[..., :2]) > 0, axis=-1)
    *lead, height, width, joints = ops.shape(y_pred)
    cells = (*lead, height * width, joints)
    centre = ops.where(located[..., None], y_true[..., :2], 0.5)
    dtype = keras.backend.standardize_dtype(y_pred.dtype)
    target = ops.reshape(gaussian_maps(centre, height, width, sigma, grid, dtype), cells)
    log_probability = ops.log_softmax(ops.reshape(y_pred, cells), axis=-2)
    entropy = -ops.sum(target * log_probability, axis=-2)
    return _shares_of_mean(entropy[..., None], located[..., None])


FORMS: dict[str, ItemLoss] = {
    "elastic_net_per_joint": elastic_net_per_joint,
    "elastic_net_sum": elastic_net_sum,
    "elastic_net_mean": elastic_net_mean,
    "elastic_net_bce_mean": elastic_net_bce_mean,
    "l1_mean": l1_mean,
    "l2_mean": l2_mean,
}
"""Coordinate losses by name. The published means drop labels at or below 0; the first two count every label."""


class _Reduction(typing.TypedDict, total=False):
    reduction: str | None


class LossOptions(_Reduction, total=False):
    """Keyword arguments of every loss, as of Keras' own."""

    dtype: DType


class _PersonLoss(keras.losses.Loss):
    """Base: a loss per person, with sample weights per person, frame or joint.

    Sample weights are those of `deephar.sample_weights.aligned`. As in Keras' own losses, they multiply the
    contribution of a person, frame or joint, and do not change the normalization. The loss is computed in float32, or
    in float64 if `dtype` says so.
    """

    def __init__(self, name: str | None, dtype: DType = None, **kwargs: typing.Unpack[_Reduction]) -> None:
        double = dtype is not None and keras.dtype_policies.get(dtype).compute_dtype == "float64"
        super().__init__(name=name, dtype="float64" if double else "float32", **kwargs)

    def per_item(self, y_true: Tensor, y_pred: Tensor, joint_weight: Tensor | None) -> Tensor:
        """Loss of every image (B,) or frame (B, T)."""
        raise NotImplementedError

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: sample_weights.SampleWeight | None = None
    ) -> Tensor:
        if sample_weight is None:
            return super().__call__(y_true, y_pred)
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        weight = sample_weights.aligned(type(self).__name__, sample_weight, y_true.shape[:-1], self.dtype)
        of_person = ops.mean(weight, axis=tuple(range(1, len(weight.shape))), keepdims=True)
        joint_weight = ops.divide_no_nan(weight, of_person)
        people = ops.broadcast_to(ops.reshape(of_person, (-1,)), ops.shape(y_true)[:1])
        return super().__call__((y_true, joint_weight), y_pred, people)

    def call(self, y_true: Tensor | tuple[Tensor, Tensor], y_pred: Tensor) -> Tensor:
        """Loss of every person, (B,), averaged over frames; `y_true` may be a pair with joint weights."""
        y_true, joint_weight = y_true if isinstance(y_true, tuple) else (y_true, None)
        values = self.per_item(y_true, y_pred, joint_weight)
        frames = tuple(range(1, len(values.shape)))
        return ops.mean(values, axis=frames) if frames else values

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "dtype": self.dtype}


class _FormLoss(_PersonLoss):
    def __init__(self, form: str, name: str | None, **kwargs: typing.Unpack[LossOptions]) -> None:
        super().__init__(name, **kwargs)
        self.form: str = checks.one_of("form", form, FORMS)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "form": self.form}


@keras.saving.register_keras_serializable(package="deephar")
class CoordinateLoss(_FormLoss):
    """Loss of a pose output (B, [T,] J, D) alone.

    Args:
        form: a key of `FORMS`; the default is the paper's and counts every label.
    """

    def __init__(
        self,
        form: str = "elastic_net_per_joint",
        name: str | None = "coordinate_loss",
        **kwargs: typing.Unpack[LossOptions],
    ) -> None:
        super().__init__(form, name, **kwargs)

    def per_item(self, y_true: Tensor, y_pred: Tensor, joint_weight: Tensor | None) -> Tensor:
        return FORMS[self.form](y_true, y_pred, joint_weight=joint_weight, dtype=self.dtype)


@keras.saving.register_keras_serializable(package="deephar")
class VisibilityLoss(_PersonLoss):
    """Cross-entropy of a visibility output (B, [T,] J, 1) alone."""

    def __init__(self, name: str | None = "visibility_loss", **kwargs: typing.Unpack[LossOptions]) -> None:
        super().__init__(name, **kwargs)

    def per_item(self, y_true: Tensor, y_pred: Tensor, joint_weight: Tensor | None) -> Tensor:
        return visibility_bce(y_true, y_pred, joint_weight=joint_weight, dtype=self.dtype)


def _check_joined(owner, needed, y_true, y_pred):
    """Raise ValueError unless the labels contain at least two coordinates and the visibility."""
    checks.axes(owner, needed, y_true.shape, y_pred.shape)
    if y_true.shape[-1] is not None and y_true.shape[-1] < 3:
        raise ValueError(
            f"{owner} needs two or three coordinates and the visibility of every joint, y_true (B, ..., J, 3 or 4). "
            f"Received: y_true {tuple(y_true.shape)}"
        )


@keras.saving.register_keras_serializable(package="deephar")
class PoseLoss(_FormLoss):
    """Loss of an output that joins pose and visibility, (B, [T,] J, D + 1).

    Args:
        form: a key of `FORMS`, for the coordinates; the default is the paper's and counts every label, the published
            training scripts' is "elastic_net_bce_mean".
        visibility_weight: weight of the visibility's cross-entropy, at least 0.
    """

    def __init__(
        self,
        form: str = "elastic_net_per_joint",
        visibility_weight: float = BCE_WEIGHT,
        name: str | None = "pose_loss",
        **kwargs: typing.Unpack[LossOptions],
    ) -> None:
        super().__init__(form, name, **kwargs)
        self.visibility_weight: float = checks.between("visibility_weight", visibility_weight, 0)

    def per_item(self, y_true: Tensor, y_pred: Tensor, joint_weight: Tensor | None) -> Tensor:
        _check_joined("PoseLoss", "y_true (B, ..., J, D+1) and y_pred (B, ..., J, D+1)", y_true, y_pred)
        options = {"joint_weight": joint_weight, "dtype": self.dtype}
        coordinates = FORMS[self.form](y_true[..., :-1], y_pred[..., :-1], **options)
        return coordinates + self.visibility_weight * visibility_bce(y_true[..., -1:], y_pred[..., -1:], **options)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "visibility_weight": self.visibility_weight}


@keras.saving.register_keras_serializable(package="deephar")
class HeatmapLoss(_PersonLoss):
    """Loss of exported heat maps (B, [T,] H, W, J) against a target that joins pose and visibility (B, [T,] J, D + 1).

    Args:
        weight: factor on `heatmap_cross_entropy`, at least 0.
        sigma: see there, above 0.
        grid: that of the `deephar.layers.SoftArgmax2D` applied to the maps.
        data_format: "channels_last"; None takes `keras.config.image_data_format()`, which must be that.
    """

    def __init__(
        self,
        weight: float = 0.25,
        sigma: float = SIGMA,
        grid: str = "end_inclusive",
        data_format: str | None = None,
        name: str | None = "heatmap_loss",
        **kwargs: typing.Unpack[LossOptions],
    ) -> None:
        super().__init__(name, **kwargs)
        self.weight: float = checks.between("weight", weight, 0)
        self.sigma: float = checks.between("sigma", sigma, 0, low_included=False)
        self.grid: str = checks.one_of("grid", grid, GRIDS)
        self.data_format: str = channels_last("HeatmapLoss", data_format)

    def per_item(self, y_true: Tensor, y_pred: Tensor, joint_weight: Tensor | None) -> Tensor:
        _check_joined("HeatmapLoss", "y_true (B, ..., J, D+1) and y_pred (B, ..., H, W, J)", y_true, y_pred)
        options = {"joint_weight": joint_weight, "dtype": self.dtype}
        return self.weight * heatmap_cross_entropy(y_true[..., :-1], y_pred, self.sigma, self.grid, **options)

    def get_config(self) -> dict[str, object]:
        own: dict[str, object] = {
            "weight": self.weight,
            "sigma": self.sigma,
            "grid": self.grid,
            "data_format": self.data_format,
        }
        return {**super().get_config(), **own}
