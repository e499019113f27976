"""The log of a training: a row of metrics per epoch, as CSV and for TensorBoard."""

import csv
import math
import pathlib
import shutil
import time

import keras

from deephar import files, runs

TENSORBOARD = "tensorboard"
"""Folder, within that of the run, with a folder of event files per log."""


class EpochLog(keras.callbacks.Callback):
    """Append the metrics of every epoch to a CSV file, which is closed in between.

    Args:
        path: of the CSV file; `epoch`, from 0, and the metrics by their names in order.
        epochs: rows of an earlier part of this training to keep; later ones are ahead of its checkpoint.
        tensorboard: whether to write the same for TensorBoard, which needs its package.
    """

    def __init__(self, path: pathlib.Path, epochs: int = 0, tensorboard: bool = False) -> None:
        super().__init__()
        self.path: pathlib.Path = path
        self.events: pathlib.Path | None = path.parent / TENSORBOARD / path.stem if tensorboard else None
        self.epochs: int = epochs

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        rows = runs.read_log(self.path)[: self.epochs] if self.epochs else []
        names = list(rows[0]) if rows else []
        with files.whole_file(self.path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, lineterminator="\n")
            if rows:
                writer.writeheader()
            writer.writerows(rows)
        if self.events:
            shutil.rmtree(self.events, ignore_errors=True)
            for row in rows:
                self._add_events(int(row["epoch"]), {name: float(row[name]) for name in row if name != "epoch"})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        values = {name: float(value) for name, value in sorted((logs or {}).items())}
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["epoch", *values], lineterminator="\n")
            if not file.tell():
                writer.writeheader()
            writer.writerow({"epoch": epoch, **values})
        if self.events:
            self._add_events(epoch, values)

    def _add_events(self, epoch, values):
        """Add the values of an epoch; a file each time, so that none is left open."""
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        writer = EventFileWriter(str(self.events), filename_suffix=f".{epoch}")
        known = {name: value for name, value in values.items() if math.isfinite(value)}
        entries = [summary_pb2.Summary.Value(tag=name, simple_value=value) for name, value in known.items()]
        writer.add_event(event_pb2.Event(wall_time=time.time(), step=epoch, summary=summary_pb2.Summary(value=entries)))
        writer.close()
