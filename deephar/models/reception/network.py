"""The pose network: stem, K prediction blocks with intermediate supervision, pose heads (paper section 3.1).

Each builder takes tensors and returns tensors, and reads like the figure that it implements. Layer names are an
interface (`get_layer`, legacy weights): they depend only on the block's number.
"""

import typing

import keras
from keras import layers

from deephar import checks
from deephar.layers import (
    ContextAggregation,
    JointVisibility,
    SeparableResidual,
    SoftArgmax1D,
    SoftArgmax2D,
    SplitVolume,
)
from deephar.models.blocks import FORMAT, Kernel, act_conv_bn, act_sepconv_bn, conv_bn, conv_bn_act
from deephar.models.reception.config import PoseNetwork, ReceptionConfig

STEM_WIDTH: dict[str, int] = {"inception": 576, "early": 512}
"""Output channels for which the stem has its published size; other widths scale it, in steps of 8 channels."""


def stem(x: keras.KerasTensor, width: int = 576, variant: str = "inception") -> keras.KerasTensor:
    """Entry flow, an Inception-V4-like stem (paper figure 11; "early": an older, unpublished one).

    Args:
        x: (B, H, W, 3) in [-1, 1].
        width: channels of the result.
        variant: "inception" or "early".

    Returns:
        (B, H/8, W/8, width).

    Raises:
        ValueError: for an unknown variant.
    """
    published = STEM_WIDTH[checks.one_of("variant", variant, tuple(STEM_WIDTH))]

    def scaled(channels):
        return max(8, 8 * round(channels * width / published / 8))

    early = variant == "early"
    x = conv_bn_act(x, scaled(32), 3, "stem_1", strides=2)
    if not early:
        x = conv_bn_act(x, scaled(32), 3, "stem_2")
    x = conv_bn_act(x, scaled(64), 3, "stem_3")

    a = conv_bn_act(x, scaled(32 if early else 96), 3, "stem_4", strides=2)
    b = layers.MaxPooling2D(3, 2, padding="same", name="stem_4_pool", **FORMAT)(x)
    x = layers.Concatenate(name="stem_5")([a, b])

    a = conv_bn_act(x, scaled(64), 1, "stem_6a1")
    a = conv_bn(a, scaled(96), 3, "stem_6a2")
    b = conv_bn_act(x, scaled(64), 1, "stem_6b1")
    b = conv_bn_act(b, scaled(64), (5, 1), "stem_6b2")
    b = conv_bn_act(b, scaled(64), (1, 5), "stem_6b3")
    b = conv_bn(b, scaled(96), 3, "stem_6b4")
    x = layers.Concatenate(name="stem_7")([a, b])

    a = act_conv_bn(x, scaled(192), 3, "stem_8", strides=2)
    b = layers.MaxPooling2D(2, name="stem_8_pool", **FORMAT)(x)
    x = layers.Concatenate(name="stem_9")([a, b])
    return SeparableResidual(width, 3, name="stem")(x)


def hourglass(x: keras.KerasTensor, kernel_size: Kernel, name: str) -> keras.KerasTensor:
    """Separable residuals at three resolutions (paper figure 12).

    Args:
        x: (B, H, W, C).
        kernel_size: kernel of the separable convolutions.
        name: of the result.

    Returns:
        (B, H, W, C).
    """
    channels = x.shape[-1]
    half = channels // 2

    def residual(x, filters, level):
        return SeparableResidual(filters, kernel_size, name=f"{name}_{level}")(x)

    a = residual(x, channels, "l1")
    low = layers.MaxPooling2D(2, name=f"{name}_pool1", **FORMAT)(x)
    low = act_conv_bn(low, half, 1, f"{name}_reduce")
    low = residual(low, half, "l2_1")
    b = residual(low, half, "l2_2")
    c = layers.MaxPooling2D(2, name=f"{name}_pool2", **FORMAT)(low)
    for level in ("l3_1", "l3_2", "l3_3"):
        c = residual(c, half, level)
    c = layers.UpSampling2D(2, name=f"{name}_up2", **FORMAT)(c)
    d = residual(layers.Add(name=f"{name}_l2")([b, c]), channels, "l2_3")
    d = layers.UpSampling2D(2, name=f"{name}_up1", **FORMAT)(d)
    return layers.Add(name=name)([a, d])


def heatmap_regression(
    x: keras.KerasTensor, num_maps: int, kernel_size: Kernel, name: str
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Heat maps (logits) from features: separable convolution, then a 1x1 convolution kept in float32.

    Args:
        x: (B, H, W, C).
        num_maps: number of maps M.
        kernel_size: kernel of the separable convolution.
        name: prefix; the maps come from the layer `name_heatmaps`.

    Returns:
        features (B, H, W, C) and heat maps float32 (B, H, W, M).
    """
    features = act_sepconv_bn(x, x.shape[-1], kernel_size, f"{name}_features")
    heatmaps = layers.ReLU(name=f"{name}_heatmaps_relu")(features)
    conv = layers.Conv2D(num_maps, 1, use_bias=False, dtype="float32", name=f"{name}_heatmaps", **FORMAT)
    return features, conv(heatmaps)


def pose_head_2d(
    heatmaps: keras.KerasTensor, num_joints: int, alpha: float, name: str, visibility_scale: float = 1.0
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Specialised maps, and context maps if there are any, to pose and visibility (published weights).

    Args:
        heatmaps: (B, H, W, J + J*N) logits, the J specialised maps first.
        num_joints: J.
        alpha: weight of the specialised maps.
        name: prefix.
        visibility_scale: of the specialised maps' visibility, see `deephar.layers.JointVisibility`.

    Returns:
        pose (B, J, 2) in [0, 1], visibility (B, J, 1) in [0, 1], the specialised maps (B, H, W, J).
    """
    specialised = heatmaps[..., :num_joints]
    pose = SoftArgmax2D(name=f"{name}_soft_argmax", **FORMAT)(specialised)
    visibility = JointVisibility(visibility_scale, name=f"{name}_visibility", **FORMAT)(specialised)
    if heatmaps.shape[-1] > num_joints:
        context = heatmaps[..., num_joints:]
        context_pose = SoftArgmax2D(name=f"{name}_context_soft_argmax", **FORMAT)(context)
        context_visibility = JointVisibility(name=f"{name}_context_visibility", **FORMAT)(context)
        pose = ContextAggregation(alpha, name=f"{name}_context")(pose, context_pose, context_visibility)
    return layers.Identity(dtype="float32", name=f"{name}_pose")(pose), visibility, specialised


def pose_head_3d(
    heatmaps: keras.KerasTensor, depth_maps: int, name: str, visibility_scale: float = 1.0
) -> tuple[keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """Volumetric maps to 3D pose and visibility (paper section 3.1).

    Args:
        heatmaps: (B, H, W, D*J) logits, depth-major.
        depth_maps: D.
        name: prefix.
        visibility_scale: see `deephar.layers.JointVisibility`.

    Returns:
        pose (B, J, 3) in [0, 1], visibility (B, J, 1) in [0, 1], the maps averaged over depth (B, H, W, J).
    """
    maps_xy, maps_z = SplitVolume(depth_maps, name=f"{name}_split", **FORMAT)(heatmaps)
    xy = SoftArgmax2D(name=f"{name}_soft_argmax", **FORMAT)(maps_xy)
    z = SoftArgmax1D(name=f"{name}_depth_soft_argmax", **FORMAT)(maps_z)
    pose = layers.Concatenate(dtype="float32", name=f"{name}_pose")([xy, z])
    visibility = JointVisibility(visibility_scale, name=f"{name}_visibility", **FORMAT)(maps_xy, maps_z)
    return pose, visibility, maps_xy


def reinject(
    x: keras.KerasTensor, features: keras.KerasTensor, heatmaps: keras.KerasTensor, name: str
) -> keras.KerasTensor:
    """Input of the next block: hourglass + features + heat maps mapped back to features (paper figure 12)."""
    back = act_conv_bn(heatmaps, x.shape[-1], 1, f"{name}_remap")
    return layers.Add(name=f"{name}_out")([x, features, back])


class Block(typing.NamedTuple):
    """Outputs of a prediction block: pose (B, J, dim), visibility (B, J, 1), its heat maps over x and y
    (B, H/8, W/8, J), and the features of its hourglass (B, H/8, W/8, width)."""

    pose: keras.KerasTensor
    visibility: keras.KerasTensor
    heatmaps: keras.KerasTensor
    features: keras.KerasTensor


def prediction_blocks(image: keras.KerasTensor, network: PoseNetwork, visibility_scale: float = 1.0) -> list[Block]:
    """Stem and K prediction blocks (paper figures 2 and 12).

    Args:
        image: (B, H, W, 3) in [-1, 1].
        network: `deephar.models.reception.config.PoseNetwork`.
        visibility_scale: see `deephar.layers.JointVisibility`.

    Returns:
        list of K `Block`.
    """
    maps_per_joint = network.depth_maps if network.dim == 3 else 1 + network.num_context
    x = stem(image, network.width, network.stem)
    blocks = []
    for number in range(1, network.num_blocks + 1):
        name = f"block{number}"
        x = hourglass(x, network.kernel_size, name)
        features, maps = heatmap_regression(x, maps_per_joint * network.num_joints, network.kernel_size, name)
        if network.dim == 3:
            head = pose_head_3d(maps, network.depth_maps, name, visibility_scale)
        else:
            head = pose_head_2d(maps, network.num_joints, network.alpha, name, visibility_scale)
        blocks.append(Block(*head, x))
        if number < network.num_blocks:
            x = reinject(x, features, maps, name)
    return blocks


def pose_outputs(
    pose: keras.KerasTensor, visibility: keras.KerasTensor, joined: bool, name: str
) -> list[keras.KerasTensor]:
    """[pose, visibility], or one tensor of both with `joined`."""
    if not joined:
        return [pose, visibility]
    return [layers.Concatenate(dtype="float32", name=f"{name}_pose_visibility")([pose, visibility])]


def build(config: ReceptionConfig, name: str) -> keras.Model:
    """The whole pose network.

    Args:
        config: `deephar.models.reception.config.ReceptionConfig`.
        name: of the model.

    Returns:
        `keras.Model` from float32 (B, H, W, 3) in [-1, 1] to a list: for each block pose (B, J, dim) and
        visibility (B, J, 1) (one tensor (B, J, dim + 1) with `concat_visibility`), then its heat maps
        (B, H/8, W/8, J), an output block1_joint_maps and so on, with `export_heatmaps`; at the end the features
        (B, H/8, W/8, width) of block `export_features`.
    """
    image = keras.Input(config.network.input_shape, dtype="float32", name="image")
    outputs = []
    blocks = prediction_blocks(image, config.network)
    for number, block in enumerate(blocks, start=1):
        outputs += pose_outputs(block.pose, block.visibility, config.concat_visibility, f"block{number}")
        if config.export_heatmaps:
            outputs.append(layers.Identity(dtype="float32", name=f"block{number}_joint_maps")(block.heatmaps))
    if config.export_features:
        outputs.append(blocks[config.export_features - 1].features)
    return keras.Model(image, outputs, name=name)
