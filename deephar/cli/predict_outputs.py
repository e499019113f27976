"""Files that `deephar predict` writes: none replaces what is read, or another; some can be gone on with."""

import argparse
import contextlib
import pathlib
import types
import typing
from collections.abc import Callable, Iterable

from deephar.typed import Path

if typing.TYPE_CHECKING:
    from deephar.inference import Result
    from deephar.inference.export import About, JsonLines

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
    lines = next((name for name in options.out if name.lower().endswith(".jsonl")), None)
    return lines, [name for name in options.out if name != lines]


def is_table(name: str) -> bool:
    """Whether a file of results is a table, which can be gone on with."""
    return name.lower().endswith(".csv")


def check_apart(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse outputs that would replace something.

    Args:
        inputs: paths of what is read.
        outputs: paths of what is to be written.

    Raises:
        ValueError: if an output is one of the inputs, or another output.
    """
    taken = {pathlib.Path(path).resolve() for path in inputs}
    for output in map(pathlib.Path, outputs):
        if output.resolve() in taken:
            raise ValueError(f"{output} would replace a source, its boxes or another output; choose another name")
        taken.add(output.resolve())


def check_continued(lines: str | None, others: Iterable[str]) -> None:
    """Refuse to resume what cannot be gone on with.

    Args:
        lines: name of the file of JSON Lines, if there is one.
        others: of the other files.

    Raises:
        ValueError: if there are no lines, or one of the others is no table.
    """
    if lines is None:
        raise ValueError("--resume goes on after what --json FILE holds; name that file")
    whole = [name for name in others if not is_table(name)]
    if whole:
        raise ValueError(f"{whole[0]} cannot be continued; --resume is for --json FILE and .csv")


def opened(
    stack: contextlib.ExitStack,
    options: argparse.Namespace,
    about: "About",
    depth: bool,
    make: "Callable[[str], Taker]",
    drawn: Iterable[Taker] = (),
) -> "tuple[list[Taker], JsonLines | None]":
    """All that takes results, and the file of JSON Lines among them, the last: it says how far the others are.

    Where nothing else takes or shows them, results are printed.

    Args:
        stack: closes them.
        options: with `json`, `out`, `resume` and `show`.
        about: what all results have in common.
        depth: whether there are 3D poses.
        make: function of the name of a file of `--out`, neither lines nor a table, that gives what writes it.
        drawn: what takes results as pictures.
    """
    from deephar.inference import export

    lines, names = lines_among(options)
    others = [*drawn, *(make(name) for name in names if not is_table(name))]
    kept = stack.enter_context(export.JsonLines(lines, about, options.resume)) if lines is not None else None
    begin = kept.next_index if kept is not None and options.resume else None
    tables = [export.Table(name, about, depth, begin) for name in names if is_table(name)]
    writers: list[Taker] = [stack.enter_context(writer) for writer in [*others, *tables]]
    writers += [kept] if kept is not None else []
    if options.json == "-" or not (writers or options.show):
        writers.insert(0, export.Printed(about))
    return writers, kept
