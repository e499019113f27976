"""Networks in OpenVINO's own format, an .xml and a .bin."""

import pathlib

import keras

from deephar.runtimes import about
from deephar.runtimes.exported import library


def write(model: keras.Model, path: pathlib.Path, text: str) -> None:
    """Write a network whose outputs are a dict; the text becomes its `rt_info`."""
    openvino = library("openvino", "openvino")
    plain = path.with_name(f"plain.{path.name}")  # another than the path, whatever that is
    model.export(str(plain), format="openvino", verbose=False)
    graph = openvino.Core().read_model(plain)
    graph.set_rt_info(text, [about.KEY])
    openvino.save_model(graph, path, compress_to_fp16=False)
    del graph
    for suffix in (".xml", ".bin"):
        plain.with_suffix(suffix).unlink()
