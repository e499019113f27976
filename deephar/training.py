"""Training of pose networks: Keras `fit` drives the one train step; these are its loss, callbacks and recipe."""

import math
import pathlib

import keras

from deephar import files
from deephar.losses import HeatmapLoss, PoseLoss


def compile_pose(model, optimizer, form="elastic_net_bce_mean"):
    """Give every block of a pose network the same losses (intermediate supervision, paper section 3.1).

    Args:
        model: from `deephar.models.build` with `concat_visibility=True`; heat maps that it exports (a 2D network with
            `export_heatmaps=True`) are trained too, by `deephar.losses.HeatmapLoss`.
        optimizer: Keras optimizer or its name.
        form: of the coordinate loss, a key of `deephar.losses.FORMS`.
    """
    losses = [HeatmapLoss() if len(output.shape) == 4 else PoseLoss(form) for output in model.outputs]
    model.compile(optimizer=optimizer, loss=losses)


def cosine_schedule(peak, steps, warmup_steps=0):
    """Learning rate that climbs to `peak` over `warmup_steps` and falls to 0 along a cosine at `steps`."""
    return keras.optimizers.schedules.CosineDecay(
        peak * 0.01 if warmup_steps else peak,
        max(steps - warmup_steps, 1),
        warmup_target=peak if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def plateau_schedule(monitor, factor=0.2, patience=5):
    """Callback: the learning rate times `factor` where a score has not risen for `patience` epochs (paper, appendix B).

    Place it after the `Score` that logs the score. The patience is ours; the paper does not state it.
    """
    return keras.callbacks.ReduceLROnPlateau(monitor, factor=factor, patience=patience, mode="max", verbose=1)


def step_schedule(epochs=(80, 100), factor=0.2):
    """Callback: the learning rate times `factor` at the start of some epochs, counted from 0 (published for MPII)."""
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * factor if epoch in epochs else rate)


class Score(keras.callbacks.Callback):
    """Score the model after every few epochs and keep its best weights.

    Args:
        score: function of the model that gives a number, larger is better.
        folder: where `best.weights.h5` and `last.weights.h5` go, whole or not at all.
        name: of the score in the logs.
        every: epochs between scores; the last epoch is always scored.
    """

    def __init__(self, score, folder, name="val_pck", every=1):
        super().__init__()
        self.score, self.folder, self.name, self.every = score, pathlib.Path(folder), name, every
        self.best = None  # no score yet; a NaN score ranks below all others

    def on_epoch_end(self, epoch, logs=None):
        files.save_weights(self.model, self.folder / "last.weights.h5")
        if (epoch + 1) % self.every and epoch + 1 < self.params["epochs"]:
            logs[self.name] = float("nan")
            return
        value = self.score(self.model)
        logs[self.name] = value
        rank = float("-inf") if math.isnan(value) else value
        if self.best is None or rank > self.best:
            self.best = rank
            files.save_weights(self.model, self.folder / "best.weights.h5")
