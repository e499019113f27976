"""Foreign files that may be damaged or of another kind."""

import contextlib
from collections.abc import Iterator

from deephar.typed import Path


@contextlib.contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Around the reading of a file: whatever a parser raises becomes a ValueError that names it and what was expected.

    Args:
        path: of the file, or its name.
        expected: what it should be, in words.
    """
    try:
        yield
    except FileNotFoundError:
        raise ValueError(f"No such file: {path}; expected {expected}") from None
    except Exception as error:
        raise ValueError(f"Expected {expected} in {path}; it is damaged or of another kind: {error!r}") from None
