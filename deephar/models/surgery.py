"""Parts of built networks: freeze the pose part, carry its weights over, change the classes."""

import re

import keras

from deephar import checks
from deephar.models.reception import POSE_LAYER

_ACTION_LAYERS = re.compile(r"(pose_action|appearance_action)\d+_maps|merge_pose|merge_appearance|m")


def pose_layers(model):
    """The layers with weights of the pose part of a network: stem and prediction blocks.

    Args:
        model: network of ours, or a model that holds one at any depth.
    """
    return [layer for layer in model._flatten_layers(include_self=False) if POSE_LAYER.fullmatch(layer.name)]


def freeze_pose(model, frozen=True):
    """Freeze the pose part of a clip network, or release it; compile the model afterwards.

    A frozen layer keeps its weights and, as Keras 3 has it, its batch norms use their moving statistics. In the
    original the flag was lost when layers were wrapped, so its pose part was trained all the same; and a frozen batch
    norm of Keras 2.1.4 would still take the statistics of the batch. `model.summary(show_trainable=True)` shows what
    is frozen.

    Args:
        model: from `deephar.models.build`, or a model that holds such a network at any depth.
        frozen: False to release.

    Returns:
        number of weights (arrays) frozen or released.

    Raises:
        ValueError: if the model has no pose part.
    """
    layers = pose_layers(model)
    if not layers:
        raise ValueError(f"{model.name!r} has no pose part to freeze; its poses are given")
    for layer in layers:
        layer.trainable = not frozen
    return sum(len(layer.weights) for layer in layers)


def copy_pose(source, target):
    """Give a network the pose part of another, e.g. a clip network that of a trained pose network.

    Args:
        source: network with the same pose configuration; it may have more blocks.
        target: network that is changed.

    Returns:
        number of weights (arrays) copied.

    Raises:
        ValueError: if the source lacks a layer of the target's pose part or has it in another shape; the target is
            unchanged.
    """
    found = {layer.name: layer for layer in pose_layers(source)}
    wanted = pose_layers(target)
    for model, layers in ((source, pose_layers(source)), (target, wanted)):
        if len({layer.name for layer in layers}) < len(layers):
            raise ValueError(f"{model.name!r} holds several pose networks; give the one that is meant by `get_layer`")
    if not wanted:
        raise ValueError(f"{target.name!r} has no pose part to copy to")
    for layer in wanted:
        shapes = [tuple(weight.shape) for weight in layer.weights]
        received = [tuple(weight.shape) for weight in found[layer.name].weights] if layer.name in found else None
        if received != shapes:
            raise ValueError(
                f"The pose part of {source.name!r} does not fit {target.name!r}: expected {layer.name} with {shapes}. "
                f"Received: {received}. The target is unchanged."
            )
    for layer in wanted:
        layer.set_weights(found[layer.name].get_weights())
    return sum(len(layer.weights) for layer in wanted)


def copy_fitting(source, target):
    """Give a network what fits of another, e.g. a 3D network the features of a 2D one.

    Args:
        source: network.
        target: network that is changed: every layer gets the weights of the source's layer of the same name, where
            there is one and the shapes agree.

    Returns:
        names of the target's layers with weights that were left as they were.

    Raises:
        ValueError: if nothing fits.
    """
    found = {layer.name: layer.get_weights() for layer in source.layers if layer.weights}
    layers = [layer for layer in target.layers if layer.weights]
    fitting = [
        layer
        for layer in layers
        if [w.shape for w in found.get(layer.name, ())] == [tuple(w.shape) for w in layer.weights]
    ]
    if not fitting:
        raise ValueError(f"Nothing of {source.name!r} fits {target.name!r}: no layer agrees in name and shape")
    for layer in fitting:
        layer.set_weights(found[layer.name])
    return [layer.name for layer in layers if layer not in fitting]


def replace_actions(model, num_actions):
    """The same clip network for other classes: all weights are kept but those that depend on the classes.

    Args:
        model: a clip network.
        num_actions: number of the new classes.

    Returns:
        a new `keras.Model`, its new layers freshly initialised. The old model is unchanged; nothing is shared.

    Raises:
        ValueError: if the model has no action outputs.

    Example:
        >>> model = replace_actions(models.build("penn-merge", weights="penn.weights.h5"), num_actions=6)
    """
    if not any(_ACTION_LAYERS.fullmatch(layer.name) for layer in model.layers):
        raise ValueError(f"{model.name!r} predicts no actions")
    num_actions = checks.whole("num_actions", num_actions)

    def renew(layer):
        config = layer.get_config()
        if _ACTION_LAYERS.fullmatch(layer.name):
            config |= {key: num_actions for key in ("filters", "units") if key in config}
        return type(layer).from_config(config)

    renewed = keras.models.clone_model(model, clone_function=renew)
    for old, new in zip(model.layers, renewed.layers, strict=True):
        if [w.shape for w in old.weights] == [w.shape for w in new.weights] and not _depends(old):
            new.set_weights(old.get_weights())
    return renewed


def _depends(layer):
    """Whether a layer belongs to the classes, even if their number stays the same."""
    return bool(_ACTION_LAYERS.fullmatch(layer.name)) or bool(re.fullmatch(r"\w+_action\d+_remap", layer.name))
