"""Keras' `fit` on a loader's batches, on one device or several."""

from deephar import distribution
from deephar.training.callbacks import KeepFreedMemory


def fit(model, batches, epochs=1, callbacks=(), **options):
    """Train a network on a loader's batches by Keras' `fit`, on one device or under the strategy it was built in.

    Several copies share the statistics of their batch norms (`deephar.distribution.synchronised`), and freed memory is
    kept (`KeepFreedMemory`).

    Args:
        model: compiled network.
        batches: `deephar.data.batches.loader.PoseLoader` or `ClipLoader`.
        epochs: to train for.
        callbacks: Keras callbacks.
        **options: of `keras.Model.fit`.

    Returns:
        `keras.callbacks.History`.

    Raises:
        ValueError: if a batch cannot be shared evenly among the copies.
    """
    distribution.check_batch(model, batches.batch_size)
    callbacks = [KeepFreedMemory(), *callbacks]
    with distribution.synchronised(model):
        return model.fit(batches, epochs=epochs, shuffle=False, callbacks=callbacks, **options)
