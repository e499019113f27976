"""Training in stages, one after another, each from its start or from where it was interrupted."""

import math
import pathlib
import typing
from collections.abc import Callable, Mapping, Sized

import keras

from deephar import distribution
from deephar.models import surgery
from deephar.training import checkpoint, logs
from deephar.training.batches import Batches
from deephar.training.bottleneck import Bottleneck
from deephar.training.callbacks import EndIn, Score
from deephar.training.compiling import compile_model, set_momentum
from deephar.training.fitting import fit
from deephar.training.joint import JointNetwork, network_of
from deephar.training.recipe import Recipe, Stage
from deephar.training.schedules import cosine_schedule, patience, plateau_schedule, step_schedule
from deephar.training.state import State, Unusable, restore
from deephar.training.versions import versions
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
    earlier: tuple[State, pathlib.Path] | None = None,
    told: Mapping[str, str] | None = None,
    quiet: bool = False,
    minutes: float | None = None,
    plan: checkpoint.Plan | None = None,
    tensorboard: bool = False,
    rematerialize: bool = False,
) -> list[float | None]:
    """Train a network stage by stage; every stage starts from the best weights of the previous one.

    Args:
        model: network, with its pose part loaded if the first stage freezes it; built under a strategy or not.
        batches: `deephar.data.batches.loader.PoseLoader` or `ClipLoader`.
        recipe: `deephar.training.recipe.Recipe`.
        judge: `deephar.evaluation.judges.Judge`; None: the last weights of every stage are kept.
        folder: where best.weights.h5, last.weights.h5 and log.csv, or stage1.csv and so on, are written.
        earlier: from `deephar.training.state.read`, to resume.
        told: everything that defines the training run, to check that the same one is resumed; default: the recipe.
        quiet: no progress bar, and no word on the bottleneck (`deephar.training.bottleneck`).
        minutes: after which to end, at the end of an epoch; None: when all is done.
        plan: `deephar.training.checkpoint.Plan`, when to write a checkpoint within an epoch.
        tensorboard: whether to log for TensorBoard too, see `deephar.training.logs.EpochLog`.
        rematerialize: see `deephar.training.fit`.

    Returns:
        list of the best score after each stage, None without a judge; a stage that time has ended is left out.

    Raises:
        deephar.training.signals.Interrupted: after a signal that `plan` collects.
    """
    if recipe.norm_momentum is not None:
        set_momentum(model, recipe.norm_momentum)
    told = recipe.to_json() if told is None else told
    course = _Course(model, batches, recipe, judge, pathlib.Path(folder), told, quiet, plan, tensorboard, rematerialize)
    limit = EndIn(math.inf if minutes is None else minutes)
    if earlier:
        course.recall(earlier[0])
    for number in range(len(course.scores), len(recipe.stages)):
        course.follow(number, limit, earlier if earlier and earlier[0]["stage"] == number else None)
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
        plan: checkpoint.Plan | None,
        tensorboard: bool,
        rematerialize: bool,
    ) -> None:
        self.quiet, self.plan, self.tensorboard, self.rematerialize = quiet, plan, tensorboard, rematerialize
        self.model, self.batches, self.recipe, self.folder, self.told = model, batches, recipe, folder, told
        self.best = Score(judge.score if judge else None, folder, judge.log if judge else "score")
        self.scores: list[float | None] = []
        self.rate: float | None = None

    def recall(self, earlier: State) -> None:
        """Restore the state of an interrupted run."""
        self.scores = list(earlier["scores"])
        best = earlier["counts"][0]["best"]
        if best is not None:
            self.best.best, self.best.weights = (
                best,
                _weights_of(self.folder / "best.weights.h5", network_of(self.model)),
            )

    def follow(self, number: int, limit: EndIn, resumed: tuple[State, pathlib.Path] | None) -> None:
        """Train a stage, or the rest of it, and end with the best weights."""
        stage, earlier = self.recipe.stages[number], resumed[0] if resumed else None
        first = earlier["rate"] if earlier else stage.first_rate(self.rate)
        if stage.frozen or any(before.frozen for before in self.recipe.stages[:number]):
            surgery.freeze_pose(self.model, stage.frozen)
        self.compile(stage, first, resumed[1] if resumed else None)
        if not (earlier and earlier["over"]):
            self.fit(number, first, limit, earlier)
        else:
            self.batches.epoch = earlier["loader_now"]
        if limit.within:
            return
        self.rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        if self.best.weights is not None:
            network_of(self.model).set_weights(self.best.weights)
        self.scores.append(self.best.best)

    def fit(self, number: int, rate: float, limit: EndIn, earlier: State | None) -> None:
        """Fit the compiled network to a stage's end, from its start or from where it was interrupted."""
        stage, epoch, step = self.recipe.stages[number], 0, 0
        if earlier:
            epoch, step = earlier["epoch"], earlier["step"]
            self.batches.epoch = earlier["loader_first"] + epoch
        state: dict[str, object] = {"recipe": self.told, "stage": number, "scores": list(self.scores), "rate": rate}
        state["loader_first"] = self.batches.epoch - epoch  # Keras advances it by one when it starts reading
        state["versions"] = versions()
        watched = [self.best, *_schedule(stage, self.best), *_patience(stage, self.best)]
        log = self.folder / ("log.csv" if len(self.recipe.stages) == 1 else f"stage{number + 1}.csv")
        own = self.reports(log, epoch) if distribution.is_chief(self.model) else []
        kept = checkpoint.Checkpoint(self.folder, self.batches, state, watched, earlier, self.plan)
        verbose = 0 if self.quiet else "auto"
        calls = [*watched, *own, kept, limit]
        fit(self.model, self.batches, stage.epochs, calls, epoch, step, verbose, self.rematerialize)

    def reports(self, log: pathlib.Path, epoch: int) -> list[keras.callbacks.Callback]:
        """Callbacks that tell of every epoch: in the log, and on the console."""
        return [logs.EpochLog(log, epoch, self.tensorboard), *([] if self.quiet else [Bottleneck(self.batches)])]

    def compile(self, stage: Stage, rate: float, file: pathlib.Path | None) -> None:
        """Compile the network for a stage with an initial learning rate; restore its state from a file, if given."""
        steps = stage.epochs * len(self.batches)
        varied = cosine_schedule(rate, steps, steps // 20) if stage.schedule == "cosine" else rate
        with distribution.scope_of(self.model):
            own = optimizer(stage.optimizer, varied, self.recipe.accumulate)
            if isinstance(self.model, JointNetwork):
                self.model.compile(own)
            else:
                compile_model(self.model, own, stage.pose_weight, label_smoothing=self.recipe.label_smoothing)
            if file:
                restore(self.model, file)


def optimizer(
    name: str, rate: float | keras.optimizers.schedules.LearningRateSchedule, accumulate: int | None = None
) -> keras.optimizers.Optimizer:
    """A Keras optimizer of `deephar.training.recipe.OPTIMIZERS`.

    Args:
        name: of the optimizer.
        rate: learning rate; a schedule counts the parts of batches.
        accumulate: see `deephar.training.recipe.Recipe`.
    """
    options: dict[str, typing.Any] = {"gradient_accumulation_steps": accumulate}
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.98, nesterov=True, **options)
    if name == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=1e-2, **options)
    return {"rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam}[name](rate, **options)


def _schedule(stage, score):
    """The callback that changes the learning rate, if any; a plateau is one of the score."""
    if stage.schedule == "steps":
        return [step_schedule()]
    return [plateau_schedule(score.name)] if stage.schedule == "plateau" and score.score is not None else []


def _patience(stage, score):
    """The early-stopping callback, if any."""
    if not stage.patience or score.score is None:
        return []
    return [patience(score.name, stage.patience)]


def _weights_of(path: pathlib.Path, model: keras.Model) -> list[Floats]:
    """The arrays of a weight file for a network, which is left unchanged."""
    copy = keras.models.clone_model(model)
    try:
        loading.load_weights(copy, path)
    except ValueError as error:
        raise Unusable(f"{error}. Start over without --resume") from None
    return copy.get_weights()
