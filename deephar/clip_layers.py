"""Layers for clips: folding frames into the batch and back, and pooling or drawing maps around joints.

They are exported by `deephar.layers`.
"""

import collections.abc
import typing

import keras

from deephar import checks, ops
from deephar.layer_bases import (
    GridLayer,
    LayerOptions,
    MapsLayer,
    MapsOptions,
    PreciseLayer,
    SameDtypeLayer,
    Shape,
)
from deephar.typed import Tensor


@keras.saving.register_keras_serializable(package="deephar")
class FoldFrames(SameDtypeLayer):
    """The frames of clips as a batch of images, so that subsequent layers apply to every frame with shared weights.

    Batch normalization then computes its statistics over B, T, H and W, as in the original. The dtype is kept.

    Input shape: `(B, T, ...)`. Output shape: `(B * T, ...)`.
    """

    NEEDS = "clips (B, T, ...)"

    def call(self, x: Tensor) -> Tensor:
        self.check(x)
        return keras.ops.reshape(x, (-1, *keras.ops.shape(x)[2:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        clips, frames = input_shape[:2]
        return (None if clips is None or frames is None else clips * frames, *input_shape[2:])


@keras.saving.register_keras_serializable(package="deephar")
class UnfoldFrames(SameDtypeLayer):
    """The inverse of `FoldFrames`.

    Args:
        frames: T.

    Input shape: `(B * T, ...)`. Output shape: `(B, T, ...)`.
    """

    NEEDS = "frames (B*T, ...)"

    def __init__(self, frames: int, **kwargs: typing.Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.frames: int = checks.whole("frames", frames)

    def check(self, *inputs: Tensor | Shape) -> None:
        super().check(*inputs)
        images = getattr(inputs[0], "shape", inputs[0])[0]
        if isinstance(images, int) and images % self.frames:
            raise ValueError(
                f"UnfoldFrames needs whole clips of {self.frames} frames, a multiple of that number. "
                f"Received: {images} frames"
            )

    def call(self, x: Tensor) -> Tensor:
        self.check(x)
        return keras.ops.reshape(x, (-1, self.frames, *keras.ops.shape(x)[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        images = input_shape[0]
        return (None if images is None else images // self.frames, self.frames, *input_shape[1:])

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "frames": self.frames}


@keras.saving.register_keras_serializable(package="deephar")
class AppearancePooling(PreciseLayer, MapsLayer):
    """Visual features weighted by every joint's probability map (paper section 4.2).

    Input shape: probability maps `(B, ..., H, W, J)` and features `(B, ..., H, W, C)`.
    Output shape: `(B, ..., J, C)`.
    """

    NEEDS = "probability (B, ..., H, W, J) and features (B, ..., H, W, C)"

    def call(self, probability: Tensor, features: Tensor) -> Tensor:
        self.check(probability, features)
        return self.rounded(ops.appearance_pooling(probability, features, self.precision))

    def compute_output_shape(self, probability_shape: Shape, features_shape: Shape) -> Shape:
        self.check(probability_shape, features_shape)
        return (*features_shape[:-3], probability_shape[-1], features_shape[-1])


@keras.saving.register_keras_serializable(package="deephar")
class GaussianMaps(GridLayer, MapsLayer):
    """Probability maps around given, not predicted, joints.

    Args:
        height, width: H and W of the maps.
        sigma: of the Gaussian, in crop sizes, above 0.
        grid: see `deephar.ops.GRIDS`.

    Input shape: `(B, ..., J, 2 or more)`, x and y in [0, 1]. Output shape: `(B, ..., H, W, J)`.
    """

    NEEDS = "pose (B, ..., J, D)"

    def __init__(self, height: int, width: int, sigma: float = 0.03, **kwargs: typing.Unpack[MapsOptions]) -> None:
        super().__init__(**kwargs)
        self.height: int = checks.whole("height", height)
        self.width: int = checks.whole("width", width)
        self.sigma: float = checks.between("sigma", sigma, 0, low_included=False)

    def check(self, *inputs: Tensor | Shape) -> None:
        super().check(*inputs)
        coordinates = getattr(inputs[0], "shape", inputs[0])[-1]
        if coordinates is not None and coordinates < 2:
            raise ValueError(f"GaussianMaps needs x and y of every joint. Received: {coordinates} coordinate")

    def call(self, pose: Tensor) -> Tensor:
        self.check(pose)
        maps = ops.gaussian_maps(pose, self.height, self.width, self.sigma, self.grid, self.precision)
        return self.rounded(maps)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        return (*input_shape[:-2], self.height, self.width, input_shape[-2])

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "height": self.height, "width": self.width, "sigma": self.sigma}


@keras.saving.register_keras_serializable(package="deephar")
class PointwiseIdentity(keras.initializers.Initializer):
    """Initial kernel (1, 1, n, n) that makes a 1x1 convolution the identity (published merge of action maps)."""

    def __call__(self, shape: collections.abc.Sequence[int], dtype: str | None = None) -> Tensor:
        if len(shape) != 4 or tuple(shape[:2]) != (1, 1) or shape[2] != shape[3]:
            raise ValueError(f"PointwiseIdentity is for kernels (1, 1, n, n). Received: shape={tuple(shape)}")
        return keras.ops.eye(shape[2], dtype=dtype)[None, None]
