"""Layers on probability maps: where a joint is expected, how far away, and how surely.

They are exported by `deephar.layers`.
"""

import keras

from deephar import ops
from deephar.layer_bases import GridLayer, MapsLayer, PreciseLayer, Shape
from deephar.typed import Tensor


@keras.saving.register_keras_serializable(package="deephar")
class ExpectedPosition(GridLayer, MapsLayer):
    """Expected (x, y) under every joint's probability map: with the softmax before it, a soft-argmax.

    Args:
        grid: see `deephar.ops.GRIDS`.

    Input shape: `(B, ..., H, W, J)`, each map sums to 1. Output shape: `(B, ..., J, 2)` in [0, 1].
    """

    NEEDS = "probability (B, ..., H, W, J)"

    def call(self, probability: Tensor) -> Tensor:
        self.check(probability)
        return self.rounded(ops.expectation_2d(probability, self.grid, self.precision))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        return (*input_shape[:-3], input_shape[-1], 2)


@keras.saving.register_keras_serializable(package="deephar")
class ExpectedDepth(PreciseLayer, MapsLayer):
    """Depth of every joint, see `deephar.ops.expected_depth`.

    Input shape: probability maps `(B, ..., H, W, J)` and depth maps `(B, ..., H, W, J)`, logits.
    Output shape: `(B, ..., J, 1)` in [0, 1].
    """

    NEEDS = "probability (B, ..., H, W, J) and depth (B, ..., H, W, J)"

    def call(self, probability: Tensor, depth: Tensor) -> Tensor:
        self.check(probability, depth)
        return self.rounded(ops.expected_depth(probability, depth, self.precision))

    def compute_output_shape(self, probability_shape: Shape, depth_shape: Shape) -> Shape:
        self.check(probability_shape, depth_shape)
        return (*probability_shape[:-3], probability_shape[-1], 1)


@keras.saving.register_keras_serializable(package="deephar")
class JointConfidence(PreciseLayer, MapsLayer):
    """How concentrated every joint's probability map is, see `deephar.ops.joint_confidence`.

    Input shape: `(B, ..., H, W, J)`, each map sums to 1. Output shape: `(B, ..., J, 1)` in [0, 1].
    """

    NEEDS = "probability (B, ..., H, W, J)"

    def call(self, probability: Tensor) -> Tensor:
        self.check(probability)
        return self.rounded(ops.joint_confidence(probability, self.precision))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check(input_shape)
        return (*input_shape[:-3], input_shape[-1], 1)
