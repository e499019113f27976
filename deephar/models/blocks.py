"""Convolution units of the networks: functions from tensor to tensor that name every layer they create.

A unit called `name` creates `name` (convolution) and `name_bn`. Batch norms have no scale, convolutions no bias
(published weights). The order of the words is the order of the operations.
"""

from keras import layers

FORMAT = {"data_format": "channels_last"}
"""Channels are last, whatever the user's default."""


def conv_bn(x, filters, size, name, strides=1):
    """Convolution, batch norm."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=name, **FORMAT)(x)
    return layers.BatchNormalization(epsilon=1e-3, scale=False, name=f"{name}_bn")(x)


def conv_bn_act(x, filters, size, name, strides=1):
    """Convolution, batch norm, ReLU."""
    return layers.ReLU(name=f"{name}_relu")(conv_bn(x, filters, size, name, strides))


def act_conv_bn(x, filters, size, name, strides=1):
    """ReLU, convolution, batch norm."""
    return conv_bn(layers.ReLU(name=f"{name}_relu")(x), filters, size, name, strides)


def act_sepconv_bn(x, filters, size, name):
    """ReLU, separable convolution, batch norm."""
    x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.SeparableConv2D(filters, size, padding="same", use_bias=False, name=name, **FORMAT)(x)
    return layers.BatchNormalization(epsilon=1e-3, scale=False, name=f"{name}_bn")(x)
