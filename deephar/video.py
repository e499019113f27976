"""Video frames by number, from a video file or from a folder of numbered images; and writing of video files.

Video files need PyAV: `pip install "deephar[video]"`.
"""

import functools
import os
import pathlib
import threading
import typing
import weakref
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from deephar.data.readers import names
from deephar.data.samples import orientation
from deephar.data.samples.frames import open_image, upright_size
from deephar.ffmpeg import holds_frame, moving, naming, pyav
from deephar.files import whole_file
from deephar.typed import Path, Pixels, Size
from deephar.video_writer import SUFFIXES as SUFFIXES
from deephar.video_writer import VideoWriter, check_video

if typing.TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MOST_PIXELS = 2**26
"""Maximum pixels of a frame, twice those of 8K; a damaged file may claim more than memory holds."""


class VideoFile:
    """Frames of a video file by number; see `open_video`.

    Frames are decoded one after the other, and only one is held. Requests in increasing order decode each frame once;
    going back starts from the beginning. If a video is stored rotated or mirrored, as phones do, its frames are
    returned upright. The file is open until `close`, the end of a `with`, or the last use of the object. Several
    threads may share one object and take turns; for speed, let each open the file itself.

    Attributes:
        path: of the file.
        size: (width, height) in pixels.
        fps: frames per second; NaN if the file does not state it.
    """

    _walk: "_Walk | None" = None

    def __init__(self, path: Path) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self._lock = threading.Lock()
        self.size: Size = self.frame(0).size
        assert self._walk is not None
        self.fps: float = self._walk.fps

    @functools.cached_property
    def _length(self) -> int:
        container = open_container(self.path)
        with container, naming(self.path, "is damaged"):
            return count_frames(container)

    def __len__(self) -> int:
        """Number of frames, counted in the file without decoding, since its header may be wrong."""
        return self._length

    def frame(self, index: int) -> Image.Image:
        """The frame with a number, from 0: RGB `PIL.Image.Image`.

        Raises:
            ValueError: if there is no such frame, or the file is damaged before it.
        """
        if index < 0:
            raise ValueError(f"Frames of {self.path} are numbered from 0. Received: {index}")
        with self._lock:
            if self._walk is None or index < self._walk.index:
                self._leave()
                self._walk = _Walk(self.path)
            try:
                return self._walk.frame(index)
            except ValueError:
                self._leave()
                raise

    def close(self) -> None:
        """Close the file; the next frame opens it again."""
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        if self._walk is not None:
            self._walk.close()
        self._walk = None

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_lock": None, "_walk": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


class _Walk:
    """One pass through a video file, from its first frame on; the current frame is held.

    The file is closed by `close`, or after the last use of this object: PyAV's own objects would wait for the garbage
    collector.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path, self.index, self.current = path, -1, None
        container = open_container(path)
        self.close = weakref.finalize(self, container.close)
        with naming(path, "is not a readable video"):
            stream = picture_stream(container)
            self.fps = float(stream.average_rate or np.nan)
            self.decoded = container.decode(stream)

    def frame(self, index: int) -> Image.Image:
        """The frame with a number not before the current one."""
        with naming(self.path, "is damaged"):
            while self.index < index and (following := next(self.decoded, None)) is not None:
                self.index, self.current = self.index + 1, following
            if self.index == index and self.current is not None:
                return upright(self.current)
        raise ValueError(f"{self.path} has {self.index + 1} frames. Received: frame {index}, from 0")


def open_container(path: pathlib.Path) -> "InputContainer":
    """PyAV's container of a video file, to be closed by the caller.

    Args:
        path: of the file, whose name may be spelt otherwise on the disk (see `deephar.data.readers.names`).

    Raises:
        ValueError: if it is missing, no video, or holds no moving pictures.
        ImportError: without PyAV.
    """
    av, found = pyav(), path if path.is_file() else names.stored(path)
    if not found.is_file():
        raise ValueError(f"No such video: {path}")
    with naming(path, "is not a readable video"):
        # a bare name with a colon would be taken for a protocol; titles may be in any encoding
        container = av.open(f"file:{found}", metadata_errors="replace")
        pictures, kind = len(moving(container)), container.format.long_name
    if not pictures:
        container.close()
        raise ValueError(f"{path} has no video stream. Received: {kind} without video")
    return container


def picture_stream(container: "InputContainer") -> "VideoStream":
    """The moving pictures of a container, whose decoder is told to refuse frames of more than `MOST_PIXELS`.

    Raises:
        ValueError: if there are none, they have more pixels, or FFmpeg has no decoder for them.
    """
    streams = moving(container)
    if not streams:
        raise ValueError(f"it holds no pictures: {container.format.long_name} without video")
    stream = streams[0]
    if stream.codec_context is None:
        raise ValueError("FFmpeg has no decoder for its pictures: the codec is unknown, or the header is damaged")
    if stream.width * stream.height > MOST_PIXELS:
        raise ValueError(f"at most {MOST_PIXELS} pixels per frame, not {stream.width} x {stream.height}")
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return stream


def count_frames(container: "InputContainer") -> int:
    """Number of the frames that a container holds from where it is, without decoding; its header may not be right."""
    return sum(map(holds_frame, container.demux(moving(container)[0])))


def upright(frame: "VideoFrame") -> Image.Image:
    """A decoded frame as an upright RGB image, according to its display matrix."""
    image, matrix = frame.to_image(), frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return image
    a, b, _, c, d = np.frombuffer(bytes(matrix), dtype=np.int32)[:5].tolist()
    turn = orientation.nearest([[a, c], [b, d]])
    return image if turn == orientation.UPRIGHT else image.transpose(orientation.TRANSPOSITIONS[turn])


class PictureFolder:
    """A folder of images 00001.jpg, 00002.jpg ... as a video; numbers may have any number of digits.

    Attributes:
        path: of the folder.
        size: (width, height) of its first image in pixels; ValueError if that cannot be opened.

    Args:
        path: of the folder.
        suffix: of the images' names, case-insensitive; .jpg includes .jpeg.

    Raises:
        ValueError: if it is missing or holds no such image.
    """

    def __init__(self, path: Path, suffix: str = ".jpg") -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self.suffix: str = suffix
        if not self.path.is_dir():
            raise ValueError(f"Expected a folder of images 00001{suffix}, 00002{suffix} ... Received: {path}")
        self._names = _numbered(self.path, {suffix, ".jpeg"} if suffix == ".jpg" else {suffix})
        if not self._names:
            raise ValueError(f"Expected images 00001{suffix}, 00002{suffix} ... in {path}; there are none")
        self._length = max(self._names)

    @functools.cached_property
    def size(self) -> Size:
        with self.frame(min(self._names) - 1) as first:
            return upright_size(first)

    def __len__(self) -> int:
        """Number of the last image."""
        return self._length

    def frame(self, index: int) -> Image.Image:
        """The image with a number, from 0, not yet decoded. Raises ValueError if it is missing or not an image."""
        digits = len(pathlib.Path(self._names[self._length]).stem)
        return open_image(self.path / self._names.get(index + 1, f"{index + 1:0{digits}d}{self.suffix}"))

    def close(self) -> None:
        """Nothing is held open."""


def _numbered(folder: pathlib.Path, suffixes: set[str]) -> dict[int, str]:
    """Dict from a number to the name of the image with that number in a folder."""
    parted = [(name, *os.path.splitext(name)) for name in sorted(os.listdir(folder), reverse=True)]
    return {int(stem): name for name, stem, suffix in parted if stem.isdecimal() and suffix.lower() in suffixes}


class NoPictures:
    """Placeholder for the frames of a video of which only labels are available: `frame` raises ValueError.

    Attributes:
        path: name of the video, for messages.
        size: (width, height) of its frames in pixels.
    """

    def __init__(self, path: Path, length: int, size: Size) -> None:
        self.path: Path = path
        self.size: Size = (size[0], size[1])
        self._length = length

    def __len__(self) -> int:
        return self._length

    def close(self) -> None:
        """Nothing is held open."""

    def frame(self, index: int) -> typing.NoReturn:
        raise ValueError(f"Only the labels of {self.path} are available; give its reader the path of the images")


def open_video(path: Path) -> VideoFile:
    """Open a video file.

    Args:
        path: of a file that FFmpeg reads.

    Returns:
        `VideoFile`.

    Raises:
        ValueError: if it is missing, not a video, has no video stream, or its first frame is damaged.
        ImportError: without PyAV.
    """
    return VideoFile(path)


def read_frames(path: Path, indices: Sequence[int]) -> list[Image.Image]:
    """Some frames of a video file.

    Args:
        path: of the file.
        indices: numbers of frames from 0, in any order.

    Returns:
        list of RGB `PIL.Image.Image`, one per index.

    Raises:
        ValueError: as `open_video`, or for a number beyond the video.
    """
    with open_video(path) as video:
        found = {index: video.frame(index) for index in sorted(set(indices))}
    return [found[index] for index in indices]


def write_video(path: Path, frames: Iterable[Image.Image | Pixels], fps: float, threads: int = 0) -> None:
    """Write a video file: H.264, or MPEG-4 if PyAV lacks it.

    Args:
        path: of the new file; one of `SUFFIXES`.
        frames: iterable of `PIL.Image.Image` or uint8 (H, W, 3), all of the same size. An odd width or height is made
            even by repeating the last column or row, as codecs require.
        fps: frames per second.
        threads: of the encoder; 0 for as many as it chooses. Only one writes the same bytes every time.

    Raises:
        ValueError: for an unsupported suffix, no frames, frames of different sizes, or an `fps` that is not above 0.
        OSError: if the file cannot be written, on a full disk say.
        ImportError: without PyAV.
    """
    path = check_video(path, fps)
    with whole_file(path) as temporary, VideoWriter(temporary, fps, name=path, threads=threads) as writer:
        for frame in frames:
            writer.write(frame)
