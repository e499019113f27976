"""The command line of a training script: a recipe, whose fields can be overridden by name, and the run's options."""

import argparse
import ast
import difflib
import importlib.util
import pathlib
import typing
from collections.abc import Callable, Mapping

from deephar import config, distribution, files
from deephar.option_types import at_least, positive
from deephar.training import recipe as recipes
from deephar.training import state
from deephar.typed import Path

_RECIPE = ("batch_size", "accumulate", "steps", "parts", *recipes.STAGED, "augmentation", "preset")
"""Options that are fields of the recipe or of its stages."""

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
"""Keras' dtype policies by what networks compute in; weights, coordinates and losses are float32 in both."""

_Sources = typing.TypeVar("_Sources")

_NETWORK = "network."
"""Prefix for options that are fields of the network: a script may have its own options with the same names."""


class _Parser(argparse.ArgumentParser):
    """Refuses an unknown option and suggests the closest match."""

    def error(self, message: str) -> typing.NoReturn:
        words = message.removeprefix("unrecognized arguments: ").split()
        if message.startswith("unrecognized arguments: ") and words and words[0].startswith("--"):
            near = difflib.get_close_matches(words[0].partition("=")[0], self._option_string_actions, 1)
            message += f"; did you mean {near[0]}?" if near else "; --help lists all"
        super().error(message)


def parser(
    doc: str | None,
    recipe: recipes.Recipe | dict[str, recipes.Recipe],
    out: Path,
    smoke: str = "one epoch of a tiny network, to check that all works",
) -> argparse.ArgumentParser:
    """A parser with the options shared by all training scripts; `parsed` reads them.

    Args:
        doc: docstring of the script, for `--help`.
        recipe: `deephar.training.recipe.Recipe`; or a dict of several by name, the first of which is the default.
        out: default folder for weights and logs.
        smoke: help text of `--smoke`.

    Returns:
        `argparse.ArgumentParser`.
    """
    every = recipe if isinstance(recipe, dict) else {"paper": recipe}
    result = _Parser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    result.set_defaults(recipes=every, recipe=next(iter(every)))
    run = result.add_argument_group("the run")
    run.add_argument("--out", default=out, type=pathlib.Path, help="folder for weights and logs")
    run.add_argument("--overwrite", action="store_true", help="replace an earlier training run in that folder")
    run.add_argument("--resume", action="store_true", help="resume the training run in that folder")
    run.add_argument("--strategy", default="none", choices=distribution.STRATEGIES, help="several devices or processes")
    run.add_argument("--logical-cpus", type=at_least(0), default=0, help="split the CPU, to try --strategy mirrored")
    run.add_argument("--processes", type=at_least(0), default=0, help="worker processes that make batches; 0: threads")
    run.add_argument("--precision", default="float32", choices=PRECISIONS, help="of most layers; the rest is float32")
    run.add_argument("--rematerialize", action="store_true", help="need less memory, and more time for every step")
    run.add_argument(
        "--minutes",
        type=positive,
        metavar="N",
        help="stop after the last epoch that ends in time; --resume continues",
    )
    run.add_argument(
        "--checkpoint-minutes",
        type=positive,
        metavar="N",
        default=10.0,
        help="at most so long between checkpoints",
    )
    run.add_argument(
        "--checkpoint-steps", type=at_least(0), metavar="N", default=0, help="and one every N steps; 0: not"
    )
    run.add_argument("--tensorboard", action="store_true", help="log for TensorBoard too (the extra tensorboard)")
    run.add_argument("--seed", type=at_least(0), default=0)
    run.add_argument("--quiet", action="store_true", help="no progress bar, and no word on the bottleneck")
    run.add_argument("--smoke", action="store_true", help=smoke)
    if len(every) > 1:
        run.add_argument("--recipe", default=next(iter(every)), choices=every)
    _add_fields(result, next(iter(every.values())))
    return result


def _add_fields(result, recipe):
    group = result.add_argument_group("the recipe", "overrides of the recipe's fields")
    group.add_argument("--batch-size", type=int, metavar="N")
    group.add_argument(
        "--accumulate",
        type=int,
        metavar="N",
        help="compute a batch in N parts and average their gradients, to need less memory",
    )
    group.add_argument("--steps", type=int, metavar="N", help="batches per epoch")
    group.add_argument("--parts", type=int, metavar="N", help="an epoch is 1/N of the data")
    group.add_argument("--epochs", type=int, metavar="N", help="per stage")
    group.add_argument("--rate", type=float, metavar="R", help="learning rate of the first stage")
    group.add_argument("--schedule", choices=recipes.SCHEDULES, help="learning-rate schedule")
    group.add_argument("--optimizer", choices=recipes.OPTIMIZERS)
    group.add_argument("--augmentation", choices=config.AUGMENT, help="for all sources")
    if recipe.clips:
        group.add_argument("--stages", choices=recipes.STAGES)
    group.add_argument("--preset", help=f"of the network; its settings follow (default: {recipe.preset})")
    for name, value in recipes.network_fields(recipe).items():
        option = "clip-frames" if name == "frames" else name.replace("_", "-")  # --frames are folders
        group.add_argument(f"--{option}", dest=_NETWORK + name, type=_value, metavar=str(value).replace(" ", ""))


def _value(text):
    """A number, a tuple of numbers, or a word."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def parsed(
    result: argparse.ArgumentParser,
    open_sources: Callable[[argparse.Namespace], _Sources],
    smoke: Mapping[str, object] | Callable[[recipes.Recipe], Mapping[str, object]] | None = None,
) -> tuple[argparse.Namespace, _Sources]:
    """Parse the command line and open the data; an error in either is reported and ends the program.

    Args:
        result: returned by `parser`, with the script's own options added.
        open_sources: function of the options that returns the readers; it may replace `options.recipe`.
        smoke: fields of the recipe that `--smoke` replaces, or a function of the recipe that gives them.

    Returns:
        the options, whose `recipe` is the one to train, `told` everything that defines the training run, `earlier` the
        checkpoint to resume (`deephar.training.state.read`) or None, and `refuse` a function that ends the program with
        an error message; and what `open_sources` returns.
    """
    args = result.parse_args()
    args.refuse = result.error
    try:
        args.earlier = _recalled(args) if args.resume else None
        args.recipe = _recipe(args, smoke if smoke and args.smoke else {})
        if args.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise ValueError('--tensorboard needs its package: pip install "deephar[tensorboard]"')
        if args.recipe.accumulate and args.strategy != "none":
            raise ValueError(
                f"--accumulate is for one device; with --strategy {args.strategy}, several share a batch: take more of "
                "them, or a smaller --batch-size"
            )
        chief = args.strategy != "multiworker" or distribution.worker()[0] == 0
        if chief and not args.resume:
            files.new_run(args.out, args.overwrite)
        sources = open_sources(args)
        args.recipe.check()
        args.told = {**args.recipe.to_json(), **_own_options(args)}
        if args.earlier:
            state.check_same(args.earlier[0], args.told, args.earlier[1])
        elif chief and args.overwrite:
            files.clear_run(args.out)
        return args, sources
    except (ValueError, OSError, ImportError) as error:
        result.error(str(error))


_RUN = (
    "out",
    "overwrite",
    "resume",
    "strategy",
    "logical_cpus",
    "processes",
    "quiet",
    "minutes",
    "checkpoint_minutes",
    "checkpoint_steps",
    "tensorboard",
    "rematerialize",
    "earlier",
    "refuse",
    "recipe",
    "recipes",
)
"""Options that say where and how to train, not what."""


def _recalled(args):
    """The checkpoint to resume; initial weights that are not named again are the recorded ones."""
    earlier = state.read(args.out)
    for name in ("weights", "pose_weights", "start"):
        recorded = earlier[0]["recipe"].get(name, "None")
        if recorded != "None" and getattr(args, name, None) is None:
            setattr(args, name, recorded)
    return earlier


def _own_options(args):
    """The seed and a script's own options, except paths and lists of them, as strings."""
    fields = (*_RECIPE, "stages")
    return {
        name: str(value)
        for name, value in vars(args).items()
        if name not in (*_RUN, *fields) and not name.startswith(_NETWORK) and not _is_path(value)
    }


def _is_path(value):
    return isinstance(value, pathlib.Path) or (isinstance(value, list) and any(map(_is_path, value)))


def named(args: argparse.Namespace) -> set[str]:
    """The network's settings that the command line gives, by name."""
    given = {name for name, value in vars(args).items() if name.startswith(_NETWORK) and value is not None}
    return {name.removeprefix(_NETWORK) for name in given}


def _recipe(args, smoke):
    """The requested recipe."""
    recipe = args.recipes[args.recipe]
    if getattr(args, "stages", None):
        recipe = recipe.replaced(stages=recipes.STAGES[args.stages])
    names = {**{name: name for name in _RECIPE}, **{_NETWORK + name: name for name in recipes.network_fields(recipe)}}
    given = {names[name]: value for name, value in vars(args).items() if name in names and value is not None}
    if isinstance(given.get("input_shape"), int):
        given["input_shape"] = (given["input_shape"], given["input_shape"], 3)
    small = typing.cast("Mapping[str, typing.Any]", smoke(recipe) if callable(smoke) else smoke)
    recipe = recipe.replaced(**small).replaced(**given)
    recipe.check()
    return recipe
