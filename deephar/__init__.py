"""deephar: 2D pose, 3D pose and action from one RGB network, on Keras 3.

Importing this package imports neither Keras nor a backend; its modules load on first use
(`deephar.models`, `deephar.layers`, `deephar.metrics` ...). Once Keras is imported, before or after, it knows all that
this package registers, see `deephar.registration`.
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


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'deephar' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return __all__


registration.register()
