"""Networks as a SavedModel, a folder that TensorFlow and TensorFlow Serving read."""

import pathlib

import keras
import numpy as np

from deephar.runtimes import about
from deephar.runtimes.exported import Exported
from deephar.typed import Path

MEMBER = "assets.extra/deephar.json"


def write(model: keras.Model, path: pathlib.Path, text: str) -> None:
    """Write a network whose outputs are a dict; the text becomes a file in the folder."""
    model.export(path, format="tf_saved_model", verbose=False)
    file = path / MEMBER
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")


def open_file(path: Path, precision: str = "float32") -> Exported:
    """The network in a folder, run by Keras on TensorFlow."""
    file = pathlib.Path(path) / MEMBER
    told = about.parse(file.read_text(encoding="utf-8") if file.is_file() else None, path)
    layer = keras.layers.TFSMLayer(str(path), call_endpoint="serve", dtype="float32")

    def run(arrays):
        given = [*arrays.values()]
        return {name: np.asarray(values) for name, values in layer(given if len(given) > 1 else given[0]).items()}

    return Exported(told, run, (open_file, (path, precision)))
