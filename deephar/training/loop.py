"""The training loop of several processes, for which Keras' `fit` has none; its step is that of `fit`."""

import typing
from collections.abc import Iterator

import keras

from deephar import distribution
from deephar.inference.ahead import ahead
from deephar.training.batches import Batches


def loop(
    model: keras.Model,
    batches: Batches,
    epochs: int,
    initial_epoch: int,
    initial_step: int,
    calls: keras.callbacks.CallbackList,
) -> keras.callbacks.History:
    """Train a compiled model as `fit` does, on this process's part of every batch.

    Args:
        model: with its metrics built, and built itself under the strategy "multiworker".
        batches: loader of this process's part, see `deephar.data.batches.queues.Queues`.
        epochs: number of epochs.
        initial_epoch, initial_step: where to start.
        calls: callbacks, the same in every process.

    Returns:
        `keras.callbacks.History`.
    """
    first, model.stop_training = initial_step, False
    step = distribution.train_step(model)
    batches.on_epoch_end()  # as `fit` does when it starts to read
    calls.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        model.reset_metrics()
        calls.on_epoch_begin(epoch)
        for number, batch in enumerate(ahead(_rest(batches, first)), first):
            calls.on_train_batch_begin(number)
            calls.on_train_batch_end(number, step(batch))
        first, results = 0, model.get_metrics_result()
        batches.on_epoch_end()
        calls.on_epoch_end(epoch, results)
        if model.stop_training:
            break
    calls.on_train_end()
    return model.history


def _rest(batches: Batches, first: int) -> Iterator[typing.Any]:
    return (batches[number] for number in range(first, len(batches)))
