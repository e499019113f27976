"""The trainer: runs a recipe, from building the network to the last epoch, and can resume an interrupted run."""

import argparse
import contextlib
import dataclasses
import errno
import math
import pathlib
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import keras

from deephar import config, distribution, files, runs
from deephar.data.batches import loader, queues
from deephar.data.batches.clip_mixture import ClipMixture
from deephar.data.batches.joint import JointLoader, JointMixture, OfSet, classes
from deephar.data.batches.pool import Died
from deephar.data.readers.base import PoseDataset, VideoDataset
from deephar.models import outputs, registry
from deephar.models.action.config import ActionConfig
from deephar.training import checkpoint, fingerprint, joint, options, signals, state, versions
from deephar.training.batches import Batches
from deephar.training.recipe import Recipe
from deephar.training.stages import Judge, train_stages
from deephar.typed import Path
from deephar.weights.description import About, Description


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of training.

    Attributes:
        model: network, with the best weights of its last stage if there is a score and the stage came to its end.
        scores: the best score after each stage; None without one.
        broken: number of samples that could not be read since training began or was last resumed, each counted once.
    """

    model: keras.Model
    scores: list[float | None]
    broken: int


def train(
    args: argparse.Namespace,
    sources: Mapping[str, PoseDataset | VideoDataset],
    judge: Judge | None = None,
    start: Callable[[keras.Model], object] | None = None,
    **about: typing.Unpack[About],
) -> Trained:
    """Train a recipe from a training script.

    Args:
        args: from `deephar.training.options.parsed`: the recipe, and where and how it runs.
        sources: readers, keyed as in the recipe's mixture.
        judge: `deephar.evaluation.judges.Judge` whose score chooses the epoch; None: the last weights are kept.
        start: function that initializes the weights of the new network.
        **about: fields of `deephar.weights.description.Description` in addition to those from the recipe.

    Returns:
        `Trained`; the folder holds best.weights.h5, last.weights.h5, small.weights.h5 (the better of these, for
        distribution), log.csv or stage1.csv and so on, model.json, and the checkpoints of `deephar.training.state`.

    Ends the program with an error message (`args.refuse`) if there is nothing to resume, the initial weights do not
    match, or a batch cannot be split among the devices; with another if a worker process of the loader died; and with
    the status `deephar.training.signals.EXIT` after a signal, when a checkpoint is written.
    """
    try:
        with signals.caught() as requests:
            return _train(args, sources, judge, start, about, requests)
    except signals.Interrupted as request:
        print(f"{request}; --resume continues", flush=True)
        if request.chief:
            runs.end(args.out, str(request))
        raise SystemExit(signals.EXIT) from None
    except Died as error:
        raise SystemExit(f"{error}; --resume continues") from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise SystemExit(f"{error}; --resume continues") from None
    except state.Unusable as error:
        args.refuse(str(error))
        raise


def _train(
    args: argparse.Namespace,
    sources: Mapping[str, PoseDataset | VideoDataset],
    judge: Judge | None,
    start: Callable[[keras.Model], object] | None,
    about: About,
    requests: signals.Requests,
) -> Trained:
    """`train`, which signals may interrupt."""
    told, earlier, folder = {**args.told, **fingerprint.fingerprints(sources)}, args.earlier, args.out
    if earlier:
        state.check_same(earlier[0], told, earlier[1])
    try:
        model = new_network(args, None if earlier else start)
        batches = make_loader(args.recipe, model, sources, args.seed, args.processes)
        distribution.check_batch(model, batches.batch_size)
    except ValueError as error:
        args.refuse(str(error))
        raise
    if distribution.is_chief(model):
        files.clear_partial(folder)
        describe(args.recipe, judge, about).write(folder / "model.json")
    _record(args, told, model)
    plan = checkpoint.Plan(args.checkpoint_minutes, args.checkpoint_steps or None, requests)
    options = {name: getattr(args, name) for name in ("quiet", "minutes", "tensorboard", "rematerialize")}
    with contextlib.closing(batches):
        scores = train_stages(model, batches, args.recipe, judge, folder, earlier, told, plan=plan, **options)
    if distribution.is_chief(model):
        best = folder / f"{'best' if judge else 'last'}.weights.h5"
        files.shrink_weights(best, folder / "small.weights.h5")
        say(args.recipe, judge, scores, batches, folder)
    finished = len(scores) == len(args.recipe.stages)
    if not finished:
        print(f"stopped after {args.minutes:g} minutes; --resume continues")
    if distribution.is_chief(model):
        runs.end(folder, "finished" if finished else f"stopped after {args.minutes:g} minutes")
    return Trained(model, scores, len(batches.broken))


def _record(args: argparse.Namespace, told: Mapping[str, str], model: keras.Model) -> None:
    """Record that the run begins or goes on."""
    if not distribution.is_chief(model):
        return
    from_where = args.earlier and {name: args.earlier[0][name] for name in ("stage", "epoch", "step")}
    part: runs.Part = {
        "command": sys.argv,
        "versions": versions.versions(),
        "strategy": args.strategy,
        "rematerialized": args.rematerialize,
        "processes_together": distribution.part(model)[1],
        "resumed_from": from_where,
    }
    runs.begin(args.out, told, part, again=bool(args.earlier))


def follow(
    recipe: Recipe,
    model: keras.Model,
    sources: Mapping[str, PoseDataset | VideoDataset],
    folder: Path,
    judge: Judge | None = None,
    *,
    seed: int = 0,
    processes: int = 0,
    quiet: bool = False,
    rematerialize: bool = False,
) -> list[float | None]:
    """Train a network with a recipe from Python; `train` does it from the command line, and can resume.

    Args:
        recipe: `deephar.training.recipe.Recipe`; its preset and network are used only to determine the inputs.
        model: the network, from `deephar.build` or with loaded weights; trained in place.
        sources: readers, keyed as in the recipe's mixture.
        folder: where the weights and the log are written, as with `train`; created if missing.
        judge: see `train`.
        seed: for the batches.
        processes: worker processes that make batches; 0: threads.
        quiet: no progress bar, and no word on the bottleneck (`deephar.training.bottleneck`).
        rematerialize: see `deephar.training.fit`.

    Returns:
        list of the best score after each stage, None without a judge.

    Raises:
        ValueError: if a batch cannot be split evenly among the replicas of the network.
    """
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    with contextlib.closing(make_loader(recipe, model, sources, seed, processes)) as batches:
        return train_stages(model, batches, recipe, judge, folder, quiet=quiet, rematerialize=rematerialize)


def new_network(args: argparse.Namespace, start: Callable[[keras.Model], object] | None = None) -> keras.Model:
    """The network of a recipe with its initial weights, under the strategy; see `train`."""
    with distribution.scope(args.strategy, args.logical_cpus), precision(args.precision):
        keras.utils.set_random_seed(args.seed)  # which makes TensorFlow compute: too late for a scope
        model = registry.build(args.recipe.preset, **args.recipe.network)
        if start:
            start(model)
        return in_training(args.recipe, model)


def in_training(recipe: Recipe, model: keras.Model) -> keras.Model:
    """The network as a recipe trains it: itself, or as a `deephar.training.joint.JointNetwork`."""
    if recipe.joint is None:
        return model
    options = recipe.joint.weights, recipe.joint.weighting
    return joint.JointNetwork(model, *options, label_smoothing=recipe.label_smoothing)


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Context in which networks are built that compute in a precision of `deephar.training.options.PRECISIONS`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(options.PRECISIONS[name])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def make_loader(
    recipe: Recipe,
    model: keras.Model,
    sources: Mapping[str, PoseDataset | VideoDataset],
    seed: int,
    processes: int,
) -> loader.PoseLoader | loader.ClipLoader | JointLoader:
    """The loader that makes a recipe's batches for a network."""
    network = recipe.settings.network
    settings: dict[str, typing.Any] = {
        "on_broken": "skip", "layout": recipe.pose_layout, "dim": network.dim, "shard": (0, recipe.parts), "seed": seed,
        "steps": recipe.steps, "part": distribution.part(model),
        "turns": recipe.accumulate or 1,
    }  # fmt: skip
    made: dict[str, typing.Any] = {"processes": processes, "workers": distribution.loader_threads(model)}
    kinds, clips = outputs.kinds(joint.network_of(model)), recipe.clips
    if clips is None:
        mixed, varied = _mixed(recipe, sources, recipe.mixture)
        return loader.PoseLoader(mixed, recipe.size, kinds, augmentation=varied, **settings, **made)
    frames = typing.cast(ActionConfig, recipe.settings).frames
    cuts: dict[str, typing.Any] = {
        "subsampling": clips.subsampling, "spread": clips.spread, "noise": clips.noise, "boxes": clips.boxes,
    }  # fmt: skip
    if recipe.joint:
        return _joint_loader(recipe, sources, frames, kinds, {**settings, **cuts}, made)
    size = recipe.size if recipe.reads_pictures else None
    mixed, varied = _mixed(recipe, sources, recipe.mixture)
    return loader.ClipLoader(mixed, frames, size, kinds, clips.given, augmentation=varied, **cuts, **settings, **made)


def _mixed(
    recipe: Recipe, sources: Mapping[str, PoseDataset | VideoDataset], names: Iterable[str]
) -> tuple[list[tuple[typing.Any, int]], list[config.AugmentConfig | str]]:
    """Some of a recipe's sources with their samples in a batch, and how each is augmented."""
    names = list(names)
    counts = queues.counts_by_ratio(recipe.batch_size, [recipe.mixture[name] for name in names])
    pairs = [(sources[name], count) for name, count in zip(names, counts, strict=True)]
    return pairs, [recipe.augmentation_of(name) for name in names]


def _joint_loader(
    recipe: Recipe,
    sources: Mapping[str, PoseDataset | VideoDataset],
    frames: int,
    kinds: tuple[str, ...],
    settings: dict[str, typing.Any],
    made: dict[str, typing.Any],
) -> JointLoader:
    """Stills and clips for the same step."""
    assert recipe.joint is not None
    named = recipe.joint.sets
    sets = {name: typing.cast(VideoDataset, sources[source]).actions for source, name in named.items()}
    wrapped = {**sources, **{s: OfSet(typing.cast(VideoDataset, sources[s]), name) for s, name in named.items()}}
    parts = []
    for names in ([name for name in recipe.mixture if name not in named], named):
        mixed, varied = _mixed(recipe, wrapped, names)
        own = {**settings, "augmentation": varied, "actions": classes(sets)}
        parts.append(ClipMixture(mixed, frames, recipe.size, **own))
    return JointLoader(JointMixture(*parts), kinds, sets, **made)


def describe(recipe: Recipe, judge: Judge | None, about: About) -> Description:
    """The `Description` of the network that a recipe trains."""
    told = {"mixture": recipe.mixture, "chosen_by": judge.text if judge else "nothing: the last epoch"}
    fields: About = {**about, "training": {**told, **about.get("training", {})}}
    return Description(preset=recipe.preset, overrides=recipe.trained, layout=recipe.pose_layout, **fields)


def say(recipe: Recipe, judge: Judge | None, scores: Sequence[float | None], batches: Batches, folder: Path) -> None:
    """Print the result of training."""
    for stage, score in zip(recipe.stages, scores, strict=False):
        after = f", after {stage.name}" if len(recipe.stages) > 1 else ""
        if judge and score is not None:
            best = f"{abs(score):.1f} {judge.unit}" if math.isfinite(score) else "none, it was never a number"
            print(f"best {judge.text}{after}: {best}")
    chosen = f" of the training split, {len(judge.broken)} of the validation split" if judge else ""
    print(f"weights in {folder}; samples that could not be read: {len(batches.broken)}{chosen}")
