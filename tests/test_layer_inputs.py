"""What layers take and what they refuse: ranks and sizes, dtypes, formats, arguments, sizes that are not known."""

import re

import keras
import numpy as np
import pytest

from deephar import layers, models


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def both(layer, shapes):
    """A layer's symbolic and its real call, as functions."""
    yield lambda: layer(*(keras.KerasTensor(shape) for shape in shapes))
    yield lambda: layer(*(np.zeros(shape, dtype="float32") for shape in shapes))


@pytest.mark.backend
@pytest.mark.parametrize(
    ("layer", "shapes", "needed"),
    [
        (layers.SpatialSoftmax(), [(2, 8, 8)], "heatmaps (B, ..., H, W, J)"),
        (layers.SoftArgmax2D(), [(2, 8, 8)], "heatmaps (B, ..., H, W, J)"),
        (layers.SoftArgmax1D(), [(2, 8)], "maps (B, ..., D, J)"),
        (layers.JointVisibility(), [(2, 8, 8)], "heatmaps (B, ..., H, W, J)"),
        (layers.JointVisibility(), [(2, 8, 8, 3), (2, 8, 4)], "depth_maps (B, ..., D, J)"),
        (layers.JointVisibility(), [(2, 8, 8, 3), (1, 8, 3)], "depth_maps (B, ..., D, J)"),
        (layers.ContextAggregation(), [(4, 2), (8, 2), (8, 1)], "pose (B, ..., J, D)"),
        (layers.ContextAggregation(), [(2, 4, 2), (2, 8, 3), (2, 8, 1)], "context_pose (B, ..., J*N, D)"),
        (layers.ContextAggregation(), [(2, 4, 2), (2, 8, 2), (2, 4, 1)], "context_visibility (B, ..., J*N, 1)"),
        (layers.ContextAggregation(), [(2, 4, 2), (2, 8, 2), (2, 8, 2)], "context_visibility (B, ..., J*N, 1)"),
        (layers.ContextAggregation(), [(2, 4, 2), (2, 6, 2), (2, 6, 1)], "4 joints and 6 context maps"),
        (layers.ContextAggregation(), [(2, 4, 2), (2, 0, 2), (2, 0, 1)], "4 joints and 0 context maps"),
        (layers.SplitVolume(2), [(2, 8, 8)], "volume (B, ..., H, W, D*J)"),
        (layers.SplitVolume(4), [(2, 8, 8, 6)], "depth=4 and 6 channels"),
        (layers.MaxPlusMinPooling2D(), [(2, 8, 8)], "maps (B, H, W, C)"),
        (layers.MaxPlusMinPooling2D(), [(2, 3, 8, 8, 1)], "maps (B, H, W, C)"),
        (layers.GlobalMaxPlusMinPooling2D(), [(2, 8, 8)], "maps (B, ..., H, W, C)"),
        (layers.FoldFrames(), [(2,)], "clips (B, T, ...)"),
        (layers.UnfoldFrames(9), [(6, 4, 4)], "clips of 9 frames, a multiple of that number. Received: 6 frames"),
        (layers.AppearancePooling(), [(1, 12, 5, 4), (2, 6, 5, 3)], "probability (B, ..., H, W, J)"),
        (layers.AppearancePooling(), [(2, 5, 6, 4), (2, 6, 5, 3)], "probability (B, ..., H, W, J)"),
        (layers.AppearancePooling(), [(2, 3, 6, 5, 4), (6, 6, 5, 3)], "features (B, ..., H, W, C)"),
        (layers.GaussianMaps(4, 4), [(4, 2)], "pose (B, ..., J, D)"),
        (layers.GaussianMaps(4, 4), [(2, 4, 1)], "x and y of every joint"),
    ],
)
def test_every_layer_says_which_axes_it_needs(layer, shapes, needed):
    for call in both(layer, shapes):
        with pytest.raises(ValueError, match=rf"{type(layer).__name__} needs .*{re.escape(needed)}"):
            call()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: layers.SoftArgmax2D(grid="middle"), "`grid` must be one of end_inclusive, cell_centred"),
        (lambda: layers.SoftArgmax2D(dtype="int32"), "SoftArgmax2D needs a float dtype. Received: dtype='int32'"),
        (lambda: layers.JointVisibility(0), "`scale` must be a number above 0. Received: scale=0"),
        (lambda: layers.ContextAggregation(alpha=2), "`alpha` must be a number in [0, 1]. Received: alpha=2"),
        (lambda: layers.SplitVolume(0), "`depth` must be a whole number, 1 or more. Received: depth=0"),
        (lambda: layers.MaxPlusMinPooling2D(0), "`pool_size` must be a whole number above 0 or a pair"),
        (lambda: layers.MaxPlusMinPooling2D(2, strides=(1, 2, 3)), "`strides` must be a whole number above 0"),
        (lambda: layers.MaxPlusMinPooling2D(2, padding="full"), "`padding` must be one of same, valid"),
        (lambda: layers.UnfoldFrames(0), "`frames` must be a whole number, 1 or more. Received: frames=0"),
        (lambda: layers.GaussianMaps(0, 4), "`height` must be a whole number, 1 or more. Received: height=0"),
        (lambda: layers.GaussianMaps(4, 4, sigma=0), "`sigma` must be a number above 0. Received: sigma=0"),
        (lambda: layers.PointwiseIdentity()((1, 1)), "kernels (1, 1, n, n). Received: shape=(1, 1)"),
    ],
)  # fmt: skip
def test_arguments_are_checked_where_they_are_given(make, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make()


def test_numbers_of_numpy_are_saved_like_others():
    layer = layers.MaxPlusMinPooling2D(np.int64(2), strides=(np.int32(1), 1))
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layer,
            layers.SplitVolume(np.int64(1)),
        ]
    )
    assert '"pool_size": [2, 2]' in model.to_json() and '"depth": 1' in model.to_json()


PRECISE = [
    (layers.SpatialSoftmax, (), [(1, 4, 4, 2)]),
    (layers.SoftArgmax2D, (), [(1, 4, 4, 2)]),
    (layers.SoftArgmax1D, (), [(1, 4, 2)]),
    (layers.JointVisibility, (), [(1, 4, 4, 2)]),
    (layers.ContextAggregation, (), [(1, 2, 2), (1, 4, 2), (1, 4, 1)]),
    (layers.SplitVolume, (2,), [(1, 4, 4, 2)]),
    (layers.AppearancePooling, (), [(1, 4, 4, 2), (1, 4, 4, 3)]),
    (layers.GaussianMaps, (4, 4), [(1, 2, 2)]),
]


@pytest.mark.backend
@pytest.mark.parametrize("dtype", ["float64", "mixed_float16", "bfloat16"])
@pytest.mark.parametrize(("kind", "arguments", "shapes"), PRECISE)
def test_an_explicit_dtype_is_that_of_the_result(kind, arguments, shapes, dtype):
    if dtype == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is switched on")
    layer = kind(*arguments, dtype=dtype)
    symbolic, real = (keras.tree.flatten(call()) for call in both(layer, shapes))
    for result in (*symbolic, *real):
        assert keras.backend.standardize_dtype(result.dtype) == layer.compute_dtype == dtype.removeprefix("mixed_")


@pytest.mark.backend
@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_maps_beyond_half_precision_give_no_nan(dtype):
    """-7e4 is -inf in float16; maps of a net in mixed precision come from a float32 convolution."""
    maps = np.full((1, 4, 4, 4), -7e4, dtype="float32")
    maps[0, 0, 3] = -6.9e4
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        options = {"dtype": dtype} if dtype else {}
        maps_xy, maps_z = layers.SplitVolume(2, **options)(maps)
        pose, depth = layers.SoftArgmax2D(**options)(maps), layers.SoftArgmax1D(**options)(maps_z)
        seen, clipped = layers.JointVisibility(**options)(maps), layers.SoftArgmax2D(**options)(maps_xy)
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_allclose(numpy(pose)[0, 0], [1, 0], atol=1e-6)
    assert np.all(numpy(seen) == 0) and all(np.all(np.isfinite(numpy(x))) for x in (depth, clipped))


@pytest.mark.backend
@pytest.mark.parametrize("dtype", [None, "float16"])
@pytest.mark.parametrize("kind", [layers.MaxPlusMinPooling2D, layers.GlobalMaxPlusMinPooling2D])
def test_pooling_of_pictures_as_they_are(kind, dtype):
    layer = kind(dtype=dtype)
    pooled = layer(np.full((1, 2, 2, 1), 200, dtype="uint8"))
    assert numpy(pooled).item() == 400 and keras.backend.standardize_dtype(pooled.dtype) == layer.compute_dtype


@pytest.mark.parametrize(
    "make",
    [
        layers.SpatialSoftmax,
        layers.SoftArgmax2D,
        layers.SoftArgmax1D,
        layers.JointVisibility,
        lambda **options: layers.SplitVolume(2, **options),
        layers.MaxPlusMinPooling2D,
        layers.GlobalMaxPlusMinPooling2D,
        layers.AppearancePooling,
        lambda **options: layers.GaussianMaps(4, 4, **options),
    ],
)
def test_maps_with_channels_first_are_refused(make):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="needs maps with channels last"):
            make()
        explicit = make(data_format="channels_last")
        assert type(explicit).from_config(explicit.get_config()).data_format == "channels_last"
    finally:
        keras.config.set_image_data_format("channels_last")
    with pytest.raises(ValueError, match="Received: data_format='channels_first'"):
        make(data_format="channels_first")


@pytest.mark.parametrize(("name", "options"), [("lite-3d", {}), ("lite-merge", {"frames": 4, "num_action_blocks": 1})])
def test_networks_have_channels_last_whatever_the_default(name, options):
    size = {"input_shape": (32, 32, 3), "num_blocks": 1, "width": 16, **options}
    expected = [output.shape for output in models.build(name, **size).outputs]
    keras.config.set_image_data_format("channels_first")
    try:
        assert [output.shape for output in models.build(name, **size).outputs] == expected
    finally:
        keras.config.set_image_data_format("channels_last")


def test_a_volume_of_clips_is_split_frame_by_frame():
    clip = np.random.default_rng(0).normal(size=(2, 3, 4, 4, 6)).astype("float32")
    split = layers.SplitVolume(2)
    for whole, *frames in zip(split(clip), *(split(clip[:, t]) for t in range(3)), strict=True):
        np.testing.assert_allclose(numpy(whole), np.stack([numpy(frame) for frame in frames], axis=1), rtol=1e-6)


def clip_model(height=None, width=None, frames=None, joints=None):
    """Every layer in one graph of volumes and features of clips, whose sizes need not be known."""
    volume = keras.Input((frames, height, width, joints and 2 * joints))
    features = keras.Input((frames, height, width, 3))
    maps, depth_maps = layers.SplitVolume(2)(volume)
    pose = layers.SoftArgmax2D()(maps)
    visible = layers.JointVisibility()(maps, depth_maps)
    pose = layers.ContextAggregation()(pose, pose, visible)
    pooled = layers.AppearancePooling()(layers.SpatialSoftmax()(maps), features)
    folded = layers.UnfoldFrames(2)(layers.FoldFrames()(features))
    drawn = layers.GaussianMaps(4, 4)(pose)
    depth = layers.SoftArgmax1D()(depth_maps)
    pooled_maps = layers.GlobalMaxPlusMinPooling2D()(layers.MaxPlusMinPooling2D()(layers.FoldFrames()(features)))
    return keras.Model([volume, features], [pose, visible, pooled, folded, drawn, depth, pooled_maps])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow traces for all sizes at once")
def test_sizes_that_are_not_known_beforehand():
    """In a graph traced once for all sizes, of which batch 0 is one."""
    import tensorflow as tf

    model = clip_model()
    specs = [tf.TensorSpec((None, *x.shape[1:]), "float32") for x in model.inputs]
    traced = tf.function(lambda *x: model(list(x)), input_signature=specs)
    generator = np.random.default_rng(0)
    for batch, height, width, joints in ((2, 6, 5, 3), (1, 4, 7, 1), (0, 4, 4, 2)):
        shapes = ((batch, 2, height, width, 2 * joints), (batch, 2, height, width, 3))
        x = [keras.ops.convert_to_tensor(generator.normal(size=shape), dtype="float32") for shape in shapes]
        expected = clip_model(height, width, 2, joints)(x)
        for a, b in zip(expected, traced(*x), strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(numpy(a), numpy(b), atol=1e-6)
