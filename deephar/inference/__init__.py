"""From pictures to people: `PosePredictor`, and the parts it is made of, each imported on first use."""

import importlib

_PLACES = {"Person": "people", "PosePredictor": "predictor"}

__all__ = [*_PLACES]


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module 'deephar.inference' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__():
    return __all__
