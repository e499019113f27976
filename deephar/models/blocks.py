"""Convolution units of the networks: functions from tensor to tensor that name every layer they create.

A unit called `name` creates `name` (convolution) and `name_bn`. Batch normalization has no scale, convolutions no bias
(published weights). The order of the words in a function's name is the order of the operations.
"""

import typing

import keras
from keras import layers


class Format(typing.TypedDict):
    """Data format, for the layers that take one."""

    data_format: str


FORMAT: Format = {"data_format": "channels_last"}
"""Channels are last, whatever the user's default."""

Kernel: typing.TypeAlias = int | tuple[int, int]


def conv_bn(x: keras.KerasTensor, filters: int, size: Kernel, name: str, strides: Kernel = 1) -> keras.KerasTensor:
    """Convolution, batch normalization."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=name, **FORMAT)(x)
    return layers.BatchNormalization(epsilon=1e-3, scale=False, name=f"{name}_bn")(x)


def conv_bn_act(x: keras.KerasTensor, filters: int, size: Kernel, name: str, strides: Kernel = 1) -> keras.KerasTensor:
    """Convolution, batch normalization, ReLU."""
    return layers.ReLU(name=f"{name}_relu")(conv_bn(x, filters, size, name, strides))


def act_conv_bn(x: keras.KerasTensor, filters: int, size: Kernel, name: str, strides: Kernel = 1) -> keras.KerasTensor:
    """ReLU, convolution, batch normalization."""
    return conv_bn(layers.ReLU(name=f"{name}_relu")(x), filters, size, name, strides)


def act_sepconv_bn(x: keras.KerasTensor, filters: int, size: Kernel, name: str) -> keras.KerasTensor:
    """ReLU, separable convolution, batch normalization."""
    x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.SeparableConv2D(filters, size, padding="same", use_bias=False, name=name, **FORMAT)(x)
    return layers.BatchNormalization(epsilon=1e-3, scale=False, name=f"{name}_bn")(x)
