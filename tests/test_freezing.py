"""Frozen is frozen: no array changes in a training step, whichever way a model came to be."""

import copy

import keras
import numpy as np
import pytest

from deephar import layers, models, training
from deephar.models import surgery

SIZE = {"input_shape": (32, 32, 3), "num_blocks": 2, "width": 16}
CLIPS = {
    **SIZE, "num_blocks": 1, "frames": 4, "branches": "appearance", "appearance_width": 16, "num_action_blocks": 1,
    "num_actions": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def shared_model():
    return models.build("penn-merge", **CLIPS)


@pytest.fixture
def model(shared_model):
    """A clip network, its pose part frozen."""
    surgery.freeze_pose(shared_model)
    return shared_model


def saved(model, folder):
    model.save(folder / "model.keras")
    return keras.models.load_model(folder / "model.keras")


def inside(model, folder=None):
    """A user's model with a network of ours as a layer, and layers whose names look like ours."""
    clip = keras.Input(model.input_shape[1:])
    x = keras.layers.Conv3D(3, 1, name="stem_of_mine")(clip)
    x = keras.layers.Conv3D(3, 1, name="block1_conv1")(keras.layers.BatchNormalization(name="stem")(x))
    return keras.Model(clip, model(x), name="users")


OTHERS = {
    "with other classes": lambda model, folder: surgery.replace_actions(model, 5),
    "saved and loaded": saved,
    "cloned": lambda model, folder: keras.models.clone_model(model),
    "copied": lambda model, folder: copy.deepcopy(model),
    "inside another": inside,
    "inside another, saved": lambda model, folder: saved(inside(model), folder),
    "inside another, cloned": lambda model, folder: keras.models.clone_model(inside(model)),
}


def pose_arrays(model):
    return [weight for layer in surgery.pose_layers(model) for weight in layer.weights]


def numbers(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def train_a_step(model):
    training.compile_model(model, keras.optimizers.SGD(1.0))
    model.run_eagerly = True
    x = np.random.default_rng(0).uniform(-1, 1, (2, *model.input_shape[1:])).astype("float32")
    model.fit(x, [np.eye(y.shape[-1], dtype="float32")[:2] for y in model.outputs], verbose=0)


@pytest.mark.backend
@pytest.mark.slow_on("jax")
@pytest.mark.parametrize("way", ["as built", *OTHERS])
def test_a_frozen_pose_part_stays_as_it_is(way, model, tmp_path):
    frozen = surgery.freeze_pose(model)
    model = OTHERS[way](model, tmp_path) if way in OTHERS else model
    pose = pose_arrays(model)
    ours, trained = {id(weight) for weight in pose}, model.trainable_variables
    assert len(pose) == frozen == 106
    assert not ours & {id(weight) for weight in trained}
    others = [w for w in model.weights if id(w) not in ours]
    assert len(trained) == sum("moving" not in w.name for w in others)
    if keras.backend.backend() == "tensorflow":
        before = numbers(pose), numbers(others)
        train_a_step(model)
        assert all(np.array_equal(a, b) for a, b in zip(before[0], numbers(pose), strict=True))
        assert not any(np.array_equal(a, b) for a, b in zip(before[1], numbers(others), strict=True))


def test_a_released_pose_part_trains_again(model):
    renewed = surgery.replace_actions(model, 5)
    surgery.freeze_pose(renewed, frozen=False)
    assert len(renewed.trainable_variables) == sum("moving" not in w.name for w in renewed.weights)
    pose = pose_arrays(renewed)
    before = numbers(pose)
    train_a_step(renewed)
    stayed = [w.path for a, b, w in zip(before, numbers(pose), pose, strict=True) if np.array_equal(a, b)]
    assert {path.split("/")[0] for path in stayed} <= {"block1_features", "block1_features_bn", "block1_heatmaps"}


def test_new_classes_train_even_where_all_else_is_frozen():
    model = models.build("penn-pose-only", frames=4, num_action_blocks=2)
    model.trainable = False
    renewed = surgery.replace_actions(model, 5)
    layers_that_train = {variable.path.split("/")[0] for variable in renewed.trainable_variables}
    assert layers_that_train == {"pose_action1_maps", "pose_action2_maps", "pose_action1_remap"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lite-2d", {"stem": "early"}),
        ("ntu-merge", {"frames": 4, "num_action_blocks": 2}),
        ("penn-merge", {"frames": 4, "poses": "given", "branches": "appearance", "num_action_blocks": 1}),
    ],
)
def test_the_pose_part_is_all_but_the_action_part(name, options):
    model = models.build(name, **{**SIZE, **options})
    action = ("pose_action", "appearance_action", "merge_", "m")
    expected = [layer.name for layer in model.layers if layer.weights and not layer.name.startswith(action)]
    assert [layer.name for layer in surgery.pose_layers(model)] == expected
    assert len(expected) > 25


def test_layers_of_users_are_left_alone(model):
    model = inside(model)
    surgery.freeze_pose(model)
    assert all(model.get_layer(name).trainable for name in ("stem_of_mine", "stem", "block1_conv1"))
    image = keras.Input((32, 32, 3))
    users = keras.Model(image, keras.layers.Conv2D(4, 3, name="stem")(image))
    with pytest.raises(ValueError, match="has no pose part to freeze"):
        surgery.freeze_pose(users)


def test_weights_are_copied_to_and_from_networks_inside_others():
    image, size = keras.Input((32, 32, 3)), {**SIZE, "num_blocks": 1}
    first, second = (models.build("lite-2d", name=name, **size) for name in ("first", "second"))
    both = keras.Model(image, [*first(image), *second(image)])
    second.set_weights([np.zeros(w.shape) for w in second.weights])
    assert surgery.copy_pose(first, both) == 2 * len(first.weights)
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    target = models.build("lite-2d", num_joints=5, **size)
    assert surgery.copy_fitting(keras.Model(image, first(image)), target) == ["block1_heatmaps"]
    for copy_from in (surgery.copy_fitting, surgery.copy_pose):
        with pytest.raises(ValueError, match=r"several networks with a layer .* copy from one of them"):
            copy_from(both, target)


CHANNELS = (2, 4, 6)
"""Of the input, for 4 filters: a shortcut, none, a shortcut and a reduction."""


@pytest.mark.backend
@pytest.mark.parametrize("channels", [*(pytest.param(c, marks=pytest.mark.slow_on("jax")) for c in CHANNELS[:2]), 6])
@pytest.mark.parametrize("when", ["made", "before it is built", "afterwards", "in its configuration"])
def test_layers_inside_a_residual_are_frozen_with_it(when, channels):
    layer = layers.SeparableResidual(4, trainable=when != "made")
    if when == "before it is built":
        layer.trainable = False
    x = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, channels)).astype("float32")
    layer.build(x.shape)
    if when not in ("made", "before it is built"):
        layer.trainable = False
    if when == "in its configuration":
        layer = layers.SeparableResidual.from_config(layer.get_config())
        layer.build(x.shape)
    before = numbers(layer.weights)
    layer(x, training=True)
    assert not any(weight.trainable for weight in layer.weights if "moving" not in weight.name)
    assert all(np.array_equal(a, b) for a, b in zip(before, numbers(layer.weights), strict=True))
    layer.trainable = True
    layer(x, training=True)
    moved = [not np.array_equal(a, b) for a, b in zip(before, numbers(layer.weights), strict=True)]
    assert moved == ["moving" in weight.name for weight in layer.weights]


@pytest.mark.backend
@pytest.mark.parametrize("channels", CHANNELS)
def test_a_residual_takes_regularizers_and_constraints(channels):
    kinds = {"depthwise": 0.5, "pointwise": 0.25, "kernel": 0.125}
    options = {f"{kind}_regularizer": keras.regularizers.L2(factor) for kind, factor in kinds.items()}
    layer = layers.SeparableResidual(4, kernel_constraint="non_neg", depthwise_constraint="unit_norm", **options)
    again = layers.SeparableResidual.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again.build((None, 4, 4, channels))
    kernels = [again.conv.depthwise_kernel, again.conv.pointwise_kernel]
    factors = [0.5, 0.25]
    for conv in (again.shortcut_conv, again.reduce_conv):
        if conv is not None:
            kernels, factors = [*kernels, conv.kernel], [*factors, 0.125]
            assert isinstance(conv.kernel.constraint, keras.constraints.NonNeg)
    expected = sum(f * np.sum(k**2) for f, k in zip(factors, numbers(kernels), strict=True))
    assert float(sum(numbers(again.losses))) == pytest.approx(expected, rel=1e-5)
    assert isinstance(again.conv.depthwise_kernel.constraint, keras.constraints.UnitNorm)
    assert again.conv.pointwise_kernel.constraint is None


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ((0,), None, "`filters` must be a whole number, 1 or more. Received: filters=0"),
        ((4, 0), None, "`kernel_size` must be .* Received: kernel_size=0"),
        ((4,), (2, 8, 8), r"needs features \(B, H, W, C\). Received: features \(2, 8, 8\)"),
        ((4,), (2, 8, 8, None), "needs a known number of channels"),
    ],
)
def test_a_residual_says_what_it_needs(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        layers.SeparableResidual(*arguments).build(shape)


def test_a_residual_takes_numbers_of_numpy():
    layer = layers.SeparableResidual(np.int64(4), np.int64(5))
    assert layer.get_config()["filters"] == 4 and layer.get_config()["kernel_size"] == (5, 5)
