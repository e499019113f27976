"""The callback that keeps the best weights."""

import keras
import numpy as np
import pytest

from deephar import training


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
        ((float("nan"),) * 4, 0),
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
