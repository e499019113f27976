"""deephar: 2D pose, 3D pose and action from one RGB network, on Keras 3.

Importing this package imports neither Keras nor a backend; its modules load on first use
(`deephar.models`, `deephar.layers`, `deephar.metrics` ...). Once Keras is imported, before or after, everything that
this package registers is known to it, see `deephar.registration`.
"""

import importlib
import types
import typing
import warnings

from deephar import registration

if typing.TYPE_CHECKING:
    from deephar import layers, losses, models
    from deephar.inference.predictor import PosePredictor
    from deephar.weights.loading import build, load

__version__ = "0.3.0.dev0"

_MODULES = (
    "camera",
    "cli",
    "config",
    "data",
    "distribution",
    "evaluation",
    "export",
    "geometry",
    "inference",
    "keras_metrics",
    "layers",
    "layouts",
    "losses",
    "metrics",
    "metrics3d",
    "metrics_overlap",
    "metrics_people",
    "metrics_tracks",
    "models",
    "ops",
    "registration",
    "runs",
    "runtimes",
    "training",
    "typed",
    "video",
    "viz",
    "weights",
)
_NAMES = {
    "PosePredictor": "inference.predictor",
    "build": "weights.loading",
    "load": "weights.loading",
}
"""Top-level names, and the modules that define them."""

_MOVED = {
    "convert": "weights.legacy_file",
    "draw": "viz.skeleton",
    "draw3d": "viz.space",
    "predict": "inference.predictor",
    "pretrained": "weights.loading",
}
"""Former names of modules."""

__all__ = ["PosePredictor", "__version__", "build", "layers", "load", "losses", "models"]


def __getattr__(name: str) -> types.ModuleType:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _MOVED:
        warnings.warn(f"deephar.{name} is now deephar.{_MOVED[name]}", DeprecationWarning, stacklevel=2)
        return importlib.import_module(f"{__name__}.{_MOVED[name]}")
    raise AttributeError(f"module 'deephar' has no attribute {name!r}; it has {', '.join([*__all__, *_MODULES])}")


def __dir__() -> list[str]:
    return __all__


registration.register()
