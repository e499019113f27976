"""From images to people: `PosePredictor` and its parts, each imported on first use."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from deephar.inference.people import Person
    from deephar.inference.predictor import PosePredictor

_PLACES = {"Person": "people", "PosePredictor": "predictor"}

__all__ = ["Person", "PosePredictor"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'deephar.inference' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
