import keras
import numpy as np
import pytest

from deephar import layers, ops

pytestmark = pytest.mark.backend

WEIGHTLESS = [
    (layers.SpatialSoftmax(), [(2, 6, 5, 4)]),
    (layers.SoftArgmax2D(), [(2, 6, 5, 4)]),
    (layers.SoftArgmax2D(grid="cell_centred"), [(2, 6, 5, 4)]),
    (layers.SoftArgmax1D(), [(2, 8, 4)]),
    (layers.JointVisibility(scale=4.0), [(2, 6, 5, 4)]),
    (layers.JointVisibility(), [(2, 6, 5, 4), (2, 8, 4)]),
    (layers.ExpectedPosition(), [(2, 6, 5, 4)]),
    (layers.ExpectedPosition(grid="cell_centred"), [(2, 6, 5, 4)]),
    (layers.ExpectedDepth(), [(2, 6, 5, 4), (2, 6, 5, 4)]),
    (layers.JointConfidence(), [(2, 6, 5, 4)]),
    (layers.ContextAggregation(alpha=0.7), [(2, 4, 2), (2, 8, 2), (2, 8, 1)]),
    (layers.SplitVolume(depth=2), [(2, 6, 5, 4)]),
    (layers.AppearancePooling(), [(2, 6, 5, 4), (2, 6, 5, 3)]),
    (layers.GaussianMaps(6, 5, sigma=0.1), [(2, 4, 2)]),
]
POOLING = [
    (layers.MaxPlusMinPooling2D(), [(2, 7, 5, 4)]),
    (layers.MaxPlusMinPooling2D(3, strides=1, padding="valid"), [(2, 7, 5, 4)]),
    (layers.GlobalMaxPlusMinPooling2D(), [(2, 7, 5, 4)]),
]
RESIDUAL = [
    (layers.SeparableResidual(4, 5), [(2, 6, 5, 4)]),
    (layers.SeparableResidual(6), [(2, 6, 5, 4)]),
    (layers.SeparableResidual(2), [(2, 6, 5, 4)]),
]
ALL = WEIGHTLESS + POOLING + RESIDUAL


def data(shapes, seed=0):
    return [np.random.default_rng(seed).uniform(0.1, 1, shape).astype("float32") for shape in shapes]


def tensors(output):
    return output if isinstance(output, (list, tuple)) else [output]


@pytest.mark.parametrize(("layer", "shapes"), ALL)
def test_layer_contract(layer, shapes, tmp_path):
    """Static and real shapes agree, config round-trips, a saved model gives the same in safe mode."""
    layer = type(layer).from_config(layer.get_config())
    inputs = [keras.Input(shape[1:]) for shape in shapes]
    model = keras.Model(inputs if len(shapes) > 1 else inputs[0], layer(*inputs))
    x = data(shapes) if len(shapes) > 1 else data(shapes)[0]
    before = [keras.ops.convert_to_numpy(y) for y in tensors(model(x))]
    for symbolic, real in zip(tensors(model.output), before, strict=True):
        assert symbolic.shape[1:] == real.shape[1:]
    model.save(tmp_path / "model.keras")
    after = tensors(keras.models.load_model(tmp_path / "model.keras", safe_mode=True)(x))
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, keras.ops.convert_to_numpy(b))


def test_known_numbers_of_frames_stay_known():
    fold, unfold = layers.FoldFrames(), layers.UnfoldFrames(4)
    assert fold.compute_output_shape((2, 4, 6, 3)) == (8, 6, 3)
    assert unfold.compute_output_shape((8, 6, 3)) == (2, 4, 6, 3)
    assert fold.compute_output_shape((None, 4, 6, 3)) == fold.compute_output_shape((2, None, 6, 3)) == (None, 6, 3)
    assert unfold.compute_output_shape((None, 6, 3)) == (None, 4, 6, 3)


@pytest.mark.parametrize(("layer", "shapes"), WEIGHTLESS + POOLING)
def test_mathematics_has_no_weights(layer, shapes):
    assert layer.count_params() == 0 if layer.built else not layer.weights


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
@pytest.mark.parametrize(("layer", "shapes"), WEIGHTLESS)
def test_coordinates_stay_float32_under_every_policy(layer, shapes, policy):
    expected = tensors(layer(*data(shapes)))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        fresh = type(layer)(**{k: v for k, v in layer.get_config().items() if k not in ("dtype", "name", "trainable")})
        got = tensors(fresh(*data(shapes)))
    finally:
        keras.config.set_dtype_policy(before)
    for a, b in zip(expected, got, strict=True):
        assert keras.backend.standardize_dtype(b.dtype) == "float32"
        np.testing.assert_allclose(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_residual_follows_the_policy(policy):
    layer = layers.SeparableResidual(4, dtype=policy)
    assert keras.backend.standardize_dtype(layer(data([(1, 4, 4, 2)])[0]).dtype) == policy.removeprefix("mixed_")
    assert {w.dtype for w in layer.weights} == {"float32"}


def test_residual_with_zero_kernel_is_its_shortcut():
    layer = layers.SeparableResidual(4)
    x = data([(1, 4, 4, 4)])[0]
    layer(x)
    layer.conv.pointwise_kernel.assign(np.zeros((1, 1, 4, 4)))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), x, atol=1e-6)


def test_residual_weights():
    def count(filters, channels):
        layer = layers.SeparableResidual(filters, 3)
        layer.build((None, 8, 8, channels))
        return layer.count_params()

    assert count(4, 4) == 9 * 4 + 4 * 4 + 3 * 4
    assert count(6, 4) == 9 * 4 + 4 * 6 + 3 * 6 + (4 * 6 + 3 * 6)
    assert count(2, 4) == 9 * 2 + 2 * 2 + 3 * 2 + 2 * (4 * 2 + 3 * 2)


def test_soft_argmax_of_any_size():
    maps = keras.Input((None, None, 3))
    model = keras.Model(maps, layers.SoftArgmax2D()(maps))
    x = data([(2, 9, 7, 3)])[0]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(x)), keras.ops.convert_to_numpy(ops.soft_argmax_2d(x)), atol=1e-6
    )
