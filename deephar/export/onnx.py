"""Networks in ONNX."""

import pathlib
import warnings

import keras

from deephar.runtimes import about
from deephar.runtimes.exported import library


def write(model: keras.Model, path: pathlib.Path, text: str) -> None:
    """Write a network whose outputs are a dict; the text becomes an entry of its metadata."""
    onnx = library("onnx", "export")
    library("tf2onnx", "export")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tf2onnx, about numpy
        model.export(path, format="onnx", verbose=False)
    graph = onnx.load(path)
    graph.metadata_props.add(key=about.KEY, value=text)
    onnx.save(graph, path)
