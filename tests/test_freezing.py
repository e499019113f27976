"""A frozen pose part keeps every array, moving statistics included, whichever way the network came to be."""

import copy

import keras
import numpy as np
import pytest

from deephar import layers, models, training
from deephar.models import reception, surgery

TINY = {"input_shape": (32, 32, 3), "num_blocks": 1, "width": 16, "frames": 4, "num_action_blocks": 1}
CLIP = {**TINY, "appearance_width": 16, "num_actions": 3}


def frozen_clip_network():
    model = models.build("lite-merge", concat_visibility=True, **CLIP)
    surgery.freeze_pose(model)
    return model


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


WAYS = {
    "frozen": lambda model, _: model,
    "other classes": lambda model, _: surgery.replace_actions(model, 5),
    "saved and loaded": saved_and_loaded,
    "cloned": lambda model, _: keras.models.clone_model(model),
    "copied": lambda model, _: copy.deepcopy(model),
}


def changed_by_a_step(model):
    """Paths of the arrays that a step of training changes."""
    outputs = [np.full(output.shape[1:], 0.3, "float32")[None].repeat(2, 0) for output in model.outputs]
    training.compile_action(model, keras.optimizers.SGD(0.1))
    before = model.get_weights()
    clips = np.random.default_rng(0).uniform(-1, 1, (2, *model.input_shape[1:])).astype("float32")
    model.train_on_batch(clips, outputs)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    return {weight.path for weight, moved in zip(model.weights, changed, strict=True) if moved}


def pose_paths(model):
    return {weight.path for layer in surgery.pose_layers(model) for weight in layer.weights}


@pytest.mark.parametrize("way", WAYS)
def test_no_trainable_array_is_left_in_a_frozen_pose_part(way, tmp_path):
    model = WAYS[way](frozen_clip_network(), tmp_path)
    assert not {weight.path for weight in model.trainable_variables} & pose_paths(model)
    assert model.trainable_variables


@pytest.mark.parametrize("way", ["other classes", "saved and loaded"])
def test_a_step_changes_no_array_of_a_frozen_pose_part(way, tmp_path):
    changed = changed_by_a_step(WAYS[way](frozen_clip_network(), tmp_path))
    assert changed and not any(reception.POSE_LAYER.fullmatch(path.split("/")[0]) for path in changed)


def test_a_released_pose_part_trains_again():
    model = surgery.replace_actions(frozen_clip_network(), 5)
    count = surgery.freeze_pose(model, False)
    assert count == sum(len(layer.weights) for layer in surgery.pose_layers(model))
    kernels = {path for path in changed_by_a_step(model) if reception.POSE_LAYER.fullmatch(path.split("/")[0])}
    assert {"stem_1/kernel", "stem/conv/depthwise_kernel", "block1_l1/bn/moving_mean"} <= kernels


@pytest.mark.parametrize("build_first", [False, True])
@pytest.mark.parametrize("channels", [4, 8, 16])  # the layers inside differ: none, a shortcut, a reduction
def test_a_separable_residual_hands_its_frozenness_down(channels, build_first):
    layer = layers.SeparableResidual(8, trainable=build_first)
    if build_first:
        layer.build((None, 8, 8, channels))
        layer.trainable = False
    layer(np.ones((1, 8, 8, channels), "float32"), training=True)
    assert layer.weights and not layer.trainable_weights
    copied = layers.SeparableResidual.from_config(layer.get_config())
    copied.build((None, 8, 8, channels))
    assert copied.weights and not copied.trainable_weights
    copied.trainable = True
    assert copied.trainable_weights


def test_the_pose_part_is_known_by_exact_names():
    """All layers with weights of a pose network and none of a clip network's other part, of every stem and head."""
    for variant, more in (("mpii-2d", {}), ("mpii-2d", {"stem": "early"}), ("h36m-3d", {"depth_maps": 4})):
        model = models.build(variant, input_shape=(32, 32, 3), width=32, num_blocks=2, **more)
        names = [layer.name for layer in model.layers if layer.weights]
        assert [layer.name for layer in surgery.pose_layers(model)] == names
    clip = models.build("lite-merge", **CLIP)
    others = {layer.name for layer in clip.layers if layer.weights} - {
        layer.name for layer in surgery.pose_layers(clip)
    }
    assert others and all("action" in name or name.startswith("merge") for name in others)


def test_a_network_inside_a_user_s_model_is_frozen_and_their_layers_are_not():
    network = models.build("lite-2d", input_shape=(32, 32, 3), width=16, num_blocks=1)
    image = keras.Input((32, 32, 3))
    mine = keras.layers.Conv2D(3, 1, name="stem_of_mine")(image)
    model = keras.Model(image, keras.layers.Dense(2, name="block_of_mine")(network(mine)[0]))
    assert surgery.freeze_pose(model) == len(network.weights)
    assert not network.trainable_variables
    assert {v.path.split("/")[0] for v in model.trainable_variables} == {"stem_of_mine", "block_of_mine"}


def test_two_pose_networks_in_one_model_are_not_mixed_up():
    image = keras.Input((32, 32, 3))
    options = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}
    pair = [models.build("lite-2d", name=name, **options) for name in ("first", "second")]
    both = keras.Model(image, [network(image)[0] for network in pair])
    assert [layer.name for layer in both.layers[1:]] == ["first", "second"]
    with pytest.raises(ValueError, match="holds several pose networks"):
        surgery.copy_pose(both, pair[0])
    with pytest.raises(ValueError, match=r"`num_actions` must be a whole number, 1 or more. Received: num_actions=0"):
        surgery.replace_actions(models.build("lite-merge", **CLIP), 0)
