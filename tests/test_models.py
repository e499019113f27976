import dataclasses
import gc
import json
import re

import keras
import numpy as np
import pytest
from helpers import outputs_of

from deephar import models
from deephar.models import registry
from deephar.models.reception import network as reception
from deephar.models.settings import flat

TINY = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 2}
TINIEST = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}


def shapes(model):
    return [output.shape[1:] for output in model.outputs]


@pytest.mark.parametrize(("name", "parameters"), [("mpii-2d", 14_746_560), ("h36m-3d", 16_681_920)])
def test_published_networks(name, parameters):
    model = models.build(name)
    joints, dim = (16, 2) if name == "mpii-2d" else (17, 3)
    assert model.count_params() == parameters
    assert shapes(model) == [(joints, dim), (joints, 1)] * 8
    assert isinstance(model.output, list)


def test_lite_is_the_same_network_smaller():
    wide = models.build("lite-2d", width=576, num_blocks=8)
    assert [layer.name for layer in wide.layers] == [layer.name for layer in models.build("mpii-2d").layers]
    assert wide.count_params() == 14_746_560


def test_names_do_not_depend_on_what_was_built_before():
    first, second = models.build("lite-2d", **TINY), models.build("lite-2d", **TINY)
    assert [w.path for w in first.weights] == [w.path for w in second.weights]
    assert len({w.path for w in first.weights}) == len(first.weights)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["block1_pose", "block1_visibility", "block1_joint_maps", "block1"]),
        ({"num_context": 0}, ["block1_pose", "block1_visibility", "block1_joint_maps", "block1"]),
        ({"dim": 3}, ["block1_pose", "block1_visibility", "block1_joint_maps", "block1"]),
        ({"concat_visibility": True}, ["block1_pose_visibility", "block1_joint_maps", "block1"]),
    ],
)
def test_outputs_have_the_same_names_at_every_build(options, names):
    options = {**TINY, "num_blocks": 1, "export_heatmaps": True, "export_features": 1, **options}
    for _ in range(2):
        assert models.build("lite-2d", **options).output_names == names


def test_two_networks_in_one_model(tmp_path):
    image = keras.Input((64, 64, 3))
    options = {**TINY, "num_blocks": 1}
    networks = [models.build("lite-2d", name=name, **options) for name in ("first", "second")]
    both = keras.Model(image, [pose for network in networks for pose in network(image)])
    both.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    separate = [*networks[0](x), *networks[1](x)]
    for a, b in zip(separate, again(x), strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), atol=1e-6)
    assert [layer.name for layer in again.layers[1:]] == ["first", "second"]
    assert models.build("lite-2d", **options).name == "lite_2d"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({}, [(16, 2), (16, 1)] * 2),
        ({"concat_visibility": True}, [(16, 3)] * 2),
        ({"num_joints": 14, "num_context": 0}, [(14, 2), (14, 1)] * 2),
        ({"dim": 3, "depth_maps": 4}, [(16, 3), (16, 1)] * 2),
        ({"num_blocks": 1}, [(16, 2), (16, 1)]),
        ({"export_heatmaps": True}, [(16, 2), (16, 1), (8, 8, 16)] * 2),
        ({"export_features": 1, "num_blocks": 1}, [(16, 2), (16, 1), (8, 8, 32)]),
        ({"input_shape": (64, 96, 3), "export_heatmaps": True}, [(16, 2), (16, 1), (8, 12, 16)] * 2),
        ({"stem": "early", "kernel_size": (3, 3)}, [(16, 2), (16, 1)] * 2),
    ],
)
def test_overrides_shape_the_outputs(overrides, expected):
    model = models.build("lite-2d", **{**TINY, **overrides})
    assert shapes(model) == expected
    outputs = model(np.zeros((1, *model.input_shape[1:]), dtype="float32"))
    assert [tuple(output.shape[1:]) for output in outputs] == expected


def test_mathematics_stores_nothing():
    """Every weight belongs to a convolution or a batch norm."""
    kinds = {"kernel", "depthwise_kernel", "pointwise_kernel", "beta", "moving_mean", "moving_variance"}
    assert {w.name for w in models.build("lite-2d", **TINY).weights} == kinds


@pytest.mark.backend
@pytest.mark.slow_on("jax")
@pytest.mark.parametrize("name", ["mpii-2d", "h36m-3d"])
def test_a_saved_model_loads_in_safe_mode(name, tmp_path):
    model = models.build(name, **TINIEST)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    for a, b in zip(outputs_of(model, x), outputs_of(copy, x), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.backend
@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("mpii-2d", "mixed_float16"),
        ("h36m-3d", "mixed_bfloat16"),
        pytest.param("mpii-2d", "mixed_bfloat16", marks=pytest.mark.slow_on("jax", "torch")),
        pytest.param("h36m-3d", "mixed_float16", marks=pytest.mark.slow_on("jax", "torch")),
    ],
)
def test_poses_are_float32_under_mixed_precision(name, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = models.build(name, concat_visibility=True, **TINIEST)
        pose = outputs_of(model, np.zeros((1, 32, 32, 3), dtype="float32"))[-1]
    finally:
        keras.config.set_dtype_policy(before)
    assert pose.dtype == "float32"
    assert model.get_layer("block1_l1").compute_dtype == policy.removeprefix("mixed_")
    assert np.all((pose >= 0) & (pose <= 1))


def test_every_override_of_the_contract_exists():
    contract = (
        "input_shape num_joints dim num_blocks num_context depth_maps kernel_size width alpha concat_visibility "
        "export_heatmaps export_features"
    ).split()
    assert set(contract) <= set(flat(registry.settings("mpii-2d")))


def test_unknown_names_and_overrides_list_what_exists():
    with pytest.raises(ValueError, match=r"mpii-2d, h36m-3d, lite-2d"):
        models.build("mpii-3d")
    with pytest.raises(
        ValueError,
        match=r"Unknown override blocks for 'mpii-2d'; did you mean num_blocks\? Its overrides are input_shape, num_j",
    ):
        models.build("mpii-2d", blocks=3)


WRONG = {
    "input_shape": [(100, 128, 3), (None, None, 3), (64, 64), 64, None, (64.0, 64, 3), (64, 64, 0), (0, 64, 3), "64"],
    "num_joints": [None, 0, 16.0, "16", True, (16,)],
    "dim": [4, None, "2"],
    "num_blocks": [0, None, 2.5],
    "num_context": [-1, None, 0.5],
    "depth_maps": [0, None],
    "kernel_size": [0, (5, 5, 5), None, "5", (5, 2.5)],
    "width": [33, 0, None, 32.0],
    "alpha": [-0.1, 1.5, None, float("nan"), "most"],
    "concat_visibility": [None, "no", 2],
    "export_heatmaps": [None, "no", 2],
    "export_features": [9, -1, None, 1.5],
    "stem": ["late", None, 3],
}
POSES_ALONE = ("export_heatmaps", "export_features")
"""Fields that clip networks lack."""

WRONG_IN_CLIPS = {
    "frames": [0, None, 16.0],
    "num_actions": [0, None, "15"],
    "branches": ["both", None],
    "poses": ["guessed", None],
    "aggregation": ["sum", None],
    "pose_width": [100, None, "112"],
    "appearance_width": [1, None, 256.0],
    "num_action_blocks": [0, None],
    "export_poses": ["first", None],
}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [(name, field, value) for name, fields in (("mpii-2d", WRONG), ("penn-merge", {**WRONG, **WRONG_IN_CLIPS}))
     for field, values in fields.items() for value in values if name == "mpii-2d" or field not in POSES_ALONE],
)  # fmt: skip
def test_every_field_says_what_it_takes(name, field, value):
    with pytest.raises(ValueError, match=rf"^`{field}` must .*Received: {field}={re.escape(repr(value))}$"):
        registry.settings(name, **{field: value})


def test_every_field_is_checked():
    assert set(WRONG) == set(flat(registry.settings("mpii-2d")))
    assert {*WRONG, *WRONG_IN_CLIPS} - set(POSES_ALONE) == set(flat(registry.settings("penn-merge")))


def test_numbers_of_numpy_and_lists_of_json_become_plain():
    given = {"input_shape": [np.int64(64), 96, 3], "num_joints": np.int32(14), "kernel_size": 3, "alpha": 1}
    settings = registry.settings("lite-2d", **given, concat_visibility=np.True_)
    assert settings == registry.settings(
        "lite-2d", input_shape=(64, 96, 3), num_joints=14, kernel_size=(3, 3), alpha=1.0, concat_visibility=True
    )
    json.dumps(dataclasses.asdict(settings))


def test_a_stem_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="`variant` must be one of inception, early. Received: variant='late'"):
        reception.stem(keras.Input((32, 32, 3)), 16, "late")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA on the CPU is slow on TensorFlow alone")
def test_xla_is_off_on_the_cpu_by_default():
    """Keras sees to it; XLA ran this network several times slower there."""
    if keras.distribution.list_devices("gpu"):
        pytest.skip("this machine has a GPU")
    model = models.build("lite-2d", **TINY)
    assert model.jit_compile is False
    model.compile("sgd", "mse")
    assert model.jit_compile is False


@pytest.mark.parametrize("collects", [True, False])
def test_no_cycles_are_looked_for_while_a_network_is_built(monkeypatch, collects):
    """And afterwards as before, also when it cannot be built."""
    seen, original = [], reception.build
    monkeypatch.setattr(reception, "build", lambda *a: seen.append(gc.isenabled()) or original(*a))
    (gc.enable if collects else gc.disable)()
    try:
        models.build("lite-2d", **TINIEST)
        assert seen == [False] and gc.isenabled() == collects
        monkeypatch.setattr(reception, "build", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            models.build("lite-2d")
        assert gc.isenabled() == collects
    finally:
        gc.enable()
