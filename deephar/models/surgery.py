"""Parts of built networks: freeze the pose part, carry its weights over, change the classes.

Networks of ours that are layers of another model are found there too.
"""

import collections

import keras

from deephar import checks
from deephar.models.parts import action_layers, action_outputs, graphs, learned_layers, pose_layers


def freeze_pose(model: keras.Model, frozen: bool = True) -> int:
    """Freeze the pose part of a clip network, or release it; compile the model afterwards.

    A frozen layer keeps its weights and, as Keras 3 has it, its batch norms use and keep their moving statistics. In
    the original the flag was lost when layers were wrapped, so its pose part was trained all the same; and a frozen
    batch norm of Keras 2.1.4 would still take the statistics of the batch. `model.summary(show_trainable=True)` shows
    what is frozen. Copies of the model, saved and loaded, cloned or with other classes, are frozen alike.

    Args:
        model: from `deephar.models.build`, or any model with such networks inside it.
        frozen: False to release.

    Returns:
        number of weights (arrays) frozen or released.

    Raises:
        ValueError: if the model has no pose part.
    """
    layers = pose_layers(model)
    if not layers:
        raise ValueError(
            f"{model.name!r} has no pose part to freeze: neither it nor a model inside it holds the stem of a network "
            "of `deephar.models.build`. Where poses are given there is none"
        )
    for layer in layers:
        layer.trainable = not frozen
    return sum(len(layer.weights) for layer in layers)


def copy_pose(source: keras.Model, target: keras.Model) -> int:
    """Give a network the pose part of another, e.g. a clip network that of a trained pose network.

    Args:
        source: network with the same pose configuration; it may have more blocks.
        target: network that is changed.

    Returns:
        number of weights (arrays) copied.

    Raises:
        ValueError: if the source lacks a layer of the target's pose part or has it in another shape, or several such
            networks are inside it; the target is unchanged.
    """
    found = _by_name(source, pose_layers(source))
    wanted = pose_layers(target)
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


def copy_fitting(source: keras.Model, target: keras.Model) -> list[str]:
    """Give a network what fits of another, e.g. a 3D network the features of a 2D one.

    Args:
        source: network.
        target: network that is changed: every layer gets the weights of the source's layer of the same name, where
            there is one and the shapes agree. Layers of models inside either are counted as their own.

    Returns:
        names of the target's layers with weights that were left as they were.

    Raises:
        ValueError: if nothing fits, or the source holds several networks with layers of the same names.
    """
    found = {name: layer.get_weights() for name, layer in _by_name(source, learned_layers(source)).items()}
    layers = learned_layers(target)
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


def _by_name(model, layers):
    """Dict from name to layer, of a model that weights are copied from."""
    twice = [name for name, count in collections.Counter(layer.name for layer in layers).items() if count > 1]
    if twice:
        raise ValueError(
            f"{model.name!r} holds several networks with a layer {twice[0]!r}; copy from one of them, "
            "`model.get_layer(its name)`"
        )
    return {layer.name: layer for layer in layers}


def replace_actions(model: keras.Model, num_actions: int) -> keras.Model:
    """The same clip network for other classes: all weights are kept but those that depend on the classes.

    Args:
        model: a clip network.
        num_actions: number of the new classes.

    Returns:
        a new `keras.Model`, its new layers freshly initialised and not frozen, all others frozen where they were. The
        old model is unchanged; nothing is shared.

    Raises:
        ValueError: if the model has no action outputs, or the number is none.

    Example:
        >>> model = replace_actions(models.build("penn-merge", weights="penn.weights.h5"), num_actions=6)
    """
    num_actions = checks.whole("num_actions", num_actions)
    outputs, fresh = action_outputs(model), action_layers(model)
    if not outputs:
        inside = [graph.name for graph in graphs(model) if action_outputs(graph)]
        hint = f"; it holds {inside[0]!r}, which does: take that, `model.get_layer({inside[0]!r})`" if inside else ""
        raise ValueError(f"{model.name!r} itself predicts no actions{hint}")

    def renew(layer):
        config = layer.get_config()
        if layer.name in outputs:
            config |= {key: num_actions for key in ("filters", "units") if key in config}
        if layer.name in fresh:
            config["trainable"] = True
        return type(layer).from_config(config)

    renewed = keras.models.clone_model(model, clone_function=renew)
    for old, new in zip(model.layers, renewed.layers, strict=True):
        if old.weights and old.name not in fresh:
            new.set_weights(old.get_weights())
    return renewed
