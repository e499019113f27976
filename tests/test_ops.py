import keras
import numpy as np
import pytest
from helpers import gradient_of, units
from keras import ops as kops

from deephar import ops

pytestmark = pytest.mark.backend


def numpy(x):
    return kops.convert_to_numpy(x)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_one_hot_map_gives_its_cell_on_both_grids():
    heatmaps = np.full((1, 5, 5, 1), -50.0, dtype="float32")
    heatmaps[0, 1, 3, 0] = 50.0
    np.testing.assert_allclose(numpy(ops.soft_argmax_2d(heatmaps)), [[[0.75, 0.25]]], atol=1e-6)
    np.testing.assert_allclose(numpy(ops.soft_argmax_2d(heatmaps, "cell_centred")), [[[0.7, 0.3]]], atol=1e-6)


def test_soft_argmax_by_hand():
    heatmaps = np.log(np.array([[1.0, 2.0], [3.0, 4.0]], dtype="float32"))[None, :, :, None]
    np.testing.assert_allclose(numpy(ops.soft_argmax_2d(heatmaps)), [[[0.6, 0.7]]], atol=1e-6)


def test_soft_argmax_gradient_by_hand():
    """d x / d h = P * (grid - x); here P = 1/2 on each of two cells."""
    gradient = gradient_of(lambda h: ops.soft_argmax_2d(h)[..., 0], np.zeros((1, 1, 2, 1)))
    np.testing.assert_allclose(gradient.ravel(), [-0.25, 0.25], atol=1e-6)


def test_grids_are_where_they_say():
    np.testing.assert_allclose(numpy(ops.grid_positions(5)), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(numpy(ops.grid_positions(5, "cell_centred")), [0.1, 0.3, 0.5, 0.7, 0.9], rtol=1e-6)
    np.testing.assert_allclose(numpy(ops.grid_positions(1)), [0])
    with pytest.raises(ValueError, match="end_inclusive"):
        ops.grid_positions(5, "ends")


def test_spatial_softmax_sums_to_one_and_survives_large_logits():
    probability = numpy(ops.spatial_softmax(1e4 * random(2, 3, 4, 5, 6)))
    np.testing.assert_allclose(probability.sum(axis=(2, 3)), 1.0, rtol=1e-5)
    assert np.all(np.isfinite(probability))


def test_spatial_softmax_ignores_a_constant():
    x = random(2, 4, 5, 3)
    np.testing.assert_allclose(numpy(ops.spatial_softmax(x)), numpy(ops.spatial_softmax(x + 7)), atol=1e-6)


def test_a_clip_is_its_frames():
    clip = random(2, 3, 6, 5, 4)
    whole = numpy(ops.soft_argmax_2d(clip))
    frames = numpy(ops.soft_argmax_2d(clip.reshape(6, 6, 5, 4)))
    np.testing.assert_allclose(whole.reshape(6, 4, 2), frames, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "case", "inputs", "output"),
    [
        (ops.soft_argmax_2d, "softargmax2d", ["h"], "xy"),
        (ops.soft_argmax_1d, "softargmax1d", ["h"], "z"),
        (ops.joint_visibility, "joints_probability", ["h"], "v"),
        (ops.context_aggregation, "context_aggregation", ["ys", "yc", "pc"], "y"),
        (ops.context_aggregation, "context_aggregation_clip", ["ys", "yc", "pc"], "y"),
        (ops.max_plus_min_pooling_2d, "max_min_pooling", ["x"], "y"),
        (ops.global_max_plus_min_pooling_2d, "global_max_min_pooling", ["x"], "y"),
    ],
)
def test_units_of_the_original(function, case, inputs, output):
    arguments = [kops.convert_to_tensor(units()[f"layer.{case}.in.{name}"]) for name in inputs]
    np.testing.assert_allclose(numpy(function(*arguments)), units()[f"layer.{case}.out.{output}"], atol=2e-6)


def test_volumetric_head_of_the_original():
    maps_xy, maps_z = ops.split_volume(units()["layer.pose_regression_3d.in.h"], depth=2)
    np.testing.assert_allclose(numpy(maps_xy), units()["layer.pose_regression_3d.out.hxy"], atol=1e-6)
    pose = np.concatenate([numpy(ops.soft_argmax_2d(maps_xy)), numpy(ops.soft_argmax_1d(maps_z))], axis=-1)
    np.testing.assert_allclose(pose, units()["layer.pose_regression_3d.out.pose"], atol=2e-6)
    visible = numpy(ops.joint_visibility(maps_xy, maps_z))
    np.testing.assert_allclose(visible, units()["layer.pose_regression_3d.out.visible"], atol=2e-6)


def test_volume_is_depth_major():
    volume = np.zeros((1, 1, 1, 6), dtype="float32")
    volume[..., 2] = 4.0  # depth cell 1 of joint 0, of 2 joints and 3 cells
    maps_xy, maps_z = ops.split_volume(volume, depth=3)
    np.testing.assert_allclose(numpy(maps_z)[0], [[0, 0], [4, 0], [0, 0]])
    np.testing.assert_allclose(numpy(maps_xy)[0, 0, 0], [4 / 3, 0])


def test_depth_soft_argmax_by_hand():
    maps = np.full((1, 3, 1), -50.0, dtype="float32")
    maps[0, 2] = 50.0
    np.testing.assert_allclose(numpy(ops.soft_argmax_1d(maps)), [[[1.0]]], atol=1e-6)
    np.testing.assert_allclose(numpy(ops.soft_argmax_1d(maps, "cell_centred")), [[[5 / 6]]], atol=1e-6)


def test_visibility_scale_sharpens():
    heatmaps = random(1, 4, 4, 3)
    logit = heatmaps.max(axis=(1, 2))
    np.testing.assert_allclose(
        numpy(ops.joint_visibility(heatmaps, scale=4.0))[..., 0], 1 / (1 + np.exp(-4 * logit)), rtol=1e-5
    )


def test_context_aggregation_by_hand():
    pose = np.array([[[0.0, 0.0]]], dtype="float32")
    context = np.array([[[1.0, 0.0], [0.0, 1.0]]], dtype="float32")
    weight = np.array([[[3.0], [1.0]]], dtype="float32")
    blended = numpy(ops.context_aggregation(pose, context, weight, alpha=0.6))
    np.testing.assert_allclose(blended, [[[0.4 * 0.75, 0.4 * 0.25]]], rtol=1e-6)


@pytest.mark.parametrize("scale", [0.5, 1e-20, 1e-29])
def test_context_aggregation_is_a_mean_whatever_the_scale_of_its_weights(scale):
    pose, context, weight = random(2, 3, 2), random(2, 6, 2, seed=1), np.abs(random(2, 6, 1, seed=2)) + 0.1
    groups = (array.reshape(2, 3, 2, -1).astype("float64") for array in (context, weight))
    points, shares = groups
    expected = 0.8 * pose + 0.2 * (points * shares).sum(axis=2) / shares.sum(axis=2)
    np.testing.assert_allclose(numpy(ops.context_aggregation(pose, context, scale * weight)), expected, atol=1e-6)


@pytest.mark.parametrize("unseen", [0.0, 1e-45, 1e-38, 1e-31])
def test_a_joint_that_no_context_sees_takes_their_plain_mean(unseen):
    """In value and in gradient; the joint beside it, which is seen, is as ever."""
    pose = np.zeros((1, 2, 2), dtype="float32")
    context = np.array([[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]], dtype="float32")
    weight = np.array([[[unseen], [unseen], [0.3], [0.1]]], dtype="float32")
    expected = [[[0.5, 0.5], [0.75, 0.25]]]
    np.testing.assert_allclose(numpy(ops.context_aggregation(pose, context, weight, alpha=0.0)), expected, rtol=1e-6)
    by_weight = gradient_of(lambda w: ops.context_aggregation(pose, context, w, 0.0)[..., 0], weight)
    np.testing.assert_allclose(by_weight[0, :, 0], [0, 0, 0.5 * 0.625, -0.5 * 1.875], rtol=1e-5)
    by_point = gradient_of(lambda p: ops.context_aggregation(pose, p, weight, 0.0), context)
    np.testing.assert_allclose(by_point[0, :, 0], np.array([0.5, 0.5, 0.75, 0.25]) / 4, rtol=1e-5)


def test_context_aggregation_learns_from_logits_that_see_nothing():
    """Down to where the sigmoid itself is 0, which is where training on photographs without a person leads."""
    pose, context = np.zeros((4, 1, 2), dtype="float32"), np.tile(np.float32([[[0, 0], [1, 1]]]), (4, 1, 1))
    logits = np.array([[-200.0, -200.0], [-100.0, -101.0], [-60.0, -61.0], [0.0, -1.0]])[..., None]

    def blended(logits):
        return ops.context_aggregation(pose, context, kops.sigmoid(logits))

    assert np.all(np.isfinite(numpy(blended(kops.cast(logits, "float32")))))
    gradient = gradient_of(blended, logits)
    assert np.all(np.isfinite(gradient)) and np.all(np.abs(gradient) < 1)
    assert np.all(gradient[0] == 0) and np.all(gradient[2:] != 0)


def test_max_plus_min_pooling_by_hand():
    x = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
    np.testing.assert_allclose(numpy(ops.max_plus_min_pooling_2d(x)).ravel(), [0 + 4, 2 + 5])
    np.testing.assert_allclose(numpy(ops.max_plus_min_pooling_2d(x, padding="valid")).ravel(), [4])
    np.testing.assert_allclose(numpy(ops.global_max_plus_min_pooling_2d(x)), [[5]])


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_whole_numbers_do_not_wrap(dtype):
    x = np.full((1, 2, 2, 1), 200, dtype=dtype)
    assert numpy(ops.max_plus_min_pooling_2d(x)).item() == 400
    assert numpy(ops.global_max_plus_min_pooling_2d(x)).item() == 400


def test_a_window_with_nan_gives_nan_and_no_other():
    x = random(1, 2, 6, 1)
    x[0, 1, 2] = np.nan
    x[0, 0, 4] = np.inf
    windows = numpy(ops.max_plus_min_pooling_2d(x)).ravel()
    np.testing.assert_array_equal(windows, [x[0, :, :2].max() + x[0, :, :2].min(), np.nan, np.inf])
    assert np.isnan(numpy(ops.global_max_plus_min_pooling_2d(x))).all()


@pytest.mark.parametrize(
    ("function", "inputs", "output"),
    [
        (ops.spatial_softmax, [(0, 4, 5, 3)], (0, 4, 5, 3)),
        (ops.soft_argmax_2d, [(2, 0, 4, 5, 3)], (2, 0, 3, 2)),
        (ops.soft_argmax_1d, [(0, 4, 3)], (0, 3, 1)),
        (ops.joint_visibility, [(0, 4, 5, 3), (0, 4, 3)], (0, 3, 1)),
        (ops.context_aggregation, [(0, 3, 2), (0, 6, 2), (0, 6, 1)], (0, 3, 2)),
        (ops.max_plus_min_pooling_2d, [(0, 4, 5, 3)], (0, 2, 3, 3)),
        (ops.global_max_plus_min_pooling_2d, [(0, 4, 5, 3)], (0, 3)),
        (ops.appearance_pooling, [(0, 4, 5, 3), (0, 4, 5, 7)], (0, 3, 7)),
    ],
)
def test_an_empty_batch_stays_empty(function, inputs, output):
    assert tuple(function(*(np.zeros(shape, dtype="float32") for shape in inputs)).shape) == output


def test_maps_without_cells_have_no_maximum():
    with pytest.raises(Exception, match=r"(?i)empty|identity|zero-size"):
        ops.spatial_softmax(np.zeros((1, 0, 5, 3), dtype="float32"))


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX has no float64 unless it is switched on")
def test_float64_is_computed_in_float64():
    heatmaps = np.random.default_rng(0).normal(size=(1, 8, 8, 2))
    maps = heatmaps.reshape(64, 2)
    weight = np.exp(maps) / np.exp(maps).sum(axis=0)
    x = (weight * np.tile(np.arange(8) / 7, 8)[:, None]).sum(axis=0)
    np.testing.assert_allclose(numpy(ops.soft_argmax_2d(heatmaps, dtype="float64"))[0, :, 0], x, rtol=1e-14)
    pooled = numpy(ops.appearance_pooling(heatmaps, heatmaps, "float64"))[0]
    np.testing.assert_allclose(pooled, maps.T @ maps, rtol=1e-14)
    context, visible = maps[None, :2] / 3, weight[None, :2, :1]
    blended = numpy(ops.context_aggregation(0 * maps[None, :1], context, visible, 0.0, "float64"))
    np.testing.assert_allclose(blended, (visible * context).sum(axis=1, keepdims=True) / visible.sum(), rtol=1e-14)


def test_half_precision_input_is_computed_in_float32():
    heatmaps = random(1, 32, 32, 2).astype("float16")
    xy = ops.soft_argmax_2d(kops.convert_to_tensor(heatmaps))
    assert kops.dtype(xy) == "float32"
    np.testing.assert_allclose(numpy(xy), numpy(ops.soft_argmax_2d(heatmaps.astype("float32"))), atol=1e-6)
