"""Operations on parts of built networks: freeze the pose part, copy its weights, change the classes.

Our networks are also found as layers of another model.
"""

import collections

import keras

from deephar import checks
from deephar.models import outputs as described
from deephar.models.parts import action_layers, action_outputs, graphs, learned_layers, pose_layers
from deephar.models.spnet.names import REPLICA


def freeze_pose(model: keras.Model, frozen: bool = True) -> int:
    """Freeze the pose part of a clip network, or unfreeze it; compile the model afterwards.

    A frozen layer keeps its weights and, as in Keras 3, frozen batch normalization uses its moving statistics without
    updating them. In the original, the flag was lost when layers were wrapped, so its pose part was trained all the
    same; and frozen batch normalization in Keras 2.1.4 would still use batch statistics.
    `model.summary(show_trainable=True)` shows what is frozen. Copies of the model, whether saved and loaded, cloned or
    with other classes, stay frozen.

    Args:
        model: from `deephar.models.build`, or any model with such networks inside it.
        frozen: False to unfreeze.

    Returns:
        number of weights (arrays) frozen or unfrozen.

    Raises:
        ValueError: if the model has no pose part.
    """
    layers = pose_layers(model)
    if not layers:
        raise ValueError(
            f"{model.name!r} has no pose part to freeze: neither it nor a model inside it has the stem of a network "
            "from `deephar.models.build`. Networks with given poses have none"
        )
    for layer in layers:
        layer.trainable = not frozen
    return sum(len(layer.weights) for layer in layers)


def copy_pose(source: keras.Model, target: keras.Model) -> int:
    """Copy the pose part of one network to another, e.g. from a trained pose network to a clip network.

    Args:
        source: network with the same pose configuration; it may have more blocks, and need not have the heat maps that
            an SPNet's actions have for themselves: these begin as those of its poses.
        target: network, modified in place.

    Returns:
        number of weights (arrays) copied.

    Raises:
        ValueError: if the source lacks a layer of the target's pose part or has it with another shape, or contains
            several such networks; the target is unchanged.
    """
    wanted = pose_layers(target)
    found = _with_replicas(_by_name(source, pose_layers(source)), wanted)
    if not wanted:
        raise ValueError(f"{target.name!r} has no pose part to copy to")
    for layer in wanted:
        shapes = [tuple(weight.shape) for weight in layer.weights]
        received = [tuple(weight.shape) for weight in found[layer.name].weights] if layer.name in found else None
        if received != shapes:
            raise ValueError(
                f"The pose part of {source.name!r} does not match {target.name!r}: expected {layer.name} with "
                f"{shapes}. Received: {received}. The target is unchanged."
            )
    for layer in wanted:
        layer.set_weights(found[layer.name].get_weights())
    return sum(len(layer.weights) for layer in wanted)


def copy_replicas(model: keras.Model) -> int:
    """Start the heat maps that an SPNet's actions have for themselves as those of its poses, as the original did.

    Args:
        model: from `deephar.models.build` with `replica=True`, its pose part trained; modified in place.

    Returns:
        number of layers copied.

    Raises:
        ValueError: if it has no such maps.
    """
    layers = {layer.name: layer for layer in pose_layers(model)}
    pairs = [(layer, layers[name.removesuffix(REPLICA)]) for name, layer in layers.items() if name.endswith(REPLICA)]
    if not pairs:
        raise ValueError(f"{model.name!r} has no heat maps of its own for actions; build an SPNet with replica=True")
    for replica, original in pairs:
        replica.set_weights(original.get_weights())
    return len(pairs)


def copy_fitting(source: keras.Model, target: keras.Model) -> list[str]:
    """Copy the matching weights of one network to another, e.g. the features of a 2D network to a 3D one.

    Args:
        source: network.
        target: network, modified in place: every layer gets the weights of the source's layer with the same name, if
            there is one and the shapes match. Layers of models inside either are treated as their own. Heat maps of
            an SPNet's actions that the source lacks begin as those of its poses.

    Returns:
        names of the target's layers whose weights were left unchanged.

    Raises:
        ValueError: if nothing matches, or the source contains several networks with layers of the same names.
    """
    layers = learned_layers(target)
    named = _with_replicas(_by_name(source, learned_layers(source)), layers)
    found = {name: layer.get_weights() for name, layer in named.items()}
    fitting = [
        layer
        for layer in layers
        if [w.shape for w in found.get(layer.name, ())] == [tuple(w.shape) for w in layer.weights]
    ]
    if not fitting:
        raise ValueError(f"Nothing in {source.name!r} matches {target.name!r}: no layer agrees in name and shape")
    for layer in fitting:
        layer.set_weights(found[layer.name])
    return [layer.name for layer in layers if layer not in fitting]


def _with_replicas(found, wanted):
    """Layers by name, with those for replicas that are lacking: the layers that they repeat."""
    lacking = [layer.name for layer in wanted if layer.name.endswith(REPLICA) and layer.name not in found]
    originals = {name: name.removesuffix(REPLICA) for name in lacking}
    return found | {name: found[original] for name, original in originals.items() if original in found}


def _by_name(model, layers):
    """Dict from name to layer, for a model that weights are copied from."""
    twice = [name for name, count in collections.Counter(layer.name for layer in layers).items() if count > 1]
    if twice:
        raise ValueError(
            f"{model.name!r} contains several networks with a layer {twice[0]!r}; copy from one of them, "
            "`model.get_layer(its name)`"
        )
    return {layer.name: layer for layer in layers}


def replace_actions(model: keras.Model, num_actions: int) -> keras.Model:
    """The same clip network for other classes: all weights are kept except those that depend on the classes.

    Args:
        model: a clip network.
        num_actions: number of new classes.

    Returns:
        a new `keras.Model`, its new layers freshly initialised and not frozen, all others frozen as before. The
        old model is unchanged; nothing is shared.

    Raises:
        ValueError: if the model has no action outputs, or several sets of them, or the number is invalid.

    Example:
        >>> model = replace_actions(models.build("penn-merge", weights="penn.weights.h5"), num_actions=6)
    """
    num_actions = checks.whole("num_actions", num_actions)
    outputs, fresh = action_outputs(model), action_layers(model)
    if not outputs:
        inside = [graph.name for graph in graphs(model) if action_outputs(graph)]
        hint = f"; it holds {inside[0]!r}, which does: take that, `model.get_layer({inside[0]!r})`" if inside else ""
        raise ValueError(f"{model.name!r} itself predicts no actions{hint}")
    if _has_several_sets(model):
        raise ValueError(f"{model.name!r} has several sets of actions; build it anew, and `copy_fitting` the weights")

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


def _has_several_sets(model):
    try:
        return len({output.actions for output in described.judges(model)}) > 1
    except ValueError:  # outputs of the user's own
        return False


def ends(network: keras.Model) -> list[keras.KerasTensor]:
    """The tensors of a functional network that it returns, in order."""
    return list(network.outputs)
