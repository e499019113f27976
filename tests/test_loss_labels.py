"""Which labels count in the losses, and what is done with what every loss gives."""

import keras
import numpy as np
import pytest

from deephar import losses, ops

SIDE = 4


def number(value):
    return keras.ops.convert_to_numpy(value)


def maps(people=1, joints=3, seed=0):
    return np.random.default_rng(seed).normal(size=(people, SIDE, SIDE, joints)).astype("float32")


def of_one(place, logits, sigma, grid):
    """Cross-entropy of the maps of one joint (H, W) against the Gaussian at (x, y) on a grid, by the definition."""
    x = number(ops.grid_positions(SIDE, grid))
    distance = (x[None] - place[0]) ** 2 + (x[:, None] - place[1]) ** 2
    wanted = np.exp(-distance / (2 * sigma**2))
    probability = np.exp(logits - logits.max())
    return -np.sum(wanted / wanted.sum() * np.log(probability / probability.sum()))


@pytest.mark.parametrize("grid", ["end_inclusive", "cell_centred"])
def test_heat_maps_cost_the_mean_over_labelled_joints(grid):
    """Two joints that are labelled, one without x, one that is not a number, whatever the depth."""
    logits, missing = maps(joints=4), losses.MISSING
    labels = np.array([[[0.2, 0.7, 0.5], [0.9, 0.1, missing], [missing, 0.5, 0.5], [np.nan, np.nan, np.nan]]])
    found = number(losses.heatmap_cross_entropy(labels.astype("float32"), logits, sigma=0.3, grid=grid))
    parts = [of_one(labels[0, joint, :2], logits[0, :, :, joint], 0.3, grid) for joint in (0, 1)]
    np.testing.assert_allclose(found, [np.mean(parts)], rtol=1e-5)
    nothing = losses.heatmap_cross_entropy(np.full((1, 4, 2), np.nan, "float32"), logits, sigma=0.3, grid=grid)
    assert number(nothing).tolist() == [0]


def test_forms_tell_labels_from_predictions():
    """A label that is missing leaves a coordinate out; a prediction at or below 0 does not."""
    labels = np.array([[[0.5, losses.MISSING], [0.25, 0.75]]], "float32")
    guess = np.array([[[-0.5, 0.5], [0.0, 0.5]]], "float32")
    difference = np.array([1.0, 0.25, 0.25])
    elastic = difference + difference**2
    expected = {
        "elastic_net_per_joint": elastic.sum() / 2,
        "elastic_net_sum": elastic.sum(),
        "elastic_net_mean": elastic.mean(),
        "l1_mean": difference.mean(),
        "l2_mean": np.mean(difference**2),
    }
    for form, value in expected.items():
        np.testing.assert_allclose(number(losses.FORMS[form](labels, guess)), [value], rtol=1e-6)
        assert float(losses.CoordinateLoss(form)(labels, guess)) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    "loss",
    [losses.CoordinateLoss, losses.VisibilityLoss, losses.PoseLoss, losses.HeatmapLoss],
    ids=lambda c: c.__name__,
)
def test_losses_take_the_options_of_keras_losses(loss):
    """A sum is three times the mean of three people; the name is theirs or what is given."""
    generator = np.random.default_rng(0)
    joints = {losses.CoordinateLoss: 2, losses.VisibilityLoss: 1}.get(loss, 3)
    labels = generator.uniform(0.1, 0.9, (3, 2, joints)).astype("float32")
    guess = maps(3, 2) if loss is losses.HeatmapLoss else generator.uniform(0.1, 0.9, labels.shape).astype("float32")
    mean, total, apart = (loss(reduction=kind)(labels, guess) for kind in ("sum_over_batch_size", "sum", None))
    assert float(total) == pytest.approx(3 * float(mean), rel=1e-5) == pytest.approx(3 * float(loss()(labels, guess)))
    np.testing.assert_allclose(number(apart).mean(), float(mean), rtol=1e-5)
    assert apart.shape == (3,) and loss(name="mine").name == "mine"
    assert loss().name == f"{loss.__name__.removesuffix('Loss').lower()}_loss"


def test_a_pose_costs_its_coordinates_and_a_share_of_its_visibility():
    """The last column is the visibility, of weight 0.01 unless said."""
    labels = np.array([[[0.5, 0.5, 0.5, 1.0]]], "float32")
    guess = np.array([[[0.75, 0.5, 0.5, 0.25]]], "float32")
    for weight in (0.01, 2.0, 0.0):
        found = losses.PoseLoss("elastic_net_sum", visibility_weight=weight)(labels, guess)
        assert float(found) == pytest.approx(0.25 + 0.0625 - weight * np.log(0.25), rel=1e-5)
    assert losses.PoseLoss("l1_mean").visibility_weight == losses.BCE_WEIGHT == 0.01
    assert losses.HeatmapLoss().weight == 0.25 and losses.HeatmapLoss().sigma == 0.05


def test_published_cross_entropy_of_coordinates_by_hand():
    labels, guess = np.array([[[0.5, 0.0]]], "float32"), np.array([[[0.25, 0.9]]], "float32")
    entropy = -(0.5 * np.log(0.25) + 0.5 * np.log(0.75))
    found = number(losses.elastic_net_bce_mean(labels, guess))
    np.testing.assert_allclose(found, [0.25 + 0.0625 + 0.01 * entropy], rtol=1e-5)
