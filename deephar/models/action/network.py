"""The clip network: poses and visual features of every frame become an action (paper section 4).

A clip of poses is treated as an image: rows are frames, columns are joints, channels are coordinates or features.
Layers are named `pose_action...` and `appearance_action...` beside those of the pose network; the outputs keep the
published names p1, p2 ... (pose), v1, v2 ... (appearance) and m (aggregated). Of several sets of actions, every block
has the maps of all, one set after the other, and each set its own outputs, set1_p1 and so on.
"""

import itertools

import keras
from keras import layers

from deephar.layers import (
    AppearancePooling,
    FoldFrames,
    GaussianMaps,
    GlobalMaxPlusMinPooling2D,
    MaxPlusMinPooling2D,
    PointwiseIdentity,
    SpatialSoftmax,
    UnfoldFrames,
)
from deephar.models.action.config import POSE_BRANCH, ActionConfig
from deephar.models.blocks import FORMAT, act_conv_bn, conv_bn, conv_bn_act
from deephar.models.reception.network import hourglass, pose_outputs, prediction_blocks, stem

VISIBILITY_SCALE: dict[int, float] = {2: 4.0, 3: 2.0}
"""Factor on the logit of visibility in clips, by the number of coordinates (published weights)."""


def pad_to_four(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Zero-pad rows (frames) and columns (joints) to multiples of 4, evenly before and after.

    The action blocks halve both twice and add the result back: other sizes would not match. Padded joints and frames
    look like invisible ones.
    """
    rows, columns = (-size % 4 for size in x.shape[1:3])
    if not rows and not columns:
        return x
    sides = ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
    return layers.ZeroPadding2D(sides, name=f"{name}_padding", **FORMAT)(x)


def action_block(
    x: keras.KerasTensor, num_actions: int, last: bool, name: str
) -> tuple[keras.KerasTensor, keras.KerasTensor | None]:
    """Action prediction block (paper figures 5 and 13).

    Args:
        x: (B, T', J', C), T' and J' even.
        num_actions: A, of all sets.
        last: whether no block follows.
        name: prefix; the action maps come from the layer `name_maps`.

    Returns:
        action maps (B, T'/2, J'/2, A), logits in float32; and the next block's input (B, T', J', C), None if `last`.
    """
    channels = x.shape[-1]
    y = act_conv_bn(x, channels // 2, 1, f"{name}_reduce")
    y = act_conv_bn(y, channels, 3, f"{name}_residual")
    x = layers.Add(name=f"{name}_sum")([x, y])
    features = act_conv_bn(x, channels, 3, f"{name}_features")
    maps = MaxPlusMinPooling2D(2, name=f"{name}_pool", **FORMAT)(features)
    maps = layers.ReLU(name=f"{name}_maps_relu")(maps)
    conv = layers.Conv2D(num_actions, 3, padding="same", use_bias=False, dtype="float32", name=f"{name}_maps", **FORMAT)
    maps = conv(maps)
    if last:
        return maps, None
    back = layers.UpSampling2D(2, name=f"{name}_up", **FORMAT)(maps)
    back = act_conv_bn(back, channels, 3, f"{name}_remap")
    return maps, layers.Add(name=f"{name}_out")([x, features, back])


def _action_blocks(x, config, name):
    """The action maps of every block."""
    every = []
    for number in range(1, config.num_action_blocks + 1):
        maps, x = action_block(x, sum(config.sets), number == config.num_action_blocks, f"{name}{number}")
        every.append(maps)
    return every


def pose_branch(
    pose: keras.KerasTensor, visibility: keras.KerasTensor, config: ActionConfig
) -> list[keras.KerasTensor]:
    """Action from poses (paper figures 5 and 13).

    Args:
        pose: (B, T, J, dim) in [0, 1].
        visibility: (B, T, J, 1); coordinates of invisible joints are scaled to 0.
        config: `deephar.models.action.config.ActionConfig`.

    Returns:
        list of action maps (B, T/4, J/4, A), one per block.
    """
    name = "pose_action"
    first, neck = POSE_BRANCH[config.pose_width]
    half = config.pose_width // 2
    x = layers.Multiply(dtype="float32", name=f"{name}_visible")([pose, visibility])
    x = pad_to_four(x, name)
    a = conv_bn_act(x, first, (3, 1), f"{name}_a")
    b = conv_bn_act(x, 2 * first, 3, f"{name}_b")
    c = conv_bn_act(x, 3 * first, (3, 5), f"{name}_c")
    x = layers.Concatenate(name=f"{name}_abc")([a, b, c])
    a = conv_bn(x, half, 3, f"{name}_a2")
    b = conv_bn(x, neck, 1, f"{name}_b2")
    b = conv_bn(b, half, 3, f"{name}_b3")
    x = layers.Concatenate(name=f"{name}_ab")([a, b])
    return _action_blocks(MaxPlusMinPooling2D(2, name=f"{name}_pool", **FORMAT)(x), config, name)


def appearance_branch(features: keras.KerasTensor, config: ActionConfig) -> list[keras.KerasTensor]:
    """Action from visual features (paper section 4.2).

    Args:
        features: (B, T, J, C), see `deephar.layers.AppearancePooling`.
        config: `deephar.models.action.config.ActionConfig`.

    Returns:
        list of action maps (B, T/4, J/4, A), one per block.
    """
    name = "appearance_action"
    x = conv_bn(pad_to_four(features, name), config.appearance_width, 1, f"{name}_reduce")
    return _action_blocks(layers.MaxPooling2D(2, name=f"{name}_pool", **FORMAT)(x), config, name)


def action_scores(maps: keras.KerasTensor, sets: tuple[int, ...], name: str) -> list[keras.KerasTensor]:
    """Action maps (B, T', J', A) to probabilities: softmax of the largest plus the smallest logit.

    Args:
        maps: of all sets.
        sets: classes of every set; their sum is A.
        name: of the output; of several sets, that of each has its own name.

    Returns:
        list of probabilities (B, classes), one for every set.
    """
    logits = GlobalMaxPlusMinPooling2D(dtype="float32", name=f"{name}_logits", **FORMAT)(maps)
    ends = itertools.accumulate(sets)
    parts = [logits[:, end - size : end] for end, size in zip(ends, sets, strict=True)] if len(sets) > 1 else [logits]
    names = _names(name, len(sets))
    return [layers.Softmax(dtype="float32", name=own)(part) for own, part in zip(names, parts, strict=True)]


def _names(name, count):
    """The name of an output of every set."""
    return [f"set{number}_{name}" for number in range(1, count + 1)] if count > 1 else [name]


def merge_maps(
    pose_maps: keras.KerasTensor, appearance_maps: keras.KerasTensor, sets: tuple[int, ...]
) -> list[keras.KerasTensor]:
    """The published aggregation: the last action maps of both branches, classes mixed linearly, summed."""

    def mix(maps, name):
        conv = layers.SeparableConv2D(
            maps.shape[-1],
            1,
            use_bias=False,
            depthwise_initializer="ones",
            pointwise_initializer=PointwiseIdentity(),
            dtype="float32",
            name=f"merge_{name}",
            **FORMAT,
        )
        return conv(maps)

    maps = [mix(pose_maps, "pose"), mix(appearance_maps, "appearance")]
    return action_scores(layers.Add(dtype="float32", name="merge")(maps), sets, "m")


def merge_scores(
    pose_scores: list[keras.KerasTensor], appearance_scores: list[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    """The paper's aggregation: a fully connected layer with softmax on both predictions (section 4.3), of every set."""
    names = zip(_names("merge", len(pose_scores)), _names("m", len(pose_scores)), strict=True)
    found = []
    for (joined, name), *pair in zip(names, pose_scores, appearance_scores, strict=True):
        both = layers.Concatenate(dtype="float32", name=joined)(pair)
        found.append(layers.Dense(pair[0].shape[-1], "softmax", dtype="float32", name=name)(both))
    return found


def estimate_poses(
    clip: keras.KerasTensor, config: ActionConfig
) -> tuple[list[keras.KerasTensor], keras.KerasTensor, keras.KerasTensor, keras.KerasTensor, keras.KerasTensor]:
    """The pose network on every frame.

    Args:
        clip: (B, T, H, W, 3) in [-1, 1].
        config: `deephar.models.action.config.ActionConfig`.

    Returns:
        list of pose outputs, pose (B, T, J, dim) and visibility (B, T, J, 1) of the last block, its probability maps
        (B * T, H/8, W/8, J), and the features of the first hourglass (B * T, H/8, W/8, width).
    """

    def unfold(x, name):
        return UnfoldFrames(config.frames, name=name)(x)

    blocks = prediction_blocks(FoldFrames(name="fold")(clip), config.network, VISIBILITY_SCALE[config.network.dim])
    outputs, unfolded = [], []
    for number, block in enumerate(blocks, start=1):
        pose, visibility = (unfold(block.pose, f"pose{number}"), unfold(block.visibility, f"visibility{number}"))
        unfolded.append((pose, visibility))
        if config.export_poses == "all" or (config.export_poses == "last" and number == len(blocks)):
            outputs += pose_outputs(pose, visibility, config.concat_visibility, f"clip{number}")
    probability = SpatialSoftmax(name="joint_probability", **FORMAT)(blocks[-1].heatmaps)
    return outputs, *unfolded[-1], probability, blocks[0].features


def given_poses(
    config: ActionConfig, with_pictures: bool
) -> tuple[
    list[keras.KerasTensor], keras.KerasTensor, keras.KerasTensor, keras.KerasTensor | None, keras.KerasTensor | None
]:
    """Inputs for given poses, and what `estimate_poses` would return except its outputs."""
    network = config.network
    given = keras.Input((config.frames, network.num_joints, network.dim + 1), dtype="float32", name="pose")
    pose, visibility = given[..., : network.dim], given[..., network.dim :]
    if not with_pictures:
        return [given], pose, visibility, None, None
    clip = keras.Input((config.frames, *network.input_shape), dtype="float32", name="clip")
    features = stem(FoldFrames(name="fold")(clip), network.width, network.stem)
    features = hourglass(features, network.kernel_size, "block1")
    probability = GaussianMaps(*features.shape[1:3], name="joint_probability", **FORMAT)(
        FoldFrames(name="fold_pose")(pose)
    )
    return [clip, given], pose, visibility, probability, features


def build(config: ActionConfig, name: str) -> keras.Model:
    """The whole clip network.

    Args:
        config: a `deephar.models.action.config.ActionConfig`.
        name: of the model.

    Returns:
        `keras.Model` from clips, float32 (B, T, H, W, 3) in [-1, 1], to a list: pose (B, T, J, dim) and visibility
        (B, T, J, 1) as `export_poses` says (one tensor (B, T, J, dim + 1) with `concat_visibility`), then the
        probabilities (B, A) of every block from poses p1, p2 ..., from appearance v1, v2 ..., and aggregated m, each of
        one set after the other. With `poses="given"` the inputs are the clip and the poses (B, T, J, dim + 1) in [0, 1]
        with their visibility.
    """
    with_pictures = config.poses == "estimated" or config.branches != "pose"
    if config.poses == "estimated":
        clip = keras.Input((config.frames, *config.network.input_shape), dtype="float32", name="clip")
        outputs, *evidence = estimate_poses(clip, config)
        inputs = [clip]
    else:
        inputs, *evidence = given_poses(config, with_pictures)
        outputs = []
    pose, visibility, probability, features = evidence
    maps, scores = {}, {}
    if config.branches != "appearance":
        maps["p"] = pose_branch(pose, visibility, config)
    if config.branches != "pose":
        pooled = AppearancePooling(name="appearance", **FORMAT)(probability, features)
        maps["v"] = appearance_branch(UnfoldFrames(config.frames, name="unfold_appearance")(pooled), config)
    for letter, every in maps.items():
        scores[letter] = [action_scores(m, config.sets, f"{letter}{number}") for number, m in enumerate(every, start=1)]
        outputs += [score for block in scores[letter] for score in block]
    if config.branches == "merge" and config.aggregation == "maps":
        outputs += merge_maps(maps["p"][-1], maps["v"][-1], config.sets)
    elif config.branches == "merge":
        outputs += merge_scores(scores["p"][-1], scores["v"][-1])
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=name)
