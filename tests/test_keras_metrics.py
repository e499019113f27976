"""PCK, PCKh and MPJPE in `compile`, against the numpy metrics and on our own network."""

import re

import keras
import numpy as np
import pytest

from deephar import keras_metrics, layouts, losses, metrics, metrics3d, models
from deephar.keras_metrics import MPJPE, PCK, PCKh
from deephar.losses import MISSING

LAYOUT = layouts.get("pa16j")


def poses(people, dim=2, seed=0, frames=()):
    """Targets with labels missing, (people, [T,] 16, dim + 1), and predictions some way off."""
    generator = np.random.default_rng(seed)
    y_true = generator.uniform(0.1, 0.9, (people, *frames, 16, dim + 1)).astype("float32")
    y_pred = y_true + generator.normal(scale=0.08, size=y_true.shape).astype("float32")
    missing = generator.uniform(size=y_true.shape[:-1]) < 0.2
    y_true[missing, :dim] = np.where(generator.uniform(size=(missing.sum(), 1)) < 0.5, MISSING, np.nan)
    return y_true, y_pred


def in_numpy(y_true, dim):
    y_true = y_true.reshape(-1, *y_true.shape[-2:])[..., :dim].astype("float64")
    return np.where(y_true < -1e6, np.nan, y_true)


def result(metric, *batches):
    for batch in batches:
        metric.update_state(*batch)
    return float(keras.ops.convert_to_numpy(metric.result()))


def expected_pck(y_true, y_pred, crop=(1, 1)):
    scale = np.array([crop[1], crop[0]])
    y_true, y_pred = in_numpy(y_true, 2) * scale, y_pred.reshape(-1, 16, y_pred.shape[-1])[..., :2] * scale
    return metrics.pck(y_true, y_pred, LAYOUT)


def expected_pckh(y_true, y_pred):
    y_true, y_pred = in_numpy(y_true, 2), y_pred.reshape(-1, 16, y_pred.shape[-1])[..., :2]
    heads = np.linalg.norm(y_true[:, LAYOUT.index("neck")] - y_true[:, LAYOUT.index("head_top")], axis=-1)
    counted = [name not in ("pelvis", "thorax") for name in LAYOUT.names]
    return metrics.pckh(y_true, y_pred, heads, valid=np.tile(counted, (len(y_true), 1)))


@pytest.mark.parametrize("frames", [pytest.param((), marks=pytest.mark.backend), (3,)])
def test_pck_and_pckh_are_those_of_numpy(frames):
    """Pooled over batches of different sizes and numbers of labels, which means of batches would get wrong."""
    y_true, y_pred = poses(20, frames=frames)
    batches = [(y_true[:2], y_pred[:2]), (y_true[2:], y_pred[2:])]
    assert 0.1 < expected_pckh(y_true, y_pred) < 0.95 and 0.1 < expected_pck(y_true, y_pred) < 0.95
    assert result(PCK(LAYOUT), *batches) == pytest.approx(expected_pck(y_true, y_pred), abs=1e-6)
    assert result(PCKh(LAYOUT), *batches) == pytest.approx(expected_pckh(y_true, y_pred), abs=1e-6)


@pytest.mark.parametrize("root", [0, pytest.param(3, marks=pytest.mark.backend), None])
def test_mpjpe_is_that_of_numpy(root):
    y_true, y_pred = poses(7, dim=3)
    batches = [(y_true[:2], y_pred[:2]), (y_true[2:], y_pred[2:])]
    expected = metrics3d.mpjpe(2000 * in_numpy(y_true, 3), 2000 * y_pred[..., :3], root)
    assert result(MPJPE(root, unit_mm=2000), *batches) == pytest.approx(expected, rel=1e-5)


def test_what_one_means_in_mm():
    """0.1 of the published crop to the right, down, and away from the camera, of one joint of two."""
    y_true, y_pred = np.full((3, 2, 3), 0.5, dtype="float32"), np.full((3, 2, 3), 0.5, dtype="float32")
    y_pred[np.arange(3), 1, np.arange(3)] += 0.1
    found = [result(MPJPE(visibility=False), (y_true[i : i + 1], y_pred[i : i + 1])) for i in range(3)]
    np.testing.assert_allclose(found, np.array([225, 225, 200]) / 2, rtol=1e-5)
    assert keras_metrics.CROP_MM == (2250, 2250, 2000)


def test_crops_that_are_not_square():
    """In pixels of a crop three times as wide as high, errors along x are three times those along y."""
    y_true, y_pred = poses(20)
    wide = result(PCK(LAYOUT, crop_shape=(64, 192)), (y_true, y_pred))
    assert wide == pytest.approx(expected_pck(y_true, y_pred, (64, 192)), abs=1e-6)
    assert wide != pytest.approx(expected_pck(y_true, y_pred), abs=1e-3)


def test_without_visibility_and_with_weights():
    y_true, y_pred = poses(6)
    weight = np.float32([1, 0, 1, 0, 0, 1])
    kept = weight > 0
    for weights in (weight, np.tile(weight[:, None], (1, 16))):
        metric = PCK(LAYOUT.names, visibility=False)
        metric.update_state(y_true[..., :2], y_pred[..., :2], sample_weight=weights)
        assert float(metric.result()) == pytest.approx(expected_pck(y_true[kept], y_pred[kept]), abs=1e-6)


def test_nothing_counted_is_no_score():
    y_true, y_pred = poses(2, dim=3)
    y_true[..., :3] = MISSING
    for metric in (PCK("pa16j"), PCKh("pa16j"), MPJPE()):
        assert np.isnan(result(metric, (y_true, y_pred)))
        metric.update_state(*poses(2, dim=3))
        assert float(metric.result()) > 0
        metric.reset_state()
        assert np.isnan(float(metric.result()))


def test_a_prediction_of_nan_is_wrong():
    y_true, y_pred = poses(2)
    y_pred[0] = np.nan
    assert result(PCK(LAYOUT), (y_true, y_pred)) < expected_pck(y_true[1:], y_pred[1:])


def test_a_prediction_of_nan_without_a_label_is_nothing():
    y_true, y_pred = poses(5, dim=3)
    expected = result(MPJPE(unit_mm=1), (y_true, y_pred))
    y_pred[np.isnan(in_numpy(y_true, 3)).any(axis=-1)] = np.nan
    assert result(MPJPE(unit_mm=1), (y_true, y_pred)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: PCK("lsp14").update_state(*poses(2)), "PCK needs y_true (B, ..., 14, D+1) and y_pred"),
        (lambda: PCKh("pa16j").update_state(np.zeros((2, 16, 2)), np.zeros((2, 16, 2))), "2 coordinates and the visib"),
        (lambda: MPJPE().update_state(*poses(2)), "MPJPE needs 3 coordinates and the visibility of every joint"),
        (lambda: MPJPE(16).update_state(*poses(2, dim=3)), "`root` must be one of 16 joints, counted from 0"),
        (lambda: PCK("penn"), "Unknown layout 'penn'"),
        (lambda: PCKh("penn13"), "PCKh needs head_top, neck. Received: layout=('head', 'r_shoulder'"),
        (lambda: PCK("pa16j", threshold=0), "`threshold` must be a number above 0"),
        (lambda: MPJPE(unit_mm=(1, 1)), "`unit_mm` must be one number or three, for x, y and z"),
        (lambda: PCK("pa16j").update_state(*poses(2), sample_weight=np.ones((3,))), "PCK takes sample weights (B,) or"),
    ],
)  # fmt: skip
def test_what_a_metric_cannot_read_is_said(call, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        call()


def network(blocks=2):
    return models.build(
        "lite-2d", input_shape=(32, 32, 3), width=16, num_blocks=blocks, num_context=0, concat_visibility=True
    )


def pictures(people):
    return np.random.default_rng(1).uniform(-1, 1, (people, 32, 32, 3)).astype("float32")


def test_a_network_is_watched_by_its_last_block(tmp_path):
    """Through `evaluate` in batches of unequal size; weights of joints in `weighted_metrics`; after save and load."""
    model, x, (y_true, _) = network(), pictures(5), poses(5)
    watched = {"metrics": [None, [PCK("pa16j")]], "weighted_metrics": [None, [PCKh("pa16j")]]}
    model.compile("sgd", [losses.PoseLoss()] * 2, **watched, run_eagerly=True)
    weight = np.random.default_rng(2).integers(0, 2, (5, 16)).astype("float32")

    def scores(model):
        found = model.evaluate(x, [y_true] * 2, sample_weight=[weight] * 2, batch_size=3, verbose=0, return_dict=True)
        return [value for key, value in sorted(found.items()) if "pck" in key]

    pck, pckh = scores(model)
    y_pred = keras.ops.convert_to_numpy(model(x)[-1])
    heads = in_numpy(y_true, 2)[:, [LAYOUT.index("neck"), LAYOUT.index("head_top")]]
    valid = (weight > 0) & np.array([name not in ("pelvis", "thorax") for name in LAYOUT.names])
    size = np.linalg.norm(heads[:, 0] - heads[:, 1], axis=-1)  # measured whether or not its joints weigh
    assert pck == pytest.approx(expected_pck(y_true, y_pred), abs=1e-6)
    assert pckh == pytest.approx(metrics.pckh(in_numpy(y_true, 2), y_pred[..., :2], size, valid=valid), abs=1e-6)
    model.save(tmp_path / "model.keras")
    assert scores(keras.models.load_model(tmp_path / "model.keras")) == pytest.approx([pck, pckh], abs=1e-6)


def test_metrics_round_trip():
    for metric in (PCK("pa16j", 0.3, (64, 32)), PCKh(["neck", "head_top"]), MPJPE(None, 1.0, False)):
        copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
        assert type(copy) is type(metric) and copy.get_config() == metric.get_config()


def test_a_network_compiled_with_functions_loads(tmp_path):
    """Trained with sample weights of people, as Keras gives them to a function."""
    model, x, (y_true, _) = network(1), pictures(4), poses(4)
    model.compile("sgd", losses.elastic_net_per_joint, run_eagerly=True)
    model.fit(x, y_true, sample_weight=np.ones(4), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.loss is losses.elastic_net_per_joint
    assert loaded.evaluate(x, y_true, verbose=0) == pytest.approx(model.evaluate(x, y_true, verbose=0), rel=1e-5)


def test_a_network_learns_only_the_joints_that_weigh():
    """As many people as joints would fit, (16, 16): a weight is never another person's."""
    model, x, (y_true, _) = network(1), pictures(16), poses(16)
    model.compile("sgd", losses.PoseLoss("elastic_net_sum", visibility_weight=0.0), run_eagerly=True)
    weight = np.zeros((16, 16), dtype="float32")
    weight[2, 5] = 1.0
    y_pred = keras.ops.convert_to_numpy(model(x))
    difference = np.abs(y_pred - y_true)[2, 5, :2].astype("float64")
    expected = (difference + difference**2).sum() / 16 if y_true[2, 5, 0] > 0 else 0.0
    assert model.evaluate(x, y_true, sample_weight=weight, batch_size=16, verbose=0) == pytest.approx(
        expected, rel=1e-5
    )
    assert expected > 0


def test_sides_may_be_spelt_in_another_way():
    """Right and left written out give the score of the same joints."""
    generator = np.random.default_rng(3)
    truth = generator.uniform(0.2, 0.8, (8, 16, 3)).astype("float32")
    found = (truth + generator.normal(0, 0.1, truth.shape)).astype("float32")
    spelt = [re.sub("^r_", "Right_", re.sub("^l_", "Left_", name)) for name in LAYOUT.names]
    for metric in (PCK, PCKh):
        scores = [metric(layout) for layout in ("pa16j", spelt)]
        for score in scores:
            score.update_state(truth, found)
        assert 0 < float(scores[0].result()) < 1
        assert float(scores[0].result()) == float(scores[1].result())
