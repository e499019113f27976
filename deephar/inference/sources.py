"""Frames of anything a user may have: photographs, folders, videos, streams, cameras, arrays; one after the other."""

import contextlib
import functools
import math
import os
import pathlib
import typing
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sized

import numpy as np
from PIL import Image

from deephar import checks
from deephar.data.readers import names, video_files
from deephar.data.samples import frames
from deephar.inference import devices, photo_paths
from deephar.inference.frame import Frame, decoded, described
from deephar.inference.live import Live
from deephar.inference.recordings import Numbered, Recording
from deephar.typed import Path, Pixels
from deephar.video import open_container

Picture: typing.TypeAlias = Path | Image.Image | Pixels
"""What a list or an iterable may hold."""

Given: typing.TypeAlias = Picture | int | Iterable[Picture]
"""What `open_source` takes."""

OnBroken: typing.TypeAlias = typing.Literal["skip", "raise"]

KINDS = ("photographs", "video", "stream", "camera", "frames")


class _Rules(typing.NamedTuple):
    """Which frames to give, and what to do about broken ones; see `open_source`."""

    on_broken: OnBroken
    stride: int
    start: int
    stop: int | None = None


class Source:
    """Frames one after the other, to be had from `open_source`; only the frame that is asked for is held.

    Iterating again begins anew, but goes on with a live source and with an iterable that gives its items once. `close`,
    or the end of a `with`, closes the file or the device; so does leaving the loop early, except for a live source.

    Attributes:
        name: of the source, for messages; a URL without its password.
        kind: one of `KINDS`.
        fps: frames in a second; NaN where that is unknown.
        live: whether frames come whether they are asked for or not; then only the newest is to be had.
        broken: dict of the index of a picture that could not be read to what is wrong with it. A video that cannot be
            read to its end has one entry, where it stopped.
        ignored: number of files in the folders that are no photographs.
    """

    kind: str = "frames"
    fps: float = math.nan
    live: bool = False

    def __init__(self, name: str, rules: _Rules) -> None:
        self.name: str = name
        self.broken: dict[int, str] = {}
        self.ignored: int = 0
        self._rules = rules
        self._walks: weakref.WeakSet[Generator[Frame]] = weakref.WeakSet()
        self._closed = False

    @property
    def length(self) -> int | None:
        """Number of frames in the whole source, those that `start` and `stride` leave out too; None if unknown.

        Those of a video are counted when this is asked for, in the whole file, without decoding.
        """
        return None

    @property
    def dropped(self) -> int:
        """Number of frames of a live source that came and went before they were asked for."""
        return 0

    @property
    def faults(self) -> str:
        """`broken` in words; empty for nothing."""
        if not self.broken:
            return ""
        (index, reason), count = next(iter(self.broken.items())), len(self.broken)
        if count == 1:
            return f"picture {index} cannot be read: {reason}"
        return f"{count} pictures cannot be read; the first, {index}: {reason}"

    @property
    def note(self) -> str:
        """What is to be said once a video has ended, though nothing is known to be wrong; empty for nothing."""
        return ""

    def __iter__(self) -> Generator[Frame]:
        if self._closed:
            raise ValueError(f"{self.name} is closed; open it again")
        walk = self._until_closed()
        self._walks.add(walk)
        return walk

    def _until_closed(self) -> Generator[Frame]:
        with contextlib.closing(self._frames()) as walk:
            for frame in walk:
                yield frame
                del frame
                if self._closed:
                    return

    def _frames(self) -> Generator[Frame]:
        raise NotImplementedError

    def _report(self, index: int, reason: str) -> None:
        """Note a picture that cannot be read, or raise."""
        if self._rules.on_broken == "raise":
            raise ValueError(reason)
        self.broken[index] = reason

    def _readable(self, index: int, item: object, name: str) -> Frame | None:
        """A photograph as a frame; None for one that cannot be read, which is noted."""
        try:
            return decoded(index, item, name)
        except (ValueError, ImportError) as error:
            if isinstance(error, ImportError) and self._rules.on_broken == "raise":
                raise  # a decoder is not installed
            self._report(index, str(error))
            return None

    def frame_name(self, index: int) -> str:
        """Where a frame comes from, see `Frame.name`, also of one that cannot be read."""
        return self.name if self.kind == "camera" else f"frame {index} of {self.name}"

    def between(self, start: int, stop: int) -> "Source":
        """A part of the photographs, which keep their indices and names; nothing is looked for again.

        Args:
            start, stop: indices of the first one, and of the one after the last.

        Raises:
            ValueError: if these are no photographs: who is in a frame depends on the frames before.
        """
        raise ValueError(f"Only photographs can be shared, and {self.name} is a {self.kind}; share whole videos")

    def close(self) -> None:
        """Close what is open; harmless if nothing is."""
        self._closed = True
        for walk in list(self._walks):
            with contextlib.suppress(ValueError):  # another thread waits for a frame of it, which is its last
                walk.close()

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Photographs(Source):
    kind = "photographs"

    def __init__(self, name: str, found: photo_paths.Found, rules: _Rules) -> None:
        super().__init__(name, rules)
        self._items, self.ignored = found

    @property
    def length(self) -> int:
        return len(self._items)

    def _frames(self) -> Generator[Frame]:
        for index in range(len(self._items))[self._rules.start : self._rules.stop]:
            frame = self._readable(index, self._items[index], self.frame_name(index))
            if frame is not None:
                yield frame
            del frame

    def frame_name(self, index: int) -> str:
        return described(self._items[index], f" {index}" if len(self._items) > 1 else "")

    def between(self, start: int, stop: int) -> "_Photographs":
        rules = self._rules._replace(start=start, stop=stop)
        return _Photographs(self.name, photo_paths.Found(self._items, self.ignored), rules)


class _Given(Source):
    """Frames that a program gives; each is asked for when the one before was used."""

    def __init__(self, items: Iterable[object], rules: _Rules) -> None:
        super().__init__("the frames", rules)
        self._items, self._once, self._next = items, iter(items) is items, 0

    @property
    def length(self) -> int | None:
        return len(self._items) if isinstance(self._items, Sized) else None

    def _frames(self) -> Generator[Frame]:
        items = iter(self._items)
        self._next = self._next if self._once else 0
        while True:
            try:
                frame = self._following(items)
            except StopIteration:
                return
            if frame is not None:
                yield frame
            del frame

    def _following(self, items: Iterator[object]) -> Frame | None:
        """The next frame; None for one that is not asked for or broken."""
        item, index = next(items), self._next
        self._next += 1
        if index < self._rules.start or index % self._rules.stride:
            return None
        return self._readable(index, item, described(item, f" {index}", "frame"))


class _Video(Source):
    def __init__(self, recording: Recording, kind: str, name: str, rules: _Rules) -> None:
        super().__init__(name, rules)
        self.kind = kind
        self.fps = recording.fps
        self._recording = recording

    @functools.cached_property
    def _count(self) -> int:
        return self._recording.count()

    @property
    def length(self) -> int:
        return self._count

    @property
    def note(self) -> str:
        return self._recording.note

    def _frames(self) -> Generator[Frame]:
        walk = self._recording.frames(self._rules.start, self._rules.stride, self._report)
        yield from _named(walk, self.frame_name)


class _Live(Source):
    live = True

    def __init__(self, feed: Live, kind: str, rules: _Rules) -> None:
        super().__init__(feed.name, rules)
        self.kind = kind
        self.fps = feed.fps
        self._feed = feed

    @property
    def dropped(self) -> int:
        return self._feed.dropped

    @property
    def note(self) -> str:
        return self._feed.note

    def _frames(self) -> Generator[Frame]:
        yield from _named(self._feed.frames(self._report), self.frame_name)

    def close(self) -> None:
        self._feed.close()  # so that nobody waits for a frame
        super().close()


def _named(walk: Generator[Numbered], name: Callable[[int], str]) -> Generator[Frame]:
    """Frames of a walk through a video."""
    with contextlib.closing(walk):
        for index, seconds, image in walk:
            yield Frame(index, seconds, image, image.size, name(index))
            del image


def open_source(source: Given, on_broken: OnBroken = "skip", stride: int = 1, start: int = 0) -> Source:
    """Open photographs, a video, a stream, a camera, or frames that a program has.

    Args:
        source: one of

            - path of a photograph; of a folder of photographs, which are sorted by name as people count; a pattern with
              * and ?; or a list or tuple of these, of `PIL.Image.Image` and of uint8 arrays: "photographs";
            - path of a video file, or of an animated GIF or PNG: "video";
            - URL ("rtsp://", "http://", ..., see `deephar.inference.devices.SCHEMES`): "stream"; file:// is a path;
            - number of a camera, also as text, "0": "camera";
            - uint8 array (H, W), (H, W, 3) or (H, W, 4), or a PIL image: "photographs";
            - uint8 array (T, H, W, 3), or any other iterable of PIL images or arrays: "frames".

        on_broken: "skip" notes in `Source.broken` what cannot be read and goes on (after a fault in a video: ends);
            "raise" raises ValueError. A photograph that is the only one always raises.
        stride: give frames whose index is a multiple of it; photographs are all given.
        start: index of the first frame to give, to resume; frames before it are not decoded more than needed.

    Returns:
        `Source`, to be used in a `with`.

    Raises:
        ValueError: if there is nothing of that name, it is empty, cannot be read, or is of another kind.
        ImportError: for videos without PyAV, for a single HEIC photograph without pillow-heif; with the command.

    Example:
        >>> with open_source("holiday.mp4", stride=5) as source:
        ...     for frame in source:
        ...         print(frame.seconds, frame.image.size)
    """
    checks.one_of("on_broken", on_broken, ("skip", "raise"))
    rules = _Rules(on_broken, checks.whole("stride", stride), checks.whole("start", start, least=0))
    if isinstance(source, str):
        source = _meant(source)
    if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        number = checks.whole("camera", source, least=0)
        return _Live(Live(devices.open_camera(number), f"camera {number}", rules.start, rules.stride), "camera", rules)
    if isinstance(source, str) and devices.is_url(source):
        return _stream(source, rules)
    if isinstance(source, (str, os.PathLike)):
        return _of_path(pathlib.Path(source), rules)
    if isinstance(source, np.ndarray) and source.ndim == 4 and len(source):
        return _Given(source, rules)
    if isinstance(source, (np.ndarray, Image.Image, bytes)):
        return _single(source, rules)
    if isinstance(source, (list, tuple)):
        return _Photographs("the photographs", photo_paths.expanded_list(source), rules)
    if not isinstance(source, Iterable):
        raise ValueError(
            "Expected a path, a URL, the number of a camera, pictures (PIL, uint8 array) or an iterable of them. "
            f"Received: {type(source).__name__}"
        )
    return _Given(source, rules)


def _meant(text: str) -> str | int | pathlib.Path:
    """A text as what it means: the number of a camera, the path of a file:// URL, a URL or a path."""
    return int(text) if text.isascii() and text.isdecimal() else photo_paths.local(text)


def _of_path(path: pathlib.Path, rules: _Rules) -> Source:
    path = path if path.exists() else names.stored(path)
    found = photo_paths.expanded(path)
    if found.items != [path] or found.ignored:
        return _Photographs(str(path), found, rules)
    if not path.exists() and path.suffix.lower() in video_files.SUFFIXES:
        raise ValueError(f"No such video: {path}")
    if path.exists() and not path.is_file():
        wanted = "a file, the URL of a stream or the number of a camera"
        raise ValueError(f"Expected {wanted}. Received: {path}, a pipe or a device")
    if not path.exists() or (path.stat().st_size and not (photo_paths.is_video(path) or photo_paths.moves(path))):
        return _single(path, rules)
    if not path.stat().st_size:
        raise ValueError(f"Expected a photograph or a video. Received: {path}, which is empty")
    return _Video(Recording(functools.partial(open_container, path), str(path)), "video", str(path), rules)


def _single(item: object, rules: _Rules) -> Source:
    """One photograph, whose faults are raised: nothing would be left."""
    name = described(item, "")
    frames.open_image(typing.cast(frames.Source, item), name)
    return _Photographs(name, photo_paths.Found([item], 0), rules._replace(on_broken="raise"))


def _stream(url: str, rules: _Rules) -> Source:
    container, name = devices.open_stream(url), devices.shown(url)
    if devices.is_live(container, url):
        return _Live(Live(container, name, rules.start, rules.stride), "stream", rules)
    container.close()
    return _Video(Recording(functools.partial(devices.open_stream, url), name), "stream", name, rules)
