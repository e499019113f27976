"""Networks of OpenVINO in int8, made by NNCF from those in float32; it needs no Keras.

The features are computed in 8 bits, but for the convolutions that lose most and gain little by it: depthwise ones, and
the first, which halve the picture. What makes heat maps of the features, and all that depends on probabilities,
coordinates or confidences, actions too, stays in float32.
"""

import contextlib
import dataclasses
import io
import logging
import math
import pathlib
import types
import typing
from collections.abc import Iterator

import numpy as np

from deephar import files
from deephar.export import calibration, writing
from deephar.models import outputs
from deephar.runtimes import openvino
from deephar.runtimes.about import KEY, Moved
from deephar.runtimes.exported import Exported, Run, library
from deephar.typed import Floats, Path, Size

LIMIT = 0.03
"""Of the crop's longer side: how far nine in ten joints may be from where float32 finds them."""

CHECKED_EVERY = 5
"""One in so many pictures is for the comparison, and not for calibration."""

_ENDS = ("Exp", "Softmax", "ReduceMax", "Sigmoid")
"""Operations by which heat maps become probabilities, coordinates and confidences."""

_LEARNT = ("Convolution", "GroupConvolution", "MatMul")
"""Operations with weights."""


def write(source: Path, path: Path, photographs: Path | None = None) -> Moved:
    """Quantise the features of a network, and compare its joints with those that it finds in float32.

    Args:
        source: .xml of the network in float32.
        path: .xml to write, with a .bin.
        photographs: for calibration, see `deephar.export.calibration.pictures`.

    Returns:
        `deephar.runtimes.about.Moved`, which the file states as well.

    Raises:
        ValueError: for a network that takes no pictures or finds no joints; or if more than one joint in ten moves
            farther than `LIMIT`: the file is not kept.
        ImportError: without OpenVINO or NNCF; with the command.
    """
    writing.check_name(path, "openvino")
    nncf, vino = library("nncf", "int8"), library("openvino", "int8")
    core, plain = vino.Core(), openvino.open_file(source)
    size = _size(plain)
    images = calibration.pictures(size, photographs)
    check = np.arange(len(images)) % CHECKED_EVERY == 0
    with _quiet():
        graph = _quantised(nncf, core.read_model(pathlib.Path(source)), _inputs(images[~check], plain), size)
    moved = _moved(plain, openvino.runner(core, graph, plain.about, "int8"), _inputs(images[check], plain), size)
    if not moved.nine_in_ten <= LIMIT * max(size):
        raise ValueError(
            f"In int8, {plain.name} finds other joints than in float32: {moved}. Expected nine in ten within "
            f"{LIMIT * max(size):.2g}; the file is not kept. Calibrate with photographs like those that the network "
            "is for, or choose another precision"
        )
    graph.set_rt_info(dataclasses.replace(plain.about, int8=moved).to_text(), [KEY])
    with files.whole_files(path) as made:
        vino.save_model(graph, made, compress_to_fp16=False)
        del graph  # which may hold files
    return moved


def _size(network: Exported) -> Size:
    """(height, width) of the pictures that a network takes."""
    shape, kinds = network.input_shape, set()
    with contextlib.suppress(ValueError):  # for the detector
        kinds.update(outputs.kinds(network))
    if len(shape) < 4 or None in shape[1:] or shape[-1] != 3:
        raise ValueError(f"int8 is for networks of pictures. {network.name} takes {shape}, None for any length")
    if not kinds & {outputs.Kind.POSE, outputs.Kind.POSE_VISIBILITY}:
        raise ValueError(f"int8 is for networks that find joints. Received: {network.name}")
    return typing.cast(Size, shape[-3:-1])


def _inputs(images: Floats, network: Exported) -> Floats:
    """Pictures (N, H, W, 3) as inputs of a network, a batch of one each; clips are filled with them."""
    shape = network.input_shape[1:]
    return np.resize(images, (-(-len(images) // math.prod(shape[:-3])), 1, *shape))


def _quantised(nncf: types.ModuleType, graph: typing.Any, inputs: Floats, size: Size) -> typing.Any:
    """An `openvino.Model` whose features are in int8; biases are corrected layer by layer, which takes longer."""
    return nncf.quantize(
        graph,
        nncf.Dataset(list(inputs)),
        subset_size=len(inputs),
        fast_bias_correction=False,
        ignored_scope=nncf.IgnoredScope(names=[*_precise(graph), *_delicate(graph, size)], validate=False),
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """NNCF neither logs nor draws progress bars on standard output meanwhile."""
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def _precise(graph: typing.Any) -> list[str]:
    """Names of the operations of an `openvino.Model` that stay in float32."""
    operations = graph.get_ordered_ops()
    ends = [one.get_friendly_name() for one in operations if one.get_type_name() in _ENDS]
    behind, before = set(ends), set(ends)
    for one in operations:
        if behind & set(_sources(one)):
            behind.add(one.get_friendly_name())
    for one in reversed(operations):
        if one.get_friendly_name() in before and one.get_type_name() not in _LEARNT:
            before.update(_sources(one))
    known = {one.get_friendly_name(): one.get_type_name() for one in operations}
    return [name for name in known if name in behind | before and known[name] not in ("Constant", "Result")]


def _delicate(graph: typing.Any, size: Size) -> list[str]:
    """Names of the convolutions of features that stay in float32: depthwise, or at half the picture's height."""
    names = []
    for one in graph.get_ordered_ops():
        first = (
            one.get_type_name() == "Convolution" and 2 * one.output(0).get_partial_shape()[2].get_length() >= size[0]
        )
        if first or one.get_type_name() == "GroupConvolution":
            names.append(one.get_friendly_name())
    return names


def _sources(operation: typing.Any) -> list[str]:
    return [given.get_source_output().get_node().get_friendly_name() for given in operation.inputs()]


def _moved(plain: Exported, run: Run, inputs: Floats, size: Size) -> Moved:
    """How far joints are from where the network in float32 finds them."""
    apart = []
    for batch in inputs:
        found = run(batch)
        values = plain.predict_on_batch(batch), [found[name] for name in plain.output_names]
        first, second = (outputs.poses(plain, one)[0][-1, ..., :2] for one in values)
        apart.append(np.linalg.norm((second - first) * size[::-1], axis=-1).ravel())
    far = np.concatenate(apart)
    return Moved(float(np.median(far)), float(np.quantile(far, 0.9)), float(far.max()))
