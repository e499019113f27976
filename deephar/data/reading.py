"""Foreign files that may be damaged or of another kind."""

import contextlib
import struct
import xml.etree.ElementTree as xml
import zipfile
import zlib

import scipy.io

DAMAGED = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError, EOFError, struct.error,
    zlib.error, zipfile.BadZipFile, scipy.io.matlab.MatReadError, NotImplementedError, xml.ParseError,
)  # fmt: skip
"""What parsers raise at files that are truncated, damaged or of another kind."""


@contextlib.contextmanager
def reading(path, expected):
    """Around the reading of a file: its faults become a ValueError that names it and what was expected.

    Args:
        path: of the file, or its name.
        expected: what it should be, in words.
    """
    try:
        yield
    except FileNotFoundError:
        raise ValueError(f"No such file: {path}; expected {expected}") from None
    except DAMAGED as error:
        raise ValueError(f"Expected {expected} in {path}; it is damaged or of another kind: {error!r}") from None
