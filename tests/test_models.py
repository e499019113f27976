import dataclasses

import keras
import numpy as np
import pytest
from helpers import outputs_of

from deephar import config, models

TINY = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 2}


def shapes(model):
    return [output.shape[1:] for output in model.outputs]


@pytest.mark.backend
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


def test_no_lambda_and_no_time_distributed():
    for name in models.NAMES:
        for layer in models.build(name, **TINY)._flatten_layers():
            assert not isinstance(layer, (keras.layers.Lambda, keras.layers.TimeDistributed))


@pytest.mark.backend
@pytest.mark.parametrize("name", ["mpii-2d", "h36m-3d"])
def test_a_saved_model_loads_in_safe_mode(name, tmp_path):
    model = models.build(name, **TINY)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    for a, b in zip(outputs_of(model, x), outputs_of(copy, x), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.backend
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["mpii-2d", "h36m-3d"])
def test_poses_are_float32_under_mixed_precision(policy, name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = models.build(name, concat_visibility=True, **TINY)
        pose = outputs_of(model, np.zeros((1, 64, 64, 3), dtype="float32"))[-1]
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
    assert set(contract) <= {field.name for field in dataclasses.fields(config.ReceptionConfig)}


def test_unknown_names_and_overrides_list_what_exists():
    with pytest.raises(ValueError, match=r"mpii-2d, h36m-3d, lite-2d"):
        models.build("mpii-3d")
    with pytest.raises(ValueError, match=r"Unknown override blocks.*num_blocks"):
        models.build("mpii-2d", blocks=3)


@pytest.mark.parametrize(
    "overrides",
    [
        {"input_shape": (100, 128, 3)},
        {"dim": 4},
        {"num_blocks": 0},
        {"export_features": 9},
        {"stem": "late"},
        {"num_context": -1},
        {"width": 33},
    ],
)
def test_values_out_of_range_are_refused(overrides):
    with pytest.raises(ValueError, match="Received: "):
        models.build("mpii-2d", **overrides)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="XLA on the CPU is slow on TensorFlow alone")
def test_xla_is_off_on_the_cpu_by_default():
    """Keras sees to it; XLA ran this network several times slower there."""
    if keras.distribution.list_devices("gpu"):
        pytest.skip("this machine has a GPU")
    model = models.build("lite-2d", **TINY)
    assert model.jit_compile is False
    model.compile("sgd", "mse")
    assert model.jit_compile is False
