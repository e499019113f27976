"""Learning-rate schedules."""

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
    return keras.callbacks.ReduceLROnPlateau(monitor, factor=factor, patience=patience, mode="max", verbose=1)


def step_schedule(epochs: Collection[int] = (80, 100), factor: float = 0.2) -> keras.callbacks.Callback:
    """Callback: multiply the learning rate by `factor` at the start of `epochs`, from 0 (published for MPII)."""
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * factor if epoch in epochs else rate)
