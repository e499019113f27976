"""Which layers of an SPNet have weights, belong to its pose part, or depend on its classes, by their names."""

import re
from collections.abc import Collection

REPLICA = "_replica"
"""Ends the name of a layer of heat maps that actions have for themselves."""

_ENTRY = {"conv1", "res0_bn1", "res4_conv2", "dp1_pb1_heatmaps_conv1"}
_LEARNED = re.compile(r"(.+_)?(bn\d|conv\d[abc]?|conv\d(h\d+|_replica)|shortcut_conv|fw_maps)")
_HEAD = re.compile(r"act\d+_action_pred_conv2h\d+")
_BACK = re.compile(r"act\d+_action_pred_conv3")


def learned(names: Collection[str]) -> list[str]:
    """The names of the layers with weights, in order; empty for other networks."""
    return [name for name in names if _LEARNED.fullmatch(name)] if set(names) >= _ENTRY else []


def pose_part(names: Collection[str]) -> set[str]:
    """The names of the layers with weights that actions do not own, a set; empty for other networks."""
    return {name for name in learned(names) if "action" not in name}


def one_per_class(names: Collection[str]) -> set[str]:
    """The names of the layers with one filter per class, a set; empty for other networks."""
    return {name for name in learned(names) if _HEAD.fullmatch(name)}


def of_classes(names: Collection[str]) -> set[str]:
    """The names of all layers whose weights depend on the classes, a set; empty for other networks."""
    return one_per_class(names) | {name for name in learned(names) if _BACK.fullmatch(name)}
