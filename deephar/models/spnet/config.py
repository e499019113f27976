"""The configuration of an SPNet."""

import dataclasses
from collections.abc import Sequence

from deephar import checks
from deephar.models.settings import frame_shape, require, settle, settle_flags


@dataclasses.dataclass(frozen=True)
class PyramidNetwork:
    """Entry flow, pyramids and pose predictions.

    Attributes:
        input_shape: (H, W, 3) of a frame; H and W multiples of 8 times 2 to the power of `num_levels` - 1, twice
            that or more.
        num_joints: joints J.
        dim: 2 for (x, y), 3 for (x, y, z).
        num_pyramids: down and up in turn, each with `num_levels` - 1 predictions.
        num_levels: of a pyramid, 2 or more; level 0 has an eighth of the input's resolution, each further one half.
        growth: channels that a level has more than the one above; level 0 has three times as many.
        kernel_size: kernel of the separable convolutions in the pyramids, int or pair.
    """

    input_shape: tuple[int, int, int] = (256, 256, 3)
    num_joints: int = 16
    dim: int = 2
    num_pyramids: int = 8
    num_levels: int = 4
    growth: int = 96
    kernel_size: tuple[int, int] = (5, 5)

    def __post_init__(self) -> None:
        for name, least in (("num_joints", 1), ("num_pyramids", 1), ("num_levels", 2), ("growth", 2)):
            settle(self, name, checks.whole(name, getattr(self, name), least))
        settle(self, "kernel_size", checks.pair("kernel_size", self.kernel_size))
        settle(self, "dim", int(checks.one_of("dim", self.dim, (2, 3))))
        require(self.growth % 2 == 0, "`growth` must be even", growth=self.growth)
        step = 8 * 2 ** (self.num_levels - 1)
        why = f", {2 * step} or more: the lowest of {self.num_levels} levels needs two cells"
        settle(self, "input_shape", frame_shape(self.input_shape, step, 2 * step, why))

    @property
    def num_blocks(self) -> int:
        """Pose predictions."""
        return self.num_pyramids * (self.num_levels - 1)


@dataclasses.dataclass(frozen=True)
class SpnetConfig:
    """An SPNet for frames or, with actions, for clips.

    Attributes:
        network: the pose network; its `input_shape` is that of a frame.
        frames: T of a clip; 0 for single images, which have no actions.
        num_actions: classes of every set of actions, a tuple or a number; empty for poses alone.
        action_pyramids: numbers, from 1, of the pyramids that predict actions.
        replica: whether actions have heat maps of their own, so that they do not disturb those of poses.
        pose_features, visual_features: channels of the action blocks' two inputs.
        export_poses: "all", the poses of every prediction as first outputs; or "none", with actions only.
        export_heatmaps: output the raw heat maps (logits) of every prediction after its pose.
    """

    network: PyramidNetwork = PyramidNetwork()
    frames: int = 0
    num_actions: tuple[int, ...] = ()
    action_pyramids: tuple[int, ...] = ()
    replica: bool = False
    pose_features: int = 128
    visual_features: int = 128
    export_poses: str = "all"
    export_heatmaps: bool = False

    def __post_init__(self) -> None:
        for name in ("num_actions", "action_pyramids"):
            settle(self, name, _numbers(name, getattr(self, name)))
        for name, least in (("frames", 0), ("pose_features", 16), ("visual_features", 2)):
            settle(self, name, checks.whole(name, getattr(self, name), least))
        settle_flags(self, "replica", "export_heatmaps")
        checks.one_of("export_poses", self.export_poses, ("all", "none"))
        require(
            set(self.action_pyramids) <= set(range(1, self.network.num_pyramids + 1)),
            f"`action_pyramids` must be numbers of pyramids, 1 to {self.network.num_pyramids}",
            action_pyramids=self.action_pyramids,
        )
        acts = self.frames, self.num_actions, self.action_pyramids
        require(
            all(acts) or not any(acts[1:]),
            "Actions need `frames`, `num_actions` and `action_pyramids`",
            frames=self.frames, num_actions=self.num_actions, action_pyramids=self.action_pyramids,
        )  # fmt: skip
        require(self.num_actions or self.export_poses == "all", "Without actions, poses are the only outputs",
                export_poses=self.export_poses)  # fmt: skip
        require(self.export_poses == "all" or not self.export_heatmaps, "Heat maps are exported beside poses only",
                export_poses=self.export_poses, export_heatmaps=self.export_heatmaps)  # fmt: skip


def _numbers(name: str, value: int | Sequence[int]) -> tuple[int, ...]:
    return tuple(checks.whole(name, one) for one in ([value] if isinstance(value, int) else value))
