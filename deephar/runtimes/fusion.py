"""Layers that TensorFlow computes in fewer passes over memory on a processor.

Keras composes a batch normalization of several operations, a dozen while it learns, each of which reads and writes
whole feature maps, and its gradient of two dozen; TensorFlow has one operation for each of these. The gradient of a
depthwise kernel is itself a depthwise convolution, and as that twice as fast as by the operation TensorFlow has for
it, in bfloat16 ten times; there, that of a kernel of one cell is faster as the product of two matrices that it is.
"""

import contextlib
import typing
from collections.abc import Callable, Iterator

import keras
from keras import layers

_Call: typing.TypeAlias = Callable[..., typing.Any]


@contextlib.contextmanager
def fused(model: keras.Model) -> Iterator[None]:
    """Context in which to train or call a network: on TensorFlow without a GPU, layers take fewer operations.

    Outputs, gradients and moving statistics are those of Keras within float32's rounding. Weights, names and
    configuration of the layers remain; what is compiled in the context is kept after it. Layers that are frozen while
    others learn, share statistics with other replicas, or are not like those of our networks are computed by Keras. No
    effect on other backends.

    Args:
        model: network; layers inside layers count.
    """
    calls = [(layer, vars(layer).get("call"), call) for layer in _candidates(model) if (call := _faster(layer))]
    for layer, _, call in calls:
        vars(layer)["call"] = call  # hides the method of its class
    try:
        yield
    finally:
        for layer, before, _ in calls:
            vars(layer).pop("call", None)
            if before is not None:  # of a context around this one
                vars(layer)["call"] = before


def _candidates(model):
    if keras.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    return [] if tf.config.list_physical_devices("GPU") else list(model._flatten_layers())


def _faster(layer: typing.Any) -> _Call | None:
    """What may compute a layer instead of its own `call`."""
    if isinstance(layer, layers.BatchNormalization) and layer.axis in (-1, 3) and layer.center and not layer.renorm:
        return _normalization(layer)
    if isinstance(layer, layers.SeparableConv2D) and _keeps_size(layer) and layer.depth_multiplier == 1:
        return None if layer.kernel_size == (1, 1) else _separable(layer)
    if isinstance(layer, layers.Conv2D) and _keeps_size(layer) and layer.kernel_size == (1, 1) and layer.groups == 1:
        return _pointwise(layer)
    return None


def _normalization(layer: typing.Any) -> _Call:
    import tensorflow as tf

    original = layer.call

    def call(inputs: typing.Any, training: bool | None = None, mask: typing.Any = None) -> typing.Any:
        alone = mask is None and not (training and (not layer.trainable or layer.synchronized))
        if not alone or inputs.shape.rank != 4 or inputs.dtype == tf.float64:
            return original(inputs, training=training, mask=mask)
        x = inputs if inputs.dtype == tf.bfloat16 else tf.cast(inputs, tf.float32)
        return tf.cast((_learnt if training else _known)(layer, x), layer.compute_dtype)

    return call


def _known(layer, x):
    """Maps normalized by the moving statistics."""
    import tensorflow as tf

    mean, variance = map(tf.convert_to_tensor, (layer.moving_mean, layer.moving_variance))
    return _normalized(layer, x, mean=mean, variance=variance, is_training=False)[0]


def _learnt(layer, x):
    """Maps normalized by their own statistics, towards which the moving ones move."""
    import tensorflow as tf

    y, mean, variance = _normalized(layer, x)
    count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
    variance *= (count - 1) / count  # the operation divides by count - 1, Keras by count
    for moving, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + new * (1 - layer.momentum))
    return y


def _normalized(layer, x, **options):
    """Maps, their mean and their variance."""
    import tensorflow as tf

    offset = tf.convert_to_tensor(layer.beta)
    scale = tf.ones_like(offset) if layer.gamma is None else tf.convert_to_tensor(layer.gamma)
    return tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=layer.epsilon, **options)


def _keeps_size(layer):
    """Whether a convolution slides by single pixels, keeps the size of the maps, and ends with its product."""
    whole = layer.padding == "same" or layer.kernel_size == (1, 1)
    bare = not layer.use_bias and layer.activation is keras.activations.linear
    still = {*layer.strides, *layer.dilation_rate} == {1} and layer.data_format == "channels_last"
    return whole and bare and still


def _separable(layer: typing.Any) -> _Call:
    import tensorflow as tf

    original = layer.call

    def call(inputs: typing.Any) -> typing.Any:
        if inputs.dtype not in (tf.float32, tf.bfloat16):
            return original(inputs)
        x = depthwise(inputs, tf.convert_to_tensor(layer.depthwise_kernel))
        return _product(x, tf.convert_to_tensor(layer.pointwise_kernel))

    return call


def _pointwise(layer: typing.Any) -> _Call:
    import tensorflow as tf

    original = layer.call

    def call(inputs: typing.Any) -> typing.Any:
        if inputs.dtype != tf.bfloat16:
            return original(inputs)
        return pointwise(inputs, tf.convert_to_tensor(layer.kernel))

    return call


def _product(x, kernel):
    import tensorflow as tf

    return pointwise(x, kernel) if x.dtype == tf.bfloat16 else tf.nn.conv2d(x, kernel, 1, "SAME")


def pointwise(x: typing.Any, kernel: typing.Any) -> typing.Any:
    """Convolution with a kernel of one cell, whose gradient for the kernel is computed as a product of matrices.

    Args:
        x: TensorFlow's (B, H, W, C), float32 or bfloat16.
        kernel: (1, 1, C, D) of the same type.

    Returns:
        (B, H, W, D).
    """
    import tensorflow as tf

    @tf.custom_gradient
    def convolved(x, kernel):
        def gradient(upstream):
            pixels, changes = (tf.reshape(maps, [-1, maps.shape[-1]]) for maps in (x, upstream))
            product = tf.matmul(pixels, changes, transpose_a=True)
            return tf.nn.conv2d(upstream, tf.transpose(kernel, [0, 1, 3, 2]), 1, "SAME"), product[None, None]

        return tf.nn.conv2d(x, kernel, 1, "SAME"), gradient

    return convolved(x, kernel)


def depthwise(x: typing.Any, kernel: typing.Any) -> typing.Any:
    """Depthwise convolution with stride 1 that keeps the size, whose gradient for the kernel is one itself.

    Cell (i, j) of that gradient is the product of the maps, moved by (i, j), with the gradient of the result. So it is
    a convolution of the maps with all of that gradient as a kernel, each image's channels for themselves.

    Args:
        x: TensorFlow's float32 or bfloat16 (B, H, W, C).
        kernel: (h, w, C, 1).

    Returns:
        (B, H, W, C).
    """
    import tensorflow as tf

    ones = [1, 1, 1, 1]

    @tf.custom_gradient
    def convolved(x, kernel):
        def gradient(upstream):
            shape, channels = tf.unstack(tf.shape(x)), x.shape[-1]
            folded = [shape[1], shape[2], shape[0] * channels]
            maps = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [1, *folded])
            weights = tf.reshape(tf.transpose(upstream, [1, 2, 0, 3]), [*folded, 1])
            edges = [[(size - 1) // 2, size // 2] for size in kernel.shape[:2]]
            moved = tf.nn.depthwise_conv2d(maps, weights, ones, [[0, 0], *edges, [0, 0]])
            by_image = tf.reshape(moved, [*kernel.shape[:2], shape[0], channels])
            total = tf.reduce_sum(tf.cast(by_image, tf.float32), axis=2)
            turned = tf.reverse(kernel, [0, 1])
            backwards = tf.nn.depthwise_conv2d(upstream, turned, ones, [[0, 0], *(pad[::-1] for pad in edges), [0, 0]])
            return backwards, tf.expand_dims(tf.cast(total, kernel.dtype), -1)

        return tf.nn.depthwise_conv2d(x, kernel, ones, "SAME"), gradient

    return convolved(x, kernel)
