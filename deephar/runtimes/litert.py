"""Networks in files of LiteRT, formerly TensorFlow Lite, run on a processor."""

import pathlib
import zipfile

from deephar.runtimes import about
from deephar.runtimes.exported import Exported, library
from deephar.surroundings import usable_cores
from deephar.typed import Path

MEMBER = "deephar.json"
"""Of the zip at the end of the file, where LiteRT expects whatever belongs to a network."""


def open_file(path: Path, precision: str = "float32") -> Exported:
    """The network in a file.

    Args:
        path: .tflite.
        precision: "float32", the only one.

    Raises:
        ValueError: if the file cannot be read.
        ImportError: without LiteRT; with the command.
    """
    interpreters = library("ai_edge_litert.interpreter", "litert")
    try:
        interpreter = interpreters.Interpreter(str(path), num_threads=usable_cores())
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError, TypeError) as error:
        raise ValueError(f"{path} cannot be opened by LiteRT: {error}") from None
    told = about.parse(_text(pathlib.Path(path)), path)
    return Exported(told, lambda arrays: runner(**arrays), (open_file, (path, precision)))


def _text(path: pathlib.Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as file:
            return file.read(MEMBER).decode() if MEMBER in file.namelist() else None
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged: {error}") from None
