"""Where the original's weight files store the weights of a pose network, and its constants."""

import typing
from collections.abc import Set

import numpy as np

from deephar.typed import Floats

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model

_STEM = (
    "stem_1 stem_1_bn stem_2 stem_2_bn stem_3 stem_3_bn stem_4 stem_4_bn stem_6b1 stem_6b1_bn stem_6b2 stem_6b2_bn "
    "stem_6a1 stem_6b3 stem_6a1_bn stem_6b3_bn stem_6a2 stem_6b4 stem_6a2_bn stem_6b4_bn stem_8 stem_8_bn"
).split()
_STEM_RESIDUAL = "stem.shortcut_conv stem.conv stem.shortcut_bn stem.bn".split()
_HOURGLASS = (
    "{0}_reduce {0}_reduce_bn {0}_l2_1.conv {0}_l2_1.bn {0}_l3_1.conv {0}_l3_1.bn {0}_l3_2.conv {0}_l3_2.bn "
    "{0}_l3_3.conv {0}_l2_2.conv {0}_l3_3.bn {0}_l2_2.bn {0}_l2_3.shortcut_conv {0}_l2_3.conv {0}_l1.conv "
    "{0}_l2_3.shortcut_bn {0}_l2_3.bn {0}_l1.bn"
)


def groups(names: Set[str]) -> dict[str, list[str]]:
    """Names of layers by group in the original's file, in stored order.

    Args:
        names: of all layers of a model, a set.

    Returns:
        dict from group to list of names, "stem.conv" for a layer inside a layer; empty if it is not a pose network.
    """
    return stem_groups(names) | block_groups(names) if "image" in names and "stem" in names else {}


def stem_groups(names: Set[str]) -> dict[str, list[str]]:
    """The groups of the stem; the early variant has several."""
    stem = [name for name in _STEM if name in names]
    if "stem_2" in names:
        return {"Stem": stem + _STEM_RESIDUAL}
    outside = dict(zip(_STEM_RESIDUAL, ("shortcut_conv", "conv", "shortcut", ""), strict=True))
    return {"Stem": stem, **{f"sepconv1_{suffix}".rstrip("_"): [layer] for layer, suffix in outside.items()}}


def num_blocks(names: Set[str]) -> int:
    """Number of prediction blocks among the layers of a network."""
    number = 0
    while f"block{number + 1}" in names:
        number += 1
    return number


def block_groups(names: Set[str]) -> dict[str, list[str]]:
    """The groups of all prediction blocks, in stored order."""
    groups = {}
    for number in range(1, num_blocks(names) + 1):
        block = f"block{number}"
        groups[f"rBlock{number}"] = _HOURGLASS.format(block).split()
        groups[f"SepConv{number}"] = [f"{block}_features", f"{block}_features_bn"]
        groups[f"RegMap{number}"] = [f"{block}_heatmaps"]
        if f"{block}_remap" in names:
            groups[f"fReMap{number}"] = [f"{block}_remap", f"{block}_remap_bn"]
    return groups


def constants(model: "Model") -> dict[str, list[tuple[str, str, Floats]]]:
    """The constants of the last block that the original stored as weights.

    Args:
        model: a network with prediction blocks.

    Returns:
        dict from group to a list of (name, kind, array), from the input shapes of our weight-free layers.
    """
    names = {layer.name for layer in model.layers}
    found, block = {}, f"block{num_blocks(names)}"
    for role, layer in (("sSAM", f"{block}_soft_argmax"), ("cSAM", f"{block}_context_soft_argmax")):
        if layer in names:
            found[role] = grids(*model.get_layer(layer).input.shape[1:])
    if f"{block}_depth_soft_argmax" in names:
        depth, joints = model.get_layer(f"{block}_depth_soft_argmax").input.shape[1:]
        found["zSAM"] = [("z", "kernel", np.linspace(0.0, 1.0, depth)[:, None, None] * np.eye(joints))]
    if f"{block}_context" in names:
        pose, context, _ = model.get_layer(f"{block}_context").input
        found["Agg"] = [("sum", "kernel", np.repeat(np.eye(pose.shape[1]), context.shape[1] // pose.shape[1], axis=0))]
    return found


def grids(height: int, width: int, joints: int) -> list[tuple[str, str, Floats]]:
    """What a soft-argmax multiplied by, (name, kind, array) of two kernels for x, then of two for y."""
    ones, found = np.ones((height, width, joints, 1)), list[tuple[str, str, Floats]]()
    for axis, grid in (("x", np.linspace(0.0, 1.0, width)[None, :]), ("y", np.linspace(0.0, 1.0, height)[:, None])):
        found.append((axis, "depthwise_kernel", ones * grid[:, :, None, None]))
        found.append((axis, "pointwise_kernel", np.eye(joints)[None, None]))
    return found
