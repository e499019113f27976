"""Finds the layers of our networks in any model: their pose part, and those that depend on their classes.

A user's model may contain our networks: as layers, inside other layers, or as the first part of its own graph.
Each graph is searched separately, since names are unique only within a graph.
"""

import typing

import keras

from deephar.models.action import names as action_names
from deephar.models.reception.names import pose_part
from deephar.models.spnet import names as spnet_names

Model: typing.TypeAlias = keras.Model
"""A network, under a name for modules that need no Keras."""


def graphs(model: keras.Model) -> list[keras.Model]:
    """A model and every model inside it, at any depth, as a list."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.Model)]


def learned_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers with weights of a model and of the models inside it, as a list; a composite layer counts as one."""

    def is_one(layer):
        return not any(isinstance(inner, keras.Model) for inner in layer._flatten_layers())

    return [layer for graph in graphs(model) for layer in graph.layers if layer.weights and is_one(layer)]


def pose_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers with weights of every pose part in a model: stem and prediction blocks, as a list."""
    found = []
    for graph in graphs(model):
        names = [layer.name for layer in graph.layers]
        wanted = pose_part(names) | spnet_names.pose_part(names)
        found += [layer for layer in graph.layers if layer.name in wanted]
    return found


def action_outputs(graph: keras.Model) -> set[str]:
    """Names of a clip network's layers with one filter or unit per class, a set; empty for other networks."""
    names = [layer.name for layer in graph.layers]
    return action_names.one_per_class(names) | spnet_names.one_per_class(names)


def action_layers(graph: keras.Model) -> set[str]:
    """Names of all layers of a clip network whose weights depend on its classes, a set; empty for other networks."""
    names = [layer.name for layer in graph.layers]
    return action_names.of_classes(names) | spnet_names.of_classes(names)
