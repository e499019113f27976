"""Gradients of a batch that is computed in parts: the same samples, the same weights, and what is refused."""

import itertools
import signal

import keras
import numpy as np
import pytest
from drawn import DrawnVideos
from helpers import eagerly
from scripts import refused
from test_interruption import run
from test_queues import queue

import deephar
from deephar import distribution
from deephar.data.batches import clip_mixture, mixture
from deephar.data.readers import lsp
from deephar.data.synthetic.empty import EmptyScenes
from deephar.training import Recipe, Stage, checkpoint, compile_model, fit, signals, stages, state, trainer
from deephar.training.recipe import Joint

RECIPE = Recipe(
    preset="lite-2d",
    network={"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1},
    layout="pa16j",
    mixture={"people": 3, "frames": 1},
    augmentation="mpii",
    batch_size=8,
    steps=2,
    stages=(Stage("all", epochs=1, rate=1e-2, optimizer="sgd", schedule="constant"),),
)


@pytest.fixture
def sources(drawn):
    """Readers with different joints."""
    from deephar.data.samples.clips import VideoFrames

    return {"people": lsp.LspExtended(drawn), "frames": VideoFrames(DrawnVideos())}


def test_turns_make_up_the_batch():
    """By hand: a batch of 6 and 2, and of two processes' parts, in two turns."""
    whole, turns = queue((50, 6), (50, 2), steps=5), queue((50, 6), (50, 2), steps=5, turns=2)
    assert (len(whole), len(turns), turns.batch_size) == (5, 10, 8)
    for index in range(5):
        parts = [list(turns.rows(2 * index + turn)) for turn in range(2)]
        assert [len(part) for part in parts] == [4, 4] and parts[0] + parts[1] == list(whole.rows(index))
    both = [queue((50, 6), (50, 2), part=(number, 2), turns=2) for number in range(2)]
    assert sorted(row for one in both for turn in (6, 7) for row in one.rows(turn)) == sorted(whole.rows(3))
    with pytest.raises(ValueError, match="`turns` must divide the 4 samples of a batch. Received: 3"):
        queue((50, 8), part=(0, 2), turns=3)


def trained(recipe, sources, start=None):
    """The network of a recipe, before and after an epoch; its batch normalization stays as it is."""
    keras.utils.set_random_seed(1)
    model = deephar.build(recipe.preset, **recipe.network)
    for layer in distribution.batch_norms(model):
        layer.trainable = False
    if start is not None:
        model.set_weights(start)
    before = model.get_weights()
    (stage,) = recipe.stages
    compile_model(model, stages.optimizer(stage.optimizer, stage.rate, recipe.accumulate))
    with eagerly():
        fit(model, trainer.make_loader(recipe, model, sources, 5, 0), verbose=0)
    return before, model


@pytest.mark.backend
@pytest.mark.slow_on("jax", "torch")
@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adamw", marks=pytest.mark.slow)])
def test_parts_of_a_batch_give_the_weights_of_the_whole(optimizer, sources):
    """Of our own network, with people who lack some labels: within float32's rounding of the sums."""
    recipe = RECIPE.replaced(optimizer=optimizer, rate=5.0 if optimizer == "sgd" else 1e-3)
    start, whole = trained(recipe, sources)
    _, parts = trained(recipe.replaced(accumulate=4), sources, start)
    moved = 0.0
    for before, one, other in zip(start, whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, atol=2e-5)
        moved = max(moved, float(np.abs(one - before).max()))
    assert moved > 1e-3
    assert int(parts.optimizer.iterations) == int(whole.optimizer.iterations) == 2


@pytest.mark.slow
def test_a_training_stopped_between_two_parts_of_a_batch_goes_on(tmp_path, monkeypatch):
    """The gradients so far are in the checkpoint."""
    options = "--accumulate", "2", "--epochs", "1"
    whole = run(tmp_path / "whole", *options)
    asks, steps = checkpoint.Plan.asks, itertools.count()

    def asks_late(plan, step, written):
        if next(steps) == 1:
            signal.raise_signal(signal.SIGTERM)
        return asks(plan, step, written)

    monkeypatch.setattr(checkpoint.Plan, "asks", asks_late)
    assert run(tmp_path / "stopped", *options) == signals.EXIT
    assert state.read(tmp_path / "stopped")[0]["step"] == 1
    resumed = run(tmp_path / "stopped", "--resume", *options)
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6)
    assert run(tmp_path / "stopped", "--resume", "--epochs", "1") == 2  # other steps


def test_what_cannot_be_accumulated_is_refused(drawn, tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match="equal parts. Received: batch_size=8, accumulate=3"):
        RECIPE.replaced(accumulate=3)
    with pytest.raises(ValueError, match="`accumulate` must be a whole number, 2 or more. Received: accumulate=1"):
        RECIPE.replaced(accumulate=1)
    with pytest.raises(ValueError, match="one task in a step"):
        RECIPE.replaced(accumulate=2, joint=Joint({}))
    options = ("--data", drawn, "--out", tmp_path / "run", "--accumulate", 2, "--strategy", "mirrored", "--smoke")
    said = refused("exp/lsp/train_lsp.py", monkeypatch, capsys, *options)
    assert "--accumulate is for one device; with --strategy mirrored, several share a batch" in said
    assert not (tmp_path / "run").exists()


def test_parts_of_a_batch_have_weights_of_one_shape(drawn):
    """Also where no person of a part has weights: TensorFlow's datasets take no other shape."""
    nobody = EmptyScenes(8, (32, 32), layout="lsp14")
    parts = mixture.Mixture([(lsp.LspExtended(drawn), 6), (nobody, 2)], (32, 32), turns=4, steps=1)
    sources = [{number for number, _ in parts.rows(turn)} for turn in range(4)]
    assert {0} in sources and {0, 1} in sources
    assert {parts.batch(0, turn).weights.shape for turn in range(4)} == {(2, 14)}
    stills = [(lsp.LspExtended(drawn), 3), (nobody, 1)]
    of_one, of_other = (clip_mixture.ClipMixture(stills, 2, (32, 32), steps=1, part=(number, 2)) for number in range(2))
    assert of_one.batch(0, 0).pose_weights.shape == of_other.batch(0, 0).pose_weights.shape == (2, 2, 14)
