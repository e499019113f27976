"""Resuming an interrupted training run after its last complete epoch."""

import csv
import json
import pathlib
import typing
import warnings
from collections.abc import Mapping, Sequence

import h5py
import keras

from deephar import files
from deephar.training.fitting import Batches
from deephar.typed import Path

FILE = "resume.weights.h5"
"""In a run's folder: the network and its optimizer after an epoch, and the rest of the state in an attribute."""

_KEY = "deephar_state"
_NUMBERS = ("best", "wait", "cooldown_counter", "best_epoch", "stopped_epoch")
"""What callbacks track across epochs: the best score, and the epochs without improvement."""


_STATE = ("recipe", "stage", "scores", "rate", "loader_first", "loader_now", "epoch", "over", "counts")


class State(typing.TypedDict):
    """The state needed to resume training, see `Checkpoint`."""

    recipe: dict[str, str]
    stage: int
    scores: list[float | None]
    rate: float
    loader_first: int
    loader_now: int
    epoch: int
    over: bool
    counts: list[dict[str, float | None]]


class Unusable(ValueError):
    """There is no checkpoint to resume from."""


class Checkpoint(keras.callbacks.Callback):
    """Write a checkpoint for resuming after every epoch. Place it last: it also saves the state of other callbacks.

    Args:
        folder: of the training run.
        batches: loader, whose epoch is recorded.
        state: dict of what the trainer needs to restore; `epoch`, the next one, is added, and whether the stage is
            `over`.
        watched: callbacks whose counters are saved and restored, in order.
        earlier: what `read` returned, if the stage is resumed; None if it starts.
    """

    def __init__(
        self,
        folder: Path,
        batches: Batches,
        state: Mapping[str, object],
        watched: Sequence[keras.callbacks.Callback],
        earlier: State | None = None,
    ) -> None:
        super().__init__()
        self.path: pathlib.Path = pathlib.Path(folder) / FILE
        self.batches: Batches = batches
        self.state: Mapping[str, object] = state
        self.watched: Sequence[keras.callbacks.Callback] = watched
        self.earlier: State | None = earlier

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        for callback, numbers in zip(self.watched, self.earlier["counts"] if self.earlier else (), strict=False):
            vars(callback).update(numbers)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        counts = [{n: vars(c)[n] for n in _NUMBERS if n in vars(c)} for c in self.watched]
        over = epoch + 1 >= self.params["epochs"] or bool(self.model.stop_training)
        state = {**self.state, "epoch": epoch + 1, "over": over, "counts": counts, "loader_now": self.batches.epoch}
        with files.whole_file(self.path) as temporary:
            self.model.save_weights(temporary)
            with h5py.File(temporary, "a") as file:
                file.attrs[_KEY] = json.dumps(state, default=float)


def read(folder: Path, recipe: Mapping[str, str]) -> State:
    """The state that `Checkpoint` saved in a folder.

    Args:
        folder: of the training run.
        recipe: everything that defines the training run, `told` of `deephar.training.options.parsed`.

    Returns:
        dict, see `Checkpoint`.

    Raises:
        Unusable: if there is none, it is damaged, or it belongs to a different run; the message says in which fields.
    """
    path = pathlib.Path(folder) / FILE
    try:
        with h5py.File(path, "r") as file:
            state = json.loads(file.attrs[_KEY])
        missing = [name for name in _STATE if name not in state]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise Unusable(f"Nothing to resume from at {path}: {error}. Start over without --resume") from None
    if missing:
        raise Unusable(f"{path} is damaged: it lacks {', '.join(missing)}. Start over without --resume")
    other = [name for name in recipe if state["recipe"].get(name) != recipe[name]]
    if other:
        differences = "; ".join(f"{name} was {state['recipe'].get(name)}, now {recipe[name]}" for name in other)
        raise Unusable(f"{path} is from a different training run: {differences}")
    return state


def restore(model: keras.Model, folder: Path) -> None:
    """Restore a compiled network's weights and optimizer state from `Checkpoint`."""
    path = pathlib.Path(folder) / FILE
    model.optimizer.build(model.trainable_variables)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # about parts missing from the file
            model.load_weights(path)
    except (OSError, KeyError, ValueError, RuntimeError, UserWarning) as error:
        raise Unusable(f"{path} is damaged: {error}. Start over without --resume") from None


def trim(log: pathlib.Path, epochs: int) -> None:
    """Keep only the rows of the first epochs in a log of Keras' `CSVLogger`, which may be ahead of the checkpoint."""
    if not log.is_file():
        return
    with open(log, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    with files.whole_file(log) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows[: 1 + epochs])
