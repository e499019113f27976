"""Keras layers over `deephar.ops`: one weight-free layer per operation, and the separable residual.

All are registered under the package name "deephar", so a saved model loads with just `import deephar.layers`. The
layers that compute probabilities or coordinates have their own float32 policy: under `mixed_float16` or
`mixed_bfloat16` their inputs are not cast and their outputs stay float32. Maps have channels last; if that is not your
default, set `data_format="channels_last"`. Every layer whose shapes below begin with `(B, ...)` also takes clips,
(B, T, ...), without reshaping.
"""

import collections.abc
import typing

import keras
from keras import layers

from deephar import checks, ops
from deephar.clip_layers import (  # noqa: F401, layers for clips, exported by this module
    AppearancePooling,
    FoldFrames,
    GaussianMaps,
    PointwiseIdentity,
    UnfoldFrames,
)
from deephar.layer_bases import GridLayer, LayerOptions, MapsLayer, MapsOptions, PreciseLayer, Shape
from deephar.map_layers import ExpectedDepth, ExpectedPosition, JointConfidence  # noqa: F401, of probability maps
from deephar.typed import Tensor

_Regularizer: typing.TypeAlias = keras.regularizers.Regularizer | str | dict[str, object] | None
_Constraint: typing.TypeAlias = keras.constraints.Constraint | str | dict[str, object] | None


@keras.saving.register_keras_serializable(package="deephar")
class SpatialSoftmax(PreciseLayer, MapsLayer):
    """Softmax over all H x W cells of each heat map (paper section 3.1).

    Input shape: `(B, ..., H, W, J)` logits. Output shape: `(B, ..., H, W, J)`; each map sums to 1.
    """

    NEEDS = "heatmaps (B, ..., H, W, J)"

    def call(self, heatmaps: Tensor) -> Tensor:
        self.check(heatmaps)
        return self.rounded(ops.spatial_softmax(heatmaps, self.precision))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        return input_shape


@keras.saving.register_keras_serializable(package="deephar")
class SoftArgmax2D(GridLayer, MapsLayer):
    """Differentiable arg-max of heat maps: coordinates (paper section 3.1).

    Args:
        grid: "end_inclusive" (published weights) or "cell_centred"; see `deephar.ops.GRIDS`.

    Input shape: `(B, ..., H, W, J)` logits. Output shape: `(B, ..., J, 2)`, (x, y) in [0, 1] of the map.

    Example:
        >>> heatmaps = keras.layers.Conv2D(16, 1)(features)
        >>> pose = deephar.layers.SoftArgmax2D(grid="cell_centred")(heatmaps)
    """

    NEEDS = "heatmaps (B, ..., H, W, J)"

    def call(self, heatmaps: Tensor) -> Tensor:
        self.check(heatmaps)
        return self.rounded(ops.soft_argmax_2d(heatmaps, self.grid, self.precision))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        return (*input_shape[:-3], input_shape[-1], 2)


@keras.saving.register_keras_serializable(package="deephar")
class SoftArgmax1D(GridLayer, MapsLayer):
    """Differentiable arg-max of depth maps: depth (paper section 3.1).

    Args:
        grid: "end_inclusive" (published CVPR'18 weights) or "cell_centred"; see `deephar.ops.GRIDS`.

    Input shape: `(B, ..., D, J)` logits. Output shape: `(B, ..., J, 1)`, z in [0, 1] of the depth range.
    """

    NEEDS = "maps (B, ..., D, J)"

    def call(self, maps: Tensor) -> Tensor:
        self.check(maps)
        return self.rounded(ops.soft_argmax_1d(maps, self.grid, self.precision))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        return (*input_shape[:-2], input_shape[-1], 1)


@keras.saving.register_keras_serializable(package="deephar")
class JointVisibility(PreciseLayer, MapsLayer):
    """Probability that each joint is visible: sigmoid of the largest logit (paper section 3.1).

    Args:
        scale: factor on the logit, above 0; 1 for images, 4 (2D) or 2 (3D) in the published clip models.

    Input shape: `(B, ..., H, W, J)` logits and, for volumes, `(B, ..., D, J)` logits as a second argument.
    Output shape: `(B, ..., J, 1)` in [0, 1].
    """

    NEEDS = "heatmaps (B, ..., H, W, J) and, for volumes, depth_maps (B, ..., D, J)"

    def __init__(self, scale: float = 1.0, **kwargs: typing.Unpack[MapsOptions]) -> None:
        super().__init__(**kwargs)
        self.scale: float = checks.between("scale", scale, 0, low_included=False)

    def call(self, heatmaps: Tensor, depth_maps: Tensor | None = None) -> Tensor:
        self.check(*(x for x in (heatmaps, depth_maps) if x is not None))
        return self.rounded(ops.joint_visibility(heatmaps, depth_maps, self.scale, self.precision))

    def compute_output_shape(self, heatmaps_shape: Shape, depth_maps_shape: Shape | None = None) -> Shape:
        self.check(*(shape for shape in (heatmaps_shape, depth_maps_shape) if shape is not None))
        return (*heatmaps_shape[:-3], heatmaps_shape[-1], 1)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="deephar")
class ContextAggregation(PreciseLayer):
    """Blend each joint with the visibility-weighted mean of its context maps (published weights).

    Args:
        alpha: weight of the specialised estimate, in [0, 1].

    Input shape: pose `(B, ..., J, D)`, context pose `(B, ..., J*N, D)`, context visibility `(B, ..., J*N, 1)`.
    Output shape: `(B, ..., J, D)`.
    """

    NEEDS = "pose (B, ..., J, D), context_pose (B, ..., J*N, D) and context_visibility (B, ..., J*N, 1)"

    def __init__(self, alpha: float = 0.8, **kwargs: typing.Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.alpha: float = checks.between("alpha", alpha, 0, 1)

    def check(self, *inputs: Tensor | Shape) -> None:
        super().check(*inputs)
        joints, contexts = (getattr(x, "shape", x)[-2] for x in inputs[:2])
        if joints and contexts is not None and (contexts < joints or contexts % joints):
            raise ValueError(
                "ContextAggregation needs the same number of context maps for every joint. "
                f"Received: {joints} joints and {contexts} context maps"
            )

    def call(self, pose: Tensor, context_pose: Tensor, context_visibility: Tensor) -> Tensor:
        self.check(pose, context_pose, context_visibility)
        blended = ops.context_aggregation(pose, context_pose, context_visibility, self.alpha, self.precision)
        return self.rounded(blended)

    def compute_output_shape(
        self, pose_shape: Shape, context_pose_shape: Shape, context_visibility_shape: Shape
    ) -> Shape:
        self.check(pose_shape, context_pose_shape, context_visibility_shape)
        return pose_shape

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "alpha": self.alpha}


@keras.saving.register_keras_serializable(package="deephar")
class SplitVolume(PreciseLayer, MapsLayer):
    """Volumetric heat maps to maps over (x, y) and maps over z (paper section 3.1).

    Args:
        depth: number of depth cells D.

    Input shape: `(B, ..., H, W, D*J)` logits, depth-major (channel = d*J + j). Pass clips directly;
    `keras.layers.TimeDistributed` only supports layers with one output.
    Output shape: a pair, `(B, ..., H, W, J)` and `(B, ..., D, J)`.
    """

    NEEDS = "volume (B, ..., H, W, D*J)"

    def __init__(self, depth: int, **kwargs: typing.Unpack[MapsOptions]) -> None:
        super().__init__(**kwargs)
        self.depth: int = checks.whole("depth", depth)

    def check(self, *inputs: Tensor | Shape) -> None:
        super().check(*inputs)
        channels = getattr(inputs[0], "shape", inputs[0])[-1]
        if channels is not None and channels % self.depth:
            raise ValueError(
                f"SplitVolume needs depth * joints channels. Received: depth={self.depth} and {channels} channels"
            )

    def call(self, volume: Tensor) -> tuple[Tensor, Tensor]:
        self.check(volume)
        maps_xy, maps_z = ops.split_volume(volume, self.depth, self.precision)
        return self.rounded(maps_xy), self.rounded(maps_z)

    def compute_output_shape(self, input_shape: Shape) -> tuple[Shape, Shape]:
        self.check(input_shape)
        joints = None if input_shape[-1] is None else input_shape[-1] // self.depth
        return (*input_shape[:-1], joints), (*input_shape[:-3], self.depth, joints)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "depth": self.depth}


@keras.saving.register_keras_serializable(package="deephar")
class MaxPlusMinPooling2D(MapsLayer):
    """Largest plus smallest value of each window (paper section 3.2).

    Args:
        pool_size, strides: int or pair; strides default to the pool size.
        padding: "same" or "valid"; padded cells are ignored.

    Input shape: `(B, H, W, C)`. Output shape: `(B, ceil(H / stride), ceil(W / stride), C)` for "same".
    """

    NEEDS = "maps (B, H, W, C)"

    def __init__(
        self,
        pool_size: int | collections.abc.Sequence[int] = 2,
        strides: int | collections.abc.Sequence[int] | None = None,
        padding: str = "same",
        **kwargs: typing.Unpack[MapsOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size: tuple[int, int] = checks.pair("pool_size", pool_size)
        self.strides: tuple[int, int] | None = None if strides is None else checks.pair("strides", strides)
        self.padding: str = checks.one_of("padding", padding, ("same", "valid"))

    def call(self, x: Tensor) -> Tensor:
        self.check(x)
        x = keras.ops.cast(x, self.compute_dtype)
        return ops.max_plus_min_pooling_2d(x, self.pool_size, self.strides, self.padding)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        pooling = layers.MaxPooling2D(self.pool_size, self.strides, self.padding, data_format="channels_last")
        return pooling.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, object]:
        own: dict[str, object] = {"pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="deephar")
class GlobalMaxPlusMinPooling2D(MapsLayer):
    """Largest plus smallest value of each map (paper section 3.2).

    Input shape: `(B, ..., H, W, C)`. Output shape: `(B, ..., C)`.
    """

    NEEDS = "maps (B, ..., H, W, C)"

    def call(self, x: Tensor) -> Tensor:
        self.check(x)
        return ops.global_max_plus_min_pooling_2d(keras.ops.cast(x, self.compute_dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        return (*input_shape[:-3], input_shape[-1])


@keras.saving.register_keras_serializable(package="deephar")
class SeparableResidual(layers.Layer):
    """Pre-activated separable convolution with a residual shortcut (paper appendix A, figure 10).

    `y = shortcut(x) + BN(SeparableConv(ReLU(x)))`; the shortcut is x itself, or `BN(Conv1x1(ReLU(x)))` if the
    number of channels changes. If it shrinks, the main path is first reduced by another `BN(Conv1x1(ReLU(x)))`.
    No biases, no scale in batch normalization, nothing after the sum. The inner layers are frozen and unfrozen with it.

    Args:
        filters: channels of the output.
        kernel_size: int or pair of the depthwise kernel.
        depthwise_regularizer, pointwise_regularizer: of the separable convolution, see `keras.layers.SeparableConv2D`.
        kernel_regularizer: of the 1x1 convolutions.
        depthwise_constraint, pointwise_constraint, kernel_constraint: likewise.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H, W, filters)`.

    Raises:
        ValueError: for invalid arguments or inputs.

    Example:
        >>> features = deephar.layers.SeparableResidual(288, 5)(features)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | collections.abc.Sequence[int] = 3,
        depthwise_regularizer: _Regularizer = None,
        pointwise_regularizer: _Regularizer = None,
        kernel_regularizer: _Regularizer = None,
        depthwise_constraint: _Constraint = None,
        pointwise_constraint: _Constraint = None,
        kernel_constraint: _Constraint = None,
        **kwargs: typing.Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.filters: int = checks.whole("filters", filters)
        self.kernel_size: tuple[int, int] = checks.pair("kernel_size", kernel_size)
        self.depthwise_regularizer = keras.regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = keras.regularizers.get(pointwise_regularizer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.depthwise_constraint = keras.constraints.get(depthwise_constraint)
        self.pointwise_constraint = keras.constraints.get(pointwise_constraint)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.relu = layers.ReLU(dtype=self.dtype_policy, name="relu")
        self.conv = layers.SeparableConv2D(
            self.filters,
            self.kernel_size,
            padding="same",
            depthwise_regularizer=self.depthwise_regularizer,
            pointwise_regularizer=self.pointwise_regularizer,
            depthwise_constraint=self.depthwise_constraint,
            pointwise_constraint=self.pointwise_constraint,
            **self._inner("conv"),
        )
        self.bn = self._batch_norm("bn")
        self.shortcut_conv: layers.Layer | None = None
        self.shortcut_bn: layers.Layer | None = None
        self.reduce_conv: layers.Layer | None = None
        self.reduce_bn: layers.Layer | None = None

    def _inner(self, name):
        """Options of every inner convolution; one created later inherits whether this layer is frozen."""
        options = {"data_format": "channels_last", "use_bias": False, "dtype": self.dtype_policy}
        return {**options, "trainable": self.trainable, "name": name}

    def _batch_norm(self, name):
        options = {"dtype": self.dtype_policy, "trainable": self.trainable, "name": name}
        return layers.BatchNormalization(epsilon=1e-3, scale=False, **options)

    def _pointwise(self, input_shape, name):
        """A 1x1 convolution and its batch normalization, built for `input_shape`."""
        conv = layers.Conv2D(
            self.filters,
            1,
            kernel_regularizer=self.kernel_regularizer,
            kernel_constraint=self.kernel_constraint,
            **self._inner(f"{name}_conv"),
        )
        bn = self._batch_norm(f"{name}_bn")
        conv.build(input_shape)
        bn.build(self.compute_output_shape(input_shape))
        return conv, bn

    def build(self, input_shape: Shape) -> None:
        checks.axes("SeparableResidual", "features (B, H, W, C)", input_shape)
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(
                f"SeparableResidual needs a known number of channels. Received: features {tuple(input_shape)}"
            )
        self.input_spec = keras.InputSpec(ndim=4, axes={-1: channels})
        output_shape = self.compute_output_shape(input_shape)
        if channels != self.filters:
            self.shortcut_conv, self.shortcut_bn = self._pointwise(input_shape, "shortcut")
        if channels > self.filters:
            self.reduce_conv, self.reduce_bn = self._pointwise(input_shape, "reduce")
        self.conv.build(output_shape if channels > self.filters else input_shape)
        self.bn.build(output_shape)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        shortcut = x
        x = self.relu(x)
        if self.shortcut_conv and self.shortcut_bn:
            shortcut = self.shortcut_bn(self.shortcut_conv(x), training=training)
        if self.reduce_conv and self.reduce_bn:
            x = self.relu(self.reduce_bn(self.reduce_conv(x), training=training))
        return shortcut + self.bn(self.conv(x), training=training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, object]:
        own: dict[str, object] = {"filters": self.filters, "kernel_size": self.kernel_size}
        for kernel in ("depthwise", "pointwise", "kernel"):
            own[f"{kernel}_regularizer"] = keras.regularizers.serialize(getattr(self, f"{kernel}_regularizer"))
            own[f"{kernel}_constraint"] = keras.constraints.serialize(getattr(self, f"{kernel}_constraint"))
        return {**super().get_config(), **own}
