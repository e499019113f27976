"""3D poses over time, person by person, as formats of motion capture want them."""

import abc
import dataclasses
import math
import pathlib
from collections.abc import Iterator

import numpy as np

from deephar.inference.export.about import About
from deephar.inference.export.writing import Collecting
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.typed import Floats, Ints, Path

SAME_RATE = 0.01
"""How far the rate of what was seen may be from what a source says, in shares of it: times may be rounded."""

_UPRIGHT = np.array([1.0, -1.0, -1.0])
"""From the axes of the camera (x right, y down, z away) to x right, y up, z towards the camera; both right-handed."""


@dataclasses.dataclass(frozen=True)
class Take:
    """One person from the first frame to the last.

    Attributes:
        indices: (F,) of the frames in the source, evenly spaced.
        seconds: (F,) when they are shown.
        rate: frames in a second.
        points_mm: (F, J, 3), x to the picture's right, y up, z towards the camera, from the pelvis or, where its
            position is known throughout, from the camera; NaN in frames without the person.
    """

    indices: Ints
    seconds: Floats
    rate: float
    points_mm: Floats


class Takes(Collecting):
    """A writer of one file for every person in a video, which it writes on closing.

    The file is `path` for a single person, otherwise the number of the track is inserted: clip.track2.trc.

    Args:
        path: of the file.
        about: what all results have in common.

    Raises:
        ValueError: if `path` is a folder.
        OSError: if its folder cannot be written to.
    """

    def __init__(self, path: Path, about: About) -> None:
        super().__init__(path)
        self.about: About = about
        self._seconds: dict[int, float] = {}
        self._people: dict[int | None, dict[int, tuple[Floats, Floats | None]]] = {}

    def _collect(self, result: Result) -> None:
        if math.isnan(self.about.fps) and math.isnan(result.seconds):
            raise ValueError(f"{self.path} needs times of its frames, or a frame rate. Received: neither")
        if len({person.track for person in result.people}) < len(result.people):
            raise ValueError(f"{self.path} needs people with tracks, where there are several in {result.name}")
        self._seconds[result.index] = result.seconds
        for person in result.people:
            self._people.setdefault(person.track, {})[result.index] = _in_space(person, self.path)

    def _texts(self) -> Iterator[tuple[pathlib.Path, str]]:
        for track, seen in self._people.items():
            alone = len(self._people) == 1
            path = self.path if alone else self.path.with_suffix(f".track{track or 0}{self.path.suffix}")
            text = self._text(self._take(seen), path)
            if text:
                yield path, text

    @abc.abstractmethod
    def _text(self, take: Take, path: pathlib.Path) -> str:
        """The file of one take; empty if there is nothing to write."""

    def _take(self, seen: dict[int, tuple[Floats, Floats | None]]) -> Take:
        known = np.array(sorted(self._seconds))
        seconds = np.array([self._seconds[index] for index in known])
        timed = np.isfinite(seconds)
        step = int(np.gcd.reduce(np.diff(known))) or 1
        indices = np.arange(min(seen), max(seen) + 1, step)
        shown = np.interp(indices, known[timed], seconds[timed]) if timed.any() else indices / self.about.fps
        absolute = all(position is not None for _, position in seen.values())
        points = np.full((len(indices), len(self.about.layout), 3), np.nan)
        for index, (pose, position) in seen.items():
            points[(index - indices[0]) // step] = pose + position if absolute and position is not None else pose
        return Take(indices, shown, self._rate(known[timed], seconds[timed]) / step, points * _UPRIGHT + 0.0)  # no -0

    def _rate(self, indices: Ints, seconds: Floats) -> float:
        """Frames of the source in a second: what it says, unless its frames came at another rate."""
        said, lasted = self.about.fps, seconds[-1] - seconds[0] if len(seconds) else 0.0
        if not lasted > 0:
            return 1.0 if math.isnan(said) else said
        measured = float((indices[-1] - indices[0]) / lasted)
        return said if abs(measured / said - 1) < SAME_RATE else measured


def _in_space(person: Person, path: pathlib.Path) -> tuple[Floats, Floats | None]:
    if person.pose_3d_mm is None:
        raise ValueError(f"{path} needs 3D poses. Received: people of a network without depth")
    return person.pose_3d_mm, person.position_mm
