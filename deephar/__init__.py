"""deephar: 2D pose, 3D pose and action from one RGB network, on Keras 3.

Importing this package imports neither Keras nor a backend; its modules load on first use
(`deephar.models`, `deephar.layers`, `deephar.metrics` ...). It is enough for `keras.models.load_model` to know the
library's layers, losses and metrics (`deephar.registration`).
"""

import importlib

from deephar import registration

__version__ = "0.1.0"

_MODULES = (
    "camera",
    "cli",
    "config",
    "convert",
    "data",
    "distribution",
    "draw",
    "draw3d",
    "evaluation",
    "geometry",
    "keras_metrics",
    "layers",
    "layouts",
    "losses",
    "metrics",
    "metrics3d",
    "models",
    "ops",
    "options",
    "predict",
    "pretrained",
    "registration",
    "training",
    "video",
)

__all__ = ["__version__", *_MODULES]

registration.register()


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'deephar' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return __all__
