"""Checkpoints of a training: after every epoch, between any two steps, and when a signal asks for one."""

import dataclasses
import functools
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import keras

from deephar import distribution
from deephar.training import state as states
from deephar.training.batches import Batches
from deephar.training.signals import Interrupted, Requests
from deephar.typed import Path

_NUMBERS = ("best", "wait", "cooldown_counter", "best_epoch", "stopped_epoch")
"""What callbacks track across epochs: the best score, and the epochs without improvement."""


@dataclasses.dataclass
class Plan:
    """When to write a checkpoint within an epoch.

    Attributes:
        minutes: after so many minutes without one; None: never.
        steps: before every such step of an epoch; None: never.
        requests: signals that ask for one, and to stop.
    """

    minutes: float | None = None
    steps: int | None = None
    requests: Requests = dataclasses.field(default_factory=Requests)

    def asks(self, step: int, written: float) -> bool:
        """Whether one is due before a step of an epoch, if the last was written at a time of `time.monotonic`."""
        if self.requests.name:
            return True
        late = self.minutes is not None and time.monotonic() - written > 60 * self.minutes
        return step > 0 and (late or (self.steps is not None and step % self.steps == 0))


class Checkpoint(keras.callbacks.Callback):
    """Write a checkpoint after every epoch, and within one when the plan asks for it.

    Place it last: it also saves the state of other callbacks. One that cannot be written, for lack of space, say, is
    reported on standard error; training goes on, and the earlier ones remain.

    Args:
        folder: of the training run.
        batches: loader, whose epoch is recorded.
        state: fields of `deephar.training.state.State` that stay the same throughout the stage.
        watched: callbacks whose counters are saved and restored, in order.
        earlier: the state from which the stage is resumed; None if it starts.
        plan: `Plan`.

    Raises:
        deephar.training.signals.Interrupted: from `fit`, after a signal.
    """

    def __init__(
        self,
        folder: Path,
        batches: Batches,
        state: Mapping[str, object],
        watched: Sequence[keras.callbacks.Callback],
        earlier: states.State | None = None,
        plan: Plan | None = None,
    ) -> None:
        super().__init__()
        self.folder: Path = folder
        self.batches: Batches = batches
        self.state: Mapping[str, object] = state
        self.watched: Sequence[keras.callbacks.Callback] = watched
        self.earlier: states.State | None = earlier
        self.plan: Plan = plan or Plan()
        self.epoch: int = 0
        self.written: float = 0.0
        self.agreed: Callable[[bool], bool] = bool

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.written, self.agreed = time.monotonic(), functools.partial(distribution.agreed, self.model)
        for callback, numbers in zip(self.watched, self.earlier["counts"] if self.earlier else (), strict=False):
            vars(callback).update(numbers)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch, earlier = epoch, self.earlier
        if earlier and earlier["metrics"] is not None and earlier["epoch"] == epoch:
            if earlier["step"]:  # before the first, all are 0, and not there until it is compiled
                _set_metrics(self.model, earlier["metrics"])
            for variable in self.model.optimizer.variables:
                if variable.name == "learning_rate":  # a schedule has lowered it at the first start of the epoch
                    variable.assign(earlier["learning_rate"])

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.agreed(self.plan.asks(batch, self.written)):
            metrics = _metrics(self.model)
            self.write({"epoch": self.epoch, "step": batch, "over": False, "metrics": metrics})
            self.stop(f"before step {batch + 1} of epoch {self.epoch + 1}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        over = epoch + 1 >= self.params["epochs"] or bool(self.model.stop_training)
        self.write({"epoch": epoch + 1, "step": 0, "over": over, "metrics": None})
        self.stop(f"after epoch {epoch + 1}")

    def write(self, position: Mapping[str, object]) -> None:
        """Write a checkpoint, or say why that was not possible."""
        self.written = time.monotonic()
        if not distribution.is_chief(self.model):
            return
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        counts = [{n: vars(c)[n] for n in _NUMBERS if n in vars(c)} for c in self.watched]
        now = {"counts": counts, "loader_now": self.batches.epoch, "learning_rate": rate}
        try:
            states.write(self.model, self.folder, {**self.state, **position, **now})
        except (OSError, RuntimeError) as error:
            print(f"no checkpoint was written, the one before remains: {error}", file=sys.stderr)

    def stop(self, where: str) -> None:
        """End the training if a signal asked for that."""
        if self.agreed(bool(self.plan.requests.name)):
            by = self.plan.requests.name or "a signal to another process"
            raise Interrupted(f"stopped by {by} {where}", distribution.is_chief(self.model))


def _metrics(model: keras.Model) -> list[object]:
    """Values of all variables of a model's metrics, added up over its replicas, which the sum with 0 does."""
    variables = [variable for metric in model.metrics for variable in metric.variables]
    return [keras.ops.convert_to_numpy(keras.ops.add(variable.value, 0)).tolist() for variable in variables]


def _set_metrics(model: keras.Model, values: Sequence[object]) -> None:
    """Restore what `_metrics` returned; every replica gets an equal share, as their values are added up."""
    variables = [variable for metric in model.metrics for variable in metric.variables]
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
