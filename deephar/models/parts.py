"""Which layers of a network make up its pose part and which depend on its classes, by the names the builders give.

A model of somebody else's may hold our networks: as layers, inside other layers, or as the first part of its own graph.
Each graph is asked by itself, since names are unique in one graph alone, and only a graph that holds a whole stem of
ours has a pose part: names such as "stem" or "block1_conv1" are common.
"""

import re

import keras

_STEM_UNITS = "stem_1 stem_3 stem_4 stem_6a1 stem_6a2 stem_6b1 stem_6b2 stem_6b3 stem_6b4 stem_8".split()
_STEM = {"stem", *_STEM_UNITS, *(f"{unit}_bn" for unit in _STEM_UNITS)}
_STEM_2 = {"stem_2", "stem_2_bn"}  # which the early stem lacks
_BLOCK = re.compile(r"block\d+_(l1|l2_[123]|l3_[123]|heatmaps|(reduce|features|remap)(_bn)?)")

_ACTION_MAPS = re.compile(r"(pose|appearance)_action\d+_maps")
_ACTION_REMAP = re.compile(r"(pose|appearance)_action\d+_remap")
_MERGE = {"merge_pose", "merge_appearance", "m"}


def graphs(model):
    """A model and every model inside it, at any depth, as a list."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.Model)]


def learned_layers(model):
    """The layers with weights of a model and of the models inside it, as a list; a layer made of layers is one."""

    def is_one(layer):
        return not any(isinstance(inner, keras.Model) for inner in layer._flatten_layers())

    return [layer for graph in graphs(model) for layer in graph.layers if layer.weights and is_one(layer)]


def pose_layers(model):
    """The layers with weights of every pose part in a model: stem and prediction blocks, as a list."""
    return [layer for graph in graphs(model) for layer in _pose_part(graph)]


def _pose_part(graph):
    names = {layer.name for layer in graph.layers}
    if not names >= _STEM:
        return []
    return [layer for layer in graph.layers if layer.name in _STEM | _STEM_2 or _BLOCK.fullmatch(layer.name)]


def action_outputs(graph):
    """Names of the layers of a clip network with one filter or unit for each class, a set; empty for other networks."""
    names = {layer.name for layer in graph.layers}
    maps = {name for name in names if _ACTION_MAPS.fullmatch(name)}
    return maps | (_MERGE & names if maps else set())


def action_layers(graph):
    """Names of all layers of a clip network whose weights belong to its classes, a set; empty for other networks."""
    remaps = {layer.name for layer in graph.layers if _ACTION_REMAP.fullmatch(layer.name)}
    outputs = action_outputs(graph)
    return outputs | remaps if outputs else set()
