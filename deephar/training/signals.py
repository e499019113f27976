"""Signals that ask a training to stop, answered between two of its steps."""

import contextlib
import signal
import threading
from collections.abc import Iterator

EXIT = 75
"""Exit status of a training that was asked to stop and can be resumed: EX_TEMPFAIL of sysexits.h."""

SIGNALS = ("SIGTERM", "SIGUSR1")
"""What a cluster sends before it kills; the second does not exist on Windows."""


class Interrupted(Exception):
    """Training stopped because a signal asked for it.

    Args:
        message: by which signal, and where.
        chief: whether this process is the one that writes.
    """

    def __init__(self, message: str, chief: bool = True) -> None:
        super().__init__(message)
        self.chief: bool = chief


class Requests:
    """Remembers that a signal came.

    Attributes:
        name: of the first signal that came; None if none did.
    """

    def __init__(self) -> None:
        self.name: str | None = None

    def take(self, number: int, frame: object = None) -> None:
        """Signal handler: only remembers, since a handler may run in the middle of anything."""
        self.name = self.name or signal.Signals(number).name


@contextlib.contextmanager
def caught() -> Iterator[Requests]:
    """Context in which `SIGNALS` do not end the process, but are remembered in the `Requests` that it gives.

    Afterwards the handlers are those of before. Outside the main thread, where Python sets no handlers, nothing is
    caught.
    """
    requests, before = Requests(), {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        before = {number: signal.signal(number, requests.take) for number in numbers}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
