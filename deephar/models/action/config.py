"""The configuration of a clip network."""

import dataclasses
from collections.abc import Sequence

from deephar import checks
from deephar.models.reception.config import PoseNetwork
from deephar.models.settings import require, settle, settle_flags

POSE_BRANCH: dict[int, tuple[int, int]] = {112: (8, 32), 224: (12, 64)}
"""The published widths of the pose-based action network: filters of its first convolution and of its bottleneck."""


@dataclasses.dataclass(frozen=True)
class ActionConfig:
    """A clip network: the pose network on every frame, then action from poses and from appearance (paper section 4).

    Attributes:
        network: the pose network; its `input_shape` is that of a frame.
        concat_visibility: output [pose, visibility] as one tensor instead of two, if poses are exported.
        frames: T of a clip.
        num_actions: classes A; a tuple of numbers, of every set, if there are several sets of actions.
        branches: "merge" (both, aggregated), "pose" or "appearance" alone.
        poses: "estimated" by the pose network, or "given" as a second input (B, T, J, dim + 1) of coordinates and
            visibility; with `branches="pose"` the only input, and no images are needed.
        aggregation: "maps", the published merge of the last action maps; or "fully_connected", the paper's layer on
            both branches' last predictions.
        pose_width: channels of the pose-based network, a key of `POSE_BRANCH`.
        appearance_width: channels of the appearance-based network, 2 or more.
        num_action_blocks: prediction blocks of each branch, each supervised.
        export_poses: "none"; "last", the poses of the pose network's last block as first outputs; or "all".
    """

    network: PoseNetwork
    concat_visibility: bool = False
    frames: int = 16
    num_actions: int | tuple[int, ...] = 15
    branches: str = "merge"
    poses: str = "estimated"
    aggregation: str = "maps"
    pose_width: int = 112
    appearance_width: int = 256
    num_action_blocks: int = 4
    export_poses: str = "none"

    def __post_init__(self) -> None:
        choices = {
            "branches": ("merge", "pose", "appearance"),
            "poses": ("estimated", "given"),
            "aggregation": ("maps", "fully_connected"),
            "pose_width": tuple(POSE_BRANCH),
            "export_poses": ("none", "last", "all"),
        }
        for name, values in choices.items():
            checks.one_of(name, getattr(self, name), values)
        settle_flags(self, "concat_visibility")
        settle(self, "pose_width", int(self.pose_width))
        settle(self, "num_actions", _classes(self.num_actions))
        for name, least in (("frames", 1), ("appearance_width", 2), ("num_action_blocks", 1)):
            settle(self, name, checks.whole(name, getattr(self, name), least))
        require(
            self.export_poses == "none" or self.poses == "estimated",
            "Given poses cannot be exported",
            export_poses=self.export_poses,
        )

    @property
    def sets(self) -> tuple[int, ...]:
        """Classes of every set of actions."""
        return self.num_actions if isinstance(self.num_actions, tuple) else (self.num_actions,)


def _classes(value: int | Sequence[int]) -> int | tuple[int, ...]:
    """Checked: a number for one set, a tuple for several."""
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    require(several, "`num_actions` needs a set of actions", num_actions=value)
    first, *others = (checks.whole("num_actions", one) for one in several)
    return (first, *others) if others else first
