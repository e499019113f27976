"""Numbers on the command line whose range is checked as they are read; for the `type` of `argparse`."""

import argparse
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """Reads a whole number, `least` or more."""

    def whole(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be {least} or more. Received: {text}")
        return value

    return whole


def within(low: float, high: float) -> Callable[[str], float]:
    """Reads a number in [low, high]."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be in [{low:g}, {high:g}]. Received: {text}")
        return value

    return number


def positive(text: str) -> float:
    """A number above 0."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be above 0. Received: {text}")
    return value
