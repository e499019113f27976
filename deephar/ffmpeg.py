"""PyAV, with which FFmpeg reads and writes videos: `pip install "deephar[video]"`; and its errors, as ordinary ones."""

import contextlib
import types
from collections.abc import Iterator

from deephar.typed import Path


def pyav() -> types.ModuleType:
    """PyAV. Raises ImportError, which names the extra, where it is not installed."""
    try:
        import av
    except ImportError:
        raise ImportError('Video files need PyAV; install it with: pip install "deephar[video]"') from None
    return av


@contextlib.contextmanager
def naming(path: Path, fault: str) -> Iterator[None]:
    """Whatever PyAV raises for a damaged file, of many classes, becomes a ValueError that names the file.

    Args:
        path: of the file, or what else the pictures come from.
        fault: what to say of it, e.g. "is damaged".
    """
    try:
        yield
    except Exception as error:
        raise ValueError(f"{path} {fault}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What is wrong, in words: FFmpeg's errors have a number too, and the name of the file.

    "Immediate exit requested" is what it says when PyAV's patience with a stream is at its end.
    """
    if type(error).__name__ == "ExitError":
        return "nothing came in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What PyAV raises where a file cannot be written, on a full disk say, becomes an OSError that names the file."""
    try:
        yield
    except pyav().error.FFmpegError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
