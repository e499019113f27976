"""Shared by the configurations of all families: checks of fields, and overrides by field name.

A configuration is a frozen dataclass; it may contain others, whose fields are overridden by name like its own.
"""

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Mapping

from deephar import checks


class Settings(typing.Protocol):
    """A dataclass."""

    __dataclass_fields__: typing.ClassVar[dict[str, dataclasses.Field[object]]]


_Settings = typing.TypeVar("_Settings", bound=Settings)

OUTPUTS = ("concat_visibility", "export_heatmaps", "export_features", "export_poses")
"""Fields of all families' configurations that select a network's outputs and do not change the network itself."""


def settle(settings: object, name: str, value: object) -> None:
    """Store a checked value in a frozen configuration as a plain number or tuple."""
    object.__setattr__(settings, name, value)


def settle_flags(settings: object, *names: str) -> None:
    """Check boolean fields, and store them as bool."""
    for name in names:
        settle(settings, name, bool(checks.one_of(name, getattr(settings, name), (True, False))))


def require(condition: object, message: str, **received: object) -> None:
    """Raise ValueError with a message and what was received unless a condition holds."""
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise ValueError(f"{message}. Received: {values}")


def frame_shape(shape: object, step: int, least: int, why: str) -> tuple[int, int, int]:
    """A frame's (H, W, channels), checked.

    Args:
        shape: as received.
        step: what H and W are multiples of.
        least: of H and W.
        why: end of the message.

    Raises:
        ValueError: for another shape.
    """
    try:
        sizes = [checks.whole("input_shape", size) for size in typing.cast(Iterable[object], shape)]
    except (TypeError, ValueError):
        sizes = []
    require(
        len(sizes) == 3 and all(size >= least and size % step == 0 for size in sizes[:2]),
        f"`input_shape` must be (H, W, channels) of a frame, H and W multiples of {step}{why}",
        input_shape=shape,
    )
    height, width, channels = sizes
    return height, width, channels


def _is_settings(value: object) -> typing.TypeGuard[Settings]:
    return dataclasses.is_dataclass(value)


def flat(settings: Settings) -> dict[str, object]:
    """All fields of a configuration and of those inside it, dict from name to value, in order."""
    found: dict[str, object] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        found |= flat(value) if _is_settings(value) else {field.name: value}
    return found


def replaced(settings: _Settings, owner: str, /, **overrides: object) -> _Settings:
    """A configuration with some fields replaced, its own or those of one inside it.

    Args:
        settings: frozen dataclass.
        owner: name of the network that it configures, for messages.
        **overrides: fields by name.

    Returns:
        a new configuration.

    Raises:
        ValueError: for an unknown field (the message names the closest and lists all) or a value out of range.
    """
    known = flat(settings)
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, 1)
        meant = f"; did you mean {near[0]}?" if near else "."
        raise ValueError(
            f"Unknown override {', '.join(unknown)} for {owner!r}{meant} Its overrides are {', '.join(known)}"
        )
    return _replaced(settings, overrides)


def _replaced(settings: _Settings, overrides: Mapping[str, object]) -> _Settings:
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    inside = {name: _replaced(value, overrides) for name, value in fields.items() if _is_settings(value)}
    return dataclasses.replace(settings, **inside, **{name: overrides[name] for name in fields if name in overrides})
