"""How long the network waited for batches, and so whether the loader or the network is the bottleneck."""

import time
from collections.abc import Callable

import keras

from deephar.surroundings import usable_cores
from deephar.training.batches import Batches

SHARE = 0.1
"""Of an epoch: a network that waits for less is itself the bottleneck; the first batch of all is always waited for."""


class Bottleneck(keras.callbacks.Callback):
    """Say after every epoch how long the network waited for batches.

    A step waits from the end of the one before, or from the start of the epoch, until its batch is made, by a thread or
    by a worker process; a batch that was made ahead is not waited for. Keras reads the losses of a step before it calls
    `on_train_batch_end`, so that a step has ended there, also on a device that computes meanwhile. Of several processes
    that train together, each knows what it waited for itself.

    Args:
        batches: loader, see `deephar.training.batches.Batches`.
        say: what is done with the sentence, once the progress bar of the epoch is through.
        clock: seconds, the same that the loader's `made` are of.
    """

    def __init__(
        self,
        batches: Batches,
        say: Callable[[str], object] = print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.batches: Batches = batches
        self.say: Callable[[str], object] = say
        self.clock: Callable[[], float] = clock
        self._begun = self._asked = self._waited = 0.0
        self._sentence: str | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._tell()
        self._begun = self._asked = self.clock()
        self._waited = 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._waited += max(0.0, self.batches.made[batch] - self._asked)
        self._asked = self.clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._sentence = sentence(epoch + 1, self._asked - self._begun, self._waited, self.batches.processes)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._tell()

    def _tell(self) -> None:
        if self._sentence:
            self.say(self._sentence)
        self._sentence = None


def sentence(epoch: int, seconds: float, waited: float, processes: int) -> str:
    """What was the bottleneck of an epoch, in words.

    Args:
        epoch: its number, from 1.
        seconds: that its steps took.
        waited: how many of these the network waited for batches.
        processes: worker processes of the loader; 0: threads.
    """
    share = waited / seconds if seconds else 0.0
    told = (
        f"epoch {epoch}: {seconds:.1f} s, of which the network waited {waited:.1f} s ({100 * share:.0f} %) for batches:"
    )
    if share < SHARE:
        return f"{told} the network is the bottleneck"
    more, cores = 2 * processes or 2, usable_cores()
    advice = f"--processes {more}" if more <= cores else f"packed data, or more cores than {cores}"
    return f"{told} the loader is the bottleneck, try {advice}"
