"""The residual unit of SPNet, and the change of resolution between two levels of a pyramid (design of TPAMI 2020).

Batch normalization has a scale here, convolutions have no bias, and the order is normalization, ReLU, convolution.
"""

import keras
from keras import layers

from deephar.models.blocks import FORMAT, Kernel


def norm_act(x: keras.KerasTensor, norm: str, act: str) -> keras.KerasTensor:
    """Batch normalization and ReLU, each under its name."""
    return layers.ReLU(name=act)(layers.BatchNormalization(epsilon=1e-3, name=norm)(x))


def conv(x: keras.KerasTensor, filters: int, size: Kernel, name: str, strides: int = 1) -> keras.KerasTensor:
    """Convolution without bias."""
    return layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=name, **FORMAT)(x)


def maps(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """Maps (logits) from features: a 1x1 convolution kept in float32."""
    return layers.Conv2D(filters, 1, use_bias=False, dtype="float32", name=name, **FORMAT)(x)


def sepconv(x: keras.KerasTensor, filters: int, size: Kernel, name: str) -> keras.KerasTensor:
    """Separable convolution without bias."""
    return layers.SeparableConv2D(filters, size, padding="same", use_bias=False, name=name, **FORMAT)(x)


def residual(
    x: keras.KerasTensor, filters: int, size: Kernel, name: str, separable: bool = False, narrowing: int = 2
) -> keras.KerasTensor:
    """Residual unit.

    Args:
        x: (B, H, W, C).
        filters: channels of the result; if others than C, the shortcut is a convolution of the same normalized input.
        size: kernel.
        name: prefix.
        separable: one separable convolution; else a 1x1 convolution to `filters` / `narrowing` channels and another.
        narrowing: see `separable`.

    Returns:
        (B, H, W, filters).
    """
    projected = x.shape[-1] != filters
    normal = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn1")(x)
    shortcut = x
    if projected:
        shortcut = conv(layers.ReLU(name=f"{name}_shortcut_act")(normal), filters, 1, f"{name}_shortcut_conv")
    y = layers.ReLU(name=f"{name}_act1")(normal)
    if separable:
        y = sepconv(y, filters, size, f"{name}_conv1")
    else:
        y = conv(y, filters // narrowing, 1, f"{name}_conv1")
        y = conv(norm_act(y, f"{name}_bn2", f"{name}_act2"), filters, size, f"{name}_conv2")
    return layers.Add(name=f"{name}_add")([shortcut, y])


def down(x: keras.KerasTensor, growth: int, size: Kernel, name: str) -> keras.KerasTensor:
    """To the level below: half the resolution, `growth` more channels."""
    x = layers.MaxPooling2D(2, name=f"{name}_pool", **FORMAT)(x)
    return residual(x, x.shape[-1] + growth, size, f"{name}_r0", separable=True)


def up(x: keras.KerasTensor, growth: int, size: Kernel, name: str) -> keras.KerasTensor:
    """To the level above: twice the resolution, `growth` fewer channels."""
    x = layers.UpSampling2D(2, name=f"{name}_up", **FORMAT)(x)
    return residual(x, x.shape[-1] - growth, size, f"{name}_r0", separable=True)
