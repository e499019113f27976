"""Where the original's weight files store the weights of an SPNet, and its constants."""

import re
import typing
from collections.abc import Set

from deephar.models.reception.legacy import grids
from deephar.models.spnet import names as own
from deephar.typed import Floats

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model


def groups(names: Set[str]) -> dict[str, list[str]]:
    """Names of layers by group in the original's file: each layer is a group of the same name.

    Args:
        names: of all layers of a model, a set.
    """
    return {name: [name] for name in own.learned(names)}


def constants(model: "Model") -> dict[str, list[tuple[str, str, Floats]]]:
    """The grids of all soft-argmaxes, which the original stored as weights.

    Args:
        model: an SPNet.

    Returns:
        dict from group to a list of (name, kind, array).
    """
    found = {}
    for layer in model.layers:
        if match := re.fullmatch(r"(.+_xy2?)", layer.name):
            x, y = _pairs(grids(*layer.input.shape[1:]))
            found[f"{match[1]}_x"], found[f"{match[1]}_y"] = x, y
    return found


def _pairs(arrays):
    return [arrays[:2], arrays[2:]]
