"""Keras layers over `deephar.ops`: one weight-free layer per operation, and the separable residual.

All are registered under the package name "deephar", so a saved model loads with `import deephar.layers` and nothing
else. The layers that compute probabilities or coordinates have a float32 policy of their own: under
`mixed_float16` or `mixed_bfloat16` their inputs are cast up and their outputs stay float32.
"""

import keras
from keras import layers

from deephar import ops


class _Float32Layer(layers.Layer):
    """Base of the layers whose numbers matter: float32 unless the caller insists otherwise."""

    def __init__(self, *, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)


class _GridLayer(_Float32Layer):
    """Base of the layers that read coordinates off a grid."""

    def __init__(self, grid="end_inclusive", **kwargs):
        super().__init__(**kwargs)
        if grid not in ops.GRIDS:
            raise ValueError(f"`grid` must be one of {', '.join(ops.GRIDS)}. Received: grid={grid!r}")
        self.grid = grid

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}


@keras.saving.register_keras_serializable(package="deephar")
class SpatialSoftmax(_Float32Layer):
    """Softmax over all H x W cells of each heat map (paper section 3.1).

    Input shape: `(..., H, W, J)` logits. Output shape: `(..., H, W, J)`; each map sums to 1.
    """

    def call(self, heatmaps):
        return ops.spatial_softmax(heatmaps)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="deephar")
class SoftArgmax2D(_GridLayer):
    """Heat maps to coordinates, differentiably (paper section 3.1).

    Args:
        grid: "end_inclusive" (published weights) or "cell_centred"; see `deephar.ops.GRIDS`.

    Input shape: `(..., H, W, J)` logits. Output shape: `(..., J, 2)`, (x, y) in [0, 1] of the map.

    Example:
        >>> heatmaps = keras.layers.Conv2D(16, 1)(features)
        >>> pose = deephar.layers.SoftArgmax2D(grid="cell_centred")(heatmaps)
    """

    def call(self, heatmaps):
        return ops.soft_argmax_2d(heatmaps, self.grid)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], input_shape[-1], 2)


@keras.saving.register_keras_serializable(package="deephar")
class SoftArgmax1D(_GridLayer):
    """Depth maps to depth, differentiably (paper section 3.1).

    Args:
        grid: "end_inclusive" (published CVPR'18 weights) or "cell_centred"; see `deephar.ops.GRIDS`.

    Input shape: `(..., D, J)` logits. Output shape: `(..., J, 1)`, z in [0, 1] of the depth range.
    """

    def call(self, maps):
        return ops.soft_argmax_1d(maps, self.grid)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-2], input_shape[-1], 1)


@keras.saving.register_keras_serializable(package="deephar")
class JointVisibility(_Float32Layer):
    """Probability that each joint is seen: sigmoid of the largest logit (paper section 3.1).

    Args:
        scale: factor on the logit; 1 for images, 4 (2D) or 2 (3D) in the published clip models.

    Input shape: `(..., H, W, J)` logits and, for volumes, `(..., D, J)` logits as a second argument.
    Output shape: `(..., J, 1)` in [0, 1].
    """

    def __init__(self, scale=1.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, heatmaps, depth_maps=None):
        return ops.joint_visibility(heatmaps, depth_maps, self.scale)

    def compute_output_shape(self, heatmaps_shape, depth_maps_shape=None):
        return (*heatmaps_shape[:-3], heatmaps_shape[-1], 1)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="deephar")
class ContextAggregation(_Float32Layer):
    """Blend each joint with the visibility-weighted mean of its context maps (published weights).

    Args:
        alpha: weight of the specialised estimate, in [0, 1].

    Input shape: pose `(..., J, D)`, context pose `(..., J*N, D)`, context visibility `(..., J*N, 1)`.
    Output shape: `(..., J, D)`.
    """

    def __init__(self, alpha=0.8, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= alpha <= 1.0:
            raise ValueError(f"`alpha` must lie in [0, 1]. Received: alpha={alpha}")
        self.alpha = alpha

    def call(self, pose, context_pose, context_visibility):
        return ops.context_aggregation(pose, context_pose, context_visibility, self.alpha)

    def compute_output_shape(self, pose_shape, context_pose_shape, context_visibility_shape):
        if pose_shape[-2] and context_pose_shape[-2] and context_pose_shape[-2] % pose_shape[-2]:
            raise ValueError(
                "ContextAggregation needs the same number of context maps for every joint. "
                f"Received: {pose_shape[-2]} joints and {context_pose_shape[-2]} context maps"
            )
        return pose_shape

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


@keras.saving.register_keras_serializable(package="deephar")
class SplitVolume(_Float32Layer):
    """Volumetric heat maps to maps over (x, y) and maps over z (paper section 3.1).

    Args:
        depth: number of depth cells D.

    Input shape: `(..., H, W, D*J)` logits, depth-major (channel = d*J + j).
    Output shape: a pair, `(..., H, W, J)` and `(..., D, J)`.
    """

    def __init__(self, depth, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth

    def build(self, input_shape):
        if input_shape[-1] % self.depth:
            raise ValueError(
                "SplitVolume needs depth * joints channels. "
                f"Received: depth={self.depth} and {input_shape[-1]} channels"
            )

    def call(self, volume):
        return ops.split_volume(volume, self.depth)

    def compute_output_shape(self, input_shape):
        joints = input_shape[-1] // self.depth
        return (*input_shape[:-1], joints), (*input_shape[:-3], self.depth, joints)

    def get_config(self):
        return {**super().get_config(), "depth": self.depth}


@keras.saving.register_keras_serializable(package="deephar")
class MaxPlusMinPooling2D(layers.Layer):
    """Largest plus smallest value of each window (paper section 3.2).

    Args:
        pool_size, strides: int or pair; strides default to the pool size.
        padding: "same" or "valid"; padded cells take no part.

    Input shape: `(B, H, W, C)`. Output shape: `(B, ceil(H / stride), ceil(W / stride), C)` for "same".
    """

    def __init__(self, pool_size=2, strides=None, padding="same", **kwargs):
        super().__init__(**kwargs)
        self.pool_size = pool_size
        self.strides = strides
        self.padding = padding

    def call(self, x):
        return ops.max_plus_min_pooling_2d(x, self.pool_size, self.strides, self.padding)

    def compute_output_shape(self, input_shape):
        pooling = layers.MaxPooling2D(self.pool_size, self.strides, self.padding, data_format="channels_last")
        return pooling.compute_output_shape(input_shape)

    def get_config(self):
        own = {"pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="deephar")
class GlobalMaxPlusMinPooling2D(layers.Layer):
    """Largest plus smallest value of each map (paper section 3.2).

    Input shape: `(..., H, W, C)`. Output shape: `(..., C)`.
    """

    def call(self, x):
        return ops.global_max_plus_min_pooling_2d(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-3], input_shape[-1])


@keras.saving.register_keras_serializable(package="deephar")
class SeparableResidual(layers.Layer):
    """Pre-activated separable convolution with a residual shortcut (paper appendix A, figure 10).

    `y = shortcut(x) + BN(SeparableConv(ReLU(x)))`; the shortcut is x itself, or `BN(Conv1x1(ReLU(x)))` where the
    number of channels changes. When it shrinks, the main path is first reduced by another `BN(Conv1x1(ReLU(x)))`.
    No biases, no scale in the batch norms, nothing after the sum.

    Args:
        filters: channels of the output.
        kernel_size: int or pair of the depthwise kernel.
        depthwise_regularizer, pointwise_regularizer: Keras regularizers of the depthwise kernel and of all 1x1 kernels.

    Input shape: `(B, H, W, C)`. Output shape: `(B, H, W, filters)`.

    Example:
        >>> features = deephar.layers.SeparableResidual(288, 5)(features)
    """

    def __init__(self, filters, kernel_size=3, depthwise_regularizer=None, pointwise_regularizer=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.depthwise_regularizer = keras.regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = keras.regularizers.get(pointwise_regularizer)
        self.relu = layers.ReLU(dtype=self.dtype_policy, name="relu")
        self.conv = layers.SeparableConv2D(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            depthwise_regularizer=self.depthwise_regularizer,
            pointwise_regularizer=self.pointwise_regularizer,
            dtype=self.dtype_policy,
            name="conv",
        )
        self.bn = layers.BatchNormalization(epsilon=1e-3, scale=False, dtype=self.dtype_policy, name="bn")
        self.shortcut_conv = self.shortcut_bn = self.reduce_conv = self.reduce_bn = None
        self._hand_down_trainable()

    def _hand_down_trainable(self):
        """Freeze the layers inside if this one is frozen: Keras hands `trainable` down only where it changes."""
        for layer in () if self.trainable else self._flatten_layers(include_self=False):
            layer.trainable = False

    def _pointwise(self, input_shape, name):
        """A 1x1 convolution and its batch norm, built for `input_shape`."""
        options = {"data_format": "channels_last", "use_bias": False, "dtype": self.dtype_policy}
        conv = layers.Conv2D(
            self.filters, 1, kernel_regularizer=self.pointwise_regularizer, name=f"{name}_conv", **options
        )
        bn = layers.BatchNormalization(epsilon=1e-3, scale=False, dtype=self.dtype_policy, name=f"{name}_bn")
        conv.build(input_shape)
        bn.build(self.compute_output_shape(input_shape))
        return conv, bn

    def build(self, input_shape):
        channels = input_shape[-1]
        output_shape = self.compute_output_shape(input_shape)
        if channels != self.filters:
            self.shortcut_conv, self.shortcut_bn = self._pointwise(input_shape, "shortcut")
        if channels > self.filters:
            self.reduce_conv, self.reduce_bn = self._pointwise(input_shape, "reduce")
        self.conv.build(output_shape if channels > self.filters else input_shape)
        self.bn.build(output_shape)
        self._hand_down_trainable()

    def call(self, x, training=None):
        shortcut = x
        x = self.relu(x)
        if self.shortcut_conv:
            shortcut = self.shortcut_bn(self.shortcut_conv(x), training=training)
        if self.reduce_conv:
            x = self.relu(self.reduce_bn(self.reduce_conv(x), training=training))
        return shortcut + self.bn(self.conv(x), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "depthwise_regularizer": keras.regularizers.serialize(self.depthwise_regularizer),
            "pointwise_regularizer": keras.regularizers.serialize(self.pointwise_regularizer),
        }


class _SameDtypeLayer(layers.Layer):
    """Base of the layers that only move numbers: the dtype is the input's, whatever the policy."""

    def __init__(self, *, autocast=False, **kwargs):
        super().__init__(autocast=autocast, **kwargs)

    def compute_output_spec(self, x):
        return keras.KerasTensor(self.compute_output_shape(x.shape), dtype=x.dtype)


@keras.saving.register_keras_serializable(package="deephar")
class FoldFrames(_SameDtypeLayer):
    """The frames of clips as a batch of images, so that what comes next is applied to every frame with shared weights.

    Batch norms then take their statistics over B, T, H and W, as the original's did. The dtype is kept.

    Input shape: `(B, T, ...)`. Output shape: `(B * T, ...)`.
    """

    def call(self, x):
        return keras.ops.reshape(x, (-1, *x.shape[2:]))

    def compute_output_shape(self, input_shape):
        return (None, *input_shape[2:])


@keras.saving.register_keras_serializable(package="deephar")
class UnfoldFrames(_SameDtypeLayer):
    """The inverse of `FoldFrames`.

    Args:
        frames: T.

    Input shape: `(B * T, ...)`. Output shape: `(B, T, ...)`.
    """

    def __init__(self, frames, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames

    def call(self, x):
        return keras.ops.reshape(x, (-1, self.frames, *x.shape[1:]))

    def compute_output_shape(self, input_shape):
        return (None, self.frames, *input_shape[1:])

    def get_config(self):
        return {**super().get_config(), "frames": self.frames}


@keras.saving.register_keras_serializable(package="deephar")
class AppearancePooling(_Float32Layer):
    """Visual features under every joint's probability map (paper section 4.2).

    Input shape: probability maps `(..., H, W, J)` and features `(..., H, W, C)`. Output shape: `(..., J, C)`.
    """

    def call(self, probability, features):
        return ops.appearance_pooling(probability, features)

    def compute_output_shape(self, probability_shape, features_shape):
        return (*features_shape[:-3], probability_shape[-1], features_shape[-1])


@keras.saving.register_keras_serializable(package="deephar")
class GaussianMaps(_GridLayer):
    """Probability maps around joints that are given instead of predicted.

    Args:
        height, width: H and W of the maps.
        sigma: of the Gaussian, in crops.
        grid: see `deephar.ops.GRIDS`.

    Input shape: `(..., J, 2 or more)`, x and y in [0, 1]. Output shape: `(..., H, W, J)`.
    """

    def __init__(self, height, width, sigma=0.03, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width, self.sigma = height, width, sigma

    def call(self, pose):
        return ops.gaussian_maps(pose, self.height, self.width, self.sigma, self.grid)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-2], self.height, self.width, input_shape[-2])

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width, "sigma": self.sigma}


@keras.saving.register_keras_serializable(package="deephar")
class PointwiseIdentity(keras.initializers.Initializer):
    """Kernel (1, 1, n, n) of a 1x1 convolution that at first gives back its input (published merge of action maps)."""

    def __call__(self, shape, dtype=None):
        if tuple(shape[:2]) != (1, 1) or shape[2] != shape[3]:
            raise ValueError(f"PointwiseIdentity is for kernels (1, 1, n, n). Received: shape={tuple(shape)}")
        return keras.ops.eye(shape[2], dtype=dtype)[None, None]
