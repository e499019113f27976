"""External files that may be damaged or of the wrong kind."""

import contextlib
from collections.abc import Iterator

from deephar.typed import Path


@contextlib.contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Context for reading a file: any parser error becomes a ValueError that names the file and what was expected.

    Args:
        path: of the file, or its name.
        expected: description of the expected file.
    """
    try:
        yield
    except FileNotFoundError:
        raise ValueError(f"No such file: {path}; expected {expected}") from None
    except Exception as error:
        raise ValueError(f"Expected {expected} in {path}; it is damaged or of the wrong kind: {error!r}") from None
