"""Named SPNets: those of the original's scripts, and small ones."""

from deephar.models.spnet.config import PyramidNetwork, SpnetConfig

PRESETS: dict[str, SpnetConfig] = {
    "spnet-penn": SpnetConfig(
        PyramidNetwork(num_pyramids=6), 8, (15,), (5, 6), replica=True, pose_features=160, visual_features=160
    ),
    "spnet-ntu": SpnetConfig(
        PyramidNetwork(num_joints=17, dim=3, num_pyramids=2), 8, (60,), (1, 2), pose_features=192, visual_features=192
    ),
    "spnet-pose3d": SpnetConfig(PyramidNetwork(num_joints=17, dim=3)),
    "spnet-lite": SpnetConfig(
        PyramidNetwork((128, 128, 3), num_joints=17, dim=3, num_pyramids=2, num_levels=3, growth=48),
        8, (15, 60), (1, 2), pose_features=64, visual_features=64,
    ),
}  # fmt: skip
"""`spnet-penn` is what evaluates Penn Action; its training script has 2 pyramids, both with actions, and no replica.
`spnet-lite` is ours: 3D poses and two sets of actions."""
