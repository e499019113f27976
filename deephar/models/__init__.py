"""Named networks: `build`, with weights if asked for; and what is done with built ones.

`registry` has the families, `outputs` says what a network gives, `surgery` freezes, carries over and renews its parts.
This module only gathers them, on first use: the networks know nothing of weights and where they come from.
"""

import importlib

_PLACES = {"build": ("deephar.weights.loading", "build"), "NAMES": ("deephar.models.registry", "names")}
_MODULES = ("outputs", "registry", "surgery")

__all__ = [*_PLACES, *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'deephar.models' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, attribute = _PLACES[name]
    found = getattr(importlib.import_module(module), attribute)
    return found() if name == "NAMES" else found


def __dir__():
    return __all__
