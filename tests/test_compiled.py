"""The path from a predictor, an evaluation or a stream into a network: a compiled function of the backend."""

import gc
import weakref

import keras
import numpy as np
import pytest

from deephar import layouts, models
from deephar.inference import running
from deephar.models import outputs
from deephar.runtimes import compiled

SMALL = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 2}
LSP = layouts.get("lsp14")


@pytest.fixture(scope="module")
def model():
    return models.build("lite-2d", export_heatmaps=True, **SMALL)


def images(count):
    return np.random.default_rng(count).uniform(-1, 1, (count, 32, 32, 3)).astype("float32")


@pytest.mark.backend
def test_wanted_outputs_are_those_of_the_network(model):
    """Batches of several sizes, the last block alone, and all blocks without their heat maps."""
    for wanted in (outputs.of_poses(model, last=True), outputs.of_poses(model)):
        network = compiled.of(model, wanted)
        assert network.output_names == [output.name for output in wanted] and network.input_shape == (None, 32, 32, 3)
        for count in (1, 3):
            expected = outputs.arrays(model, model.predict_on_batch(images(count)))
            for output, found in outputs.arrays(network, network.predict_on_batch(images(count))).items():
                np.testing.assert_allclose(found, expected[output], atol=1e-5)
    assert [output.name for output in outputs.of_poses(model, last=True)] == ["block2_pose", "block2_visibility"]


@pytest.mark.backend
def test_changed_weights_are_used(model):
    """And nothing is compiled anew."""
    network, before = compiled.of(model), running.predict_crops(model, images(2), LSP)[0]
    layer = next(layer for layer in reversed(model.layers) if layer.weights)
    layer.set_weights([1 - weight for weight in layer.get_weights()])
    after = running.predict_crops(model, images(2), LSP)[0]
    assert np.abs(after - before).max() > 1e-4 and compiled.of(model) is network
    np.testing.assert_allclose(after, outputs.poses(model, model.predict_on_batch(images(2)))[0], atol=1e-5)


def test_what_is_not_asked_for_is_not_computed(model, monkeypatch):
    """The heat maps' layers and those of the first block's pose are called in the network, and never here."""
    running.predict_crops(model, images(2), LSP, last=True)  # compiled, as more than a picture are at once
    called = set()
    for layer in model.layers:
        call = layer.call
        monkeypatch.setattr(
            layer, "call", lambda *a, _name=layer.name, _call=call, **k: called.add(_name) or _call(*a, **k)
        )
    running.predict_crops(model, images(1), LSP, last=True)
    assert called == set()
    compiled.Compiled(model, outputs.of_poses(model, last=True)).predict_on_batch(images(1))
    assert {"block1_heatmaps", "block2_pose", "block2_visibility"} <= called
    assert not called & {"block1_pose", "block1_visibility", "block1_joint_maps", "block2_joint_maps"}


@pytest.mark.parametrize("count, passes", [(1, [True, True, False]), (3, [True, False, False])])
def test_a_first_picture_alone_is_not_compiled(model, monkeypatch, count, passes):
    """Python passes through the layers to compute it, and to compile at the next batch; with several, at the first."""
    called, network, layer = [], compiled.Compiled(model), model.layers[1]
    call = layer.call
    monkeypatch.setattr(layer, "call", lambda *a, **k: called.append(layer.name) or call(*a, **k))
    expected, found = model.predict_on_batch(images(count)), []
    for through in passes:
        called.clear()
        found.append(network.predict_on_batch(images(count)))
        assert bool(called) == through
    for outputs_found in found:
        for one, other in zip(outputs_found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_other_networks_are_left_as_they_are(model):
    """Those that are not of Keras, and those whose class may predict in its own way."""

    class Own(keras.Model):
        pass

    own, foreign = Own(model.inputs, model.outputs), object()
    assert compiled.of(own) is own and compiled.of(foreign) is foreign


def test_a_network_that_is_forgotten_is_freed():
    """What was compiled for it does not keep it."""
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="m")])
    known, found = weakref.ref(network), compiled.of(network)
    np.testing.assert_allclose(found.predict_on_batch(np.ones((3, 2))), network(np.ones((3, 2))), atol=1e-6)
    del network, found
    gc.collect()
    assert known() is None


def test_inputs_of_another_shape_are_refused(model):
    with pytest.raises(ValueError, match=r"Expected inputs \(None, 32, 32, 3\).*Received: \(1, 48, 48, 3\)"):
        running.run(model, np.zeros((1, 48, 48, 3)))
    with pytest.raises(ValueError, match="Received: .*, "):
        running.run(model, [images(1), images(1)])
