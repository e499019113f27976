"""Training of pose and clip networks: Keras `fit` drives the train step; these are its loss, callbacks and recipe."""

import ctypes
import math
import pathlib
import sys

import keras

from deephar import distribution, files
from deephar.losses import BCE_WEIGHT, CoordinateLoss, HeatmapLoss, PoseLoss, VisibilityLoss
from deephar.models import outputs, surgery
from deephar.models.outputs import Kind


def compile_model(model, optimizer, pose_weight=1.0, form="elastic_net_bce_mean", label_smoothing=0.0):
    """Give every output of a network its loss: every block is supervised alike (paper sections 3.1 and 4.3).

    Pose and visibility have the same loss whether the network joins them in one output or not. Heat maps that it
    exports are trained by `deephar.losses.HeatmapLoss`, actions by cross-entropy.

    Args:
        model: from `deephar.models.build`.
        optimizer: Keras optimizer or its name.
        pose_weight: of every pose loss, against those of actions and heat maps.
        form: of the coordinate loss, a key of `deephar.losses.FORMS`.
        label_smoothing: of the cross-entropy.

    Raises:
        ValueError: if the network gives features, which have no labels.
    """
    table = {
        Kind.POSE: (CoordinateLoss(form), pose_weight),
        Kind.VISIBILITY: (VisibilityLoss(), pose_weight * BCE_WEIGHT),
        Kind.POSE_VISIBILITY: (PoseLoss(form), pose_weight),
        Kind.HEATMAPS: (HeatmapLoss(data_format="channels_last"), 1.0),
        Kind.ACTION: (keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing), 1.0),
    }
    kinds = outputs.kinds(model)
    if Kind.FEATURES in kinds:
        raise ValueError("Features have no labels to train by; build the network with export_features=0")
    losses, weights = zip(*(table[kind] for kind in kinds), strict=True)
    model.compile(optimizer=optimizer, loss=list(losses), loss_weights=list(weights))


def set_momentum(model, momentum=0.9):
    """Let the moving statistics of all batch norms follow quicker; compile the model afterwards.

    For trainings of a few hundred steps: at Keras' and the published 0.99, after 300 steps a twentieth of the initial
    variance of 1 is left, many times the variance of a pose branch's features.

    Args:
        model: network that is changed.
        momentum: share of the old statistics that a step keeps.

    Returns:
        number of batch norms.
    """
    norms = distribution.batch_norms(model)
    for layer in norms:
        layer.momentum = momentum
    return len(norms)


def fit(model, batches, epochs=1, callbacks=(), **options):
    """Train a network on a loader's batches by Keras' `fit`, on one device or under the strategy it was built in.

    Several copies share the statistics of their batch norms (`deephar.distribution.synchronised`), and freed memory is
    kept (`KeepFreedMemory`).

    Args:
        model: compiled network.
        batches: `deephar.data.loader.PoseLoader` or `ClipLoader`.
        epochs: to train for.
        callbacks: Keras callbacks.
        **options: of `keras.Model.fit`.

    Returns:
        `keras.callbacks.History`.

    Raises:
        ValueError: if a batch cannot be shared evenly among the copies.
    """
    distribution.check_batch(model, batches.batch_size)
    callbacks = [KeepFreedMemory(), *callbacks]
    with distribution.synchronised(model):
        return model.fit(batches, epochs=epochs, shuffle=False, callbacks=callbacks, **options)


def stage_optimizer(stage, rate):
    """The Keras optimizer of a `deephar.config.Stage` with a learning rate to begin with."""
    if stage.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=1e-2)
    return keras.optimizers.SGD(rate, momentum=0.98, nesterov=True)


def train_stages(model, batches, stages, score, folder, callbacks=()):
    """Train a clip network stage by stage; every stage starts from the best weights of the one before.

    Args:
        model: clip network, its pose part loaded where the first stage freezes it; built under a strategy or not.
        batches: `deephar.data.loader.ClipLoader`.
        stages: `deephar.config.Stage` in order.
        score: see `Score`; larger is better, on videos that are not trained on.
        folder: where best.weights.h5, last.weights.h5 and stage1.csv, stage2.csv ... go.
        callbacks: further Keras callbacks, for every stage.

    Returns:
        list of the best score after each stage.
    """
    folder, best = pathlib.Path(folder), Score(score, folder, "val_accuracy")
    scores, rate = [], None
    for number, stage in enumerate(stages, start=1):
        rate = stage.first_rate(rate)
        surgery.freeze_pose(model, stage.frozen)
        with distribution.scope_of(model):
            compile_model(model, stage_optimizer(stage, rate), stage.pose_weight)
        log = keras.callbacks.CSVLogger(folder / f"stage{number}.csv")
        history = fit(
            model, batches, stage.epochs, [best, plateau_schedule(best.name), *_patience(stage, best), log, *callbacks]
        )
        rate = history.history["learning_rate"][-1]
        model.set_weights(best.weights)
        scores.append(best.best)
    return scores


def _patience(stage, score):
    """The callback that ends a stage when its score stagnates, if it is to be ended."""
    if not stage.patience:
        return []
    return [keras.callbacks.EarlyStopping(score.name, patience=stage.patience, mode="max", verbose=1)]


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
    """Score the model after every few epochs and keep its best weights, in `weights` and in a file.

    Args:
        score: function of the model that gives a number, larger is better; None to keep the last weights alone.
        folder: where `best.weights.h5` and `last.weights.h5` go, whole or not at all.
        name: of the score in the logs.
        every: epochs between scores; the last epoch is always scored.
    """

    def __init__(self, score, folder, name="val_pck", every=1):
        super().__init__()
        self.score, self.folder, self.name, self.every = score, pathlib.Path(folder), name, every
        self.best = self.weights = None  # no score yet; a NaN score ranks below all others

    def on_epoch_end(self, epoch, logs=None):
        files.save_weights(self.model, self.folder / "last.weights.h5")
        waiting = (epoch + 1) % self.every and epoch + 1 < self.params["epochs"]
        if self.score is None or waiting:
            logs[self.name] = float("nan")
            return
        value = self.score(self.model)
        logs[self.name] = value
        rank = float("-inf") if math.isnan(value) else value
        if self.best is None or rank > self.best:
            self.best, self.weights = rank, self.model.get_weights()
            files.save_weights(self.model, self.folder / "best.weights.h5")


class KeepFreedMemory(keras.callbacks.Callback):
    """Have the C library keep freed memory for the next step, on Linux.

    TensorFlow, when Keras feeds it batches from Python, tells the library to give memory back at once; on a CPU, asking
    for it anew in every step took a third of a small network's time.
    """

    TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of mallopt in glibc

    def on_train_batch_begin(self, batch, logs=None):
        library = ctypes.CDLL(None) if batch == 0 and sys.platform == "linux" else None
        if hasattr(library, "mallopt"):
            library.mallopt(self.TRIM_THRESHOLD, 2**31 - 1)
            library.mallopt(self.MMAP_THRESHOLD, 2**30)
            library.mallopt(self.TOP_PAD, 2**28)
