"""The sound of a video, for a film of its pictures."""

import typing
from collections.abc import Iterator

from deephar.ffmpeg import naming, pyav
from deephar.typed import Path

if typing.TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet

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
        ValueError: if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        with naming(path, "cannot be read for its sound"):
            self._container: InputContainer = pyav().open(f"file:{path}", metadata_errors="replace")
            self._stream: AudioStream | None = next(iter(self._container.streams.audio), None)
        self._out: AudioStream | None = None
        self._walk: Iterator[tuple[float, Packet | AudioFrame]] = iter(())
        self._waiting: tuple[float, Packet | AudioFrame] | None = None
        self._copied = False

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
        if not copied:
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            self._out = container.add_stream(ENCODER, rate=stream.rate, layout=layout)
        elif hasattr(container, "add_stream_from_template"):
            self._out = container.add_stream_from_template(stream)
        else:  # before PyAV 14
            self._out = container.add_stream(template=stream)
        self._copied, self._walk = copied, self._parts(start + self._start_of_pictures(), copied)
        self._waiting = None

    def feed(self, container: "OutputContainer", until: float) -> None:
        """Write what starts before a time, in seconds of the film."""
        while True:
            self._waiting = self._waiting or next(self._walk, None)
            if self._waiting is None or self._waiting[0] >= until:
                return
            container.mux(self._packets(self._waiting[1]))
            self._waiting = None

    def finish(self, container: "OutputContainer", until: float) -> None:
        """Write what starts before the end of the film, and what the encoder still holds."""
        self.feed(container, until)
        if self._out is not None and not self._copied:
            container.mux(self._out.encode(None))

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _start_of_pictures(self) -> float:
        """When the first picture is shown, in seconds by the clock of the file."""
        pictures = next(iter(self._container.streams.video), None)
        if pictures is None or pictures.start_time is None or pictures.time_base is None:
            return 0.0
        return float(pictures.start_time * pictures.time_base)

    def _parts(self, zero: float, copied: bool) -> "Iterator[tuple[float, Packet | AudioFrame]]":
        """Packets or frames from a time on, with the seconds since then."""
        parts = self._container.demux(self._stream) if copied else self._container.decode(self._stream)
        for part in parts:
            if part.pts is None or part.time_base is None:
                continue
            time = float(part.pts * part.time_base) - zero
            if time >= 0:
                shift = round(zero / part.time_base)
                part.pts -= shift
                if part.dts is not None and copied:
                    part.dts -= shift
                yield time, part

    def _packets(self, part: "Packet | AudioFrame") -> "list[Packet]":
        assert self._out is not None
        if not self._copied:
            return self._out.encode(part)
        part.stream = self._out
        return [part]
