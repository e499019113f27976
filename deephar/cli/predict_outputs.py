"""Files that `deephar predict` writes: none replaces what is read, or another; results can be gone on with."""

import argparse
import contextlib
import pathlib
import types
import typing
from collections.abc import Callable, Iterable

from deephar.data.readers import names
from deephar.typed import Path

if typing.TYPE_CHECKING:
    from deephar.inference import PosePredictor, Result, Source
    from deephar.inference.export import About, JsonLines
    from deephar.viz.window import Window

Raised: typing.TypeAlias = tuple[type[BaseException] | None, BaseException | None, types.TracebackType | None]
"""What ends a `with`."""


class Taker(typing.Protocol):
    """Takes results, in a `with`."""

    def write(self, result: "Result", /) -> None: ...

    def __enter__(self) -> typing.Self: ...

    def __exit__(self, *raised: *Raised) -> None: ...


def lines_among(options: argparse.Namespace) -> tuple[str | None, list[str]]:
    """The file of JSON Lines, the first that is named, None for none; and the other files of `--out`."""
    if options.json not in (None, "-"):
        return options.json, options.out
    lines = next((place for place, name in enumerate(options.out) if name.lower().endswith(".jsonl")), None)
    if lines is None:
        return None, options.out
    return options.out[lines], [*options.out[:lines], *options.out[lines + 1 :]]


def check_apart(options: argparse.Namespace, inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse outputs that would replace something.

    Args:
        options: whose files are read too.
        inputs: paths of the source.
        outputs: paths of what is to be written.

    Raises:
        ValueError: if an output is read, or another output.
    """
    read = [getattr(options, name) for name in ("boxes", "camera", "detector", "weights", "actions")]
    taken = {_identity(path) for path in [*inputs, *filter(None, read)]}
    for output in outputs:
        if _identity(output) in taken:
            raise ValueError(f"{output} would replace a source, another file that is read or another output; rename it")
        taken.add(_identity(output))


def _identity(path: Path) -> object:
    """What two paths of the same file have in common, however they are spelt."""
    try:
        status = names.stored(path).stat()
    except OSError:  # there is none
        return pathlib.Path(path).resolve()
    return status.st_dev, status.st_ino


def check_continued(lines: str | None, others: Iterable[str]) -> None:
    """Refuse to resume what cannot be gone on with.

    Args:
        lines: name of the file of JSON Lines, if there is one.
        others: of the other files.

    Raises:
        ValueError: if there are no lines, or one of the others is of pictures.
    """
    from deephar.viz import film

    if lines is None:
        raise ValueError("--resume goes on after what --json FILE holds; name that file")
    films = [name for name in others if film.is_film(name)]
    if films:
        raise ValueError(f"{films[0]} cannot be continued; --resume is for --json FILE and other files of results")


_DEFAULTS: dict[str, object] = {
    "stride": 1, "actions": None, "classes": None, "smooth": False, "flip": False, "detector": None, "conf": None,
    "max_people": None, "one_person": False, "focal": None, "fov": None, "camera": None, "precision": "float32",
    "calibration": None, "box": None, "boxes": None,
}  # fmt: skip
"""Options on which results depend, and what they are if they are not given."""


def settings(options: argparse.Namespace) -> dict[str, object]:
    """The options that are given and on which results depend, for `About`."""
    given = {name: getattr(options, name) for name in _DEFAULTS}
    return {name.replace("_", "-"): value for name, value in given.items() if value != _DEFAULTS[name]}


def about(options: argparse.Namespace, predictor: "PosePredictor", source: "Source") -> "About":
    """What all results have in common."""
    from deephar.inference import export

    return export.About(predictor.layout, options.weights, source.name, source.fps, settings(options))


def window(source: "Source") -> "contextlib.closing[Window]":
    """A window for pictures of the results."""
    from deephar.viz.window import Window

    return contextlib.closing(Window(f"deephar: {source.name}"))


def begun_at_once(name: str) -> bool:
    """Whether a file of `--out` is begun when it is opened, so that it comes after those that are only checked then."""
    return name.lower().endswith((".csv", ".jsonl"))


def opened(
    stack: contextlib.ExitStack,
    options: argparse.Namespace,
    about: "About",
    make: "Callable[[str], Taker]",
    drawn: Iterable[Taker] = (),
) -> "tuple[list[Taker], JsonLines | None]":
    """All that takes results, and the file of JSON Lines among them, if there is one.

    What this holds already, the others are given first. Where nothing else takes or shows them, results are printed.

    Args:
        stack: closes them.
        options: with `json`, `out`, `resume` and `show`.
        about: what all results have in common.
        make: function of the name of a file of `--out`, not of lines, that gives what writes it.
        drawn: what takes results as pictures.
    """
    from deephar.inference import export

    lines, others = lines_among(options)
    tables = [name for name in others if begun_at_once(name)]
    made = [*drawn, *(make(name) for name in others if name not in tables)]
    kept = stack.enter_context(export.JsonLines(lines, about, options.resume)) if lines is not None else None
    writers = [stack.enter_context(writer) for writer in [*made, *map(make, tables)]]
    if lines is not None and kept is not None and kept.count:
        for result in export.read_results(lines):
            for writer in writers:
                writer.write(result)
    writers += [kept] if kept is not None else []
    if options.json == "-" or not (writers or options.show):
        writers.insert(0, export.Printed(about))
    return writers, kept
