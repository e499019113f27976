"""When memory is given back: by the C library, and by Python's collector of cycles."""

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Parameters of `mallopt` in glibc."""


def keep_freed() -> None:
    """Make the C library keep freed memory for the next batch, on Linux; elsewhere nothing happens.

    When Keras feeds TensorFlow batches from Python, TensorFlow tells the library to return memory at once; on a CPU,
    reallocating it in every step took a third of a small network's time.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "mallopt"):
        library.mallopt(TRIM_THRESHOLD, 2**31 - 1)
        library.mallopt(MMAP_THRESHOLD, 2**30)
        library.mallopt(TOP_PAD, 2**28)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Context in which Python does not look for cycles of objects that nothing uses.

    To look through the objects of an imported framework took a fifth of the time of building a network.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
