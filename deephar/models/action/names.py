"""Which layers of a clip network depend on its classes, by the names from its builders."""

import re
from collections.abc import Collection

_MAPS = re.compile(r"(pose|appearance)_action\d+_maps")
_REMAP = re.compile(r"(pose|appearance)_action\d+_remap")
_MERGE = re.compile(r"merge_pose|merge_appearance|(set\d+_)?m")


def one_per_class(names: Collection[str]) -> set[str]:
    """The names of the layers with one filter or unit per class, a set; empty for other networks."""
    maps = {name for name in names if _MAPS.fullmatch(name)}
    return maps | {name for name in names if _MERGE.fullmatch(name)} if maps else set()


def of_classes(names: Collection[str]) -> set[str]:
    """The names of all layers whose weights depend on the classes, a set; empty for other networks."""
    outputs = one_per_class(names)
    return outputs | {name for name in names if _REMAP.fullmatch(name)} if outputs else set()
