"""Keras' `fit` on a loader's batches, on one device or several, from any step of an epoch."""

import contextlib
import typing
from collections.abc import Iterable, Iterator

import keras

from deephar import distribution
from deephar.runtimes.fusion import fused
from deephar.training.batches import Batches
from deephar.training.callbacks import KeepFreedMemory
from deephar.training.loop import loop
from deephar.training.rematerialization import rematerialized


class Rest(keras.utils.PyDataset):
    """What is left of a loader's epoch.

    Args:
        batches: loader, which advances as ever: when Keras starts to read and after the epoch.
        first: number of the first batch.
    """

    def __init__(self, batches: Batches, first: int) -> None:
        super().__init__(workers=batches.workers, max_queue_size=batches.max_queue_size)
        self.batches: Batches = batches
        self.first: int = first

    def __len__(self) -> int:
        return len(self.batches) - self.first

    def __getitem__(self, index: int) -> typing.Any:
        return self.batches[self.first + index]

    def on_epoch_end(self) -> None:
        self.batches.on_epoch_end()


def build_metrics(model: keras.Model, batch: tuple[typing.Any, ...]) -> None:
    """Build a compiled model's losses and metrics, which Keras does in the first step; reset them afterwards.

    On JAX and PyTorch, Keras' `fit` would do so with a batch of its own, and give what was prepared after it first.
    """
    inputs, targets, weights = keras.utils.unpack_x_y_sample_weight(batch)
    spec = model.compute_output_spec(keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), inputs))
    with distribution.scope_of(model):
        predicted = keras.tree.map_structure(lambda y: keras.ops.zeros(y.shape, y.dtype), spec)
        model.compute_loss(inputs, targets, predicted, weights, training=False)
        model.compute_metrics(inputs, targets, predicted, weights)


class Rejoined(keras.callbacks.CallbackList):
    """Callbacks that see one training where Keras' `fit` runs two: the rest of an epoch, and the epochs after it.

    Args:
        callbacks: Keras callbacks.
        first: number of the batch with which the rest starts.
        **options: of `keras.callbacks.CallbackList`.
    """

    def __init__(self, callbacks: list[keras.callbacks.Callback], first: int, **options: typing.Any) -> None:
        super().__init__(callbacks, **options)
        self.first: int = first  # 0 once the rest is over

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        if self.first:
            super().on_train_begin(logs)

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        super().on_train_batch_begin(self.first + batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        super().on_train_batch_end(self.first + batch, logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if not self.first:
            super().on_train_end(logs)


@contextlib.contextmanager
def _as_raised(batches: Batches) -> Iterator[None]:
    """Errors of a loader as it raised them, instead of what TensorFlow makes of them."""
    batches.failure = None
    try:
        yield
    except Exception as error:
        if batches.failure is None or batches.failure is error:
            raise
        raise batches.failure from None


def fit(
    model: keras.Model,
    batches: Batches,
    epochs: int = 1,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    initial_epoch: int = 0,
    initial_step: int = 0,
    verbose: typing.Literal["auto", 0, 1, 2] = "auto",
    rematerialize: bool = False,
) -> keras.callbacks.History:
    """Train a network on a loader's batches with Keras' `fit`, on one device or under the strategy it was built in.

    Replicas share batch normalization statistics (`deephar.distribution.synchronised`), freed memory is kept
    (`KeepFreedMemory`), and TensorFlow computes layers in fewer operations (`deephar.runtimes.fusion`).

    Args:
        model: compiled network.
        batches: `deephar.data.batches.loader.PoseLoader` or `ClipLoader`.
        epochs: number of epochs.
        callbacks: Keras callbacks.
        initial_epoch, initial_step: where to start: the epoch and the number of its batch, from 0.
        verbose: as of `keras.Model.fit`.
        rematerialize: whether to need less memory and more time, see `deephar.training.rematerialization`.

    Returns:
        `keras.callbacks.History`.

    Raises:
        ValueError: if a batch cannot be split evenly among the replicas, or the network cannot be rematerialized.
        Exception: whatever the loader raises; `deephar.data.batches.pool.Died` if a worker process died.
    """
    distribution.check_batch(model, batches.batch_size)
    called: typing.Any = [KeepFreedMemory(initial_step), *callbacks]
    options: dict[str, typing.Any] = {"shuffle": False, "verbose": verbose}
    several, shown = distribution.part(model)[1] > 1, dict[str, typing.Any]()
    sparing = rematerialized(model) if rematerialize else contextlib.nullcontext()
    with distribution.synchronised(model), fused(model), sparing, _as_raised(batches):
        if several or initial_step or keras.backend.backend() != "tensorflow":
            build_metrics(model, batches[initial_step])
        if several or initial_step:
            shown = {"add_history": True, "add_progbar": verbose != 0, "verbose": verbose}
            shown |= {"model": model, "epochs": epochs, "steps": len(batches)}
        if several:
            lists = keras.callbacks.CallbackList(called, **shown)
            return loop(model, batches, epochs, initial_epoch, initial_step, lists)
        if initial_step:
            called = Rejoined(called, initial_step, **shown)
            rest, initial_epoch = Rest(batches, initial_step), initial_epoch + 1
            model.fit(rest, epochs=initial_epoch, initial_epoch=initial_epoch - 1, callbacks=called, **options)
            called.first = 0
            if model.stop_training or initial_epoch == epochs:
                called.on_train_end()
                return model.history
            batches.epoch -= 1  # it advances again when Keras starts to read
        return model.fit(batches, epochs=epochs, initial_epoch=initial_epoch, callbacks=called, **options)
