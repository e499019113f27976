"""Networks written for another runtime, and compared with Keras before the file is kept."""

import contextlib
import importlib
import pathlib
import types
import typing
from collections.abc import Iterator, Mapping

import keras
import numpy as np

from deephar import checks, files
from deephar.models import outputs
from deephar.runtimes import compiled
from deephar.runtimes.about import About, Tensor
from deephar.runtimes.shapes import one_or_all
from deephar.typed import Floats, Path
from deephar.weights import loading
from deephar.weights.description import Description

SUFFIXES: dict[str, str] = {"onnx": ".onnx", "openvino": ".xml", "litert": ".tflite", "saved_model": ""}
"""Formats by name, and how their files end; a SavedModel is a folder."""

TOLERANCE = 1e-3
"""Of a value that Keras computes, and of 1 at least: other orders of summation stay far below, a mistake does not."""

BATCHES = (1, 3)
"""Sizes of the batches that are compared."""


class Written(typing.NamedTuple):
    """An exported network: its path, and the largest difference from what Keras computes, by output."""

    path: pathlib.Path
    differences: dict[str, float]


def export(weights: Path, format: str, path: Path, every: bool = False, part: str | None = None) -> Written:
    """Export the network that some weights are for.

    Args:
        weights: a name that `deephar pretrained` lists, a weight file beside its model.json, or "people", the
            detector's.
        format: one of `SUFFIXES`.
        path: of the file, or of the folder of a SavedModel.
        every: all outputs, instead of those of `deephar.models.outputs.final`.
        part: of a clip network, see `deephar.weights.loading.load_part`; None for the whole of any.

    Returns:
        `Written`.

    Raises:
        ValueError: see `write`; or if there are no such weights.
        ImportError: if what it takes is not installed; with the command.
    """
    with _in_float32():
        if str(weights) == "people":
            from deephar.detection import loading as detector

            return write(detector.load(), format, path, "people")
        about, model = loading.describe(weights), loading.load_part(weights, part)
    wanted = None if every or part == "frame" else outputs.final(model)
    return write(model, format, path, str(weights), about, wanted)


def write(
    model: keras.Model,
    format: str,
    path: Path,
    weights: str,
    about: Description | None = None,
    wanted: "list[outputs.Output] | None" = None,
) -> Written:
    """Export a network, and compare what is computed from the file with what Keras computes.

    The batch may have any size, outputs keep their names, and the file says what it takes and gives, see
    `deephar.runtimes.about`.

    Args:
        model: a network built in float32.
        format, path: see `export`.
        weights: their name, for the file.
        about: what is known of the network.
        wanted: outputs; None for all.

    Returns:
        `Written`.

    Raises:
        ValueError: for another backend than TensorFlow or another precision; if there is such a folder already; or if
            the file does not compute the same: it is not kept.
        ImportError: if what it takes is not installed; with the command.
    """
    checks.one_of("format", format, tuple(SUFFIXES))
    _check(model)
    path = check_name(path, format)
    named = dict(outputs.tensors(model, wanted))
    told = About(weights, _listed_as({one.name: one for one in model.inputs}), _listed_as(named), about)
    with files.whole_files(path) as made:  # a .bin is moved before its .xml
        graph = keras.Model(model.inputs if len(model.inputs) > 1 else model.inputs[0], named, name=model.name)
        graph(_example(told, 1))  # Keras exports to ONNX what was called before
        importlib.import_module(f"deephar.export.{format}").write(graph, made, told.to_text())
        differences = _differences(model, told, _reader(format), made)
    return Written(path, differences)


def check_name(path: Path, format: str) -> pathlib.Path:
    """The path of a file to be written, checked; ValueError for one of another format, or a folder that is there."""
    path = pathlib.Path(path)
    if path.suffix != SUFFIXES[format]:
        raise ValueError(
            f"The name of a file of {format} ends in {SUFFIXES[format] or 'no suffix'!r}. Received: {path}"
        )
    if path.is_dir():
        raise ValueError(f"{path} is there already; choose another name, or remove it")
    return path


def _check(model: keras.Model) -> None:
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Networks are exported by Keras on TensorFlow: set KERAS_BACKEND=tensorflow. "
            f"Received: {keras.backend.backend()}"
        )
    other = next((layer for layer in model._flatten_layers() if layer.compute_dtype != "float32"), None)
    if other is not None:
        raise ValueError(
            f"Networks are exported in float32; {other.name} of {model.name!r} computes in {other.compute_dtype}: "
            "build it under the dtype policy float32. The runtime chooses the precision"
        )


def _reader(format: str) -> types.ModuleType:
    return importlib.import_module(f"deephar.{'export' if format == 'saved_model' else 'runtimes'}.{format}")


def _listed_as(tensors: Mapping[str, keras.KerasTensor]) -> tuple[Tensor, ...]:
    return tuple(Tensor(name, tuple(tensor.shape), str(tensor.dtype)) for name, tensor in tensors.items())


def _example(about: About, count: int) -> Floats | list[Floats]:
    """Random inputs of a network, any free length being 4."""
    generator = np.random.default_rng(0)
    shapes = [(count, *(length or 4 for length in given.shape[1:])) for given in about.inputs]
    return one_or_all([generator.uniform(-1, 1, shape).astype("float32") for shape in shapes])


def _differences(model: keras.Model, about: About, reader: types.ModuleType, path: pathlib.Path) -> dict[str, float]:
    """The largest difference by output between Keras and a file."""
    found, expected = reader.open_file(path), compiled.Compiled(model)
    largest: dict[str, float] = dict.fromkeys(found.output_names, 0.0)
    for count in BATCHES:
        x = _example(about, count)
        truth = dict(zip(expected.output_names, _listed(expected.predict_on_batch(x)), strict=True))
        for name, values in zip(found.output_names, _listed(found.predict_on_batch(x)), strict=True):
            apart = np.max(np.abs(values - truth[name]) / np.maximum(np.abs(truth[name]), 1))
            largest[name] = float(np.maximum(largest[name], apart))  # which keeps NaN
    for name, difference in largest.items():
        if not difference <= TOLERANCE:
            raise ValueError(
                f"What {path.name} computes as {name} differs from what Keras computes by {difference:.2g}, more than "
                f"{TOLERANCE:g}; it is not kept"
            )
    return largest


def _listed(values: Floats | list[Floats]) -> list[Floats]:
    return values if isinstance(values, list) else [values]


@contextlib.contextmanager
def _in_float32() -> Iterator[None]:
    """Networks are built in float32 meanwhile."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
