"""The file from which an interrupted training is resumed: how it is written, read, verified and rotated."""

import hashlib
import json
import os
import pathlib
import typing
import warnings
from collections.abc import Mapping

import h5py
import keras
import numpy as np

from deephar import files
from deephar.typed import Path

FILES = ("resume.weights.h5", "resume.previous.weights.h5")
"""In a run's folder: the newest checkpoint and the one before. Each holds the network, its optimizer, and the rest of
the state as JSON in an attribute."""

_KEY = "deephar_state"


class State(typing.TypedDict):
    """What it takes to resume a training, beside the weights of its network and the variables of its optimizer.

    Attributes:
        recipe: all that defines the training, by name.
        versions: of the software that wrote the file.
        stage, epoch, step: where to go on; `step` batches of the epoch are done.
        over: whether the stage is over.
        scores: best score of every earlier stage.
        rate: initial learning rate of the stage.
        loader_first, loader_now: the loader's epoch at the start of the stage and now. With the step, it gives every
            random choice: a batch is a function of the seed, the epoch and its number.
        counts: counters of the callbacks, among them the best score.
        metrics: within an epoch, the values of the metrics' variables; None between two epochs.
        learning_rate: within an epoch, the current one.
    """

    recipe: dict[str, str]
    versions: dict[str, str]
    stage: int
    epoch: int
    step: int
    over: bool
    scores: list[float | None]
    rate: float
    loader_first: int
    loader_now: int
    counts: list[dict[str, float | None]]
    metrics: list[typing.Any] | None
    learning_rate: float


class Unusable(ValueError):
    """There is no checkpoint to resume from."""


def write(model: keras.Model, folder: Path, state: Mapping[str, object]) -> None:
    """Write the newest checkpoint; the one that was the newest becomes the one before.

    Args:
        model: compiled network.
        folder: of the training run.
        state: see `State`.

    Raises:
        OSError, RuntimeError: if it cannot be written; the earlier ones are left as they were.
    """
    newest, previous = (pathlib.Path(folder) / name for name in FILES)
    files.check_space(folder, files.bytes_of([*model.weights, *model.optimizer.variables]))
    with files.whole_file(newest) as temporary:
        model.save_weights(temporary)
        with h5py.File(temporary, "a") as file:
            text = json.dumps(state, default=float)
            file.attrs[_KEY], file.attrs[f"{_KEY}_digest"] = text, _digest(file, text)
        with open(temporary, "r+b") as written:
            os.fsync(written.fileno())  # its content reaches the disk before its name does
        if newest.exists():
            os.replace(newest, previous)


def read(folder: Path) -> tuple[State, pathlib.Path]:
    """The state in the newest checkpoint of a folder, or, with a warning, in the one before if that one is damaged.

    Args:
        folder: of the training run.

    Returns:
        `State`, and the path of the file.

    Raises:
        Unusable: if there is no checkpoint, or none that is whole.
    """
    problems = []
    for name in FILES:
        path = pathlib.Path(folder) / name
        try:
            state = _state(path)
        except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            problems.append((path, error))
            continue
        if problems and problems[0][0].exists():
            where = f"epoch {state['epoch'] + 1}, step {state['step']}"
            warnings.warn(
                f"{problems[0][0]} is damaged ({problems[0][1]}); resuming from the checkpoint before it, {where}",
                stacklevel=2,
            )
        return state, path
    path, error = next(((p, e) for p, e in problems if p.exists()), problems[0])
    raise Unusable(f"Nothing to resume from at {path}: {error}. Start over without --resume")


def check_same(state: State, recipe: Mapping[str, str], path: Path) -> None:
    """Check that a checkpoint belongs to a training.

    Args:
        state: from `read`.
        recipe: all that defines the training, or a part of it, by name.
        path: of the file.

    Raises:
        Unusable: if it belongs to a different one; the message says in which fields.
    """
    before = state["recipe"]
    was = {name: before.get(name, "None") for name in recipe}  # earlier versions had fewer fields
    other = [f"{name} was {was[name]}, now {now}" for name, now in recipe.items() if was[name] != now]
    if other:
        raise Unusable(f"{path} is from a different training run: {'; '.join(other)}")


def restore(model: keras.Model, path: Path) -> None:
    """Restore a compiled network's weights and optimizer from a checkpoint."""
    model.optimizer.build(model.trainable_variables)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # about parts missing from the file
            model.load_weights(path)
    except (OSError, KeyError, ValueError, RuntimeError, UserWarning) as error:
        raise Unusable(f"{path} is damaged: {error}. Start over without --resume") from None


def _state(path: pathlib.Path) -> State:
    with h5py.File(path, "r") as file:
        text = str(file.attrs[_KEY])
        if file.attrs[f"{_KEY}_digest"] != _digest(file, text):
            raise ValueError("its content is not what was written")
    state = json.loads(text)
    missing = [name for name in State.__annotations__ if name not in state]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    return state


def _digest(file: h5py.File, text: str) -> str:
    """A checksum of everything in a file."""
    total = hashlib.blake2b(text.encode(), digest_size=16)

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            total.update(name.encode())
            total.update(np.ascontiguousarray(item[()]).data)

    file.visititems(add)
    return total.hexdigest()
