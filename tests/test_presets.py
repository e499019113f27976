"""What every named network must stand, whatever its family: a new preset is found here by itself."""

import functools
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from helpers import eagerly
from scripts import ROOT, hiding

from deephar import training
from deephar.data.samples import targets
from deephar.models import outputs, registry
from deephar.models.settings import flat

TINY = {
    "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "depth_maps": 4, "frames": 4, "appearance_width": 16,
    "num_action_blocks": 1, "num_actions": 3, "export_poses": "last", "num_pyramids": 2, "action_pyramids": (1, 2),
    "num_levels": 2, "growth": 8, "pose_features": 16, "visual_features": 16,
}  # fmt: skip


def has_frames(settings):
    return bool(getattr(settings, "frames", 0))


def tiny(preset, **more):
    """A network so small that a test may train it."""
    settings = registry.settings(preset)
    alone = () if has_frames(settings) else ("frames", "num_actions", "action_pyramids")
    wanted = {name: value for name, value in TINY.items() if name in flat(settings) and name not in alone}
    if "num_levels" in flat(settings):
        wanted["export_poses"] = "all"
    if getattr(settings, "poses", None) == "given":
        wanted["export_poses"] = "none"
    keras.utils.set_random_seed(0)
    return registry.build(preset, **wanted, **more)


kept = functools.cache(tiny)
"""`tiny`, for tests that leave it as it is."""


def inputs_of(model, seed=0):
    """Numbers in [0, 1] for every input of a network, for two people."""
    generator = np.random.default_rng(seed)
    arrays = [generator.uniform(size=(2, *x.shape[1:])).astype("float32") for x in model.inputs]
    return arrays[0] if len(arrays) == 1 else arrays


def given(model, x):
    found = model(x, training=False)
    return [keras.ops.convert_to_numpy(y) for y in (found if isinstance(found, (list, tuple)) else [found])]


@pytest.mark.parametrize("preset", registry.names())
def test_a_second_build_is_the_same(preset):
    first, second = kept(preset), tiny(preset, name="second")
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert [weight.path for weight in first.weights] == [weight.path for weight in second.weights]
    assert first.output_names == second.output_names and second.name == "second"
    forbidden = (keras.layers.Lambda, keras.layers.TimeDistributed)
    assert not any(isinstance(layer, forbidden) for layer in first._flatten_layers())
    for a, b in zip(given(first, inputs_of(first)), given(second, inputs_of(first)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("preset", registry.names())
def test_every_output_is_described_and_has_its_shape(preset):
    model, settings = kept(preset), registry.settings(preset)
    network, frames = settings.network, (4,) if has_frames(settings) else ()
    shapes = {"pose": (network.num_joints, network.dim), "visibility": (network.num_joints, 1)}
    shapes["pose_visibility"] = (network.num_joints, network.dim + 1)
    for output, array in outputs.arrays(model, given(model, inputs_of(model))).items():
        expected = (2, 3) if output.kind == "action" else (2, *frames, *shapes[output.kind])
        assert array.shape == expected and array.dtype == np.float32 and np.all(np.isfinite(array))


@pytest.mark.parametrize("preset", registry.names())
def test_mixed_precision_leaves_outputs_in_float32(preset):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny(preset)
        found = given(model, inputs_of(model))
    finally:
        keras.config.set_dtype_policy("float32")
    assert any(layer.compute_dtype == "bfloat16" for layer in model.layers if layer.weights)
    assert {output.dtype for output in model.outputs} == {"float32"}
    assert all(array.dtype == np.float32 and np.all(np.isfinite(array)) for array in found)


@eagerly()
@pytest.mark.parametrize("preset", registry.names())
def test_a_training_step_moves_every_kernel(preset):
    model = tiny(preset)
    training.compile_model(model, keras.optimizers.SGD(1.0))
    network = registry.settings(preset).network
    frames = model.inputs[0].shape[1:2] if has_frames(registry.settings(preset)) else ()
    pose = np.random.default_rng(1).uniform(0.1, 0.9, (2, *frames, network.num_joints, network.dim + 1))
    labels = targets.of_outputs(
        outputs.kinds(model), pose.astype("float32"), np.ones((2, 1)), np.eye(3)[:2], np.ones((2, 1))
    )
    before = [weight.numpy() for weight in model.trainable_variables]
    loss = model.train_on_batch(inputs_of(model), *labels)
    assert np.all(np.isfinite(loss))
    moved = [not np.array_equal(a, w.numpy()) for a, w in zip(before, model.trainable_variables, strict=True)]
    assert np.mean(moved) > 0.9  # what only the next block would read does not move


LOAD = """
import json, sys
import keras, numpy as np
import deephar
folder, presets = sys.argv[1], json.loads(sys.argv[2])
for preset in presets:
    model = keras.models.load_model(f"{folder}/{preset}.keras")
    stored = np.load(f"{folder}/{preset}.npz")
    x = [stored[f"x{number}"] for number in range(len(model.inputs))]
    found = model(x[0] if len(x) == 1 else x, training=False)
    found = found if isinstance(found, (list, tuple)) else [found]
    gap = max(np.abs(keras.ops.convert_to_numpy(y) - stored[f"y{n}"]).max() for n, y in enumerate(found))
    print(preset, keras.backend.backend(), bool(gap < 5e-5))
"""


FIRSTS = [next(iter(presets)) for presets in registry.FAMILIES.values()]
"""A preset of every family."""


@pytest.mark.parametrize(
    ("backend", "presets"),
    [
        ("torch", FIRSTS),
        *(pytest.param(backend, registry.names(), marks=pytest.mark.slow) for backend in ("torch", "jax")),
    ],
)
def test_a_saved_network_loads_on_another_backend(backend, presets, tmp_path):
    pytest.importorskip(backend)
    for preset in presets:
        model = kept(preset)
        x = inputs_of(model)
        model.save(tmp_path / f"{preset}.keras")
        arrays = {f"x{number}": array for number, array in enumerate(x if isinstance(x, list) else [x])}
        np.savez(tmp_path / f"{preset}.npz", **arrays, **{f"y{n}": y for n, y in enumerate(given(model, x))})
    command = [sys.executable, "-c", hiding("tensorflow") + LOAD, str(tmp_path), json.dumps(presets)]
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines() == [f"{preset} {backend} True" for preset in presets], done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("preset", registry.names())
def test_the_full_size_is_built_and_trains(preset):
    model = registry.build(preset)
    found = outputs.arrays(model, given(model, inputs_of(model)))
    assert all(np.all(np.isfinite(array)) for array in found.values())
    training.compile_model(model, "sgd")


def test_a_new_variant_needs_its_entry_alone(monkeypatch):
    """A toy: one entry of a family's presets, and it is built, described and listed."""
    wide = registry.settings("lite-2d", width=24, num_blocks=1, input_shape=(32, 32, 3))
    monkeypatch.setitem(registry.FAMILIES["reception"], "toy", wide)
    assert "toy" in registry.names() and registry.build("toy").name == "toy"
    assert outputs.kinds(registry.build("toy")) == ("pose", "visibility")
