"""The configuration of a pose network."""

import dataclasses

from deephar import checks
from deephar.models.settings import frame_shape, require, settle, settle_flags


@dataclasses.dataclass(frozen=True)
class PoseNetwork:
    """Stem, K prediction blocks and pose heads, of a pose network or within a clip network.

    Attributes:
        input_shape: (H, W, 3) of a frame; H and W multiples of 32, fixed when the network is built.
        num_joints: joints J.
        dim: 2 for (x, y), 3 for (x, y, z).
        num_blocks: prediction blocks K, each supervised.
        num_context: context maps per joint, 2D only; 0 for plain soft-argmax.
        depth_maps: depth cells per joint, 3D only.
        kernel_size: kernel of the separable convolutions in the prediction blocks, int or pair.
        width: channels of the features between blocks, even; the stem scales with it.
        alpha: weight of the specialised maps relative to the context maps, in [0, 1].
        stem: "inception" (paper figure 11) or "early" (an older stem with one convolution less).
    """

    input_shape: tuple[int, int, int] = (256, 256, 3)
    num_joints: int = 16
    dim: int = 2
    num_blocks: int = 8
    num_context: int = 2
    depth_maps: int = 16
    kernel_size: tuple[int, int] = (5, 5)
    width: int = 576
    alpha: float = 0.8
    stem: str = "inception"

    def __post_init__(self) -> None:
        why = (
            " that are fixed when a network is built; for another size build another network, which can use the same "
            "weights"
        )
        settle(self, "input_shape", frame_shape(self.input_shape, 32, 32, why))
        settle(self, "kernel_size", checks.pair("kernel_size", self.kernel_size))
        for name in ("num_joints", "num_blocks", "depth_maps", "width"):
            settle(self, name, checks.whole(name, getattr(self, name)))
        settle(self, "num_context", checks.whole("num_context", self.num_context, least=0))
        settle(self, "alpha", checks.between("alpha", self.alpha, 0, 1))
        settle(self, "dim", int(checks.one_of("dim", self.dim, (2, 3))))
        checks.one_of("stem", self.stem, ("inception", "early"))
        require(self.width % 2 == 0, "`width` must be even", width=self.width)


@dataclasses.dataclass(frozen=True)
class ReceptionConfig:
    """A pose network and its outputs.

    Attributes:
        network: its configuration.
        concat_visibility: output [pose, visibility] as one tensor per block instead of two.
        export_heatmaps: output the raw heat maps (logits) of every block after its pose.
        export_features: number of the block whose hourglass features become the last output; 0 for none.
    """

    network: PoseNetwork = PoseNetwork()
    concat_visibility: bool = False
    export_heatmaps: bool = False
    export_features: int = 0

    def __post_init__(self) -> None:
        settle_flags(self, "concat_visibility", "export_heatmaps")
        settle(self, "export_features", checks.whole("export_features", self.export_features, least=0))
        require(
            self.export_features <= self.network.num_blocks,
            f"`export_features` must be the number of a block, 1 to {self.network.num_blocks}, or 0",
            export_features=self.export_features,
        )
