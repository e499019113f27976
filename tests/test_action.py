"""The clip network against the original, and its own promises."""

import functools

import keras
import numpy as np
import pytest
from helpers import GOLDEN, PHASES, golden_file, golden_network, trainable, value_and_gradients
from helpers import outputs_of as run
from test_golden import check_gradients, gradient_tolerance, loss_tolerance

from deephar import layers, losses, models
from deephar.models import outputs, registry, surgery
from deephar.weights import legacy_file

TINY = {"input_shape": (32, 32, 3), "num_blocks": 2, "width": 16, "frames": 4, "appearance_width": 16}
TOLERANCE = 5e-5


def tiny(name="penn-merge", **options):
    return models.build(name, **{**TINY, **options})


kept = functools.cache(tiny)
"""`tiny`, for tests that leave it as it is."""


def clips_for(model, clips=2, seed=0):
    generator = np.random.default_rng(seed)
    x = [generator.uniform(-1, 1, (clips, *i.shape[1:])).astype("float32") for i in model.inputs]
    return x[0] if len(x) == 1 else x


HEADS = {
    "Cs": {
        "sSAM": "block2_soft_argmax", "cSAM": "block2_context_soft_argmax", "cjProb": "block2_context_visibility",
        "td_ChannelSoftmax": "joint_probability", "Agg": "pose2", "sjProb": "visibility2",
        "separable_conv2d_7": "merge_pose", "separable_conv2d_8": "merge_appearance", "add_38": "merge",
    },
    "Ds": {
        "sSAM": "block2_soft_argmax", "zSAM": "block2_depth_soft_argmax", "td_ChannelSoftmax": "joint_probability",
        "concatenate_7": "pose2", "activation_20": "visibility2",
        "separable_conv2d_5": "merge_pose", "separable_conv2d_6": "merge_appearance", "add_39": "merge",
    },
}  # fmt: skip
SHARED_ROLES = {
    "td_Stem": "stem", "td_rBlock1": "block1", "td_Model1": "block2_heatmaps", "Kronecker_prod": "unfold_appearance",
    **{f"PoseAR:{i}": f"pose_action{i + 1}_maps" for i in range(4)},
    **{f"GuidedVisAR:{i}": f"appearance_action{i + 1}_maps" for i in range(4)},
    **{f"GlobalMaxMinPooling2D_{i}": f"{name}_logits" for i, name in enumerate(
        [*(f"{letter}{n}" for letter in "pv" for n in (1, 2, 3, 4)), "m"])},
}  # fmt: skip
"""Layer of the original to ours."""


@pytest.mark.backend
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Cs", marks=pytest.mark.slow_on("jax", "torch")),
        pytest.param("Ds", marks=pytest.mark.slow_on("jax")),
    ],
)
def test_clips_are_judged_as_by_the_original(name, tmp_path):
    """Outputs, log-probabilities and every named intermediate result."""
    model, x = golden_network(name, tmp_path / "legacy.h5")
    roles = {**SHARED_ROLES, **HEADS[name]}
    probe = keras.Model(model.input, [*model.outputs, *(model.get_layer(layer).output for layer in roles.values())])
    found = run(probe, x)
    expected = np.load(GOLDEN / f"{name}.npz")
    for key, y in zip(expected.files, found, strict=False):
        assert np.abs(y - expected[key]).max() < TOLERANCE, key
        if y.ndim == 2:
            assert np.abs(np.log(y) - np.log(expected[key])).max() < 1e-4, key
    stored = np.load(GOLDEN / f"inter_{name}.npz")
    rows = {str(role): row for row, role in enumerate(stored["names"])}
    for role, y in zip(roles, found[len(model.outputs) :], strict=True):
        picks = (np.arange(64) * (y.size - 1) // 63).astype(int)
        limit = TOLERANCE * max(1.0, stored["stats"][rows[role]][2])
        assert np.abs(y.ravel()[picks] - stored["samples"][rows[role]]).max() < limit, role


@pytest.mark.backend
@pytest.mark.slow_on("jax", "torch")
def test_losses_and_gradients_of_a_clip_network_are_those_of_the_original(tmp_path):
    model, x = golden_network("Cs", tmp_path / "legacy.h5")
    data = np.load(GOLDEN / "train_Cs_action.npz")
    terms = [
        (losses.CoordinateLoss("elastic_net_sum"), data["y_pose"]),
        (losses.VisibilityLoss(), data["y_vis"]),
        *[(keras.losses.CategoricalCrossentropy(), data["y_action"])] * 9,
    ]

    def parts(outputs):
        return [loss(target, y) for (loss, target), y in zip(terms, outputs, strict=True)]

    found = [float(keras.ops.convert_to_numpy(part)) for part in parts(run(model, x))]
    np.testing.assert_allclose(found, data["test_losses"][1:], rtol=loss_tolerance("Cs", "action", "test_losses"))
    for phase in PHASES:
        train = phase == "train_phase"
        value, gradients = value_and_gradients(model, trainable(model), lambda y: sum(parts(y)), x, train)
        expected = float(data[f"total_loss_{phase}"])
        assert value == pytest.approx(expected, rel=loss_tolerance("Cs", "action", f"total_loss_{phase}"))
        names = [variable.path for variable in trainable(model)]
        tolerance = NEAR_TIES if train else gradient_tolerance("Cs", "action", f"grad_{phase}")
        check_gradients(names, gradients, data[f"grad_{phase}"], *tolerance, {})


NEAR_TIES = (4e-2, 1e-1)
"""Bounds for norms and elements in the train phase, where batch norms see 32 numbers a channel and rounding reaches
1e-4. One window of the last appearance block's pooling has its two smallest values 6.7e-5 apart: taking the other one,
as the original's rounding may, moves the largest difference from 0.088 to 0.038 and that of the norms from 0.027 to
0.011; one rounding step of the input moves our own gradients by up to 0.065."""


@pytest.mark.parametrize(("name", "parameters"), [("penn-merge", 12_805_120), ("ntu-merge", 16_943_608)])
def test_published_sizes(name, parameters):
    """Learned numbers and moving statistics of the published clip networks, as their manifests count them."""
    model = models.build(name)
    assert model.count_params() == parameters
    assert model.output_names == [*(f"{letter}{n}" for letter in "pv" for n in (1, 2, 3, 4)), "m"]
    settings = registry.settings(name)
    assert all(tuple(y.shape) == (None, settings.num_actions) for y in model.outputs)


def test_a_frame_is_seen_alike_in_a_clip_and_alone():
    """The pose part of a clip network is the pose network."""
    pose = models.build("penn-pose", **{k: TINY[k] for k in ("input_shape", "num_blocks", "width")})
    clip = tiny(export_poses="all")
    assert surgery.copy_pose(pose, clip) == sum(len(layer.weights) for layer in surgery.pose_layers(clip))
    x = clips_for(clip)
    poses = run(clip, x)[0:4:2]
    alone = run(pose, x.reshape(-1, 32, 32, 3))[0:4:2]
    for in_clip, frame in zip(poses, alone, strict=True):
        np.testing.assert_allclose(in_clip.reshape(frame.shape), frame, atol=1e-5)


def test_the_order_of_frames_matters_to_the_action_and_not_to_the_poses():
    model = tiny(export_poses="last")
    x = clips_for(model)
    pose, _, *scores = run(model, x)
    pose_back, _, *scores_back = run(model, x[:, ::-1])
    np.testing.assert_allclose(pose_back, pose[:, ::-1], atol=1e-5)
    assert np.abs(scores[0] - scores_back[0]).max() > 1e-6


@pytest.mark.parametrize(("frames", "joints"), [(5, 13), (4, 17), (6, 16), (1, 1)])
def test_sizes_that_are_no_multiple_of_four_are_padded(frames, joints):
    model = tiny(frames=frames, num_joints=joints, num_blocks=1, num_action_blocks=1)
    rows, columns = (-(-n // 4) for n in (frames, joints))
    assert model.get_layer("pose_action1_maps").output.shape[1:3] == (rows, columns)
    assert model.get_layer("appearance_action1_maps").output.shape[1:3] == (rows, columns)
    assert run(model, clips_for(model))[-1].shape == (2, 15)


def test_padding_looks_like_joints_that_are_not_visible():
    small, large = (models.build("penn-pose-only", frames=8, num_joints=joints) for joints in (13, 16))
    large.set_weights(small.get_weights())
    x = clips_for(small)
    padded = np.zeros((2, 8, 16, 3), "float32")
    padded[:, :, 1:14] = x  # three joints more: one before, two after
    for a, b in zip(run(small, x), run(large, padded), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_invisible_joints_say_nothing():
    model = models.build("penn-pose-only", frames=4)
    x = clips_for(model)
    x[..., 2] = 1.0
    x[:, :, 3, 2] = 0.0
    moved = x.copy()
    moved[:, :, 3, :2] += 0.3
    np.testing.assert_array_equal(run(model, x)[-1], run(model, moved)[-1])
    moved[:, :, 4, :2] += 0.3
    assert not np.array_equal(run(model, x)[-1], run(model, moved)[-1])


def test_the_merge_begins_as_a_plain_sum():
    model = kept()
    p, v = (model.get_layer(f"{branch}_action4_maps").output for branch in ("pose", "appearance"))
    maps = run(keras.Model(model.input, [p, v, model.outputs[-1]]), clips_for(model))
    total = maps[0] + maps[1]
    logits = total.max(axis=(1, 2)) + total.min(axis=(1, 2))
    expected = np.exp(logits - logits.max(axis=-1, keepdims=True))
    np.testing.assert_allclose(maps[2], expected / expected.sum(axis=-1, keepdims=True), atol=1e-6)
    with pytest.raises(ValueError, match=r"kernels \(1, 1, n, n\)"):
        layers.PointwiseIdentity()((3, 3, 4, 4))


@pytest.mark.parametrize(
    ("options", "names", "inputs"),
    [
        ({"branches": "pose"}, ["p1", "p2", "p3", "p4"], 1),
        ({"branches": "appearance", "poses": "given"}, ["v1", "v2", "v3", "v4"], 2),
        ({"aggregation": "fully_connected", "num_action_blocks": 1}, ["p1", "v1", "m"], 1),
        ({"export_poses": "last", "concat_visibility": True, "num_action_blocks": 1}, ["clip2", "p1", "v1", "m"], 1),
    ],
)
def test_variants(options, names, inputs):
    model = tiny(**options)
    assert [name.removesuffix("_pose_visibility") for name in model.output_names] == names
    assert len(model.inputs) == inputs
    for scores in run(model, clips_for(model))[-len([n for n in names if "clip" not in n]) :]:
        np.testing.assert_allclose(scores.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"branches": "both"}, "branches='both'"), ({"pose_width": 100}, r"112, 224.*pose_width=100"),
        ({"frames": 0}, "frames=0"), ({"poses": "given", "export_poses": "last"}, "cannot be exported"),
        ({"export_heatmaps": True}, "Unknown override export_heatmaps for"), ({"frame": 3}, "Unknown override frame"),
    ],
)  # fmt: skip
def test_wrong_options_are_said(option, message):
    with pytest.raises(ValueError, match=message):
        models.build("penn-merge", **option)


def test_given_poses_replace_the_pose_network_and_keep_its_features():
    """With poses given, a clip network's appearance branch sees the same features, gathered around those poses."""
    model = tiny(poses="given", branches="appearance")
    x = clips_for(model)
    features, probability, pooled = run(
        keras.Model(model.inputs, [model.get_layer(n).output for n in ("block1", "joint_probability", "appearance")]), x
    )
    by_hand = np.einsum("nhwj,nhwc->njc", probability, features)
    np.testing.assert_allclose(pooled, by_hand, atol=1e-4)
    assert not any(layer.name.startswith("block2") for layer in model.layers)


def test_every_gradient_reaches_where_it_must_and_nowhere_else():
    model = kept()
    x = clips_for(model)
    index = {name: number for number, name in enumerate(model.output_names)}
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        outputs = model(x, training=True)
        values = {name: tf.reduce_sum(outputs[i] ** 2) for name, i in index.items()}
    layer_of = [v.path.split("/")[0] for v in model.trainable_variables]
    reached = {}
    for name in ("p4", "v4", "m"):
        gradients = tape.gradient(values[name], [v.value for v in model.trainable_variables])
        reached[name] = {layer for layer, g in zip(layer_of, gradients, strict=True) if g is not None and np.any(g)}
    every = set(layer_of)
    pose, appearance = ({n for n in every if n.startswith(f"{b}_action")} for b in ("pose", "appearance"))
    network = {n for n in every if n.startswith(("stem", "block"))}
    merge = {"merge_pose", "merge_appearance"}
    assert reached["p4"] == network | pose
    assert reached["v4"] == network | appearance
    assert reached["m"] == network | pose | appearance | merge == every


def test_freezing_is_visible_in_the_summary():
    model = tiny(num_action_blocks=1)
    surgery.freeze_pose(model)
    lines = []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    network = sum(int(np.prod(w.shape)) for layer in surgery.pose_layers(model) for w in layer.weights)
    moving = sum(int(np.prod(w.shape)) for w in model.weights if "moving" in w.path and "_action" in w.path)
    assert f" Non-trainable params: {network + moving:,} " in "\n".join(lines)
    assert f" Trainable params: {model.count_params() - network - moving:,} " in "\n".join(lines)


@pytest.mark.backend
def test_sets_of_actions_are_classes_that_compete_within_their_set():
    """With the same weights, probabilities of one set of five classes, divided by their sum over each part."""
    together, apart = tiny(num_actions=5, num_action_blocks=2), tiny(num_actions=(2, 3), num_action_blocks=2)
    names = ["p1", "p2", "v1", "v2", "m"]
    assert apart.output_names == [f"{one}_{name}" for name in names for one in ("set1", "set2")]
    apart.set_weights(together.get_weights())
    x = clips_for(apart)
    separate = iter(run(apart, x))
    for whole in run(together, x):
        for part in (whole[:, :2], whole[:, 2:]):
            np.testing.assert_allclose(next(separate), part / part.sum(axis=1, keepdims=True), rtol=1e-4)


def test_every_set_has_a_fully_connected_layer_of_its_own():
    model = tiny(num_actions=(2, 3), num_action_blocks=1, aggregation="fully_connected")
    assert [tuple(model.get_layer(f"set{number}_m").kernel.shape) for number in (1, 2)] == [(4, 2), (6, 3)]
    assert [output.actions for output in outputs.final(model)] == ["set1", "set2"]
    with pytest.raises(ValueError, match="several sets of actions; build it anew"):
        surgery.replace_actions(model, 6)


def test_new_classes_in_one_call():
    model = kept()
    renewed = surgery.replace_actions(model, 6)
    x = clips_for(model)
    assert [y.shape for y in run(renewed, x)] == [(2, 6)] * 9
    for name in ("stem_1", "block2_heatmaps", "pose_action1_features", "appearance_action4_features"):
        np.testing.assert_array_equal(*(m.get_layer(name).get_weights()[0] for m in (model, renewed)))
    with pytest.raises(ValueError, match="predicts no actions"):
        surgery.replace_actions(models.build("penn-pose", input_shape=(32, 32, 3), num_blocks=1, width=16), 6)


@pytest.mark.parametrize("number", [0, -1, None, 2.0, "6"])
def test_a_number_of_classes_that_is_none_is_refused(number):
    with pytest.raises(ValueError, match=f"`num_actions` must be a whole number, 1 or more. Received: .*={number!r}"):
        surgery.replace_actions(models.build("penn-pose-only", num_action_blocks=1, frames=4), number)


def test_a_network_inside_another_gets_new_classes_by_itself():
    clip = keras.Input((4, 13, 3))
    network = models.build("penn-pose-only", name="actions", num_action_blocks=1, frames=4)
    with pytest.raises(ValueError, match=r"'users' itself predicts no actions; .*model.get_layer\('actions'\)"):
        surgery.replace_actions(keras.Model(clip, network(clip), name="users"), 6)


def test_a_pose_part_that_does_not_fit_is_refused():
    source = models.build("penn-pose", input_shape=(32, 32, 3), num_blocks=1, width=16)
    target = kept()
    before = target.get_layer("stem_1").get_weights()[0]
    with pytest.raises(ValueError, match=r"expected block1_remap.*Received: None.*unchanged"):
        surgery.copy_pose(source, target)
    np.testing.assert_array_equal(before, target.get_layer("stem_1").get_weights()[0])
    with pytest.raises(ValueError, match="no pose part"):
        surgery.freeze_pose(models.build("penn-pose-only"))


def test_a_3d_network_takes_what_fits_of_a_2d_one():
    """All but the heat maps and what reads them, which have a depth more."""
    size = {"input_shape": (32, 32, 3), "num_blocks": 2, "width": 16, "num_joints": 17}
    flat, deep = models.build("lite-2d", **size), models.build("lite-2d", dim=3, num_context=0, depth_maps=4, **size)
    left = surgery.copy_fitting(flat, deep)
    assert left == ["block1_heatmaps", "block1_remap", "block2_heatmaps"]
    np.testing.assert_array_equal(*(m.get_layer("stem_1").get_weights()[0] for m in (flat, deep)))
    with pytest.raises(ValueError, match="Nothing in"):
        surgery.copy_fitting(models.build("penn-pose-only"), deep)


def test_a_clip_network_survives_being_saved(tmp_path):
    model = tiny(num_blocks=1, num_action_blocks=1, export_poses="last")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = clips_for(model)
    for a, b in zip(run(model, x), run(again, x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_file_of_the_other_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected the file of a network for images. Received: one for clips"):
        legacy_file.load_legacy_weights(
            models.build("mpii-2d", num_blocks=2), golden_file("Cs", tmp_path / "legacy.h5")
        )
