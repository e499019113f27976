"""CSV of results: one row a person, for spreadsheets and data frames; docs/results.md lists the columns."""

import csv
import io
import math
from collections.abc import Iterable, Sequence

import numpy as np

from deephar.inference.export.about import About
from deephar.inference.export.writing import Lines, Writer
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.layouts import PoseLayout
from deephar.typed import Path

_FIRST = ("frame", "seconds", "name", "person", "track", "score", "x", "y", "width", "height")
_LAST = ("action", "probability")
_AXES = ("x_mm", "y_mm", "z_mm")


def columns(layout: PoseLayout, depth: bool) -> list[str]:
    """Names of the columns.

    Args:
        layout: of the joints.
        depth: whether there are columns for 3D poses.
    """
    own = ("x", "y", "confidence", *(_AXES if depth else ()))
    joints = [f"{joint}_{name}" for joint in layout.names for name in own]
    position = [f"position_{name}" for name in _AXES] if depth else []
    return [*_FIRST, *joints, *position, *_LAST]


class Table(Writer):
    """Writes results as CSV in UTF-8; every row is readable as soon as `write` returns.

    What is unknown is an empty field. Numbers have four decimals at most, seconds six.

    Args:
        path: of the file. One that exists is replaced.
        about: what all results have in common.
        depth: whether to write 3D poses.

    Raises:
        OSError: if the file cannot be written; it names the file.
    """

    def __init__(self, path: Path, about: About, depth: bool = False) -> None:
        self._depth = depth
        self._lines = Lines(path, _text([columns(about.layout, depth)]))

    def write(self, result: Result) -> None:
        rows = [self._row(result, number, person) for number, person in enumerate(result.people)]
        self._lines.add(_text(rows))

    def close(self) -> None:
        self._lines.close()

    def _row(self, result: Result, number: int, person: Person) -> list[object]:
        x1, y1, x2, y2 = person.box_px.tolist()
        joints = [person.pose_px, person.confidence[:, None]]
        position = []
        if self._depth:
            joints.append(np.full((len(person.pose_px), 3), np.nan) if person.pose_3d_mm is None else person.pose_3d_mm)
            position = [np.nan] * 3 if person.position_mm is None else person.position_mm.tolist()
        action, probability = next(iter(person.actions.items())) if person.actions else ("", math.nan)
        return [
            result.index,
            _number(result.seconds, 6),
            result.name,
            number,
            person.track,
            *map(_number, [person.score, x1, y1, x2 - x1, y2 - y1]),
            *map(_number, np.concatenate(joints, axis=1).ravel().tolist()),
            *map(_number, position),
            action,
            _number(probability),
        ]


def _number(value: float, decimals: int = 4) -> float | str:
    return round(value, decimals) if math.isfinite(value) else ""


def _text(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows of one line each: a line break in a name becomes a space."""
    text = io.StringIO(newline="")
    flat = ([" ".join(cell.splitlines()) if isinstance(cell, str) else cell for cell in row] for row in rows)
    csv.writer(text, lineterminator="\n").writerows(flat)
    return text.getvalue().encode(errors="backslashreplace")  # of a file name that is no text
