"""Named networks: `build`, optionally with weights; and operations on built networks.

`registry` lists the families, `outputs` describes a network's outputs, `surgery` freezes, copies and replaces parts.
This module only imports them, on first use: the networks know nothing about weight files.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from deephar.models import outputs, registry, surgery
    from deephar.weights.loading import build

    NAMES: tuple[str, ...]

_PLACES = {"build": ("deephar.weights.loading", "build"), "NAMES": ("deephar.models.registry", "names")}
_MODULES = ("outputs", "registry", "surgery")

__all__ = ["NAMES", "build", "outputs", "registry", "surgery"]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _PLACES:
        known = ", ".join([*_PLACES, *_MODULES])
        raise AttributeError(f"module 'deephar.models' has no attribute {name!r}; it has {known}")
    module, attribute = _PLACES[name]
    found = getattr(importlib.import_module(module), attribute)
    return found() if name == "NAMES" else found


def __dir__() -> list[str]:
    return __all__
