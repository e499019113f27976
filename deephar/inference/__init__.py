"""From pictures to people: `open_source`, `PosePredictor` and the parts they are made of, imported on first use."""

import importlib
import typing

if typing.TYPE_CHECKING:
    from deephar.inference.frame import Frame
    from deephar.inference.people import Person
    from deephar.inference.predictor import PosePredictor
    from deephar.inference.results import Result
    from deephar.inference.sources import Source, open_source

_PLACES = {
    "Frame": "frame",
    "Person": "people",
    "PosePredictor": "predictor",
    "Result": "results",
    "Source": "sources",
    "open_source": "sources",
}

__all__ = ["Frame", "Person", "PosePredictor", "Result", "Source", "open_source"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'deephar.inference' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
