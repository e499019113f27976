"""The end of what a web server sends without its length, which FFmpeg cannot tell from a fault, and calls one."""

import errno
import typing
from collections.abc import Generator

from deephar.ffmpeg import pyav
from deephar.video import picture_stream

if typing.TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

_WEB = ("http://", "https://")

_LISTS = ("hls", "dash")
"""FFmpeg's names of the formats that are lists of other addresses, whose faults are those of others."""


class Packets:
    """The packets of a video's pictures, up to its end.

    Attributes:
        unannounced: whether the connection ended and nothing had told that it would, which may have been the end of the
            video. A connection that is reset raises, where the format lets it be known.

    Args:
        container: opened by PyAV.
    """

    def __init__(self, container: "InputContainer") -> None:
        self._container = container
        web = container.name.lower().startswith(_WEB) and container.format.name not in _LISTS
        self._endless = web and container.size < 0
        self.unannounced = False

    def __iter__(self) -> "Generator[Packet]":
        """All of them; the last one is empty and has the decoder give what it holds back."""
        stream = picture_stream(self._container)
        try:
            yield from self._container.demux(stream)
        except OSError as error:
            if not self._endless or error.errno != errno.EIO:
                raise
            self.unannounced = True
            last = pyav().packet.Packet()
            last.stream, last.time_base = stream, stream.time_base
            yield last


def note(name: str, frames: int) -> str:
    """What to say of a video whose end was not announced.

    Args:
        name: of the video.
        frames: number of those that came.
    """
    return f"{name} ended after {frames} frames; its server does not tell whether that was all"
