"""Runtimes by name, and files of networks by their suffix."""

import importlib
import pathlib
import typing

from deephar import checks
from deephar.runtimes.exported import Exported
from deephar.surroundings import installed
from deephar.typed import Path


class Runtime(typing.NamedTuple):
    """A runtime: the module of its library, the format that is written for it, suffixes, the first of them that
    format's, and precisions, the first of them the default."""

    library: str
    format: str
    suffixes: tuple[str, ...]
    precisions: tuple[str, ...] = ("float32",)


RUNTIMES: dict[str, Runtime] = {
    "onnx": Runtime("onnxruntime", "onnx", (".onnx",)),
    "openvino": Runtime("openvino", "openvino", (".xml", ".onnx"), ("float32", "bfloat16", "int8")),
    "litert": Runtime("ai_edge_litert", "litert", (".tflite",)),
}
"""Runtimes of exported files by name, which is also that of the extra of deephar that installs them."""

NAMES = ("keras", *RUNTIMES)


def beside(precision: str) -> str:
    """The precision of the other networks of a predictor, which are never in int8: the detector, the one of actions."""
    return "float32" if precision == "int8" else precision


def check(runtime: str, precision: str) -> None:
    """Check that there is a runtime, and that it computes in a precision.

    Raises:
        ValueError: if not.
    """
    checks.one_of("runtime", runtime, NAMES)
    known = RUNTIMES[runtime].precisions if runtime in RUNTIMES else ("float32",)
    if precision not in known:
        raise ValueError(f"Runtime {runtime!r} computes in {', '.join(known)}. Received: precision={precision!r}")


def suffixes() -> list[str]:
    """Of files that some runtime reads."""
    return sorted({suffix for runtime in RUNTIMES.values() for suffix in runtime.suffixes})


def is_exported(path: Path) -> bool:
    """Whether a file is an exported network, by its suffix."""
    return pathlib.Path(path).suffix.lower() in suffixes()


def reader(path: Path, runtime: str | None = None, precision: str = "float32") -> str:
    """The runtime that reads a file: the one that is asked for, or the first that can, and is installed if one is.

    Args:
        path: of the file.
        runtime: by name; None for any.
        precision: that it is to compute in, if there is a choice.

    Raises:
        ValueError: if it cannot.
    """
    able = [name for name, one in RUNTIMES.items() if pathlib.Path(path).suffix.lower() in one.suffixes]
    if runtime is None and able:
        able = [name for name in able if precision in RUNTIMES[name].precisions] or able
        return next((name for name in able if installed(RUNTIMES[name].library)), able[0])
    if not able:
        raise ValueError(f"Expected an exported network, {', '.join(suffixes())}. Received: {path}")
    if runtime is None or runtime not in able:
        raise ValueError(f"{path} is for {' and '.join(able)}. Received: runtime={runtime!r}")
    return runtime


def open_file(path: Path, runtime: str | None = None, precision: str = "float32") -> Exported:
    """The network in an exported file.

    Args:
        path: of the file.
        runtime: see `reader`.
        precision: see `Runtime`.

    Raises:
        ValueError: for a file that is missing or not of the runtime, or another precision.
        ImportError: if the runtime is not installed; with the command.
    """
    runtime = reader(path, runtime, precision)
    check(runtime, precision)
    if not pathlib.Path(path).is_file():
        raise ValueError(f"No such file: {path}")
    return importlib.import_module(f"deephar.runtimes.{runtime}").open_file(path, precision)
