"""GIF and WebP films, with Pillow."""

import fractions
import math
import pathlib

import numpy as np
from PIL import Image

from deephar.timing import Clock
from deephar.typed import Path, Pixels
from deephar.video_writer import fraction

ANIMATIONS = {".gif": 100, ".webp": 1000}
"""Suffixes of the files that can be written, and the times in a second that they can hold."""

_LEAST_S = fractions.Fraction(1, 50)
"""Pictures that follow sooner are left out: browsers would slow them down."""


class Animation:
    """A GIF or WebP, which is written at the end; every picture is held until then.

    A picture takes a byte a pixel in a GIF, where it has a palette of its own, 256 colours of those in it, and three in
    a WebP: for more than half a minute, write a video. Pictures that follow within 20 ms are left out.

    Attributes:
        notes: empty; those of `deephar.video_writer.VideoWriter` are sentences for a user.

    Args:
        path: of the file, one of `ANIMATIONS`.
        fps: pictures in a second, where no times are given; where they are, how long the last one is shown.
        name: of the file for messages.
    """

    def __init__(self, path: pathlib.Path, fps: float, name: Path) -> None:
        self.notes: list[str] = []
        self._path, self._name = path, name
        tick = fractions.Fraction(1, ANIMATIONS[path.suffix.lower()])
        self._clock = Clock(fraction(fps), tick)
        self._pictures: list[Image.Image] = []
        self._times: list[fractions.Fraction] = []

    def write(self, picture: Image.Image | Pixels, seconds: float = math.nan) -> None:
        """Add a picture.

        Args:
            picture: `PIL.Image.Image` or uint8 (H, W, 3), all of the same size.
            seconds: when it is shown, by any clock; NaN for 1 / fps after the one before.

        Raises:
            ValueError: for a picture of another size than the first.
        """
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.asarray(picture, dtype=np.uint8))
        if self._pictures and image.size != self._pictures[0].size:
            raise ValueError(f"Pictures of a film must all be {self._pictures[0].size}. Received: {image.size}")
        time = self._clock.show(seconds) * self._clock.tick
        if self._times and time < self._times[-1] + _LEAST_S:
            return
        image = image.convert("RGB")
        if self._path.suffix.lower() == ".gif":  # of all methods, this one keeps the small and bright: labels, bones
            image = image.quantize(256, Image.Quantize.FASTOCTREE)
        self._pictures.append(image)
        self._times.append(time)

    def finish(self) -> None:
        """Write the file.

        Raises:
            ValueError: if there is no picture.
            OSError: if it cannot be written, on a full disk say.
        """
        if not self._pictures:
            raise ValueError(f"A film needs at least one picture. Received: none for {self._name}")
        last = max(fractions.Fraction(self._clock.end), self._times[-1] + _LEAST_S)
        shown = [round(1000 * (b - a)) for a, b in zip(self._times, [*self._times[1:], last], strict=True)]
        first, *others = self._pictures
        try:
            first.save(self._path, save_all=True, append_images=others, duration=shown, loop=0)
        except OSError as error:
            raise OSError(error.errno, error.strerror or str(error), str(self._name)) from error
        self.close()

    def close(self) -> None:
        """Let the pictures go."""
        self._pictures, self._times = [], []
