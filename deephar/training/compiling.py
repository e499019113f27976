"""The losses of a network's outputs, and the momentum of its batch normalization layers."""

import keras

from deephar import distribution
from deephar.losses import BCE_WEIGHT, CoordinateLoss, HeatmapLoss, PoseLoss, VisibilityLoss
from deephar.models import outputs
from deephar.models.outputs import Kind


def compile_model(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | str,
    pose_weight: float = 1.0,
    form: str = "elastic_net_bce_mean",
    label_smoothing: float = 0.0,
) -> None:
    """Give every output of a network its loss: all blocks are supervised alike (paper sections 3.1 and 4.3).

    Pose and visibility have the same loss whether the network joins them in one output or not. Exported heat maps are
    trained with `deephar.losses.HeatmapLoss`, actions with cross-entropy.

    Args:
        model: from `deephar.models.build`.
        optimizer: Keras optimizer or its name.
        pose_weight: of every pose loss, relative to those of actions and heat maps.
        form: of the coordinate loss, a key of `deephar.losses.FORMS`.
        label_smoothing: of the cross-entropy.

    Raises:
        ValueError: if the network outputs features, which have no labels.
    """
    losses, weights = zip(*losses_of(model, pose_weight, form, label_smoothing), strict=True)
    model.compile(optimizer=optimizer, loss=list(losses), loss_weights=list(weights))


def losses_of(
    model: keras.Model,
    pose_weight: float = 1.0,
    form: str = "elastic_net_bce_mean",
    label_smoothing: float = 0.0,
) -> list[tuple[keras.losses.Loss, float]]:
    """The loss of every output of a network, and its weight; see `compile_model`."""
    table = {
        Kind.POSE: (CoordinateLoss(form), pose_weight),
        Kind.VISIBILITY: (VisibilityLoss(), pose_weight * BCE_WEIGHT),
        Kind.POSE_VISIBILITY: (PoseLoss(form), pose_weight),
        Kind.HEATMAPS: (HeatmapLoss(data_format="channels_last"), 1.0),
        Kind.ACTION: (keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing), 1.0),
    }
    kinds = outputs.kinds(model)
    if Kind.FEATURES in kinds:
        raise ValueError("Features have no labels to train on; build the network with export_features=0")
    return [table[kind] for kind in kinds]


def set_momentum(model: keras.Model, momentum: float = 0.9) -> int:
    """Set the momentum of all batch normalization layers, to adapt them faster; compile the model afterwards.

    For training runs of a few hundred steps: with Keras' and the published 0.99, after 300 steps a twentieth of the
    initial variance of 1 remains, many times the variance of a pose branch's features.

    Args:
        model: network, modified in place.
        momentum: fraction of the old statistics that a step keeps.

    Returns:
        number of batch normalization layers.
    """
    norms = distribution.batch_norms(model)
    for layer in norms:
        layer.momentum = momentum
    return len(norms)
