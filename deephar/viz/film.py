"""Films of drawn pictures, written while the pictures come: videos with sound, GIF, WebP."""

import contextlib
import math
import pathlib
import types
import typing

import numpy as np
from PIL import Image

from deephar.files import whole_file
from deephar.soundtrack import Soundtrack
from deephar.typed import Path, Pixels
from deephar.video_writer import SUFFIXES, VideoWriter, check_video, fraction
from deephar.viz.animation import ANIMATIONS, Animation

ANIMATION_WIDTH = 480
"""Of GIF and WebP films in pixels, unless another is asked for."""


def is_film(path: Path) -> bool:
    """Whether a file is a film by its suffix."""
    return pathlib.Path(path).suffix.lower() in (*SUFFIXES, *ANIMATIONS)


class Film:
    """A film that grows with every picture, and is whole however its `with` is left.

    Nothing is seen under its name before the end of the `with`. An exception there, Ctrl-C too, ends the film after the
    last picture, and goes on; there is no file if there was no picture, or if the film itself could not be written.
    Of a video few pictures are held, however long it is; of GIF and WebP all are, see
    `deephar.viz.animation.Animation`.

    Attributes:
        path: of the file.
        pictures: number of pictures that were written.
        notes: list of what did not go as wished, in sentences for a user: sound that is missing or ends early.

    Args:
        path: of the new file: one of `deephar.video.SUFFIXES`, which need PyAV, or .gif or .webp.
        fps: frames per second; where times are given, how long the last picture is shown.
        audio_from: path of a file whose sound goes with the pictures, as long as they last: the video that they were
            made from. It starts where the first picture is in that video. It is copied, or encoded as AAC where players
            may not expect its codec in such a file.
        width: at most, in pixels; wider pictures are reduced. By default 480 for GIF and WebP, and no limit for videos.

    Raises:
        ValueError: for an unsupported suffix, or an `fps` that is not above 0.
        ImportError: for a video without PyAV.

    Example:
        >>> with Film("out.mp4", source.fps, audio_from="holiday.mp4") as film:
        ...     for result in results:
        ...         film.write(draw_result(result), result.seconds)
    """

    def __init__(self, path: Path, fps: float, audio_from: Path | None = None, width: int | None = None) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self.pictures: int = 0
        self._fps, self._audio_from, self._width = fps, audio_from, width
        suffix = self.path.suffix.lower()
        if suffix not in (*SUFFIXES, *ANIMATIONS):
            known = ", ".join([*SUFFIXES, *ANIMATIONS])
            raise ValueError(f"A film's name must end in one of {known}. Received: {path}")
        self._animated = suffix in ANIMATIONS
        if self._animated:
            fraction(fps)
            self._width = width or ANIMATION_WIDTH
        else:
            check_video(path, fps)
        self._notes: list[str] = []
        self._writer: VideoWriter | Animation | None = None
        self._whole: contextlib.AbstractContextManager[pathlib.Path, bool | None] | None = None

    @property
    def notes(self) -> list[str]:
        return self._notes + (self._writer.notes if self._writer else [])

    def write(self, picture: Image.Image | Pixels, seconds: float = math.nan) -> None:
        """Add a picture.

        Args:
            picture: `PIL.Image.Image` or uint8 (H, W, 3), all of the same size. Of a video, an odd width or height is
                made even by repeating the last column or row.
            seconds: when it is shown, by the clock of the video that it was made from, so that a variable frame rate
                keeps its pace and its sound; NaN for 1 / fps after the picture before.

        Raises:
            ValueError: for a picture of another size than the first, or outside the `with`.
            OSError: if the file cannot be written, on a full disk say.
        """
        if self._writer is None or self._whole is None:
            raise ValueError(
                f"A film is written in a `with`: with Film(...) as film. Received: {self.path}, not in one"
            )
        if self._width is not None:
            picture = _reduced(picture, self._width)
        self._writer.write(picture, seconds)
        self.pictures += 1

    def __enter__(self) -> typing.Self:
        self._whole = whole_file(self.path)
        temporary = self._whole.__enter__()
        if self._animated:
            self._writer = Animation(temporary, self._fps, self.path)
        else:
            self._writer = VideoWriter(temporary, self._fps, self._sound(), self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        assert self._writer is not None and self._whole is not None
        whole, self._whole = self._whole, None
        try:
            self._writer.finish()
        except BaseException as fault:
            self._writer.close()
            whole.__exit__(type(fault), fault, fault.__traceback__)
            if error is None or not isinstance(fault, Exception):
                raise
        else:
            whole.__exit__(None, None, None)

    def _sound(self) -> Soundtrack | None:
        if self._audio_from is None:
            return None
        try:
            return Soundtrack(self._audio_from)
        except ValueError as error:
            self._notes.append(f"{self.path} is without sound: {error}")
            return None


def _reduced(picture: Image.Image | Pixels, width: int) -> Image.Image:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.asarray(picture, dtype=np.uint8))
    if image.width <= width:
        return image
    return image.convert("RGB").resize((width, max(1, round(image.height * width / image.width))))
