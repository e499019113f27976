"""The losses of a network's outputs, and how quickly its batch norms follow."""

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
    """Give every output of a network its loss: every block is supervised alike (paper sections 3.1 and 4.3).

    Pose and visibility have the same loss whether the network joins them in one output or not. Heat maps that it
    exports are trained by `deephar.losses.HeatmapLoss`, actions by cross-entropy.

    Args:
        model: from `deephar.models.build`.
        optimizer: Keras optimizer or its name.
        pose_weight: of every pose loss, against those of actions and heat maps.
        form: of the coordinate loss, a key of `deephar.losses.FORMS`.
        label_smoothing: of the cross-entropy.

    Raises:
        ValueError: if the network gives features, which have no labels.
    """
    table = {
        Kind.POSE: (CoordinateLoss(form), pose_weight),
        Kind.VISIBILITY: (VisibilityLoss(), pose_weight * BCE_WEIGHT),
        Kind.POSE_VISIBILITY: (PoseLoss(form), pose_weight),
        Kind.HEATMAPS: (HeatmapLoss(data_format="channels_last"), 1.0),
        Kind.ACTION: (keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing), 1.0),
    }
    kinds = outputs.kinds(model)
    if Kind.FEATURES in kinds:
        raise ValueError("Features have no labels to train by; build the network with export_features=0")
    losses, weights = zip(*(table[kind] for kind in kinds), strict=True)
    model.compile(optimizer=optimizer, loss=list(losses), loss_weights=list(weights))


def set_momentum(model: keras.Model, momentum: float = 0.9) -> int:
    """Let the moving statistics of all batch norms follow quicker; compile the model afterwards.

    For trainings of a few hundred steps: at Keras' and the published 0.99, after 300 steps a twentieth of the initial
    variance of 1 is left, many times the variance of a pose branch's features.

    Args:
        model: network that is changed.
        momentum: share of the old statistics that a step keeps.

    Returns:
        number of batch norms.
    """
    norms = distribution.batch_norms(model)
    for layer in norms:
        layer.momentum = momentum
    return len(norms)
