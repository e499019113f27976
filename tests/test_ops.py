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


def test_max_plus_min_pooling_by_hand():
    x = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
    np.testing.assert_allclose(numpy(ops.max_plus_min_pooling_2d(x)).ravel(), [0 + 4, 2 + 5])
    np.testing.assert_allclose(numpy(ops.max_plus_min_pooling_2d(x, padding="valid")).ravel(), [4])
    np.testing.assert_allclose(numpy(ops.global_max_plus_min_pooling_2d(x)), [[5]])


def test_half_precision_input_is_computed_in_float32():
    heatmaps = random(1, 32, 32, 2).astype("float16")
    xy = ops.soft_argmax_2d(kops.convert_to_tensor(heatmaps))
    assert kops.dtype(xy) == "float32"
    np.testing.assert_allclose(numpy(xy), numpy(ops.soft_argmax_2d(heatmaps.astype("float32"))), atol=1e-6)
