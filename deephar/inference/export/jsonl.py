"""JSON Lines of results, "deephar-results-1": a header, then one picture a line; docs/results.md describes it.

A line counts once it has its line break, so whatever ends the writer costs the line at hand alone.
"""

import json
import math
import pathlib
import typing
from collections.abc import Iterator, Mapping

import deephar
from deephar import files, layouts
from deephar.inference.export.about import About
from deephar.inference.export.writing import Lines, Writer
from deephar.inference.results import Result
from deephar.typed import Path

FORMAT = "deephar-results-1"


class Results:
    """A file of results, read line by line; iterating again begins anew. To be had from `read_results`.

    Attributes:
        path: of the file.
        about: what it says about all results.
    """

    def __init__(self, path: pathlib.Path, about: About) -> None:
        self.path: pathlib.Path = path
        self.about: About = about

    @property
    def partial(self) -> bool:
        """Whether the last line is not whole, as where the writer was killed; it is left out."""
        with open(self.path, "rb") as file:
            file.seek(-1, 2)
            return file.read() != b"\n"

    def __iter__(self) -> Iterator[Result]:
        return (result for _, result in self._with_ends())

    def _with_ends(self) -> Iterator[tuple[int, Result]]:
        """The results, and how many bytes there are up to the end of each."""
        with open(self.path, "rb") as file:
            end = 0
            for number, line in enumerate(file, 1):
                end += len(line)
                if number > 1 and line.endswith(b"\n"):
                    yield end, self._result(line, number)

    def _result(self, line: bytes, number: int) -> Result:
        try:
            return Result.from_dict(_object(line), self.about.layout)
        except ValueError as error:
            raise ValueError(f"{self.path}, line {number} is damaged: {error}") from None


def read_results(path: Path) -> Results:
    """Open a file of results; they are read when they are iterated over.

    Args:
        path: of a file that `JsonLines` wrote.

    Returns:
        `Results`. Iterating over it raises ValueError, with the number of the line, where a line is damaged.

    Raises:
        ValueError: if the file does not begin with a header of this format.
        OSError: if the file cannot be read.
    """
    path = pathlib.Path(path)
    with open(path, "rb") as file:
        line = file.readline()
    try:
        if not line.endswith(b"\n"):
            raise ValueError("the first line is not whole")
        return Results(path, _about(_object(line)))
    except ValueError as error:
        raise ValueError(f"{path} is no file of results ({FORMAT}): {error}") from None


class JsonLines(Writer):
    """Writes results as JSON Lines; every line is readable as soon as `write` returns.

    Numbers that are not finite become null. Where other formats are written too, write each result here last: what this
    file holds is then in the others.

    Args:
        path: of the file. One that exists is replaced, unless `resume` is given.
        about: what all results have in common.
        resume: go on with the file, where it exists, after its last whole line.

    Attributes:
        next_index: index of the last result in the file, plus 1; 0 if there is none.
        count: number of results in the file when it was opened.
        last: the last result in the file when it was opened, None if there was none.
        last_track: highest number of a track in the file when it was opened, 0 if there was none.

    Raises:
        ValueError: if the file to go on with is damaged, or is about something else.
        OSError: if the file cannot be written; it names the file.
    """

    def __init__(self, path: Path, about: About, resume: bool = False) -> None:
        self.next_index: int = 0
        self.count: int = 0
        self.last: Result | None = None
        self.last_track: int = 0
        header, keep = _line(_header(about)), 0
        if resume and _begun(path, header):
            keep = self._look_back(path, about)
        self._lines = Lines(path, header, keep)

    def write(self, result: Result) -> None:
        self._lines.add(_line(files.without_nan(result.to_dict())))
        self.next_index = result.index + 1

    def close(self) -> None:
        self._lines.close()

    def _look_back(self, path: Path, about: About) -> int:
        """Read the file to its last whole line; returns the number of bytes up to there."""
        stored = read_results(path)
        found, wanted = _header(stored.about), json.loads(json.dumps(_header(about)))
        other = [f"{key} {found[key]!r:.99}, not {wanted[key]!r:.99}" for key in found if found[key] != wanted[key]]
        if other:
            raise ValueError(f"{path} holds results of {'; '.join(other)}. Choose another file, or begin it anew")
        with open(path, "rb") as file:
            keep = len(file.readline())
        for end, result in stored._with_ends():
            keep, self.last, self.next_index, self.count = end, result, result.index + 1, self.count + 1
            self.last_track = max([self.last_track, *(person.track or 0 for person in result.people)])
        return keep


class Printed(Writer):
    """Prints results as JSON Lines on standard output, as they come.

    Args:
        about: what all results have in common.
    """

    def __init__(self, about: About) -> None:
        self._print(_header(about))

    def write(self, result: Result) -> None:
        self._print(files.without_nan(result.to_dict()))

    def close(self) -> None:
        """Nothing is left to do."""

    def _print(self, values: object) -> None:
        print(_line(values).decode(), end="", flush=True)


def _begun(path: Path, header: bytes) -> bool:
    """Whether a file has a whole line; one that exists without must be the beginning of the header."""
    path = pathlib.Path(path)
    if not path.exists():
        return False
    with open(path, "rb") as file:
        line = file.readline()
    if not header.startswith(line) and not line.endswith(b"\n"):
        raise ValueError(f"{path} is no file of results ({FORMAT}): the first line is not whole")
    return line.endswith(b"\n")


def _header(about: About) -> dict[str, object]:
    layout = about.layout.to_json()
    return {
        "format": FORMAT,
        "weights": about.weights,
        "layout": layout["name"],
        "joints": layout["names"],
        "links": layout["links"],
        "source": about.source,
        "fps": None if math.isnan(about.fps) else about.fps,
        "settings": dict(about.settings),
        "deephar": deephar.__version__,
    }


def _about(stored: Mapping[str, object]) -> About:
    if stored.get("format") != FORMAT:
        raise ValueError(f"the format is {stored.get('format')!r}")
    weights, source, fps = (stored.get(key) for key in ("weights", "source", "fps"))
    if not isinstance(weights, str) or not isinstance(source, str):
        raise ValueError(f"expected names of weights and source. Received: {weights!r}, {source!r}")
    if fps is not None and not (isinstance(fps, (int, float)) and 0 < fps < 1e9):
        raise ValueError(f"expected a number of frames in a second, or null. Received: {fps!r:.60}")
    settings = stored.get("settings", {})
    if not isinstance(settings, dict):
        raise ValueError(f"expected settings by name. Received: {settings!r:.60}")
    layout = {"name": stored.get("layout"), "names": stored.get("joints"), "links": stored.get("links", ())}
    return About(layouts.from_json(layout), weights, source, math.nan if fps is None else fps, settings)


def _line(values: object) -> bytes:
    return json.dumps(values, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _object(line: bytes) -> dict[str, object]:
    """The JSON object in a line."""

    def refuse(constant: str) -> typing.NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        value = json.loads(line, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object. Received: {str(value)[:60]}")
    return value
