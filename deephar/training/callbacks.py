"""Training callbacks: scoring, and keeping freed memory."""

import math
import pathlib
import shutil
import time
from collections.abc import Callable

import keras
import numpy as np

from deephar import distribution, files, memory
from deephar.training.joint import network_of
from deephar.training.schedules import ranked
from deephar.typed import Floats, Path


class Score(keras.callbacks.Callback):
    """Score the model after every epoch and keep its best weights, in `weights` and in a file.

    With several processes, the first one scores a copy of the model and writes; all of them learn the score.

    Args:
        score: function of the model that returns a number, larger is better; None to keep only the last weights. It is
            NaN, and lower than all others, for weights that are not finite; if it is always NaN, the last are kept.
        folder: where `best.weights.h5` and `last.weights.h5` are written, atomically.
        name: of the score in the logs.
    """

    def __init__(self, score: Callable[[keras.Model], float] | None, folder: Path, name: str = "val_pck") -> None:
        super().__init__()
        self.score: Callable[[keras.Model], float] | None = score
        self.folder: pathlib.Path = pathlib.Path(folder)
        self.name: str = name
        self.best: float | None = None  # no score yet; a NaN score ranks below all others
        self.weights: list[Floats] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        last, chief = self.folder / "last.weights.h5", distribution.is_chief(self.model)
        network = network_of(self.model)
        if chief:
            files.save_weights(network, last)
        if self.score is None:
            logs[self.name] = float("nan")
            return
        score = self.score
        value = distribution.from_chief(self.model, lambda: _judged(score, distribution.local_copy(network)))
        logs[self.name] = value
        rank = ranked(value)
        if self.best is None or rank > self.best or rank == -math.inf == self.best:
            self.best, self.weights = rank, network.get_weights()
            if chief:
                with files.whole_file(self.folder / "best.weights.h5") as temporary:
                    shutil.copyfile(last, temporary)


def _judged(score: Callable[[keras.Model], float], network: keras.Model) -> float:
    """The score of a network; NaN of one that has diverged, whose predictions are no numbers."""
    return score(network) if all(np.isfinite(values).all() for values in network.get_weights()) else math.nan


class EndIn(keras.callbacks.Callback):
    """End a training after the last epoch that is over in time, in all of its processes; the last of its callbacks.

    Args:
        minutes: from now on; an epoch is expected to take as long as the one before, whose steps are counted if it was
            resumed in its midst.

    Attributes:
        ended: whether the time is over.
        within: whether that was before the training had come to its own end.
    """

    def __init__(self, minutes: float) -> None:
        super().__init__()
        self.end: float = time.monotonic() + 60 * minutes
        self.begun: float = 0.0
        self.stepped: float = 0.0
        self.first: int | None = None
        self.ended: bool = False
        self.within: bool = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.begun, self.first = time.monotonic(), None
        self.stepped = self.begun

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.first = batch if self.first is None else self.first

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.stepped = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        now, steps = time.monotonic(), self.params.get("steps") or 0
        part = 1 - (self.first or 0) / steps if steps else 1.0  # of the epoch
        lasts = (self.stepped - self.begun) / part + now - self.stepped
        if distribution.agreed(self.model, now + lasts > self.end):
            self.within = epoch + 1 < self.params["epochs"] and not self.model.stop_training
            self.model.stop_training = self.ended = True


class KeepFreedMemory(keras.callbacks.Callback):
    """Make the C library keep freed memory for the next step, see `deephar.memory.keep_freed`.

    Args:
        first: number of the batch, within its epoch, with which training starts.
    """

    def __init__(self, first: int = 0) -> None:
        super().__init__()
        self.first: int = first

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch in (0, self.first):
            memory.keep_freed()
