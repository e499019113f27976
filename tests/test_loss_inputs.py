"""What losses take and what they refuse: sample weights, ranks and sizes, dtypes, arguments."""

import re

import keras
import numpy as np
import pytest
from helpers import gradient_of
from test_losses import labels, value

from deephar import losses, ops


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
@pytest.mark.parametrize(
    ("shape", "weights", "as_keras_takes_them"),
    [
        ((3, 3, 2), (3,), (3, 1)),
        ((3, 3, 2), (3, 1), (3, 1)),
        ((3, 3, 2), (3, 3), (3, 3)),
        ((2, 4, 3, 2), (2,), (2, 1, 1)),
        ((4, 4, 4, 2), (4,), (4, 1, 1)),
        ((4, 4, 4, 2), (4, 1), (4, 1, 1)),
        ((4, 4, 4, 2), (4, 4), (4, 4, 1)),
        ((4, 4, 4, 2), (4, 1, 4), (4, 1, 4)),
        ((4, 4, 4, 2), (4, 4, 4), (4, 4, 4)),
    ],
)
def test_sample_weights_are_those_of_keras_own_loss(shape, weights, as_keras_takes_them, reduction):
    """`l2_mean` of labels that are all there is Keras' mean squared error, which takes weights of every joint."""
    weight = np.random.default_rng(1).uniform(0.1, 2, weights).astype("float32")
    broadcast = np.broadcast_to(weight.reshape(as_keras_takes_them), shape[:-1])
    expected = value(keras.losses.MeanSquaredError(reduction=reduction), *labels(*shape), sample_weight=broadcast)
    found = value(losses.CoordinateLoss("l2_mean", reduction=reduction), *labels(*shape), sample_weight=weight)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_weights_in_a_tuple_of_one_are_the_same_weights():
    """As Keras hands them on from a `PyDataset` to the loss of a network of one output."""
    weight = np.float32([[1], [0], [2]])
    loss = losses.CoordinateLoss()
    expected = value(loss, *labels(3, 3, 2), sample_weight=weight)
    np.testing.assert_allclose(value(loss, *labels(3, 3, 2), sample_weight=(weight,)), expected, rtol=1e-6)


@pytest.mark.parametrize("reduction", ["sum", None])
def test_a_weighted_loss_is_one_number_a_person(reduction):
    y_true, y_pred = labels(3, 4, 2)
    weight = np.float32([[1, 0, 0, 2], [0, 0, 0, 0], [1, 1, 1, 1]])
    penalty = np.abs(y_true - y_pred) + (y_true - y_pred) ** 2
    expected = (penalty * weight[..., None]).sum(axis=(1, 2))
    found = value(losses.CoordinateLoss("elastic_net_sum", reduction=reduction), y_true, y_pred, sample_weight=weight)
    np.testing.assert_allclose(found, expected.sum() if reduction else expected, rtol=1e-5)


@pytest.mark.backend
@pytest.mark.parametrize("form", ["elastic_net_bce_mean", "elastic_net_per_joint"])
def test_a_weight_of_zero_takes_a_joint_out_of_every_loss(form):
    """No value and no gradient, and the other joints' shares stay; with equal weights nothing changes."""
    y_true, y_pred = labels(2, 3, 3)
    loss = losses.PoseLoss(form, visibility_weight=0.5)
    weight = np.float32([[1, 0, 1], [1, 1, 1]])
    gradient = gradient_of(lambda y: loss(y_true, y, sample_weight=weight), y_pred)
    whole = gradient_of(lambda y: loss(y_true, y), y_pred)
    assert np.all(gradient[0, 1] == 0)
    np.testing.assert_allclose(gradient[weight == 1], whole[weight == 1], rtol=1e-5)
    np.testing.assert_allclose(
        value(loss, y_true, y_pred, sample_weight=2 * np.ones(2)), 2 * value(loss, y_true, y_pred)
    )


def test_every_loss_class_weighs_joints():
    y_true, y_pred = labels(2, 3, 3)
    maps = np.random.default_rng(2).normal(size=(2, 4, 5, 3)).astype("float32")
    first = np.float32([[1, 0, 0], [1, 0, 0]])
    visibility = losses.VisibilityLoss()
    alone = value(visibility, y_true[:, :1, 2:], y_pred[:, :1, 2:])
    found = value(visibility, y_true[..., 2:], y_pred[..., 2:], sample_weight=first)
    np.testing.assert_allclose(found, alone / 3, rtol=1e-5)
    alone = value(losses.HeatmapLoss(), y_true[:, :1], maps[..., :1])
    np.testing.assert_allclose(value(losses.HeatmapLoss(), y_true, maps, sample_weight=first), alone / 3, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "weights", "taken"),
    [
        ((2, 3, 2), (3,), r"\(B,\) or \(B, J\), here for poses \(B, J\) = \(2, 3\). Received: sample weights \(3,\)"),
        ((2, 3, 2), (2, 4), r"Received: sample weights \(2, 4\)"),
        ((2, 3, 2), (2, 3, 1), r"Received: sample weights \(2, 3, 1\)"),
        ((2, 4, 3, 2), (2, 3), r"\(B, T\).*for poses \(B, T, J\) = \(2, 4, 3\). Received: sample weights \(2, 3\)"),
    ],
)  # fmt: skip
def test_sample_weights_of_another_shape_are_refused(shape, weights, taken):
    with pytest.raises(ValueError, match=f"^CoordinateLoss takes sample weights .*{taken}"):
        losses.CoordinateLoss()(*labels(*shape), sample_weight=np.ones(weights))


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred", "sentence"),
    [
        (losses.elastic_net_sum, (2, 6), (2, 6), "elastic_net_sum needs y_true (B, ..., J, D)"),
        (losses.elastic_net_mean, (3,), (3,), "elastic_net_mean needs y_true (B, ..., J, D)"),
        (losses.elastic_net_per_joint, (2, 3, 2), (2, 4, 2), "Received: y_true (2, 3, 2), y_pred (2, 4, 2)"),
        (losses.visibility_bce, (2, 3, 2), (2, 3, 2), "visibility_bce needs y_true (B, ..., J, 1)"),
        (losses.heatmap_cross_entropy, (2, 3, 2), (2, 3, 8, 8), "y_pred (B, ..., H, W, J)"),
        (losses.CoordinateLoss(), (2, 6), (2, 6), "needs y_true (B, ..., J, D)"),
        (losses.VisibilityLoss(), (2, 3), (2, 3), "needs y_true (B, ..., J, 1)"),
        (losses.PoseLoss(), (3,), (3,), "PoseLoss needs y_true (B, ..., J, D+1)"),
        (losses.PoseLoss(), (2, 3, 2), (2, 3, 2), "PoseLoss needs two or three coordinates and the visibility"),
        (losses.PoseLoss(), (2, 3, 3), (2, 3, 4), "Received: y_true (2, 3, 3), y_pred (2, 3, 4)"),
        (losses.HeatmapLoss(), (2, 3, 3), (2, 3, 8, 8), "HeatmapLoss needs y_true (B, ..., J, D+1)"),
        (losses.HeatmapLoss(), (2, 3, 2), (2, 8, 8, 3), "HeatmapLoss needs two or three coordinates"),
    ],
)
def test_every_loss_says_which_axes_it_needs(loss, y_true, y_pred, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        loss(np.zeros(y_true, dtype="float32"), np.zeros(y_pred, dtype="float32"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: losses.PoseLoss(visibility_weight=-1), "`visibility_weight` must be a number at least 0"),
        (lambda: losses.HeatmapLoss(weight="much"), "`weight` must be a number at least 0. Received: weight='much'"),
        (lambda: losses.HeatmapLoss(sigma=0), "`sigma` must be a number above 0. Received: sigma=0"),
        (lambda: losses.HeatmapLoss(grid="middle"), "`grid` must be one of end_inclusive, cell_centred"),
        (lambda: losses.HeatmapLoss(data_format="channels_first"), "HeatmapLoss needs maps with channels last"),
    ],
)
def test_arguments_of_losses_are_checked_where_they_are_given(make, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make()


@pytest.mark.backend
@pytest.mark.parametrize("function", [*losses.FORMS.values(), losses.visibility_bce])
def test_an_empty_batch_has_no_losses(function):
    size = 1 if function is losses.visibility_bce else 2
    assert tuple(function(*labels(0, 3, size)).shape) == (0,)
    assert (
        losses.PoseLoss().call(*labels(0, 3, 3)).shape
        == (0,)
        == losses.HeatmapLoss().call(labels(0, 3, 3)[0], np.zeros((0, 4, 4, 3), dtype="float32")).shape
    )


def test_losses_are_float32_unless_told_otherwise():
    y_true, y_pred = np.full((1, 1, 2), 0.999), np.full((1, 1, 2), 0.5)
    before = keras.config.floatx()
    keras.config.set_floatx("bfloat16")
    try:
        made = [losses.CoordinateLoss("elastic_net_sum"), losses.CoordinateLoss("elastic_net_sum", dtype="bfloat16")]
    finally:
        keras.config.set_floatx(before)
    for loss in made:
        assert loss.dtype == "float32"
        np.testing.assert_allclose(value(loss, y_true, y_pred), 2 * (0.499 + 0.499**2), rtol=1e-6)
    double = losses.CoordinateLoss("elastic_net_sum", dtype="float64")
    assert double.dtype == "float64" == type(double).from_config(double.get_config()).dtype


@pytest.mark.parametrize("grid", ops.GRIDS)
def test_heat_maps_are_trained_on_the_grid_that_reads_them(grid):
    """The maps of least loss, Gaussians of that grid, are read back by a soft-argmax of that grid alone."""
    y_true = np.array([[[0.2, 0.6, 1.0]]], dtype="float32")
    maps = np.log(keras.ops.convert_to_numpy(ops.gaussian_maps(y_true[..., :2], 16, 16, 0.05, grid)) + 1e-30)
    other = next(name for name in ops.GRIDS if name != grid)
    of_grid = {
        name: gradient_of(lambda h, name=name: losses.HeatmapLoss(grid=name)(y_true, h), maps) for name in ops.GRIDS
    }
    assert np.abs(of_grid[grid]).max() < 1e-6 < 1e-3 < np.abs(of_grid[other]).max()
    np.testing.assert_allclose(value(ops.soft_argmax_2d, maps, grid), y_true[..., :2], atol=1e-3)


@pytest.mark.parametrize("label", [(0.25, losses.MISSING), (np.nan, 0.5)])
def test_half_a_place_is_none_for_heat_maps(label):
    maps = np.random.default_rng(2).normal(size=(1, 4, 5, 2)).astype("float32")
    y_true = np.array([[[0.2, 0.6], label]], dtype="float32")
    gradient = gradient_of(lambda h: losses.heatmap_cross_entropy(y_true, h), maps)
    assert np.all(gradient[..., 1] == 0) and np.any(gradient[..., 0] != 0)


def test_heat_maps_of_clips_are_averaged_over_frames():
    (y_true, _), maps = labels(2, 4, 3, 3), np.random.default_rng(2).normal(size=(2, 4, 5, 6, 3)).astype("float32")
    frames = [value(losses.HeatmapLoss(), y_true[:, t], maps[:, t]) for t in range(4)]
    np.testing.assert_allclose(value(losses.HeatmapLoss(), y_true, maps), np.mean(frames), rtol=1e-5)
