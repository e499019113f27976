"""Which layers form the pose part of a network, by the names from its builders."""

import re
from collections.abc import Collection

_STEM_UNITS = "stem_1 stem_3 stem_4 stem_6a1 stem_6a2 stem_6b1 stem_6b2 stem_6b3 stem_6b4 stem_8".split()
_STEM = {"stem", *_STEM_UNITS, *(f"{unit}_bn" for unit in _STEM_UNITS)}
_STEM_2 = {"stem_2", "stem_2_bn"}  # missing in the early stem
_BLOCK = re.compile(r"block\d+_(l1|l2_[123]|l3_[123]|heatmaps|(reduce|features|remap)(_bn)?)")


def pose_part(names: Collection[str]) -> set[str]:
    """The names of the stem and prediction blocks among the layers of a graph, a set.

    Empty unless the whole stem is present: names such as "stem" or "block1_conv1" are common.
    """
    if not set(names) >= _STEM:
        return set()
    return {name for name in names if name in _STEM | _STEM_2 or _BLOCK.fullmatch(name)}
