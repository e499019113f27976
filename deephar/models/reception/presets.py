"""Named pose networks: the published ones, those inside the published clip networks, and small ones."""

from deephar.models.reception.config import PoseNetwork, ReceptionConfig

NTU = PoseNetwork(num_joints=20, dim=3, num_blocks=4, num_context=0, depth_maps=8)
"""The pose network of the published clip network for NTU RGB+D."""

PENN = PoseNetwork(num_blocks=4)
"""The pose network of the published clip network for Penn Action."""

PRESETS: dict[str, ReceptionConfig] = {
    "mpii-2d": ReceptionConfig(),
    "h36m-3d": ReceptionConfig(PoseNetwork(num_joints=17, dim=3, num_context=0)),
    "lite-2d": ReceptionConfig(PoseNetwork(input_shape=(128, 128, 3), num_blocks=2, width=288)),
    "lite-3d": ReceptionConfig(
        PoseNetwork(
            input_shape=(128, 128, 3), num_joints=17, dim=3, num_blocks=2, num_context=0, depth_maps=8, width=288
        )
    ),
    "base-2d": ReceptionConfig(PoseNetwork(input_shape=(192, 192, 3), num_blocks=4, width=288)),
    "base-3d": ReceptionConfig(
        PoseNetwork(
            input_shape=(192, 192, 3), num_joints=17, dim=3, num_blocks=4, num_context=0, depth_maps=12, width=288
        )
    ),
    "penn-pose": ReceptionConfig(PENN),
    "ntu-pose": ReceptionConfig(NTU),
}
"""`lite-2d` and `lite-3d` are narrower and shallower, for 128 pixels; `base-2d` and `base-3d` have their width, twice
their blocks and 192 pixels, so that they can start from their weights."""
