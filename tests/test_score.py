"""The callback that keeps the best weights."""

import keras
import numpy as np
import pytest

from deephar import training
from deephar.training import callbacks, schedules


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])


def trained(model, folder, scores, **options):
    """Epochs whose only weight is their number and whose scores are given; the callback and the logs."""
    given = iter(scores)
    score = training.Score(lambda model: next(given), folder, **options)
    score.set_model(model)
    score.set_params({"epochs": 4})
    logs = []
    for epoch in range(4):
        model.set_weights([np.full((1, 1), epoch)])
        logs.append({})
        score.on_epoch_end(epoch, logs[-1])
    assert next(given, None) is None
    return score, logs


def stored(model, path):
    model.load_weights(path)
    return model.get_weights()[0].item()


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ((5.0, 9.0, 7.0, 8.0), 1),
        ((9.0, 8.0, 7.0, 6.0), 0),
        ((1.0, 2.0, 2.0, 2.0), 1),  # of equal scores the first
        ((-3.0, -2.0, -1.0, -4.0), 2),
        ((0.0, 0.0, 0.0, 0.0), 0),
        ((float("nan"), 1.0, float("nan"), 0.5), 1),
        ((float("nan"),) * 4, 3),  # of none the last
    ],
)
def test_the_best_weights_are_kept_in_memory_and_on_disk(scores, best, model, tmp_path):
    score, logs = trained(model, tmp_path, scores, name="val_x")
    assert score.weights[0].item() == stored(model, tmp_path / "best.weights.h5") == best
    assert stored(model, tmp_path / "last.weights.h5") == 3
    assert score.best == (float("-inf") if np.isnan(scores[best]) else scores[best])
    np.testing.assert_array_equal([log["val_x"] for log in logs], scores)


def test_without_a_score_the_last_weights_alone_are_kept(model, tmp_path):
    score = training.Score(None, tmp_path)
    score.set_model(model)
    score.set_params({"epochs": 1})
    logs = {}
    score.on_epoch_end(0, logs)
    assert np.isnan(logs["val_pck"]) and score.best is None is score.weights
    assert [path.name for path in tmp_path.iterdir()] == ["last.weights.h5"]


def test_a_network_that_has_diverged_is_not_judged(model, tmp_path):
    """Judges refuse predictions that are no numbers."""
    model.set_weights([np.full((1, 1), np.nan)])
    score, logs = training.Score(lambda model: 1 / 0, tmp_path), {}
    score.set_model(model)
    score.on_epoch_end(0, logs)
    assert np.isnan(logs["val_pck"]) and score.best == float("-inf")


@pytest.mark.parametrize(
    ("scores", "ends"), [((np.nan, 1, 2, 3), None), ((2, 1, np.nan), 2), ((np.nan, np.nan, np.nan), 2)]
)
def test_patience_waits_for_numbers(scores, ends, model):
    """For Keras, nothing is better than NaN, so that a first score of NaN would end any training."""
    model.compile(keras.optimizers.SGD(1.0))
    waiting, plateau = schedules.patience("val_pck", 2), schedules.plateau_schedule("val_pck", patience=2)
    ended, rates = None, []
    for callback in (waiting, plateau):
        callback.verbose = 0
        callback.set_model(model)
        callback.on_train_begin()
    model.stop_training = False
    for epoch, value in enumerate(scores):
        logs = {"val_pck": value}
        for callback in (waiting, plateau):
            callback.on_epoch_end(epoch, logs)
        np.testing.assert_equal(logs["val_pck"], value)
        rates.append(float(model.optimizer.learning_rate))
        ended = epoch if model.stop_training and ended is None else ended
    assert ended == ends and (rates[-1] < 1) == (ends is not None)


@pytest.mark.parametrize(("first", "minutes", "ended"), [(0, 3.5, False), (90, 3.5, True), (90, 12.5, False)])
def test_the_time_of_an_epoch_counts_all_of_its_steps(first, minutes, ended, model, monkeypatch):
    """100 steps of a minute and a score of half a minute fit twice; where ten steps took a minute, 100 take ten."""
    now = [0.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
    limit = callbacks.EndIn(minutes)
    limit.set_model(model)
    limit.set_params({"epochs": 9, "steps": 100})
    limit.on_epoch_begin(0)
    for batch in range(first, 100):
        limit.on_train_batch_begin(batch)
        now[0] += 60 / (100 - first)
        limit.on_train_batch_end(batch)
    now[0] += 30  # for the score
    model.stop_training = False
    limit.on_epoch_end(0)
    assert limit.ended == limit.within == model.stop_training == ended
