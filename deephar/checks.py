"""Checks of arguments and shapes, for every module; error messages say what was needed and what was received.

Imports only the standard library. Each returns the accepted value as a plain Python number or tuple, so that a NumPy
integer can be stored in a saved configuration.
"""

import math
import operator
import re
import typing
from collections.abc import Collection, Sequence

_T = typing.TypeVar("_T")


def one_of(name: str, value: _T, allowed: Collection[object]) -> _T:
    """Check that a value is one of those allowed.

    Args:
        name: of the argument.
        value: the received value.
        allowed: the allowed values.

    Returns:
        `value`.

    Raises:
        ValueError: if it is not among them.
    """
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(map(str, allowed))}. Received: {name}={value!r}")
    return value


def whole(name: str, value: object, least: int = 1) -> int:
    """Check for an integer, Python's or NumPy's.

    Args:
        name: of the argument.
        value: the received value.
        least: the smallest allowed value.

    Returns:
        int.

    Raises:
        ValueError: for anything else.
    """
    if not _is_whole(value) or operator.index(value) < least:
        raise ValueError(f"`{name}` must be a whole number, {least} or more. Received: {name}={value!r}")
    return operator.index(value)


def _is_whole(value: object) -> typing.TypeGuard[typing.SupportsIndex]:
    try:
        operator.index(typing.cast(typing.SupportsIndex, value))
    except TypeError:
        return False
    return not isinstance(value, bool)


def pair(name: str, value: object) -> tuple[int, int]:
    """Check for two positive integers, for rows and columns.

    Args:
        name: of the argument.
        value: two numbers, or one for both.

    Returns:
        tuple of two int.

    Raises:
        ValueError: for anything else.
    """
    both = (value, value) if _is_whole(value) else value
    if (
        not isinstance(both, (tuple, list))
        or len(both) != 2
        or not all(_is_whole(n) and operator.index(n) >= 1 for n in both)
    ):
        raise ValueError(f"`{name}` must be a whole number above 0 or a pair of them. Received: {name}={value!r}")
    return operator.index(both[0]), operator.index(both[1])


def between(name: str, value: object, low: float, high: float = math.inf, low_included: bool = True) -> float:
    """Check for a finite number within bounds.

    Args:
        name: of the argument.
        value: the received value.
        low, high: the bounds.
        low_included: whether `low` itself is allowed.

    Returns:
        float.

    Raises:
        ValueError: for anything else.
    """
    try:
        number = float(typing.cast(typing.SupportsFloat, value))
    except (TypeError, ValueError):
        number = math.nan
    if not (low <= number <= high and math.isfinite(number)) or (number == low and not low_included):
        at_least = f"at least {low}" if low_included else f"above {low}"
        bounds = at_least if high == math.inf else f"in [{low}, {high}]"
        raise ValueError(f"`{name}` must be a number {bounds}. Received: {name}={value!r}")
    return number


def axes(owner: str, needed: str, *shapes: Sequence[int | None]) -> None:
    """Check that inputs have the axes that their owner needs, and that axes with the same name have the same size.

    Args:
        owner: user of the inputs, e.g. the name of a layer.
        needed: a phrase with the axes of every input after its name, e.g. "pose (B, ..., J, 2)", where "..." stands
            for any number of axes and a number for an axis of that size.
        *shapes: of the inputs in that order, None for an unknown size; the last may be omitted.

    Raises:
        ValueError: if a shape has too few or too many axes, or two shapes disagree.
    """
    inputs = re.findall(r"(\w+) \(([^)]*)\)", needed)
    sizes: dict[str, int] = {}
    for (_, wanted), shape in zip(inputs, shapes, strict=False):
        if not _agree(sizes, wanted.split(", "), tuple(shape)):
            received = ", ".join(f"{name} {tuple(shape)}" for (name, _), shape in zip(inputs, shapes, strict=False))
            agreeing = ", where axes with the same name have the same size" if len(shapes) > 1 else ""
            raise ValueError(f"{owner} needs {needed}{agreeing}. Received: {received}")


def _agree(sizes: dict[str, int], wanted: list[str], shape: tuple[int | None, ...]) -> bool:
    """Whether a shape has the wanted axes, with the sizes found so far; its own sizes are added to them."""
    if "..." in wanted:
        place, spare = wanted.index("..."), len(shape) - len(wanted) + 1
        if sizes.setdefault("...", spare) != spare:
            return False
        wanted = [*wanted[:place], *(f"...{i}" for i in range(spare)), *wanted[place + 1 :]]
    if len(wanted) != len(shape):
        return False
    known = [(axis, size) for axis, size in zip(wanted, shape, strict=True) if isinstance(size, int)]
    return all(sizes.setdefault(axis, int(axis) if axis.isdigit() else size) == size for axis, size in known)
