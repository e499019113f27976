"""Layers in fewer operations of TensorFlow: the numbers of Keras, on networks of ours."""

import functools
import itertools

import keras
import numpy as np
import pytest
from drawn import Noise
from helpers import eagerly

from deephar import distribution, models, training
from deephar.data.batches import loader
from deephar.runtimes import compiled, fusion
from deephar.runtimes.fusion import depthwise, fused, pointwise

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="fused layers are TensorFlow's")

TINY = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}
NETWORKS = {
    "lite-2d": TINY,  # no scale; residuals, which have layers inside
    "spnet-lite": {"input_shape": (64, 64, 3), "frames": 2, "num_pyramids": 1, "growth": 8, "action_pyramids": (1,)},
}


def built(preset, policy="float32"):
    keras.utils.set_random_seed(3)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = models.build(preset, **NETWORKS[preset])
    finally:
        keras.config.set_dtype_policy(before)
    training.set_momentum(model, 0.7)
    return model


def batch(model, count=3):
    return np.random.default_rng(1).uniform(-1, 1, (count, *model.input_shape[1:])).astype("float32")


def squares(outputs):
    """A loss of all outputs, to which every weight contributes."""
    return sum(keras.ops.sum(keras.ops.square(keras.ops.cast(y, "float32"))) for y in keras.tree.flatten(outputs))


def learnt(model, x):
    """Loss and outputs, gradients and moving statistics of a training step on batches of any size, and the types of its
    operations. The network is left as it was."""
    import tensorflow as tf

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((None, *x.shape[1:]), tf.float32)])
    def step(x):
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(model(x, training=True))
            value = squares(outputs)
        return [value, *outputs], tape.gradient(value, [variable.value for variable in model.trainable_variables])

    before = model.get_weights()
    outputs, gradients = step(x)
    moved = {variable.path: variable.numpy() for variable in model.non_trainable_variables}
    model.set_weights(before)
    types = [operation.type for operation in step.get_concrete_function().graph.get_operations()]
    return [y.numpy() for y in outputs], [tf.convert_to_tensor(g).numpy() for g in gradients], moved, types


@pytest.mark.parametrize("preset", ["lite-2d", pytest.param("spnet-lite", marks=pytest.mark.slow)])
def test_a_step_is_that_of_keras(preset):
    """Within float32's rounding of the largest gradient. Statistics move by half, so that a wrong one shows; frozen
    batch norms and those that share statistics are left to Keras, every other one is one operation, and every depthwise
    gradient a convolution."""
    model = built(preset)
    x, norms = batch(model), distribution.batch_norms(model)
    norms[0].trainable, norms[1].synchronized = False, True
    outputs, gradients, moved, types = learnt(model, x)
    assert "FusedBatchNormV3" not in types and "DepthwiseConv2dNativeBackpropFilter" in types
    with fused(model):
        fused_outputs, fused_gradients, fused_moved, types = learnt(model, x)
    assert types.count("FusedBatchNormV3") == types.count("FusedBatchNormGradV3") == len(norms) - 2
    assert "DepthwiseConv2dNativeBackpropFilter" not in types
    for one, other in zip(outputs, fused_outputs, strict=True):
        np.testing.assert_allclose(other, one, rtol=5e-5, atol=1e-6)
    largest = max(np.abs(one).max() for one in gradients)
    for variable, one, other in zip(model.trainable_variables, gradients, fused_gradients, strict=True):
        np.testing.assert_allclose(other, one, atol=2e-5 * largest, rtol=1e-4, err_msg=variable.path)
    for name, one in moved.items():
        np.testing.assert_allclose(fused_moved[name], one, rtol=2e-5, atol=3e-6, err_msg=name)
    assert not fused_moved[norms[0].moving_mean.path].any()


@pytest.mark.slow
def test_a_step_in_bfloat16_is_that_of_keras():
    """Within bfloat16's rounding, 1 in 256, of the norm of each gradient."""
    model = built("lite-2d", "mixed_bfloat16")
    x = batch(model)
    _, gradients, moved, _ = learnt(model, x)
    with fused(model):
        _, fused_gradients, fused_moved, types = learnt(model, x)
    assert types.count("FusedBatchNormV3") == len(distribution.batch_norms(model))
    assert "DepthwiseConv2dNativeBackpropFilter" not in types
    convolutions = [layer for layer in model._flatten_layers() if type(layer) is keras.layers.Conv2D]
    left = [layer for layer in convolutions if layer.kernel_size != (1, 1) or layer.compute_dtype == "float32"]
    assert types.count("Conv2DBackpropFilter") == len(left)
    pairs = [(gradients, fused_gradients), (moved.values(), fused_moved.values())]
    for one, other in itertools.chain.from_iterable(zip(*pair, strict=True) for pair in pairs):
        assert np.linalg.norm(other - one) <= 0.05 * np.linalg.norm(one) + 1e-6


def test_nothing_but_the_computation_changes():
    """Nor after a context within another."""
    model = built("lite-2d")
    before = model.to_json(), [variable.path for variable in model.weights]
    with fused(model):
        with fused(model):
            assert (model.to_json(), [variable.path for variable in model.weights]) == before
        assert sum("call" in vars(layer) for layer in model._flatten_layers()) > len(distribution.batch_norms(model))
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


@pytest.mark.parametrize("policy", ["float32", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)])
def test_prediction_is_that_of_keras(policy, monkeypatch):
    """By moving statistics that are not those of the start; every batch norm is one operation."""
    model, calls, known = built("lite-2d", policy), [], fusion._known
    model(batch(model), training=True)
    monkeypatch.setattr(fusion, "_known", lambda layer, x: calls.append(layer) or known(layer, x))
    expected = model(batch(model))
    found = compiled.Compiled(model).predict_on_batch(batch(model))
    assert len(calls) == len(distribution.batch_norms(model))
    tolerance = 1e-5 if policy == "float32" else 0.02
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=tolerance)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


@pytest.mark.parametrize("size", [(3, 3), (5, 5), (2, 4), (1, 5)])
def test_gradients_of_a_depthwise_convolution(size):
    import tensorflow as tf

    plain = functools.partial(tf.nn.depthwise_conv2d, strides=[1, 1, 1, 1], padding="SAME")
    assert_same_gradients(depthwise, plain, (*size, 4, 1), 4)


def test_gradients_of_a_pointwise_convolution():
    import tensorflow as tf

    assert_same_gradients(pointwise, functools.partial(tf.nn.conv2d, strides=1, padding="SAME"), (1, 1, 4, 5), 5)


def assert_same_gradients(ours, plain, kernel_shape, channels):
    """Of two convolutions of maps with 4 channels, which give maps of so many."""
    import tensorflow as tf

    generator = np.random.default_rng(0)
    x, upstream, kernel = (
        tf.constant(generator.normal(size=shape), tf.float32)
        for shape in ((3, 7, 6, 4), (3, 7, 6, channels), kernel_shape)
    )
    found = []
    for function in (ours, plain):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = function(x, kernel)
        found.append([y, *tape.gradient(y, [x, kernel], upstream)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_fit_trains_with_fused_layers():
    model = built("lite-2d")
    training.compile_model(model, "sgd")
    hidden = []

    class Seen(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            hidden.append(sum("call" in vars(layer) for layer in model._flatten_layers()))

    batches = loader.PoseLoader([(Noise(0, 255), 2)], (32, 32), ["pose", "visibility"], steps=1)
    with eagerly():
        training.fit(model, batches, callbacks=[Seen()], verbose=0)
    assert hidden[0] > len(distribution.batch_norms(model))
