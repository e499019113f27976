"""Networks in the format of LiteRT."""

import pathlib
import zipfile

import keras

from deephar.runtimes.litert import MEMBER


def write(model: keras.Model, path: pathlib.Path, text: str) -> None:
    """Write a network whose outputs are a dict; the text becomes a member of the zip at the end of the file."""
    model.export(path, format="litert", verbose=False)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(MEMBER, text)
