"""Training in stages, one after another, each from its start or from where it was interrupted."""

import math
import pathlib
import typing
from collections.abc import Callable, Mapping, Sized

import keras

from deephar import distribution
from deephar.models import surgery
from deephar.training import checkpoint
from deephar.training.callbacks import EndIn, Score
from deephar.training.compiling import compile_model, set_momentum
from deephar.training.fitting import Batches, fit
from deephar.training.recipe import Recipe, Stage
from deephar.training.schedules import cosine_schedule, plateau_schedule, step_schedule
from deephar.typed import Floats, Path
from deephar.weights import loading


class Judge(typing.Protocol):
    """Scores a network, see `deephar.evaluation.judges.Judge`."""

    @property
    def log(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def score(self) -> Callable[[keras.Model], float]: ...

    @property
    def broken(self) -> Sized: ...


def train_stages(
    model: keras.Model,
    batches: Batches,
    recipe: Recipe,
    judge: Judge | None,
    folder: Path,
    earlier: checkpoint.State | None = None,
    told: Mapping[str, str] | None = None,
    quiet: bool = False,
    minutes: float | None = None,
) -> list[float | None]:
    """Train a network stage by stage; every stage starts from the best weights of the previous one.

    Args:
        model: network, with its pose part loaded if the first stage freezes it; built under a strategy or not.
        batches: `deephar.data.batches.loader.PoseLoader` or `ClipLoader`.
        recipe: `deephar.training.recipe.Recipe`.
        judge: `deephar.evaluation.judges.Judge`; None: the last weights of every stage are kept.
        folder: where best.weights.h5, last.weights.h5 and log.csv, or stage1.csv and so on, are written.
        earlier: from `deephar.training.checkpoint.read`, to resume.
        told: everything that defines the training run, to check that the same one is resumed; default: the recipe.
        quiet: no progress bar.
        minutes: after which to end, at the end of an epoch; None: when all is done.

    Returns:
        list of the best score after each stage, None without a judge; a stage that time has ended is left out.
    """
    if recipe.norm_momentum is not None:
        set_momentum(model, recipe.norm_momentum)
    course = _Course(model, batches, recipe, judge, pathlib.Path(folder), told or recipe.to_json(), quiet)
    limit = EndIn(math.inf if minutes is None else minutes)
    if earlier:
        course.recall(earlier)
    for number in range(len(course.scores), len(recipe.stages)):
        course.follow(number, limit, earlier if earlier and earlier["stage"] == number else None)
        if limit.ended:
            break
    return course.scores


class _Course:
    """State kept across stages: the best score and weights, the scores so far, the last learning rate."""

    def __init__(
        self,
        model: keras.Model,
        batches: Batches,
        recipe: Recipe,
        judge: Judge | None,
        folder: pathlib.Path,
        told: Mapping[str, str],
        quiet: bool,
    ) -> None:
        self.quiet = quiet
        self.model, self.batches, self.recipe, self.folder, self.told = model, batches, recipe, folder, told
        self.best = Score(judge.score if judge else None, folder, judge.log if judge else "score")
        self.scores: list[float | None] = []
        self.rate: float | None = None

    def recall(self, earlier: checkpoint.State) -> None:
        """Restore the state of an interrupted run."""
        self.scores = list(earlier["scores"])
        best = earlier["counts"][0]["best"]
        if best is not None:
            self.best.best, self.best.weights = best, _weights_of(self.folder / "best.weights.h5", self.model)

    def follow(self, number: int, limit: EndIn, earlier: checkpoint.State | None) -> None:
        """Train a stage, or the rest of it, and end with the best weights."""
        stage, epoch = self.recipe.stages[number], earlier["epoch"] if earlier else 0
        first = earlier["rate"] if earlier else stage.first_rate(self.rate)
        if number or stage.frozen:
            surgery.freeze_pose(self.model, stage.frozen)
        self.compile(stage, first, earlier)
        log = self.folder / ("log.csv" if len(self.recipe.stages) == 1 else f"stage{number + 1}.csv")
        if earlier:
            checkpoint.trim(log, epoch)
            self.batches.epoch = earlier["loader_now"] if earlier["over"] else earlier["loader_first"] + epoch
        state: dict[str, object] = {"recipe": self.told, "stage": number, "scores": list(self.scores), "rate": first}
        state["loader_first"] = self.batches.epoch - epoch  # Keras advances it by one when it starts reading
        watched = [self.best, *_schedule(stage, self.best), *_patience(stage, self.best)]
        kept = checkpoint.Checkpoint(self.folder, self.batches, state, watched, earlier)
        if not (earlier and earlier["over"]):
            callbacks = [*watched, keras.callbacks.CSVLogger(log, append=bool(earlier)), kept, limit]
            verbose = 0 if self.quiet else "auto"
            fit(self.model, self.batches, stage.epochs, callbacks, initial_epoch=epoch, verbose=verbose)
        if limit.within:
            return
        self.rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        if self.best.weights is not None:
            self.model.set_weights(self.best.weights)
        self.scores.append(self.best.best)

    def compile(self, stage: Stage, rate: float, earlier: checkpoint.State | None) -> None:
        """Compile the network for a stage with an initial learning rate; restore its state if the stage is resumed."""
        steps = stage.epochs * len(self.batches)
        varied = cosine_schedule(rate, steps, steps // 20) if stage.schedule == "cosine" else rate
        with distribution.scope_of(self.model):
            own = optimizer(stage.optimizer, varied)
            compile_model(self.model, own, stage.pose_weight, label_smoothing=self.recipe.label_smoothing)
            if earlier:
                checkpoint.restore(self.model, self.folder)


def optimizer(name: str, rate: float | keras.optimizers.schedules.LearningRateSchedule) -> keras.optimizers.Optimizer:
    """A Keras optimizer of `deephar.training.recipe.OPTIMIZERS`."""
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.98, nesterov=True)
    if name == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=1e-2)
    return {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam}[name](rate)


def _schedule(stage, score):
    """The callback that changes the learning rate, if any."""
    return {"plateau": [plateau_schedule(score.name)], "steps": [step_schedule()]}.get(stage.schedule, [])


def _patience(stage, score):
    """The early-stopping callback, if any."""
    if not stage.patience:
        return []
    return [keras.callbacks.EarlyStopping(score.name, patience=stage.patience, mode="max", verbose=1)]


def _weights_of(path: pathlib.Path, model: keras.Model) -> list[Floats]:
    """The arrays of a weight file for a network, which is left unchanged."""
    copy = keras.models.clone_model(model)
    try:
        loading.load_weights(copy, path)
    except ValueError as error:
        raise checkpoint.Unusable(f"{error}. Start over without --resume") from None
    return copy.get_weights()
