"""Detectors in files of any kind, by what the file is."""

import pathlib
import typing

from deephar.detection.detector import PeopleDetector
from deephar.runtimes import choosing
from deephar.typed import Path

if typing.TYPE_CHECKING:
    from deephar.inference.detection import Detector

_OURS = b"deephar-export-"


def open_detector(path: Path, runtime: str | None = None, precision: str = "float32") -> "Detector":
    """The detector in a file: weights, what `deephar export people` wrote, another one in ONNX, or MoveNet.

    Args:
        path: .h5 of `exp/people/train_people.py`, which runs on Keras in float32; .onnx, .xml or .tflite; or the .tgz,
            .json or folder of `deephar.detection.movenet.MoveNet`.
        runtime, precision: of a file of deephar, see `deephar.runtimes.choosing.open_file`.

    Raises:
        ValueError: if the file is missing, damaged, or no detector that is known.
        ImportError: if what runs it is not installed; with the command.
    """
    file = pathlib.Path(path)
    suffix = file.suffix.lower()
    if file.is_dir() or suffix in (".tgz", ".json"):
        from deephar.detection.movenet import MoveNet

        return MoveNet(path)
    if suffix == ".onnx" and file.is_file() and _OURS not in file.read_bytes():
        from deephar.detection.onnx import OnnxDetector

        return OnnxDetector(path)
    if suffix == ".h5":
        from deephar.detection import loading

        if runtime is not None or precision != "float32":
            given = f"runtime={runtime!r} and precision={precision!r}"
            raise ValueError(f"{path} holds weights, which run on Keras in float32 alone. Received: {given}")
        return PeopleDetector(loading.load(path))
    if not choosing.is_exported(file):
        raise ValueError(
            f"Expected a detector: a file that ends in {', '.join(('.h5', *choosing.suffixes()))}, or MoveNet's .tgz, "
            f".json or folder. Received: {path}"
        )
    network = choosing.open_file(path, runtime, precision)
    if network.about.model is not None:
        raise ValueError(f"Expected a detector, as of `deephar export people`. Received: {path}, {network.name}")
    return PeopleDetector(network)
