"""Video files written one picture after another, at any times, with sound."""

import collections
import contextlib
import fractions
import math
import pathlib
import typing
from collections.abc import Callable

import numpy as np
from PIL import Image

from deephar.ffmpeg import pyav, writing
from deephar.soundtrack import Soundtrack
from deephar.timing import Clock
from deephar.typed import Path, Pixels

if typing.TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".mov", ".mkv", ".avi")
"""Suffixes of the files that can be written."""

_ENCODERS = {"libx264": {"crf": "18"}, "libopenh264": {}, "mpeg4": {"qscale": "3"}}
"""The first one installed is used: H.264, or else MPEG-4."""

_MOST_TICKS = 65535
"""Parts of a second that MPEG-4 allows."""


def check_video(path: Path, fps: float) -> pathlib.Path:
    """Check what a video file is to be.

    Args:
        path: of the new file.
        fps: frames per second.

    Returns:
        `path`.

    Raises:
        ValueError: for a suffix other than `SUFFIXES`, or an `fps` that is not above 0.
        ImportError: without PyAV.
    """
    pyav()
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"A video's name must end in one of {', '.join(SUFFIXES)}. Received: {path}")
    fraction(fps)
    return path


def fraction(fps: float) -> fractions.Fraction:
    """Frames per second as the fraction that is meant, 30000 / 1001 for 29.97003; ValueError if it is not above 0."""
    if not 0 < fps < math.inf:
        raise ValueError(f"`fps` must be above 0. Received: {fps}")
    return max(fractions.Fraction(fps).limit_denominator(1001), fractions.Fraction(1, 1001))


class VideoWriter:
    """A video file that grows with every picture; few of them are held.

    It is H.264, or MPEG-4 if PyAV lacks that. At the end of a `with`, it is finished; after an exception, only closed.

    Attributes:
        notes: list of what did not go as wished, in sentences: sound that is missing or ends early.

    Args:
        path: of the file, see `check_video`.
        fps: frames per second; where times are given, how long the last picture is shown.
        sound: `deephar.soundtrack.Soundtrack` that goes with the pictures, or None; it is closed with the file.
        name: of the file for messages; by default its path.
        threads: of the encoder; 0 for as many as it chooses. Only one writes the same bytes every time.
    """

    def __init__(
        self, path: Path, fps: float, sound: Soundtrack | None = None, name: Path | None = None, threads: int = 0
    ) -> None:
        self.notes: list[str] = []
        self._path, self._name = check_video(path, fps), path if name is None else name
        self._fps = fraction(fps)
        tick = fractions.Fraction(1, self._fps.numerator * max(1, _MOST_TICKS // self._fps.numerator))
        self._timeless = self._path.suffix.lower() == ".avi"
        self._clock = Clock(self._fps, 1 / self._fps if self._timeless else tick)
        self._frame: VideoFrame | None = None
        self._sound, self._threads = sound, threads
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._shape: tuple[int, ...] = ()

    def write(self, picture: Image.Image | Pixels, seconds: float = math.nan) -> None:
        """Add a picture.

        Args:
            picture: `PIL.Image.Image` or uint8 (H, W, 3), all of the same size. An odd width or height is made even by
                repeating the last column or row, as codecs require.
            seconds: when it is shown, by any clock, which the first picture starts; later than the picture before. NaN
                for 1 / fps after that. An .avi file has no times: they are rounded to multiples of 1 / fps, and a
                picture is repeated until the next one.

        Raises:
            ValueError: for a picture of another size than the first, or none in RGB.
            OSError: if the file cannot be written, on a full disk say.
        """
        pixels = np.asarray(picture.convert("RGB") if isinstance(picture, Image.Image) else picture, dtype=np.uint8)
        wanted = self._shape or (*pixels.shape[:2], 3)
        if pixels.shape != wanted:
            raise ValueError(f"Frames of a video must all be {wanted[:2]} RGB. Received: {pixels.shape}")
        self._shape = wanted
        if self._container is None:
            with writing(self._name):
                self._start(seconds if math.isfinite(seconds) else 0.0)
        pixels = np.pad(pixels, [(0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)], mode="edge")
        frame, last = pyav().VideoFrame.from_ndarray(pixels), self._clock.ticks
        ticks = self._clock.show(seconds)
        if self._timeless and self._frame is not None:
            for between in range(last + 1, ticks):
                self._encode(self._frame, between)
        self._frame = frame
        self._encode(frame, ticks)
        self._follow(Soundtrack.feed)

    def finish(self) -> None:
        """Write what is left, and close the file.

        Raises:
            ValueError: if no picture was written.
            OSError: if the file cannot be written.
        """
        if self._container is None:
            raise ValueError(f"A video needs at least one frame. Received: none for {self._name}")
        self._encode(None, 0)
        self._follow(Soundtrack.finish)
        with writing(self._name):
            self._container.close()
        self.close()

    def close(self) -> None:
        """Close the file as it is; harmless after `finish`."""
        if self._container is not None:
            with contextlib.suppress(pyav().error.FFmpegError):
                self._container.close()
        if self._sound is not None:
            self._sound.close()
        self._sound = None

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.close()

    def _start(self, start: float) -> None:
        """Open the file and write its head: with the sound copied, or else encoded anew, or else without it."""
        fault = None
        for copied in self._sound.ways(self._path.suffix) if self._sound else []:
            try:
                self._open(start, copied)
                return
            except (pyav().error.FFmpegError, ValueError) as error:
                fault = error
        if fault is not None:
            self._silence(f"{self._name} is without sound: {fault}")
        self._open(start, None)

    def _open(self, start: float, copied: bool | None) -> None:
        """Open the file; `copied` is None for no sound."""
        container = pyav().open(f"file:{self._path}", "w")
        try:
            stream = self._add_pictures(container)
            if self._sound is not None and copied is not None:
                self._sound.add_to(container, start, copied)
            container.start_encoding()
        except BaseException:
            with contextlib.suppress(pyav().error.FFmpegError):
                container.close()
            raise
        self._container, self._stream = container, stream

    def _add_pictures(self, container: "OutputContainer") -> "VideoStream":
        encoder = next(name for name in _ENCODERS if name in pyav().codecs_available)
        options = {**_ENCODERS[encoder], "threads": str(self._threads)}
        if self._timeless:
            options["bf"] = "0"  # such a file holds pictures in the order in which they are shown
        stream = typing.cast("VideoStream", container.add_stream(encoder, self._fps, options=options))
        stream.height, stream.width = (side + side % 2 for side in self._shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = self._clock.tick
        return stream

    def _encode(self, frame: "VideoFrame | None", ticks: int) -> None:
        """Encode a frame, or what is held back; one call in C, so that no Ctrl-C falls between encoding and writing."""
        assert self._container is not None and self._stream is not None
        if frame is not None:
            frame.pts, frame.time_base = ticks, self._clock.tick
        with writing(self._name):
            collections.deque(map(self._container.mux, map(self._stream.encode, [frame])), maxlen=0)

    def _follow(self, step: "Callable[[Soundtrack, OutputContainer, float], None]") -> None:
        """Write sound up to the end of the last picture; a fault ends the sound, not the pictures."""
        if self._sound is None or self._container is None:
            return
        end = self._clock.end
        try:
            step(self._sound, self._container, end)
        except (pyav().error.FFmpegError, ValueError) as error:
            self._silence(f"The sound of {self._name} ends after {end:.2f} s at the latest: {error}")

    def _silence(self, note: str) -> None:
        self.notes.append(note)
        if self._sound is not None:
            self._sound.close()
        self._sound = None
