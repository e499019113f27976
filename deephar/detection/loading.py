"""The detector's network with weights."""

import pathlib

import keras

from deephar.detection import network
from deephar.typed import Path
from deephar.weights import catalogue

WIDTH = 288
"""Of the network whose weights come with deephar."""


def load(weights: Path | None = None) -> keras.Model:
    """The detector's network.

    Args:
        weights: a file of `exp/people/train_people.py`; None for the one that comes with deephar.

    Raises:
        ValueError: if there is no such file, or it is of another network.
    """
    path = catalogue.shipped_file("people") if weights is None else pathlib.Path(weights)
    if not path.is_file():
        raise ValueError(f"No such file of a detector's weights: {path}")
    model = network.build(width=WIDTH)
    try:
        model.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{path} does not hold the weights of deephar's detector: {error}") from None
    return model
