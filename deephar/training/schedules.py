"""Learning-rate schedules, and early stopping."""

import math
from collections.abc import Collection

import keras


def cosine_schedule(peak: float, steps: int, warmup_steps: int = 0) -> keras.optimizers.schedules.LearningRateSchedule:
    """Learning rate that warms up to `peak` over `warmup_steps` and decays along a cosine to 0 at `steps`."""
    return keras.optimizers.schedules.CosineDecay(
        peak * 0.01 if warmup_steps else peak,
        max(steps - warmup_steps, 1),
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def plateau_schedule(monitor: str, factor: float = 0.2, patience: int = 5) -> keras.callbacks.Callback:
    """Callback: multiply the learning rate by `factor` after `patience` epochs without improvement (paper, appendix B).

    Place it after the `Score` that logs the score. The patience is ours; the paper does not state it.
    """
    return _Plateau(monitor, factor=factor, patience=patience, mode="max", verbose=1)


def patience(monitor: str, epochs: int) -> keras.callbacks.Callback:
    """Callback: end a training after `epochs` without improvement. Place it after the `Score` that logs the score."""
    return _Patience(monitor, patience=epochs, mode="max", verbose=1)


def ranked(value: float) -> float:
    """A score as it is compared with others: below all of them if it is NaN."""
    return -math.inf if math.isnan(value) else value


class _OfRanks(keras.callbacks.Callback):
    """Of a callback that watches a score: for Keras, nothing is better than NaN."""

    monitor: str

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if not logs or self.monitor not in logs:  # of which Keras warns
            super().on_epoch_end(epoch, logs)
            return
        value = logs[self.monitor]
        logs[self.monitor] = ranked(value)
        super().on_epoch_end(epoch, logs)
        logs[self.monitor] = value


class _Plateau(_OfRanks, keras.callbacks.ReduceLROnPlateau):
    pass


class _Patience(_OfRanks, keras.callbacks.EarlyStopping):
    pass


def step_schedule(epochs: Collection[int] = (80, 100), factor: float = 0.2) -> keras.callbacks.Callback:
    """Callback: multiply the learning rate by `factor` at the start of `epochs`, from 0 (published for MPII)."""
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * factor if epoch in epochs else rate)
