"""Figures of action recognition, like the paper's figures 8 and 9, and the confusion matrix, as PNG.

They need matplotlib: pip install "deephar[figures]".
"""

import pathlib
import typing

import numpy as np

from deephar.evaluation import action, breakdown, report
from deephar.files import whole_file
from deephar.typed import Network, Path

if typing.TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BRANCHES = {"p": ("pose", "tab:blue"), "v": ("appearance", "tab:orange"), "m": ("aggregated", "tab:green")}
"""First letter of an output to its branch and colour."""


def new_figure(size: tuple[float, float]) -> "tuple[Figure, Axes]":
    """A figure of (width, height) inches and its axes; raises ValueError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ValueError('Figures need matplotlib: pip install "deephar[figures]"') from None
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, atomically."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _place(name: str) -> tuple[str, int]:
    """The branch of an output, one of `BRANCHES`, and its block, 0 for none; it may begin with a set of actions."""
    own = name.rpartition("_")[2]
    return own[0], int(own[1:] or 0)


def save_blocks(scores: action.ActionScores, path: Path) -> None:
    """Accuracy of every prediction block from poses and from appearance, and aggregated (paper figure 8).

    Args:
        scores: from `deephar.evaluation.action.action_scores`.
        path: of the PNG.
    """
    figure, axes = new_figure((5, 3.5))
    for letter, (label, colour) in BRANCHES.items():
        judged = ((_place(name), value) for name, value in scores["outputs"].items())
        found = {number: value for (branch, number), value in judged if branch == letter}
        if list(found) == [0]:
            axes.axhline(found[0], color=colour, linestyle="--", label=label)
        elif found:
            axes.plot(list(found), list(found.values()), "o-", color=colour, label=label)
            axes.set_xticks(list(found))
    axes.set_xlabel("prediction block")
    axes.set_ylabel("accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def save_calibration(table: breakdown.Calibration, path: Path) -> None:
    """How often joints are found over their confidence, beside the diagonal, where a network knows itself.

    Args:
        table: from `deephar.evaluation.breakdown.calibration`.
        path: of the PNG.
    """
    figure, axes = new_figure((4, 3.5))
    axes.plot([0, 1], [0, 1], "--", color="grey")
    areas = 10 + 200 * np.array(table["joints"]) / max(table["joints"], default=1)
    axes.plot(table["confidence"], table["found"], color="tab:blue", linewidth=1)
    axes.scatter(table["confidence"], table["found"], areas, color="tab:blue")
    axes.set(xlabel="confidence (area of a point: joints)", ylabel="share of joints found", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    save(figure, path)


def save_classes(scores: action.ActionScores, path: Path) -> None:
    """Accuracy of every class by the last output of each branch (paper figure 9)."""
    by_branch = scores["per_class_of"]
    names = list(scores["per_class"])
    figure, axes = new_figure((max(6, 0.5 * len(names)), 4))
    width = 0.8 / len(by_branch)
    for number, (output, values) in enumerate(by_branch.items()):
        label, colour = BRANCHES[_place(output)[0]]
        axes.bar(
            np.arange(len(names)) + (number + 0.5) * width - 0.4,
            list(values.values()),
            width,
            color=colour,
            label=label,
        )
    axes.set_xticks(range(len(names)), [name.replace("_", " ") for name in names], rotation=60, ha="right")
    axes.set_ylabel("accuracy, %")
    axes.legend()
    save(figure, path)


def save_confusion(scores: action.ActionScores, path: Path) -> None:
    """The confusion matrix: rows are the truth, columns the prediction, colours fractions of the row."""
    counts, names = np.array(scores["confusion"]), list(scores["per_class"])
    size = max(5, 0.35 * len(names) + 2)
    figure, axes = new_figure((size, size))
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    labels = [name.replace("_", " ") for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=90)
    axes.set_yticks(range(len(names)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = counts[row, column] / counts[row].sum()
        colour = "white" if share > 0.5 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7, color=colour)
    save(figure, path)


def save_action_report(scores: action.ActionScores, folder: pathlib.Path, **more: object) -> None:
    """Write `eval.json` (the scores and `more`) and the three figures to a folder, and print that."""
    report.save_json({**scores, **more}, folder / "eval.json")
    save_blocks(scores, folder / "blocks.png")
    save_classes(scores, folder / "classes.png")
    save_confusion(scores, folder / "confusion.png")
    print(f"wrote eval.json, blocks.png, classes.png and confusion.png to {folder}")


class NamedVideos(action.Videos, typing.Protocol):
    """`deephar.evaluation.action.Videos` with the protocol by which their clips are chosen."""

    @property
    def protocol(self) -> str: ...


def report_actions(model: Network, videos: NamedVideos, folder: pathlib.Path, how: str, **protocol: object) -> None:
    """Classify videos with a clip network; print the table, and write the report with the protocol.

    Args:
        model: a clip network.
        videos: `deephar.data.samples.video_clips.VideoClips`.
        folder: for the report.
        how: one of `deephar.evaluation.action.COMBINATIONS`.
        **protocol: further facts about the protocol, for the report.
    """
    predictions = action.predict(model, videos, how, 4, progress=True, on_broken="skip")
    scores = action.action_scores(predictions, videos.actions)
    print(report.action_table(scores))
    save_action_report(scores, folder, protocol={"how": how, **protocol, "clips": videos.protocol})
