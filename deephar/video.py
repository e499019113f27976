"""Videos as pictures by number, from a video file or from a folder of numbered pictures; and writing of video files.

Video files need PyAV: `pip install "deephar[video]"`.
"""

import fractions
import functools
import pathlib

import numpy as np
from PIL import Image

from deephar.data.frames import open_image
from deephar.files import whole_file

SUFFIXES = (".mp4", ".mov", ".mkv", ".avi")
"""Of the files that `write_video` writes."""

_ENCODERS = {"libx264": {"crf": "18"}, "libopenh264": {}, "mpeg4": {"qscale": "3"}}
"""The first that is installed is taken: H.264, or else MPEG-4."""


def _av():
    try:
        import av
    except ImportError:
        raise ImportError('Video files need PyAV; install it with: pip install "deephar[video]"') from None
    return av


class VideoFile:
    """Pictures of a video file by number; see `open_video`.

    Frames are decoded one after the other, one is held. Asking for numbers in rising order decodes each once; going
    back starts from the beginning. Of a video that is stored turned, as telephones do, the pictures are upright.

    Attributes:
        path: of the file.
        size: (width, height) in pixels.
        fps: pictures in a second; NaN where the file does not tell.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._rewind()
        self.size = self.frame(0).size

    @functools.cached_property
    def _length(self):
        with self._open() as container:
            return sum(packet.size > 0 for packet in self._guarded(container.demux(video=0)))

    def __len__(self):
        """Number of frames, counted in the file without decoding: its header may not be right."""
        return self._length

    def frame(self, index):
        """The picture of a number, from 0: RGB `PIL.Image.Image`.

        Raises:
            ValueError: if there is no such frame, or the file is damaged before it.
        """
        if index < 0:
            raise ValueError(f"Frames of {self.path} are numbered from 0. Received: {index}")
        if self._container is None or index < self._index:
            self._rewind()
        while self._index < index:
            self._current = next(self._frames, None)
            if self._current is None:
                self.close()
                raise ValueError(f"{self.path} has {self._index + 1} frames. Received: frame {index}, from 0")
            self._index += 1
        quarter_turns = round(getattr(self._current, "rotation", 0) / 90) % 4
        image = self._current.to_image()
        return image.transpose(_TURNS[quarter_turns]) if quarter_turns else image

    def close(self):
        """Close the file; the next frame opens it again."""
        if self._container is not None:
            self._container.close()
        self._container = self._frames = self._current = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getstate__(self):
        return {**self.__dict__, "_container": None, "_frames": None, "_current": None}

    def _open(self):
        av = _av()
        if not self.path.is_file():
            raise ValueError(f"No such video: {self.path}")
        try:
            container = av.open(str(self.path))
        except (av.FFmpegError, OSError) as error:
            raise ValueError(f"{self.path} is not a video that can be read: {error}") from None
        if not container.streams.video:
            container.close()
            raise ValueError(f"{self.path} holds no pictures. Received: {container.format.long_name} without video")
        return container

    def _rewind(self):
        self._container, self._current, self._index = None, None, -1
        self._container = self._open()
        stream = self._container.streams.video[0]
        self.fps = float(stream.average_rate or np.nan)
        self._frames = self._guarded(self._container.decode(stream))

    def _guarded(self, items):
        """The items, PyAV's errors named."""
        errors = _av().FFmpegError, OSError
        try:
            yield from items
        except errors as error:
            self.close()
            raise ValueError(f"{self.path} is damaged: {error}") from None


_TURNS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
"""By quarter turns counter-clockwise."""


class PictureFolder:
    """A folder of pictures 00001.jpg, 00002.jpg ... as a video.

    Attributes:
        path: of the folder.
        size: (width, height) of its first picture in pixels.

    Args:
        path: of the folder.
        suffix: of the pictures' names.

    Raises:
        ValueError: if it is missing or holds no such picture, or the first cannot be opened.
    """

    def __init__(self, path, suffix=".jpg"):
        self.path, self.suffix = pathlib.Path(path), suffix
        if not self.path.is_dir():
            raise ValueError(f"Expected a folder of pictures 00001{suffix}, 00002{suffix} ... Received: {path}")
        numbers = sorted(int(f.stem) for f in self.path.iterdir() if f.suffix == suffix and f.stem.isdecimal())
        if not numbers:
            raise ValueError(f"Expected pictures 00001{suffix}, 00002{suffix} ... in {path}; there are none")
        self._length = numbers[-1]
        with self.frame(numbers[0] - 1) as first:
            self.size = first.size

    def __len__(self):
        """Number of the last picture."""
        return self._length

    def frame(self, index):
        """The picture of a number, from 0, not yet decoded. Raises ValueError if it is missing or no picture."""
        return open_image(self.path / f"{index + 1:05d}{self.suffix}")


class NoPictures:
    """Stands in for the pictures of a video of which only labels are at hand: `frame` raises ValueError.

    Attributes:
        path: name of the video, for messages.
        size: (width, height) of its pictures in pixels.
    """

    def __init__(self, path, length, size):
        self.path, self.size, self._length = path, tuple(size), length

    def __len__(self):
        return self._length

    def frame(self, index):
        raise ValueError(f"Only the labels of {self.path} are at hand; tell its reader where the pictures are")


def open_video(path):
    """Open a video file.

    Args:
        path: of a file that FFmpeg reads.

    Returns:
        `VideoFile`.

    Raises:
        ValueError: if it is missing, no video, holds no pictures, or its first picture is damaged.
        ImportError: without PyAV.
    """
    return VideoFile(path)


def read_frames(path, indices):
    """Some frames of a video file.

    Args:
        path: of the file.
        indices: numbers of frames from 0, in any order.

    Returns:
        list of RGB `PIL.Image.Image`, one per index.

    Raises:
        ValueError: as `open_video`, or for a number that the video does not have.
    """
    with open_video(path) as video:
        found = {index: video.frame(index) for index in sorted(set(indices))}
    return [found[index] for index in indices]


def write_video(path, frames, fps):
    """Write a video file: H.264, or MPEG-4 where PyAV lacks it.

    Args:
        path: of the new file; one of `SUFFIXES`.
        frames: iterable of `PIL.Image.Image` or uint8 (H, W, 3), all of one size. An odd width or height is made even
            by repeating the last column or row, for the codecs' sake.
        fps: pictures in a second.

    Raises:
        ValueError: for another suffix, no frames, frames of different sizes, or an `fps` that is not above 0.
        ImportError: without PyAV.
    """
    av, path = _av(), pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"A video's name must end in one of {', '.join(SUFFIXES)}. Received: {path}")
    if not 0 < fps < np.inf:
        raise ValueError(f"`fps` must be above 0. Received: {fps}")
    size, stream = None, None
    with whole_file(path) as temporary, av.open(str(temporary), "w") as container:
        for frame in frames:
            pixels = np.asarray(frame.convert("RGB") if isinstance(frame, Image.Image) else frame, dtype=np.uint8)
            if stream is None:
                size, stream = pixels.shape, _add_stream(container, pixels.shape, fps)
            if pixels.shape != size or size[2:] != (3,):
                raise ValueError(f"Frames of a video must all be {size[:2]} RGB. Received: {pixels.shape}")
            pixels = np.pad(pixels, [(0, size[0] % 2), (0, size[1] % 2), (0, 0)], mode="edge")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        if stream is None:
            raise ValueError(f"A video needs at least one frame. Received: none for {path}")
        container.mux(stream.encode())


def _add_stream(container, shape, fps):
    av = _av()
    encoder = next(name for name in _ENCODERS if name in av.codecs_available)
    stream = container.add_stream(
        encoder, fractions.Fraction(fps).limit_denominator(1001), options=dict(_ENCODERS[encoder])
    )
    stream.height, stream.width = (side + side % 2 for side in shape[:2])
    stream.pix_fmt = "yuv420p"
    return stream
