"""The software that a training runs on."""

import importlib.metadata
import platform

import h5py
import keras
import numpy as np

import deephar


def versions() -> dict[str, str]:
    """Versions by name, of Python and of what decides the numbers of a training; and the platform."""
    backend = keras.backend.backend()
    return {
        "deephar": deephar.__version__,
        "keras": keras.__version__,
        "backend": f"{backend} {_version(backend)}",
        "numpy": np.__version__,
        "h5py": h5py.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
