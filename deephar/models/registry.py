"""Registry of all network families: the one place where a new family is added. It needs no Keras.

A family is a package beside this module with `presets.py` (`PRESETS`, name to configuration), `network.py` (`build`,
from a configuration to a `keras.Model`), `names.py` (which layers belong to which part) and `legacy.py` (where the
original's files store its weights).
"""

import importlib
import types
import typing
from collections.abc import Mapping

from deephar import memory
from deephar.models.action.config import ActionConfig
from deephar.models.action.presets import PRESETS as _ACTION
from deephar.models.reception.config import ReceptionConfig
from deephar.models.reception.presets import PRESETS as _RECEPTION
from deephar.models.settings import replaced
from deephar.models.spnet.config import SpnetConfig
from deephar.models.spnet.presets import PRESETS as _SPNET

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model

Config: typing.TypeAlias = ReceptionConfig | ActionConfig | SpnetConfig
"""The configuration of a network of any family."""

FAMILIES: dict[str, Mapping[str, Config]] = {"reception": _RECEPTION, "action": _ACTION, "spnet": _SPNET}
"""Package name of every family to its presets."""


def names() -> tuple[str, ...]:
    """Names of all networks, a tuple."""
    return tuple(name for presets in FAMILIES.values() for name in presets)


def family_of(preset: str) -> str:
    """Name of the family of a named network.

    Raises:
        ValueError: for an unknown name; the message lists what exists.
    """
    for family, presets in FAMILIES.items():
        if isinstance(preset, str) and preset in presets:
            return family
    raise ValueError(f"Unknown model {preset!r}; the models are {', '.join(names())}")


def settings(preset: str, /, **overrides: object) -> Config:
    """The configuration of a named network with some fields replaced.

    Args:
        preset: one of `names()`.
        **overrides: fields of its configuration, and of the pose network's inside it.

    Returns:
        a frozen configuration, see the `config.py` of its family.

    Raises:
        ValueError: for an unknown name or override (the message lists what exists) or a value out of range.
    """
    return replaced(FAMILIES[family_of(preset)][preset], preset, **overrides)


def build(preset: str, /, name: str | None = None, **overrides: object) -> "Model":
    """A named network with random weights; `deephar.build` can also load weights.

    Args:
        preset, **overrides: see `settings`.
        name: of the model; by default that of the preset, with underscores.

    Returns:
        a functional `keras.Model`.
    """
    own = settings(preset, **overrides)
    with memory.uncollected():
        return _module(family_of(preset), "network").build(own, name or preset.replace("-", "_"))


def legacy(model: "Model") -> types.ModuleType:
    """The module that knows where the original's weight file stores the weights of a network.

    Args:
        model: from `build`.

    Returns:
        module with `groups(names of the model's layers)`, a dict from the file's group to the names of its layers in
        stored order, and `constants(model)`.

    Raises:
        ValueError: if the original has no weight file for such a network.
    """
    layers = {layer.name for layer in model.layers}
    for family in FAMILIES:
        module = _module(family, "legacy")
        if module.groups(layers):
            return module
    raise ValueError(f"{model.name!r} is not a network with an original weight file")


def _module(family: str, part: str) -> types.ModuleType:
    return importlib.import_module(f"deephar.models.{family}.{part}")
