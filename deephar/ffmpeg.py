"""PyAV, with which FFmpeg reads and writes videos: `pip install "deephar[video]"`; and its errors, as ordinary ones."""

import contextlib
import types
import typing
from collections.abc import Iterator

from deephar.typed import Path

if typing.TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_COVER = 0x400
"""FFmpeg's mark of a stream that is one still picture, the cover of a record."""

_TEXT = "tty"
"""FFmpeg's format that draws a text file as a terminal would."""


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


def moving(container: "InputContainer") -> "list[VideoStream]":
    """The streams of moving pictures: neither the cover of a record nor drawn text."""
    if container.format.name == _TEXT:
        return []
    return [stream for stream in container.streams.video if not int(getattr(stream, "disposition", 0)) & _COVER]


def holds_frame(packet: "Packet") -> bool:
    """Whether a packet becomes a frame: the last one is empty, and what a cut-out part begins with is not shown."""
    return packet.size > 0 and not packet.is_discard


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What PyAV raises where a file cannot be written, on a full disk say, becomes an OSError that names the file."""
    try:
        yield
    except pyav().error.FFmpegError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
