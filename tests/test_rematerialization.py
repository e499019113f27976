"""Networks computed again for the gradient: the same training in less memory, on every backend."""

import contextlib
import itertools
import json

import keras
import numpy as np
import pytest
from helpers import eagerly
from keras import layers
from scripts import printed
from test_interruption import run
from test_joint import TINY as MERGE
from test_joint import batches as joint_batches
from test_joint import network as merge_network

from deephar import models, runs, training
from deephar.training import segments
from deephar.training.joint import JointNetwork
from deephar.training.rematerialization import rematerialized

BACKEND = keras.backend.backend()
NETWORKS = {
    "lite-2d": {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 2},
    "lite-merge": MERGE,  # frames folded into the batch, and unfolded
    "spnet-lite": {"input_shape": (64, 64, 3), "frames": 2, "num_pyramids": 1, "growth": 8, "action_pyramids": (1,)},
}


@contextlib.contextmanager
def policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def small(dtype="float32"):
    """A network with a shortcut, batch norms that move, dropout, a frozen layer, and a prediction in its middle."""
    with policy(dtype):
        x = image = keras.Input((12,))
        for number in range(3):
            y = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(layers.Dense(32)(x)))
            y = layers.Dropout(0.5)(y)
            x = layers.Add()([x, y]) if number else y
            if number == 1:
                first = layers.Dense(4, dtype="float32", name="first")(x)
        frozen = layers.Dense(32, trainable=False, name="frozen")(x)
        return keras.Model(image, [first, layers.Dense(4, dtype="float32", name="second")(frozen)])


def built(preset):
    model = models.build(preset, **NETWORKS[preset])
    training.set_momentum(model, 0.5)
    return model


def steps(make, sparing, count=3):
    """Losses of some steps, and how far all weights and all moving statistics went, two vectors."""
    keras.utils.set_random_seed(3)
    model = make()
    model.compile(keras.optimizers.SGD(0.02), loss=["mse"] * len(model.outputs))
    draw = np.random.default_rng(1).uniform
    x = draw(-1, 1, (4, *model.input_shape[1:])).astype("float32")
    y = [draw(0, 1, (4, *output.shape[1:])).astype("float32") for output in model.outputs]
    before = model.get_weights()
    with rematerialized(model) if sparing else contextlib.nullcontext():
        losses = [np.ravel(model.train_on_batch(x, y))[0] for _ in range(count)]
    ways = [(variable, a - b) for variable, a, b in zip(model.weights, model.get_weights(), before, strict=True)]
    parts = (
        [np.ravel(way) for variable, way in ways if ("moving" in variable.path) == moving] for moving in (False, True)
    )
    return losses, [np.concatenate(part) for part in parts]


def check_same(make, rounding, count=3):
    """Relative to the norm of all that moved: of weights, whose steps are gradients, and of statistics."""
    (losses, moved), (own_losses, own) = (steps(make, sparing, count) for sparing in (False, True))
    np.testing.assert_allclose(own_losses, losses, rtol=rounding)
    for one, other in zip(moved, own, strict=True):
        assert np.linalg.norm(one) > 1e-3
        assert np.linalg.norm(other - one) < rounding * np.linalg.norm(one)


@pytest.mark.backend
@pytest.mark.parametrize(("dtype", "rounding", "count"), [("float32", 1e-5, 3), ("mixed_bfloat16", 3e-2, 1)])
def test_steps_are_those_of_ordinary_training(dtype, rounding, count):
    """The operations are the same; compilers may round otherwise, and gradients are summed in another order: some
    float32 epsilons of 1.2e-7, or a few of bfloat16's 2^-8, which a second step would magnify. A statistic that moves
    twice, or another dropout, differs by more than a tenth."""
    assert len(segments.segments(small())) > 2
    check_same(lambda: small(dtype), rounding, count)


@pytest.mark.backend
@pytest.mark.slow_on("jax", "torch")
@pytest.mark.parametrize(
    "preset", ["lite-2d", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lite-merge", "spnet-lite"))]
)
def test_steps_of_our_networks(preset):
    """They magnify rounding (see `together.trained`) more than the network above."""
    with eagerly():
        check_same(lambda: built(preset), 1e-3, count=2)


@pytest.mark.backend
@pytest.mark.slow
def test_all_tasks_in_one_step():
    found = []
    for sparing in (False, True):
        joint = JointNetwork(merge_network(), weighting="uncertainty")
        joint.compile(keras.optimizers.SGD(0.001))
        before = joint.network.get_weights()
        with eagerly():
            training.fit(joint, joint_batches(joint.network, steps=1), verbose=0, rematerialize=sparing)
        pairs = zip(joint.network.get_weights(), before, strict=True)
        found.append(np.concatenate([np.ravel(a - b) for a, b in pairs]))
    assert np.linalg.norm(found[1] - found[0]) < 1e-3 * np.linalg.norm(found[0])


@pytest.mark.backend
def test_nothing_but_training_steps_changes():
    model, x = small(), np.ones((2, 12), "float32")
    before, told = model(x), model.to_json()
    with rematerialized(model):
        during = model(x)
        assert model.to_json() == told and "call" in vars(model)
    assert "call" not in vars(model)
    for one, other in zip(before, during, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))


@pytest.mark.backend
@pytest.mark.skipif(BACKEND == "jax", reason="JAX repeats what was traced, without Python")
def test_a_step_computes_every_layer_twice(monkeypatch):
    calls, call = [], layers.Dense.call

    def noted(layer, inputs, training=None):
        calls.append(layer.name)
        return call(layer, inputs, training=training)

    monkeypatch.setattr(layers.Dense, "call", noted)
    counts = []
    with eagerly():
        for sparing in (False, True):
            steps(small, sparing, count=1)
            counts.append(calls.count("second"))
            calls.clear()
    assert counts[1] == counts[0] + 1


def test_cuts_by_hand():
    """After two small results, that keeps 1 + 1 and the 11 of the middle; not where a border keeps more than it spares;
    and a shortcut over three borders is kept once: 4 + 1 + 1, and 4 of any segment."""
    assert segments.cuts([9, 1, 9, 9, 1, 9], [1, 2, 3, 4, 5, 5], [9, 1, 5, 5, 1, 9]) == [0, 2, 5, 6]
    assert segments.cuts([4, 4, 4], [1, 2, 2], [1, 1, 1]) == [0, 3]
    assert segments.cuts([4, 1, 1, 1], [3, 2, 3, 3], [4, 4, 4, 4]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("preset", ["lite-2d", pytest.param("spnet-lite", marks=pytest.mark.slow)])
def test_segments_are_the_network(preset):
    model = built(preset)
    parts = segments.segments(model)
    nodes = list(itertools.chain.from_iterable(part.nodes for part in parts))
    assert len(parts) > 3 and len(set(nodes)) == len(nodes) == len(model.operations) - len(model.inputs)
    for part, following in itertools.pairwise(parts):
        assert part.outputs[0] is not None and any(part.outputs[0] is tensor for tensor in following.inputs)


def test_an_old_keras_is_named(monkeypatch):
    monkeypatch.delattr(keras, "remat")
    with pytest.raises(ImportError, match="needs Keras 3.9 or newer. Found: 3"), rematerialized(small()):
        pass


class Penalised(layers.Layer):
    def call(self, x):
        self.add_loss(keras.ops.sum(x))
        return x


@pytest.mark.backend
def test_what_cannot_be_rematerialized_is_refused():
    class Own(keras.Model):
        def __init__(self, name):
            super().__init__(name=name)

        def call(self, x):
            return x

    with pytest.raises(ValueError, match="needs a functional network.* Received: 'mine'"), rematerialized(Own("mine")):
        pass
    image = keras.Input((4,))
    model = keras.Model(image, Penalised()(layers.Dense(4)(image)))
    with rematerialized(model), pytest.raises(ValueError, match="Layers that add losses of their own"):
        model(np.ones((2, 4), "float32"), training=True)


@pytest.mark.slow
def test_the_trainer_rematerializes_and_resumes_without(tmp_path):
    """With layers fused, in parts of a batch."""
    options = "--accumulate", "2", "--epochs", "1"
    whole, sparing = run(tmp_path / "whole", *options), run(tmp_path / "sparing", "--rematerialize", *options)
    for one, other in zip(whole.get_weights(), sparing.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    assert not isinstance(run(tmp_path / "sparing", "--resume", *options), int)
    record = json.loads((tmp_path / "sparing" / runs.FILE).read_text())
    assert [part["rematerialized"] for part in record["parts"]] == [True, False]


MIRRORED = """
from helpers import eagerly
from together import difference, trained
together, copies = trained("mirrored", 2, rematerialize=True)
with eagerly():
    alone, _ = trained("none")
print(copies, *(difference(together, alone, moving) for moving in (False, True)))
"""


@pytest.mark.slow
def test_two_copies_train_as_one_does():
    """The tolerances are those of `test_distribution`."""
    copies, learned, moving = map(float, printed(MIRRORED, timeout=900)[-1].split())
    assert copies == 2 and learned < 1e-6 and moving < 1e-5
