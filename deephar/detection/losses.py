"""The loss of the detector."""

import keras
from keras import ops

from deephar.typed import Tensor

FOCUS = 2.0
"""Exponent of the focal weight: cells that are nearly right hardly count."""


@keras.saving.register_keras_serializable(package="deephar")
class PeopleLoss(keras.losses.Loss):
    """Score by focal cross-entropy, boxes by intersection over union, both per person of a batch.

    The score's target is soft; the weight of a cell is |target - score|^2, as in the quality focal loss (Li et al.,
    NeurIPS 2020, equation 7). A box costs -log of its overlap (UnitBox, Yu et al., ACM MM 2016).

    Args:
        y_true: (B, H, W, 7), see `deephar.detection.maps.encode`.
        y_pred: (B, H, W, 5), see `deephar.detection.network.build`.
    """

    def __init__(self, name: str = "people_loss", **options: object) -> None:
        super().__init__(name=name, **options)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        target, logit = y_true[..., 0], y_pred[..., 0]
        entropy = ops.softplus(logit) - target * logit
        score = entropy * ops.abs(target - ops.sigmoid(logit)) ** FOCUS * y_true[..., 5]
        box = -ops.log(_overlap(y_true[..., 1:5], y_pred[..., 1:5]) + 1e-3) * y_true[..., 6]
        people = ops.sum(y_true[..., 6], axis=(1, 2), keepdims=True) + 1.0
        batch = ops.mean(people)
        return ops.sum(score + box, axis=(1, 2)) / batch


def _overlap(true: Tensor, found: Tensor) -> Tensor:
    """Intersection over union of boxes given by the distances (..., 4) from a common point to their sides."""
    true, smaller = ops.maximum(true, 0.0), ops.minimum(ops.maximum(true, 0.0), found)
    shared, one, other = (
        (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3]) for sides in (smaller, true, found)
    )
    return shared / (one + other - shared + 1e-6)
