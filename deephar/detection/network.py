"""The network of the detector: stem, hourglass, and a map of people in place of heat maps of joints.

After FCOS (Tian et al., ICCV 2019): every cell of the map says whether it lies in the middle of somebody, and how far
it is to the sides of their box.
"""

import keras
from keras import layers

from deephar import checks
from deephar.detection.maps import CHANNELS, SIDE
from deephar.models.blocks import FORMAT
from deephar.models.reception import network as reception

START = -4.0
"""Logit before training: hardly any cell is somebody's middle."""


def build(side: int = SIDE, width: int = 192, name: str = "people") -> keras.Model:
    """A detector with random weights.

    Args:
        side: height and width of the input in pixels, a multiple of 32.
        width: channels of the features, even.
        name: of the model.

    Returns:
        `keras.Model` from float32 (B, side, side, 3) in [-1, 1] to float32 (B, side/8, side/8, 5), see
        `deephar.detection.maps.CHANNELS`.

    Raises:
        ValueError: for a side that is no multiple of 32.
    """
    if checks.whole("side", side) % 32:
        raise ValueError(f"`side` must be a multiple of 32. Received: {side}")
    image = keras.Input((side, side, 3), dtype="float32", name="image")
    x = reception.hourglass(reception.stem(image, width), 5, "block1")
    features = reception.act_sepconv_bn(x, width, 5, "people_features")
    features = layers.ReLU(name="people_relu")(features)
    bias = keras.initializers.Constant([START, *[0.0] * (CHANNELS - 1)])
    maps = layers.Conv2D(CHANNELS, 1, bias_initializer=bias, dtype="float32", name="people_maps", **FORMAT)(features)
    score, distances = maps[..., :1], layers.Activation("softplus", dtype="float32", name="people_sides")(maps[..., 1:])
    return keras.Model(image, layers.Concatenate(dtype="float32", name="people")([score, distances]), name=name)
