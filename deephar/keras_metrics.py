"""PCK, PCKh and MPJPE as Keras metrics, to monitor training: `compile(..., metrics=[...])`.

They take the targets of `deephar.losses`: (B, [T,] J, D + 1), crop coordinates with the visibility last, or without
it, and `MISSING` (or NaN) where there is no label. Joints are pooled over people, batches and devices: a result is a
mean over all labelled joints, not a mean of batch means, and NaN before the first of them. Occluded joints count if
they have a label.

A network has an output for every block; give a list with an entry for each, e.g. `metrics=[None, [PCK("pa16j")]]` for
two. Sample weights are applied if metrics are given as `weighted_metrics`, see `deephar.sample_weights.aligned`.

Metrics are computed in the crop. For scores to report, use `deephar.evaluation`, in pixels and mm of the source.
"""

import functools
import typing
from collections.abc import Collection, Sequence

import keras
from keras import ops

from deephar import checks, layouts, metrics, sample_weights
from deephar.geometry import DEPTH_HALF_RANGE_MM, WINDOW_MM
from deephar.layer_bases import DType, Shape
from deephar.losses import annotated_mask
from deephar.typed import Tensor

CROP_MM: tuple[float, float, float] = (WINDOW_MM, WINDOW_MM, 2 * DEPTH_HALF_RANGE_MM)
"""Width, height and depth range of the published crop at the person."""

_Layout: typing.TypeAlias = layouts.PoseLayout | str | list[str] | tuple[str, ...]


class _JointMean(keras.metrics.Mean):
    """Base: mean of one number per joint over the labelled joints.

    Args:
        dim: number of coordinates used, from the first.
        joints: J, or None for any number.
        visibility: whether the last coordinate of targets and predictions is the visibility.
        name, dtype: of the metric; float32 if None.
    """

    def __init__(self, dim: int, joints: int | None, visibility: bool, name: str | None, dtype: DType) -> None:
        super().__init__(name=name, dtype=dtype or "float32")
        self.dim: int = dim
        self.joints: int | None = joints
        self.visibility: bool = bool(visibility)

    def values(self, y_true: Tensor, y_pred: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
        """The value of every joint, and which joints count, both (B, [T,] J), from coordinates.

        Args:
            y_true, y_pred: (B, [T,] J, D), 0 where there is no label.
            labelled: bool (B, [T,] J), joints with a label for every coordinate used.
        """
        raise NotImplementedError

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: sample_weights.SampleWeight | None = None
    ) -> None:
        """Add a batch of targets and predictions, (B, [T,] J, D + 1), or (B, [T,] J, D) without visibility."""
        y_true, y_pred = ops.cast(y_true, self.dtype), ops.cast(y_pred, self.dtype)
        self.check(y_true.shape, y_pred.shape)
        y_true, y_pred = y_true[..., : self.dim], y_pred[..., : self.dim]
        labelled = ops.all(annotated_mask(y_true) > 0, axis=-1)
        values, counted = self.values(ops.where(labelled[..., None], y_true, 0.0), y_pred, labelled)
        weight = ops.cast(counted, self.dtype)
        if sample_weight is not None:
            shape = y_true.shape[:-1]
            weight = weight * sample_weights.aligned(type(self).__name__, sample_weight, shape, self.dtype)
        super().update_state(ops.reshape(ops.where(counted, values, 0.0), (-1,)), ops.reshape(weight, (-1,)))

    def check(self, true_shape: Shape, pred_shape: Shape) -> None:
        """Raise ValueError unless targets and predictions have matching shapes with all coordinates used."""
        owner = type(self).__name__
        last = "D+1" if self.visibility else "D"
        poses = f"(B, ..., {self.joints or 'J'}, {last})"
        checks.axes(owner, f"y_true {poses} and y_pred {poses}", true_shape, pred_shape)
        coordinates = true_shape[-1]
        if coordinates is not None and coordinates < self.dim + self.visibility:
            wanted = f"{self.dim} coordinates{' and the visibility' if self.visibility else ''} of every joint"
            raise ValueError(f"{owner} needs {wanted}. Received: y_true {tuple(true_shape)}")

    def result(self) -> Tensor:
        return ops.where(self.count > 0, super().result(), float("nan"))

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "visibility": self.visibility}


class _CorrectShare(_JointMean):
    """Base: fraction of the joints within `threshold` times the size of the person.

    Args:
        layout: the joints: a `deephar.layouts.PoseLayout`, its name, or the names of the joints in order.
        threshold: relative to the size, above 0.
        crop_shape: (H, W) of the crop; None for a square.
        segments: pairs of joints; the longest with both labels is the size.
        left_out: joints that do not count.
        visibility, name, dtype: see `_JointMean`.
    """

    def __init__(
        self,
        layout: _Layout,
        threshold: float,
        crop_shape: Sequence[int] | None,
        segments: Sequence[tuple[str, str]],
        left_out: Collection[str],
        visibility: bool,
        name: str | None,
        dtype: DType,
    ) -> None:
        if isinstance(layout, (list, tuple)):
            layout = layouts.PoseLayout("of the metric", layout)
        layout = layouts.get(layout)
        self.names: tuple[str, ...] = layout.names
        super().__init__(2, len(self.names), visibility, name, dtype)
        self.threshold: float = checks.between("threshold", threshold, 0, low_included=False)
        self.crop_shape: tuple[int, int] | None = None if crop_shape is None else checks.pair("crop_shape", crop_shape)
        wanted = sorted({joint for segment in segments for joint in segment} - set(layout.places))
        if wanted:
            raise ValueError(f"{type(self).__name__} needs {', '.join(wanted)}. Received: layout={self.names}")
        self.segments: list[tuple[int, int]] = [(layout.index(a), layout.index(b)) for a, b in segments]
        self.in_total: list[bool] = [joint not in left_out for joint in layout.places]

    def values(self, y_true: Tensor, y_pred: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
        height, width = self.crop_shape or (1, 1)
        shape = ops.convert_to_tensor([width / height, 1.0], dtype=self.dtype)  # x and y in the same unit

        def length(difference):
            return ops.sqrt(ops.sum(ops.square(difference * shape), axis=-1))

        lengths = [
            ops.where(labelled[..., a] & labelled[..., b], length(y_true[..., a, :] - y_true[..., b, :]), 0.0)
            for a, b in self.segments
        ]
        size = functools.reduce(ops.maximum, lengths)[..., None]
        counted = labelled & (size > 0) & ops.convert_to_tensor(self.in_total)
        return ops.cast(length(y_pred - y_true) <= self.threshold * size, self.dtype), counted

    def get_config(self) -> dict[str, object]:
        own: dict[str, object] = {
            "layout": list(self.names),
            "threshold": self.threshold,
            "crop_shape": self.crop_shape,
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="deephar")
class PCK(_CorrectShare):
    """Fraction of joints within `threshold` torso sizes of the truth; equals `deephar.metrics.pck`.

    Args:
        layout: the joints: a `deephar.layouts.PoseLayout`, its name, or the names of the joints in order.
        threshold: in torso sizes, the longer labelled diagonal from a shoulder to the opposite hip.
        crop_shape: (H, W) of the crop; None for a square.
        visibility: whether the last coordinate of targets and predictions is the visibility.
        name, dtype: of the metric.

    Example:
        >>> model = deephar.models.build("lite-2d", num_blocks=1, concat_visibility=True)
        >>> model.compile("adam", deephar.losses.PoseLoss(), metrics=[PCK("pa16j")])
    """

    def __init__(
        self,
        layout: _Layout,
        threshold: float = 0.2,
        crop_shape: Sequence[int] | None = None,
        visibility: bool = True,
        name: str | None = "pck",
        dtype: DType = None,
    ) -> None:
        torso = (("r_shoulder", "l_hip"), ("l_shoulder", "r_hip"))
        super().__init__(layout, threshold, crop_shape, torso, (), visibility, name, dtype)


@keras.saving.register_keras_serializable(package="deephar")
class PCKh(_CorrectShare):
    """Fraction of joints within `threshold` head sizes of the truth, without pelvis and thorax, as customary on MPII.

    The head is measured from the upper neck to its top. Targets do not include the annotated head box that MPII's
    own score uses, so the two differ; that score is `deephar.evaluation.pose2d.pckh_scores`.

    Args:
        layout: the joints: a `deephar.layouts.PoseLayout`, its name, or the names of the joints in order.
        threshold: in head sizes.
        crop_shape: (H, W) of the crop; None for a square.
        visibility: whether the last coordinate of targets and predictions is the visibility.
        name, dtype: of the metric.
    """

    def __init__(
        self,
        layout: _Layout,
        threshold: float = 0.5,
        crop_shape: Sequence[int] | None = None,
        visibility: bool = True,
        name: str | None = "pckh",
        dtype: DType = None,
    ) -> None:
        head = (("neck", "head_top"),)
        super().__init__(layout, threshold, crop_shape, head, metrics.NOT_IN_TOTAL, visibility, name, dtype)


@keras.saving.register_keras_serializable(package="deephar")
class MPJPE(_JointMean):
    """Mean distance of the joints from the truth in mm, roots aligned; see `deephar.metrics3d.mpjpe`.

    Args:
        root: joint that is moved to the origin in both; a pose without its label does not count. None compares the
            poses without alignment.
        unit_mm: length of 1 along x, y and z, in mm, or one number for all; the default assumes the published crop;
            use 1 for targets in mm.
        visibility: whether the last coordinate of targets and predictions is the visibility.
        name, dtype: of the metric.
    """

    def __init__(
        self,
        root: int | None = 0,
        unit_mm: float | Sequence[float] = CROP_MM,
        visibility: bool = True,
        name: str | None = "mpjpe",
        dtype: DType = None,
    ) -> None:
        super().__init__(3, None, visibility, name, dtype)
        self.root: int | None = None if root is None else checks.whole("root", root, least=0)
        units = unit_mm if isinstance(unit_mm, (tuple, list)) else [unit_mm] * 3
        self.unit_mm: list[float] = [checks.between("unit_mm", unit, 0, low_included=False) for unit in units]
        if len(self.unit_mm) != 3:
            raise ValueError(f"`unit_mm` must be one number or three, for x, y and z. Received: unit_mm={unit_mm!r}")

    def check(self, true_shape: Shape, pred_shape: Shape) -> None:
        super().check(true_shape, pred_shape)
        joints = true_shape[-2]
        if joints is not None and self.root is not None and self.root >= joints:
            raise ValueError(f"`root` must be one of {joints} joints, counted from 0. Received: root={self.root}")

    def values(self, y_true: Tensor, y_pred: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
        difference = y_pred - y_true
        if self.root is not None:
            root = slice(self.root, self.root + 1)
            difference = difference - difference[..., root, :]
            labelled = labelled & labelled[..., root]
        mm = difference * ops.convert_to_tensor(self.unit_mm, dtype=self.dtype)
        return ops.sqrt(ops.sum(ops.square(mm), axis=-1)), labelled

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "root": self.root, "unit_mm": self.unit_mm}
