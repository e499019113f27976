"""Folders of training runs: what is recorded in them, and how runs compare. Does not import Keras."""

import csv
import dataclasses
import datetime
import json
import math
import pathlib
import reprlib
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence

from deephar.files import whole_file
from deephar.typed import Path

FILE, TABLE = "run.json", "table.md"
"""In the folder of a run: what was trained, how and on what; and what became of it."""

FORMAT = "deephar-run-1"


class Part(typing.TypedDict, total=False):
    """A part of a run, from its start or a resumption to its end.

    Attributes:
        command: of the script, as a list of words.
        versions: of the software, by name.
        strategy, processes_together: how it was distributed.
        rematerialized: whether maps were computed again for the gradient, to need less memory.
        begun, ended: times, ISO 8601; a part that was killed has no end.
        resumed_from: stage, epoch and step, from 0; None for a start.
        how: it ended: "finished", "time over", "stopped by SIGTERM ...".
    """

    command: list[str]
    versions: dict[str, str]
    strategy: str
    processes_together: int
    rematerialized: bool
    begun: str
    ended: str
    resumed_from: dict[str, int] | None
    how: str


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run.

    Attributes:
        folder: where it is.
        recipe: all that defines it, by name; the seed and the data's fingerprints too.
        parts: in order.
        rows: of its logs, by the number of the stage, from 0: dicts of numbers by their column.
    """

    folder: pathlib.Path
    recipe: dict[str, str]
    parts: list[Part]
    rows: list[list[dict[str, float]]]

    @property
    def state(self) -> str:
        """How the last part ended."""
        return self.parts[-1].get("how", "running or killed")


def read_log(path: pathlib.Path) -> list[dict[str, str]]:
    """Complete rows of a log by the names of their columns; an empty list if there is none.

    Raises:
        ValueError: if it is no CSV in UTF-8.
    """
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if None not in row.values() and None not in row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is damaged: expected CSV in UTF-8. Received: {error}") from None


def begin(folder: Path, recipe: Mapping[str, str], part: Part, again: bool) -> None:
    """Record that a run begins, or goes on.

    Args:
        folder: of the run.
        recipe: all that defines it.
        part: without its times.
        again: whether the run is resumed; then earlier parts are kept.
    """
    path = pathlib.Path(folder) / FILE
    earlier = _read(path)["parts"] if again and path.is_file() else []
    _write(path, recipe, [*earlier, {**part, "begun": _now()}])


def end(folder: Path, how: str) -> None:
    """Record how the last part of a run ended, and write the run's table."""
    path = pathlib.Path(folder) / FILE
    record = _read(path)
    record["parts"][-1].update(ended=_now(), how=how)
    _write(path, record["recipe"], record["parts"])
    with whole_file(path.with_name(TABLE)) as temporary:
        temporary.write_text(as_table(stages(open_run(folder))) + "\n", encoding="utf-8")


def open_run(folder: Path) -> Run:
    """A run from its folder.

    Raises:
        ValueError: if there is none, or its records are damaged.
    """
    folder = pathlib.Path(folder)
    record = _read(folder / FILE)
    logs = [folder / "log.csv"] if (folder / "log.csv").is_file() else []
    logs = logs or [path for n in range(1, 100) if (path := folder / f"stage{n}.csv").is_file()]
    return Run(folder, record["recipe"], record["parts"], [_numbers(path) for path in logs])


def find(paths: Iterable[Path], left_out: Callable[[str], object]) -> list[Run]:
    """The runs in some folders, which are folders of a run or hold such.

    Args:
        paths: of the folders.
        left_out: is told why, for every folder without a run and every run whose records are damaged.
    """
    runs = []
    for path in map(pathlib.Path, paths):
        files = [path / FILE] if (path / FILE).is_file() else sorted(path.glob(f"*/{FILE}"))
        if not files:
            left_out(f"{path} holds no training run: expected {FILE} in it, or in folders in it")
        for file in files:
            try:
                runs.append(open_run(file.parent))
            except (ValueError, OSError) as error:
                left_out(str(error))
    return runs


def stages(run: Run) -> list[dict[str, str]]:
    """A row per stage of a run: epochs, the last loss, and the best score and its epoch."""
    return [{"stage": str(number + 1), **_reached(rows)} for number, rows in enumerate(run.rows)]


def compare(runs: Sequence[Run]) -> list[dict[str, str]]:
    """A row per run: what was reached in its last stage, how it ended, and the fields of the recipe that differ."""
    names = dict.fromkeys(name for run in runs for name in run.recipe)
    other = [name for name in names if len({run.recipe.get(name) for run in runs}) > 1]
    return [
        {
            "run": str(run.folder),
            "stages": str(len(run.rows)),
            **_reached(run.rows[-1] if run.rows else []),
            "state": run.state,
            **{name: run.recipe.get(name, "") for name in other},
        }
        for run in runs
    ]


def as_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as a table in Markdown; the columns are those of all rows."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([row.get(name, "").replace("|", "\\|") for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(f"| {line} |" for line in [lines[0], " | ".join("-" * width for width in widths), *lines[1:]])


def score_name(rows: Sequence[Mapping[str, float]]) -> str | None:
    """Name of the score in a log's rows: that of the validation split; None if there is none."""
    return next((name for row in rows for name in row if name.startswith("val_")), None)


def _reached(rows):
    """Epochs, last loss, best score and its epoch, as texts."""
    found = {"epochs": str(len(rows)), "loss": f"{rows[-1]['loss']:.5g}" if rows else ""}
    name = score_name(rows)
    scored = [row for row in rows if name and not math.isnan(row[name])]
    if not name or not scored:
        return found
    best = max(scored, key=lambda row: row[name])
    return {**found, f"best {name}": f"{best[name]:.5g}", "in epoch": f"{best['epoch'] + 1:.0f}"}


def _now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _read(path):
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is no record of a training run: {error}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError(f"{path} is no record of a training run: expected an object of format {FORMAT!r}")
    recipe, parts = record.get("recipe"), record.get("parts")
    if not isinstance(recipe, dict) or not all(isinstance(value, str) for value in recipe.values()):
        raise ValueError(f"{path} is damaged: expected texts by name as `recipe`. Received: {reprlib.repr(recipe)}")
    if not isinstance(parts, list) or not parts or not all(map(_is_part, parts)):
        raise ValueError(f"{path} is damaged: expected a list of objects as `parts`. Received: {reprlib.repr(parts)}")
    return record


def _is_part(value):
    """Whether something is a part of a run, whose end is a text."""
    return isinstance(value, dict) and isinstance(value.get("how", ""), str)


def _numbers(path):
    """The rows of a log as numbers by the names of their columns."""
    rows = [{name: _number(path, name, text) for name, text in row.items()} for row in read_log(path)]
    if rows and not {"epoch", "loss"} <= rows[0].keys():
        raise ValueError(f"{path} is damaged: expected columns `epoch` and `loss`. Received: {', '.join(rows[0])}")
    return rows


def _number(path, name, text):
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{path} is damaged: expected a number as `{name}`. Received: {text!r}") from None


def _write(path, recipe, parts):
    record = {"format": FORMAT, "recipe": dict(recipe), "parts": parts}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
