"""Ablations: every arm trained alike with several seeds, as a table and a figure beside the paper's numbers."""

import argparse
import itertools
import json
import math
import pathlib
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from deephar.evaluation import figures, report
from deephar.files import keep_settings, whole_file
from deephar.typed import ArrayLike, Path

_Found: typing.TypeAlias = Mapping[str, Mapping[str, Sequence[float]]]
_Paper: typing.TypeAlias = Mapping[str, Mapping[str, float]]


def parser(doc: str | None, name: str) -> argparse.ArgumentParser:
    """An `argparse.ArgumentParser` with the options shared by all ablation scripts.

    Args:
        doc: docstring of the script.
        name: of the ablation, for its folder.
    """
    result = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--out", default=f"runs/ablation/{name}", type=pathlib.Path)
    result.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    result.add_argument("--batch-size", type=int, default=32, help="in crops")
    result.add_argument("--size", type=int, default=64, help="side of a crop in pixels")
    result.add_argument("--width", type=int, default=96, help="channels of the network's features")
    result.add_argument("--processes", type=int, default=2, help="worker processes that draw people")
    return result


def run(
    train: Callable[[str, int, pathlib.Path], Mapping[str, float]], arms: Collection[str], args: argparse.Namespace
) -> None:
    """Train every arm with every seed and keep the scores; results already in the folder are not recomputed.

    Several commands, each with its own seeds, may share a folder, but all other options must be the same.

    Args:
        train: function of an arm, a seed and a folder for its files that returns {score's name: number}.
        arms: names.
        args: options of `parser`; the scores go to `args.out/ARM-SEED.json`.

    Raises:
        ValueError: if the folder was created with different options.
    """
    folder = args.out
    settled = {name: value for name, value in vars(args).items() if name not in ("out", "seeds", "processes")}
    keep_settings(folder / "options.json", settled)
    for seed in args.seeds:
        for arm in arms:
            path = folder / f"{arm}-{seed}.json"
            if path.is_file():
                continue
            part = path.with_suffix("")
            part.mkdir(parents=True, exist_ok=True)
            report.save_json(train(arm, seed, part), path)
            print(f"{arm}, seed {seed}: {json.loads(path.read_bytes())}", flush=True)


def collect(arms: Iterable[str], folder: Path) -> dict[str, dict[str, list[float]]]:
    """The scores that `run` wrote to a folder.

    Args:
        arms: names.
        folder: path.

    Returns:
        {arm: {score's name: list of numbers, one per seed in the order of the seeds}}; arms without any are omitted.
    """
    found = {}
    for arm in arms:
        paths = [path for path in pathlib.Path(folder).glob(f"{arm}-*.json") if path.stem[len(arm) + 1 :].isdigit()]
        runs = [json.loads(path.read_bytes()) for path in sorted(paths, key=lambda p: int(p.stem[len(arm) + 1 :]))]
        if runs:
            found[arm] = {name: [run[name] for run in runs] for name in runs[0]}
    return found


def mean_deviation(values: ArrayLike) -> tuple[float, float]:
    """Mean and sample standard deviation over the seeds; the deviation of a single one is NaN."""
    values = np.asarray(values, dtype=np.float64)
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else math.nan


def claim(first: ArrayLike, second: ArrayLike) -> float | None:
    """The claim that can be made about two arms.

    Args:
        first, second: numbers, one per seed.

    Returns:
        difference of the means, second minus first; None if the intervals mean +- deviation overlap or are unknown.
    """
    (a, da), (b, db) = mean_deviation(first), mean_deviation(second)
    return b - a if abs(b - a) > da + db else None


def table(found: _Found, scores: Mapping[str, str], paper: _Paper | None = None, unit: str = "") -> str:
    """Lines of text: a row for every arm, mean +- deviation of every score, and the paper's numbers below.

    Args:
        found: from `collect`.
        scores: {name: heading}.
        paper: optional {row: {score's name: number}}.
        unit: of the numbers, for the first line.

    Returns:
        str.
    """
    rows = {f"{arm} ({len(next(iter(values.values())))} seeds)": values for arm, values in found.items()}
    width = max(len(row) for row in (*rows, *(paper or {})))
    lines = [f"{unit:<{width}}" + "".join(f"{heading:>16}" for heading in scores.values())]
    for row, values in rows.items():
        lines.append(f"{row:<{width}}" + "".join(f"{_cell(values.get(name)):>16}" for name in scores))
    for row, values in (paper or {}).items():
        cells = (f"{values[name]:.1f}" if name in values else "-" for name in scores)
        lines.append(f"{row:<{width}}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def _cell(values: Sequence[float] | None) -> str:
    if values is None:
        return "-"
    mean, deviation = mean_deviation(values)
    return f"{mean:.1f} +- {deviation:.1f}"


def claims(found: _Found, scores: Mapping[str, str], unit: str) -> list[str]:
    """The claims that can be made about every pair of arms, in words.

    Args:
        found: from `collect`.
        scores: {name: heading}.
        unit: of the scores.

    Returns:
        list of str, the last of which says that nothing else is claimed.
    """
    said = []
    for score, heading in scores.items():
        arms = [arm for arm, values in found.items() if score in values]
        for first, second in itertools.combinations(arms, 2):
            difference = claim(found[first][score], found[second][score])
            if difference is not None:
                said.append(f"{heading}: {second} {difference:+.1f} {unit} against {first}")
    return [*said, "no claim about other pairs: mean +- deviation overlap or have a single seed"]


def save_bars(
    found: _Found, scores: Mapping[str, str], path: Path, unit: str, paper: _Paper | None = None, title: str = ""
) -> None:
    """Write the table as a PNG: a group of bars per score, with a bar and its deviation per arm.

    Args:
        found, scores, paper: as for `table`; the paper's bars are hatched.
        path: of the PNG.
        unit: of the axis.
        title: above the bars.

    Raises:
        ValueError: without matplotlib.
    """
    bars = len(scores) * (len(found) + len(paper or {}))
    figure, axes = figures.new_figure((min(max(5, 0.35 * bars), 14), 3.5))
    rows = {arm: [mean_deviation(values.get(n, [math.nan])) for n in scores] for arm, values in found.items()}
    rows |= {row: [(values.get(n, math.nan), 0) for n in scores] for row, values in (paper or {}).items()}
    width = 0.8 / len(rows)
    for number, (row, bars) in enumerate(rows.items()):
        place = np.arange(len(scores)) + (number + 0.5) * width - 0.4
        mean, deviation = np.transpose(bars)
        hatch = "//" if row in (paper or {}) else None
        axes.bar(place, mean, width, yerr=np.nan_to_num(deviation), label=row, hatch=hatch, alpha=0.5 if hatch else 1)
    axes.set_xticks(range(len(scores)), list(scores.values()))
    axes.set_ylabel(unit)
    axes.set_title(title, fontsize=8)
    axes.margins(y=0.3)  # for the legend
    axes.legend(fontsize=7, ncols=math.ceil(len(rows) / 3))
    figures.save(figure, path)


def save_report(
    arms: Iterable[str],
    scores: Mapping[str, str],
    folder: Path,
    name: str,
    unit: str,
    paper: _Paper | None = None,
    about: str = "",
) -> None:
    """Print the table of a folder's scores and the claims about them, and write both, and a bar chart.

    Args:
        arms, folder: as for `run`.
        scores, unit, paper: as for `table`.
        name: of the files: `table.txt` and `NAME.png`.
        about: description of the numbers, for the first line and the figure's title.
    """
    folder, arms = pathlib.Path(folder), list(arms)
    found = collect(arms, folder)
    if not found:
        raise ValueError(f"{folder} holds no results of {', '.join(arms)}")
    text = "\n".join([*([about] if about else []), table(found, scores, paper, unit), *claims(found, scores, unit)])
    print(text)
    with whole_file(folder / "table.txt") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    save_bars(found, scores, folder / f"{name}.png", unit, paper, about)
