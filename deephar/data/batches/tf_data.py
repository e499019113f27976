"""A loader's batches as a `tf.data.Dataset`, which several threads make, and which any strategy of TensorFlow takes."""

import copy
import functools
import typing

import keras
import numpy as np

from deephar import checks
from deephar.data.batches.loader import Loader

if typing.TYPE_CHECKING:
    import tensorflow as tf


def dataset(loader: Loader, epochs: int, epoch: int = 0, threads: int = 2) -> "tf.data.Dataset":
    """The batches of some epochs of a loader, one epoch after the other, in order.

    For training programs of your own on TensorFlow: a strategy's `experimental_distribute_dataset`, or Keras' `fit`
    with `steps_per_epoch=len(loader)`, under a strategy or without. Where Keras reads a loader itself, only one thread
    makes batches for several devices, and none while an epoch ends.

    Args:
        loader: `PoseLoader`, `ClipLoader` or `deephar.data.batches.joint.JointLoader`; its own epoch stays as it is.
        epochs: how many.
        epoch: the number of the first, from 0.
        threads: that make batches, or fetch those of the loader's worker processes.

    Returns:
        `tf.data.Dataset` of what the loader gives: (inputs, targets, sample weights).

    Raises:
        ValueError: for numbers that are out of range.
    """
    import tensorflow as tf

    checks.whole("epochs", epochs)
    first, steps = checks.whole("epoch", epoch, 0), len(loader)
    example = loader[0]
    kinds = [np.asarray(array).dtype for array in keras.tree.flatten(example)]

    @functools.lru_cache(maxsize=2)  # one epoch begins while another ends
    def in_epoch(number: int) -> Loader:
        other = copy.copy(loader)
        other.epoch = number
        return other

    def make(place: int) -> list[np.ndarray]:
        number, index = divmod(int(place), steps)
        return [np.asarray(array) for array in keras.tree.flatten(in_epoch(first + number)[index])]

    def batch(place: typing.Any) -> typing.Any:
        tensors = tf.numpy_function(make, [place], kinds)
        for tensor, array in zip(tensors, keras.tree.flatten(example), strict=True):
            tensor.set_shape(np.shape(array))
        return keras.tree.pack_sequence_as(example, tensors)

    places = tf.data.Dataset.range(epochs * steps)
    return places.map(batch, num_parallel_calls=checks.whole("threads", threads), deterministic=True).prefetch(2)
