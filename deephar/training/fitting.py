"""Keras' `fit` on a loader's batches, on one device or several."""

import typing
from collections.abc import Iterable, Sized

import keras

from deephar import distribution
from deephar.training.callbacks import KeepFreedMemory


class Batches(typing.Protocol):
    """A loader, see `deephar.data.batches.loader`."""

    epoch: int

    @property
    def batch_size(self) -> int: ...

    @property
    def broken(self) -> Sized: ...

    def __len__(self) -> int: ...


def fit(
    model: keras.Model,
    batches: Batches,
    epochs: int = 1,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    **options: object,
) -> keras.callbacks.History:
    """Train a network on a loader's batches with Keras' `fit`, on one device or under the strategy it was built in.

    Replicas share batch normalization statistics (`deephar.distribution.synchronised`), and freed memory is kept
    (`KeepFreedMemory`).

    Args:
        model: compiled network.
        batches: `deephar.data.batches.loader.PoseLoader` or `ClipLoader`.
        epochs: number of epochs.
        callbacks: Keras callbacks.
        **options: of `keras.Model.fit`.

    Returns:
        `keras.callbacks.History`.

    Raises:
        ValueError: if a batch cannot be split evenly among the replicas.
    """
    distribution.check_batch(model, batches.batch_size)
    callbacks = [KeepFreedMemory(), *callbacks]
    with distribution.synchronised(model):
        return model.fit(batches, epochs=epochs, shuffle=False, callbacks=callbacks, **options)
