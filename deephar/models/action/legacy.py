"""Where the original's weight files store the weights of a clip network."""

from collections.abc import Set

from deephar.models.reception.legacy import block_groups, constants, stem_groups

__all__ = ["MERGE", "constants", "groups"]

_ACTION_BLOCK = (
    "{0}_reduce {0}_reduce_bn {0}_residual {0}_residual_bn {0}_features {0}_features_bn {0}_maps {0}_remap {0}_remap_bn"
)
_POSE_ACTION = (
    "pose_action_a pose_action_b pose_action_c pose_action_a_bn pose_action_b_bn pose_action_c_bn pose_action_b2 "
    "pose_action_b2_bn pose_action_a2 pose_action_b3 pose_action_a2_bn pose_action_b3_bn"
).split()
_APPEARANCE_ACTION = "appearance_action_reduce appearance_action_reduce_bn".split()
MERGE: dict[str, str] = {"merge_pose": "separable_conv2d (pose)", "merge_appearance": "separable_conv2d (appearance)"}
"""Our layers that merge the action maps, and their role in the file, where their names are auto-numbered."""


def groups(names: Set[str]) -> dict[str, list[str]]:
    """Names of layers by group in the original's file, see `deephar.models.reception.legacy.groups`.

    After the stem: the first hourglass, the rest of the pose network as one, the action branches.
    """
    if not names >= {"fold", "stem"}:
        return {}
    blocks = block_groups(names)
    found = {"td_Stem": stem_groups(names)["Stem"], "td_rBlock1": blocks.pop("rBlock1")}
    found["td_Model1"] = [name for leaves in blocks.values() for name in leaves]
    for role, prefix, first in (
        ("PoseAR", "pose_action", _POSE_ACTION), ("GuidedVisAR", "appearance_action", _APPEARANCE_ACTION)
    ):  # fmt: skip
        leaves: list[str] = list(first)
        number = 1
        while f"{prefix}{number}_maps" in names:
            leaves += [name for name in _ACTION_BLOCK.format(f"{prefix}{number}").split() if name in names]
            number += 1
        found[role] = leaves
    return found | {role: [name] for name, role in MERGE.items()}
