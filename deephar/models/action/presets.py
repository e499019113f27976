"""Named clip networks: the published ones, one that takes only annotated poses, and a small one."""

import dataclasses

from deephar.models.action.config import ActionConfig
from deephar.models.reception.config import PoseNetwork
from deephar.models.reception.presets import NTU, PENN

PRESETS: dict[str, ActionConfig] = {
    "penn-merge": ActionConfig(PENN),
    "ntu-merge": ActionConfig(NTU, frames=20, num_actions=60, pose_width=224),
    "penn-pose-only": ActionConfig(dataclasses.replace(PENN, num_joints=13), branches="pose", poses="given"),
    "lite-merge": ActionConfig(
        PoseNetwork(input_shape=(128, 128, 3), num_blocks=2, width=288), frames=8, appearance_width=128,
        export_poses="last",
    ),
}  # fmt: skip
"""`lite-merge` is narrower and shallower, for 128 pixels."""
