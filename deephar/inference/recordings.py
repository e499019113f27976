"""Videos that can be read from their beginning as often as one likes: frame by frame, with the time of each."""

import contextlib
import itertools
import math
import typing
from collections.abc import Callable, Generator, Iterator

from PIL import Image

from deephar.ffmpeg import holds_frame
from deephar.inference import endings
from deephar.inference.endings import Packets
from deephar.video import naming, picture_stream, upright

if typing.TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Numbered: typing.TypeAlias = tuple[int, float, Image.Image]
"""A frame: its number, its time in seconds, the upright RGB picture."""

_REORDERED = 64
"""Frames may lie further back in the file than those shown after them, by fewer than this."""

_TELLING = ("mov", "matroska", "avi")
"""FFmpeg's names of the containers that note how long their video is, by which one that was cut off is known."""

_TIMELESS = "avi"
"""FFmpeg's name of the container that has a rate and no times; those that FFmpeg makes up are not in order."""


class Recording:
    """A video to be read from its beginning, or from a frame on.

    Attributes:
        name: for messages.
        fps: frames in a second on average; NaN where the container does not tell.
        note: what is to be said of the end, see `deephar.inference.endings.note`; empty for nothing.

    Args:
        opener: function that opens its container anew; `frames` closes it.
        name: for messages.

    Raises:
        ValueError: if it is no video, or its first frame cannot be read.
    """

    def __init__(self, opener: "Callable[[], InputContainer]", name: str) -> None:
        self.name: str = name
        self.note: str = ""
        self._opener = opener
        with opener() as container, naming(name, "is not a readable video"):
            stream = picture_stream(container)
            self.fps: float = float(stream.average_rate or math.nan)
            first = next(container.decode(stream), None)
            if first is None:
                raise ValueError("it ends before its first frame")
            self._timeless = container.format.name == _TIMELESS
            self._zero, self._lasts = first.time, _declared(container, stream)

    def count(self) -> int:
        """Number of frames, counted in the whole file without decoding."""
        with self._opener() as container, naming(self.name, "is damaged"):
            return sum(map(holds_frame, Packets(container)))

    def frames(self, start: int, stride: int, report: Callable[[int, str], None]) -> Generator[Numbered]:
        """Frames in order; the container is open until the last of them, or until the iterator is closed.

        Args:
            start: number of the first frame to give; frames before it are decoded only from the key frame on that it
                needs, where the container has times.
            stride: give the frames whose number is a multiple of it.
            report: called with the number of a frame that is damaged and what is wrong; the frames go on, but for data
                of which nothing more can be read, and for a file that was cut off.

        Yields:
            number, seconds from the first frame of the video, and the picture.
        """
        number, end = start - 1, math.nan
        try:
            with contextlib.closing(self._walk(start)) as walk:
                while True:
                    with naming(self.name, "is damaged"):
                        frame, picture = next(walk, None), None
                        if frame is None:
                            break
                        number, seconds = number + 1, self._seconds(number + 1, frame)
                        end = self._end(seconds, frame)
                        if number % stride == 0 and not frame.is_corrupt:
                            picture = upright(frame)
                    if picture is not None:
                        yield number, seconds, picture
                    elif number % stride == 0:
                        report(number, f"frame {number} of {self.name} is damaged")
            self._check_end(self._lasted() if math.isnan(end) and start else end)
        except ValueError as error:
            report(number + 1, str(error))

    def _walk(self, start: int) -> "Generator[VideoFrame]":
        """Decoded frames from a number on."""
        if start and not self._timeless:
            with self._opener() as container:
                sought = self._sought(container, start)
                if sought is not None:
                    yield from sought
                    return
        with self._opener() as container:
            packets, frames = Packets(container), 0
            for frames, frame in enumerate((frame for packet in packets for frame in packet.decode()), 1):
                if frames > start:
                    yield frame
            self.note = endings.note(self.name, frames) if packets.unannounced else ""

    def _sought(self, container: "InputContainer", start: int) -> "Iterator[VideoFrame] | None":
        """Frames from a number on, by a jump to its time; None where times do not tell the numbers of frames."""
        stream = picture_stream(container)
        shown = (packet.pts for packet in Packets(container) if holds_frame(packet))
        times = list(itertools.islice(shown, start + _REORDERED))
        if None in times or len(set(times)) < len(times):
            return None
        if len(times) <= start:
            return iter(())
        wanted = sorted(time for time in times if time is not None)[start]
        try:
            container.seek(wanted, stream=stream)
            decoded, last = container.decode(stream), -math.inf
            for frame in decoded:
                if frame.pts is None or not last < frame.pts <= wanted:
                    return None
                last = frame.pts
                if last == wanted:
                    return itertools.chain([frame], decoded)
        except Exception:  # it cannot be jumped in; if it is damaged, reading it in order tells
            return None
        return None

    def _seconds(self, number: int, frame: "VideoFrame") -> float:
        if self._timeless or frame.time is None or self._zero is None:
            return number / self.fps
        return frame.time - self._zero

    def _lasted(self) -> float:
        """Seconds until the last picture in the file has been shown, without decoding any; NaN where there is none."""
        with self._opener() as container, naming(self.name, "is damaged"):
            shown = ((packet.pts, packet.time_base) for packet in Packets(container) if holds_frame(packet))
            times = [math.nan if pts is None or unit is None else float(pts * unit) for pts, unit in shown]
        last = len(times) / self.fps if self._timeless else max(times, default=math.nan) - (self._zero or 0.0)
        return last + 1 / self.fps

    def _end(self, seconds: float, frame: "VideoFrame") -> float:
        """Until when a frame is shown, at least, by the container's clock, which counts frames that it lacks too."""
        duration, unit = getattr(frame, "duration", None), frame.time_base
        shown = float(duration * unit) if duration and unit else 0.0
        return max(seconds, (frame.time or 0.0) - (self._zero or 0.0)) + max(shown, 1 / self.fps)

    def _check_end(self, end: float) -> None:
        """A file that was cut off may end without a fault: what its header notes is longer than what was read."""
        if end < self._lasts - max(2 / self.fps, 0.01 * self._lasts):
            raise ValueError(f"{self.name} ends early: after {end:.2f} of {self._lasts:.2f} seconds")


def _declared(container: "InputContainer", stream: "VideoStream") -> float:
    """Seconds that the pictures last according to the header; NaN where that is not known or an estimate."""
    if container.format.name.split(",")[0] not in _TELLING:
        return math.nan
    if container.format.name == _TIMELESS and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # FFmpeg shortens the duration of a file that was cut off
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        alone = len(container.streams) == 1 and container.duration
        return container.duration / 1e6 if alone and container.duration else math.nan
