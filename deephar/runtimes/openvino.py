"""Networks run by OpenVINO on a processor: its own files (.xml and .bin), and those of ONNX."""

import pathlib
import typing

from deephar.runtimes import about
from deephar.runtimes.exported import Exported, Run, library
from deephar.typed import Path

_HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}
"""Of whatever the file does not hold in int8."""

_PLACES = ([about.KEY], ["framework", about.KEY])
"""Of the metadata in OpenVINO's own files, and as it reads those of ONNX."""


def open_file(path: Path, precision: str = "float32") -> Exported:
    """The network in a file.

    Args:
        path: .xml with its .bin beside it, or .onnx.
        precision: "float32" or "bfloat16"; "int8" for a file that is, and for no other.

    Raises:
        ValueError: if the file cannot be read, or it or the processor lacks the precision.
        ImportError: without OpenVINO; with the command.
    """
    core = library("openvino", "openvino").Core()
    check_precision(core, precision)
    try:
        model = core.read_model(pathlib.Path(path))
        text = next((str(model.get_rt_info(place).value) for place in _PLACES if model.has_rt_info(place)), None)
        told = about.parse(text, path)
        _check_file(told, precision, path)
        run = runner(core, model, told, precision)
    except RuntimeError as error:
        raise ValueError(f"{path} cannot be opened by OpenVINO: {error}") from None
    return Exported(told, run, (open_file, (path, precision)))


def runner(core: typing.Any, model: typing.Any, told: about.About, precision: str = "float32") -> Run:
    """What runs a network.

    Args:
        core: `openvino.Core`.
        model: `openvino.Model`.
        told: of the model.
        precision: see `open_file`.
    """
    # by default, OpenVINO takes bfloat16 wherever there is
    hints = {"INFERENCE_PRECISION_HINT": _HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(model, "CPU", hints).create_infer_request()
    names = [output.name for output in told.outputs]

    def run(arrays):
        found = request.infer(arrays, share_inputs=True)  # they are only read
        return {name: found[name] for name in names}

    return run


def _check_file(told: about.About, precision: str, path: Path) -> None:
    if (told.int8 is None) == (precision == "int8"):
        holds, then = ("float32", "deephar export makes one in int8") if told.int8 is None else ("int8", "ask for that")
        raise ValueError(f"{path} is in {holds}; {then}. Received: precision={precision!r}")


def check_precision(core: typing.Any, precision: str) -> None:
    """Check that the processor computes in a precision.

    Args:
        core: `openvino.Core`.
        precision: see `open_file`.

    Raises:
        ValueError: if it does not.
    """
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bfloat16" and "BF16" not in able:
        name = core.get_property("CPU", "FULL_DEVICE_NAME")
        raise ValueError(
            f"This processor ({name}) does not compute in bfloat16, which needs AVX-512 BF16 or AMX; choose float32"
        )
