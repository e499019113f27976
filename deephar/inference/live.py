"""Pictures that come whether they are asked for or not: a thread keeps the newest, and drops those before it."""

import dataclasses
import math
import threading
import time
import typing
import weakref
from collections.abc import Callable, Generator, Iterator

from deephar.ffmpeg import pyav, reason
from deephar.inference import endings
from deephar.inference.endings import Packets
from deephar.inference.recordings import Numbered
from deephar.video import picture_stream, upright

if typing.TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

MOST_FAILURES = 250
"""Packets in a row that cannot be decoded, before a stream is given up: those of some seconds."""

_CLOSING_S = 2.0
"""How long closing waits for the thread, which may be waiting for data; it closes the device itself."""


@dataclasses.dataclass
class _Latest:
    """What the thread and the reader share; guarded by `changed`."""

    changed: threading.Condition = dataclasses.field(default_factory=threading.Condition)
    frame: "tuple[int, float, VideoFrame] | None" = None
    arrived: int = 0
    dropped: int = 0
    fault: str | None = None
    ended: bool = False
    unannounced: bool = False
    stopped: bool = False


class Live:
    """A camera or a stream; every frame has its number and time, also after others were dropped.

    Attributes:
        name: for messages.
        fps: frames in a second that the device promises; NaN where it does not.

    Args:
        container: of the device; the thread closes it.
        name: for messages.
        start, stride: keep frames from this number on, whose number is a multiple of `stride`; others do not count as
            dropped.
    """

    def __init__(self, container: "InputContainer", name: str, start: int = 0, stride: int = 1) -> None:
        self.name: str = name
        self.fps: float = float(picture_stream(container).average_rate or float("nan"))
        self._latest = _Latest()
        arguments = (container, self._latest, start, stride)
        self._thread = threading.Thread(target=_receive, args=arguments, daemon=True, name=f"deephar: {name}")
        self._stop = weakref.finalize(self, _stop, self._latest)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Number of frames that came and went before they were asked for."""
        return self._latest.dropped

    @property
    def note(self) -> str:
        """What is to be said of the end, see `deephar.inference.endings.note`; empty for nothing."""
        return endings.note(self.name, self._latest.arrived) if self._latest.unannounced else ""

    def frames(self, report: Callable[[int, str], None]) -> Generator[Numbered]:
        """The newest frame, as often as it is asked for.

        Args:
            report: called when the device is gone, with the number of the frame that did not come and the reason.

        Yields:
            number, seconds from the first frame (by the stream's clock, or else by when it arrived), and the picture.
        """
        while (taken := self._take()) is not None:
            number, seconds, frame = taken
            yield number, seconds, upright(frame)
            del taken, frame
        if self._latest.fault is not None:
            report(self._latest.arrived, f"{self.name} stopped: {self._latest.fault}")

    def _take(self) -> "tuple[int, float, VideoFrame] | None":
        """Wait for a frame that was not given yet; None after the end."""
        latest = self._latest
        with latest.changed:
            while latest.frame is None and not (latest.ended or latest.stopped):
                latest.changed.wait(0.5)  # so that an interruption is noticed on every system
            taken, latest.frame = latest.frame, None
            return None if latest.stopped else taken

    def close(self) -> None:
        """Stop the thread, which closes the device."""
        self._stop()
        self._thread.join(_CLOSING_S)


def _stop(latest: _Latest) -> None:
    with latest.changed:
        latest.stopped, latest.frame = True, None
        latest.changed.notify_all()


def _receive(container: "InputContainer", latest: _Latest, start: int, stride: int) -> None:
    """The thread: knows the container and `_Latest` alone, so that a forgotten `Live` ends it."""
    fault = None
    try:
        with container:
            packets, seconds = Packets(container), _Since()
            for frame in _decoded(packets):
                if not _put(latest, seconds.of(frame), frame, start, stride):
                    break
            latest.unannounced = packets.unannounced
    except Exception as error:
        fault = reason(error)
    with latest.changed:
        latest.fault, latest.ended = fault, True
        latest.changed.notify_all()


class _Since:
    """Seconds from the first frame: by the clock of the stream, or by when a frame arrives that it gives no time.

    A clock that is set back, as where a camera starts anew, counts on from when that frame arrives.
    """

    def __init__(self) -> None:
        self._begun = self._first = self._latest = math.nan

    def of(self, frame: "VideoFrame") -> float:
        now = time.monotonic()
        self._begun = now if math.isnan(self._begun) else self._begun
        arrived = now - self._begun
        if frame.time is None:
            return arrived
        if math.isnan(self._first):
            self._first = frame.time - arrived
        seconds = frame.time - self._first
        if seconds < self._latest:
            seconds = max(self._latest, arrived)
            self._first = frame.time - seconds
        self._latest = seconds
        return seconds


def _put(latest: _Latest, seconds: float, frame: "VideoFrame", start: int, stride: int) -> bool:
    """Keep a frame instead of the last one; False when nobody wants any more."""
    with latest.changed:
        number, latest.arrived = latest.arrived, latest.arrived + 1
        if not latest.stopped and number >= start and number % stride == 0:
            latest.dropped += latest.frame is not None
            latest.frame = number, seconds, frame
            latest.changed.notify_all()
        return not latest.stopped


def _decoded(packets: Packets) -> "Iterator[VideoFrame]":
    """Decoded frames; packets that are damaged are passed over, as at the beginning of a stream that one joins."""
    failures, invalid = 0, pyav().error.InvalidDataError
    for packet in packets:
        try:
            yield from packet.decode()
            failures = 0
        except invalid:
            failures += 1
            if failures > MOST_FAILURES:
                raise
