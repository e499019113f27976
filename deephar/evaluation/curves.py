"""A figure of training runs: loss and score over the epochs."""

from collections.abc import Sequence

from deephar import runs
from deephar.evaluation import figures
from deephar.typed import Path


def save_runs(compared: Sequence[runs.Run], path: Path) -> None:
    """Draw the loss and the validation score of runs over their epochs, stage after stage, as PNG.

    Args:
        compared: from `deephar.runs.find`.
        path: of the figure.

    Raises:
        ValueError: without matplotlib.
    """
    figure, _ = figures.new_figure((10, 4))
    figure.clear()
    loss, score = figure.subplots(1, 2)
    for run in compared:
        rows = [row for stage in run.rows for row in stage]
        loss.plot(range(1, len(rows) + 1), [row["loss"] for row in rows], label=run.folder.name)
        name = runs.score_name(rows)
        if name:
            score.plot(range(1, len(rows) + 1), [row.get(name, float("nan")) for row in rows], marker=".")
            score.set_ylabel(name)
    loss.set_ylabel("loss")
    loss.legend()
    for axes in (loss, score):
        axes.set_xlabel("epoch")
    figures.save(figure, path)
