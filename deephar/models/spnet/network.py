"""SPNet: pyramids that go down and up, with a prediction of poses, and of actions, at every level (TPAMI 2020).

Layers with weights have the names of the original's files, which are therefore loaded by name. A clip's frames are
folded into the batch but for the action blocks.
"""

import dataclasses
import typing

import keras
from keras import layers

from deephar.layers import (
    AppearancePooling,
    ExpectedDepth,
    ExpectedPosition,
    FoldFrames,
    JointConfidence,
    SpatialSoftmax,
    UnfoldFrames,
)
from deephar.models.blocks import FORMAT
from deephar.models.spnet.action import action_block, action_scores
from deephar.models.spnet.config import PyramidNetwork, SpnetConfig
from deephar.models.spnet.units import conv, down, maps, norm_act, residual, sepconv, up

ENTRY_FILTERS = 64
"""Of the first convolution, whatever the growth."""


def entry_flow(image: keras.KerasTensor, growth: int) -> keras.KerasTensor:
    """From a picture (B, H, W, 3) in [-1, 1] to features (B, H/8, W/8, 3 * growth)."""
    x = conv(image, ENTRY_FILTERS, 7, "conv1", strides=2)
    x = residual(x, growth, 3, "res0")
    x = layers.MaxPooling2D(3, 2, padding="same", name="res0_pool", **FORMAT)(x)
    x = residual(residual(x, 2 * growth, 3, "res1"), 2 * growth, 3, "res2")
    x = layers.MaxPooling2D(2, name="res2_pool", **FORMAT)(x)
    return residual(residual(x, 3 * growth, 3, "res3"), 3 * growth, 3, "res4")


class Head(typing.NamedTuple):
    """A pose (B, J, dim) in [0, 1], its confidence (B, J, 1), the joints' probabilities and heat maps (B, H, W, J)."""

    pose: keras.KerasTensor
    confidence: keras.KerasTensor
    probability: keras.KerasTensor
    heatmaps: keras.KerasTensor


def pose_head(heatmaps: keras.KerasTensor, depth: keras.KerasTensor | None, names: dict[str, str]) -> Head:
    """Pose and confidence from heat maps (B, H, W, J) and, for 3D poses, depth maps (B, H, W, J); logits both."""
    probability = SpatialSoftmax(name=names["probability"], **FORMAT)(heatmaps)
    pose = ExpectedPosition(name=names["xy"], **FORMAT)(probability)
    if depth is not None:
        z = ExpectedDepth(name=names["z"], **FORMAT)(probability, depth)
        pose = layers.Concatenate(dtype="float32", name=names["xyz"])([pose, z])
    return Head(pose, JointConfidence(name=names["confidence"], **FORMAT)(probability), probability, heatmaps)


def _names(block: str, suffix: str = "") -> dict[str, str]:
    roles = {"probability": "probmaps", "xy": "xy", "z": "z", "xyz": "xyz", "confidence": "vis"}
    return {role: f"{block}_{name}{suffix}" for role, name in roles.items()}


class Prediction(typing.NamedTuple):
    """Of a block: its pose's `Head`, the heat maps that actions use, the depth maps, and the features that go on."""

    head: Head
    heatmaps: keras.KerasTensor
    depth: keras.KerasTensor | None
    features: keras.KerasTensor


def prediction_block(x: keras.KerasTensor, network: PyramidNetwork, name: str, replica: bool, last: bool) -> Prediction:
    """Poses from the features of a level, which they are put back into.

    Args:
        x: (B, H, W, C).
        network: its joints, coordinates and kernel.
        name: prefix.
        replica: whether actions have heat maps of their own.
        last: whether nothing follows, so that nothing is put back.
    """
    r = residual(x, x.shape[-1], network.kernel_size, f"{name}_r1", separable=True)
    s = sepconv(norm_act(r, f"{name}_bn1", f"{name}_act1"), x.shape[-1], network.kernel_size, f"{name}_conv1")
    t = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn2")(s)
    u = layers.ReLU(name=f"{name}_heatmaps_act1")(t)
    heatmaps = maps(u, network.num_joints, f"{name}_heatmaps_conv1")
    terms, depth = [r, s], None
    if not last:
        both = layers.Concatenate(name=f"{name}_heatmaps_concat")(
            [conv(u, network.num_joints, 1, f"{name}_heatmaps_fw_maps"), heatmaps]
        )
        both = layers.ReLU(name=f"{name}_heatmaps_act2")(both)
        terms.append(conv(both, x.shape[-1], 1, f"{name}_heatmaps_conv2"))
    if network.dim == 3:
        depth = maps(layers.ReLU(name=f"{name}_depthmaps_act1")(t), network.num_joints, f"{name}_depthmaps_conv1")
        if not last:
            terms.append(conv(depth, x.shape[-1], 1, f"{name}_depthmaps_conv2"))
    head = pose_head(heatmaps, depth, _names(name))
    own = maps(u, network.num_joints, f"{name}_heatmaps_conv1_replica") if replica else heatmaps
    return Prediction(head, own, depth, x if last else layers.Add(name=f"{name}_add")(terms))


@dataclasses.dataclass
class _Walk:
    """What every level has given so far, by its number, on the way down and up the pyramids; and the outputs."""

    config: SpnetConfig
    features: dict[int, keras.KerasTensor]
    visual: dict[int, keras.KerasTensor]
    known: dict[int, keras.KerasTensor] = dataclasses.field(default_factory=dict)
    poses: list[list[keras.KerasTensor]] = dataclasses.field(default_factory=list)
    actions: list[list[keras.KerasTensor]] = dataclasses.field(default_factory=list)

    def pyramid(self, number: int) -> None:
        """One pyramid; the odd ones go down."""
        network = self.config.network
        if number % 2:
            start, *way = range(network.num_levels)
            move, prefix, unit = down, f"dp{number}", "du"
        else:
            start, *way = reversed(range(network.num_levels))
            move, prefix, unit = up, f"up{number}", "uu"
        acts = number in self.config.action_pyramids
        x, known = self.features[start], self.known.get(start)
        for level in way:
            name = f"{prefix}_{unit}{level}"
            x = move(x, network.growth, network.kernel_size, name)
            self.visual.setdefault(level, x)
            x = _joined(x, self.features.get(level), f"{name}_add")
            if acts and known is not None:
                known = residual(known, known.shape[-1], 3, f"{name}_action_r0", separable=True)
                known = _joined(known, self.known.get(level), f"{name}_action_add")
            found = self.predict(x, f"{prefix}_pb{level}", acts)
            x = self.features[level] = found.features
            if acts:
                known = self.act(found, self.visual[level], known)
            if known is not None:
                self.known[level] = known

    def predict(self, x: keras.KerasTensor, name: str, acts: bool) -> Prediction:
        """Poses from the features of a level."""
        network = self.config.network
        last = len(self.poses) + 1 == network.num_blocks
        found = prediction_block(x, network, name, acts and self.config.replica, last)
        both = layers.Concatenate(dtype="float32", name=f"{name}_joined")([found.head.pose, found.head.confidence])
        given = {"pose_visibility": self.unfolded(both, name)}
        if self.config.export_heatmaps:
            given["joint_maps"] = self.unfolded(found.head.heatmaps, f"{name}_joint_maps")
        block = f"block{len(self.poses) + 1}"
        self.poses.append([layers.Identity(dtype="float32", name=f"{block}_{key}")(x) for key, x in given.items()])
        return found

    def act(
        self, found: Prediction, visual: keras.KerasTensor, known: keras.KerasTensor | None
    ) -> keras.KerasTensor | None:
        """Actions from the poses of a level; what they give to the next ones."""
        config, name = self.config, f"act{len(self.actions) + 1}"
        head = pose_head(found.heatmaps, found.depth, _names(name, "2"))
        pooled = AppearancePooling(name=f"{name}_kron", **FORMAT)(head.probability, visual)
        last = len(self.actions) + 1 == len(config.action_pyramids) * (config.network.num_levels - 1)
        action_maps, known = action_block(
            self.unfolded(head.pose, f"{name}_pose"), self.unfolded(head.confidence, f"{name}_confidence"),
            self.unfolded(pooled, f"{name}_visual"), known, (config.pose_features, config.visual_features),
            config.num_actions, f"{name}_action", last,
        )  # fmt: skip
        self.actions.append(action_scores(action_maps, len(self.actions) + 1))
        return known

    def unfolded(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Frames as clips again, if there are clips."""
        return UnfoldFrames(self.config.frames, name=name)(x) if self.config.frames else x


def _joined(x: keras.KerasTensor, other: keras.KerasTensor | None, name: str) -> keras.KerasTensor:
    return x if other is None else layers.Add(name=name)([x, other])


def build(config: SpnetConfig, name: str) -> keras.Model:
    """The whole network.

    Args:
        config: `deephar.models.spnet.config.SpnetConfig`.
        name: of the model.

    Returns:
        `keras.Model` from frames, float32 (B, H, W, 3) in [-1, 1], or clips (B, T, H, W, 3), to a list: every
        prediction's pose and confidence (B, [T,] J, dim + 1), unless `export_poses` is "none", each followed by its
        heat maps (B, [T,] h, w, J) with `export_heatmaps`; then the probabilities (B, A) of every action block and set.
    """
    shape = config.network.input_shape
    if config.frames:
        image = keras.Input((config.frames, *shape), dtype="float32", name="clip")
        frames = FoldFrames(name="fold")(image)
    else:
        image = frames = keras.Input(shape, dtype="float32", name="image")
    start = entry_flow(frames, config.network.growth)
    walk = _Walk(config, {0: start}, {0: start})
    for number in range(1, config.network.num_pyramids + 1):
        walk.pyramid(number)
    poses = walk.poses if config.export_poses == "all" else []
    return keras.Model(image, [output for block in (*poses, *walk.actions) for output in block], name=name)
