"""The sound of a video, for a film of its pictures."""

import functools
import typing
from collections.abc import Callable, Iterator

from deephar.ffmpeg import moving, naming, pyav
from deephar.typed import Path

if typing.TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

    _Part: typing.TypeAlias = tuple[float, Callable[[], list[Packet]]]
    """Seconds after the first picture at which some sound starts; and what gives its packets."""

COPIED = ("aac", "mp3", "mp3float", "ac3")
"""Decoders of sound that is copied as it is; every container of `deephar.video.SUFFIXES` holds them."""

_COPIED_TO_MKV = ("opus", "vorbis", "flac")

ENCODER = "aac"
"""Of any other sound."""


class Soundtrack:
    """The sound of a file, given to a film as far as its pictures go.

    Args:
        path: of a file that FFmpeg reads.

    Raises:
        ValueError: if it cannot be read, or FFmpeg has no decoder for its sound.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        with naming(path, "cannot be read for its sound"):
            self._container: InputContainer = pyav().open(f"file:{path}", metadata_errors="replace")
            streams = self._container.streams.audio
            self._stream: AudioStream | None = next((s for s in streams if s.codec_context is not None), None)
        if streams and self._stream is None:
            self.close()
            raise ValueError(f"{path} has sound that FFmpeg cannot decode")
        self._encoder: AudioStream | None = None
        self._parts: Iterator[_Part] = iter(())
        self._waiting: _Part | None = None

    def ways(self, suffix: str) -> list[bool]:
        """Whether it may be copied into a container with that suffix, in the order to try: copied, or encoded anew."""
        if self._stream is None:
            return []
        known = COPIED + _COPIED_TO_MKV if suffix.lower() == ".mkv" else COPIED
        return [True, False] if self._stream.codec_context.name in known else [False]

    def add_to(self, container: "OutputContainer", start: float, copied: bool) -> None:
        """Add a stream to a container that has not been started.

        Args:
            container: PyAV's, to be written.
            start: seconds, in the pictures of this file, at which the film starts.
            copied: whether packets are copied as they are; otherwise they are encoded anew.
        """
        stream = self._stream
        if stream is None:
            return
        zero = start + self._start_of_pictures()
        if copied:
            out, self._encoder = _add_copy(container, stream), None
            self._parts = self._copied(stream, out, zero)
        else:
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            out = self._encoder = container.add_stream(ENCODER, rate=stream.rate, layout=layout)
            self._parts = self._encoded(stream, out, zero)

    def feed(self, container: "OutputContainer", until: float) -> None:
        """Write what starts before a time, in seconds of the film."""
        while True:
            self._waiting = self._waiting or next(self._parts, None)
            if self._waiting is None or self._waiting[0] >= until:
                return
            container.mux(self._waiting[1]())
            self._waiting = None

    def finish(self, container: "OutputContainer", until: float) -> None:
        """Write what starts before the end of the film, and what the encoder still holds."""
        self.feed(container, until)
        if self._encoder is not None:
            container.mux(self._encoder.encode(None))

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _start_of_pictures(self) -> float:
        """When the first picture is shown, in seconds by the clock of the file."""
        pictures = next(iter(moving(self._container)), None)
        if pictures is None or pictures.start_time is None or pictures.time_base is None:
            return 0.0
        return float(pictures.start_time * pictures.time_base)

    def _copied(self, stream: "AudioStream", out: "AudioStream", zero: float) -> "Iterator[_Part]":
        """Packets from a time on, by the clock of the file."""
        for packet in self._container.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            time, shift = float(packet.pts * packet.time_base) - zero, round(zero / packet.time_base)
            if time >= 0:
                packet.dts = (packet.pts if packet.dts is None else packet.dts) - shift
                packet.pts -= shift
                packet.stream = out
                yield time, functools.partial(list, [packet])

    def _encoded(self, stream: "AudioStream", out: "AudioStream", zero: float) -> "Iterator[_Part]":
        """Decoded sound from a time on, to be encoded when it is asked for."""
        for frame in self._container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            time, shift = float(frame.pts * frame.time_base) - zero, round(zero / frame.time_base)
            if time >= 0:
                frame.pts -= shift
                yield time, functools.partial(out.encode, frame)


def _add_copy(container: "OutputContainer", stream: "AudioStream") -> "AudioStream":
    """A stream for packets that are copied."""
    if hasattr(container, "add_stream_from_template"):
        return container.add_stream_from_template(stream)
    return typing.cast(typing.Any, container).add_stream(template=stream)  # before PyAV 14
