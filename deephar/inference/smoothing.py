"""Steady poses in videos: the One Euro filter (Casiez, Roussel and Vogel, CHI 2012), which lags little in motion."""

import dataclasses
import math

import numpy as np

from deephar import checks
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.typed import Floats

BODY_MM = 1500.0
"""Size of a body, for joints in space."""

GONE_S = 2.0
"""A person who was not seen for longer begins anew."""


class OneEuro:
    """Low-pass filter of points whose cutoff rises with their speed.

    Args:
        cutoff_hz: of points at rest; lower is steadier.
        beta: Hz by which the cutoff rises for every size per second of speed; higher lags less.
        speed_cutoff_hz: of the speed's own filter.
    """

    def __init__(self, cutoff_hz: float = 1.0, beta: float = 4.0, speed_cutoff_hz: float = 1.0) -> None:
        self.cutoff_hz: float = checks.between("cutoff_hz", cutoff_hz, 0, low_included=False)
        self.beta: float = checks.between("beta", beta, 0)
        self.speed_cutoff_hz: float = checks.between("speed_cutoff_hz", speed_cutoff_hz, 0, low_included=False)
        self._seconds = math.nan
        self._points: Floats | None = None
        self._speed: Floats | None = None

    def __call__(self, points: Floats, seconds: float, size: float = 1.0) -> Floats:
        """The points of the next moment, filtered.

        Args:
            points: (..., D).
            seconds: when, rising.
            size: of what is measured, e.g. the side of a person's box in pixels, so that near and far people are
                filtered alike.

        Returns:
            float64 (..., D).

        Raises:
            ValueError: if time does not pass.
        """
        points = np.asarray(points, dtype=np.float64)
        if self._points is None or self._speed is None:
            self._points, self._speed, self._seconds = points, np.zeros_like(points), seconds
            return points
        elapsed = seconds - self._seconds
        if not elapsed > 0:
            raise ValueError(f"`seconds` must rise. Received: {seconds} after {self._seconds}")
        self._speed = _blend(self._speed, (points - self._points) / elapsed, self.speed_cutoff_hz, elapsed)
        cutoff = self.cutoff_hz + self.beta * np.linalg.norm(self._speed, axis=-1, keepdims=True) / size
        self._points, self._seconds = _blend(self._points, points, cutoff, elapsed), seconds
        return self._points


def _blend(old: Floats, new: Floats, cutoff_hz: "float | Floats", elapsed: float) -> Floats:
    """Exponential smoothing with a cutoff, over the seconds that elapsed."""
    share = 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * elapsed))
    return old + share * (new - old)


class Smooth:
    """Steadies the joints of the people in a video: `PosePredictor.stream(video, then=[Smooth()])`.

    Where time stands still or goes back, as at the beginning of another video, everybody begins anew.

    Args:
        cutoff_hz, beta: of `OneEuro`.
    """

    def __init__(self, cutoff_hz: float = 1.0, beta: float = 4.0) -> None:
        self._settings = cutoff_hz, beta
        self._filters: dict[int, tuple[OneEuro, OneEuro]] = {}
        self._seen: dict[int, float] = {}
        self._latest = -math.inf

    def __call__(self, result: Result) -> Result:
        """A result with the joints of everybody who is tracked filtered, in pixels and in space."""
        seconds = result.time_s
        going_on, self._latest = seconds > self._latest, seconds
        for track in [track for track, when in self._seen.items() if seconds - when > GONE_S or not going_on]:
            del self._seen[track], self._filters[track]
        people = [self._steadied(person, person.track, seconds) if person.track else person for person in result.people]
        return dataclasses.replace(result, people=people)

    def _steadied(self, person: Person, track: int, seconds: float) -> Person:
        if track not in self._filters:
            self._filters[track] = OneEuro(*self._settings), OneEuro(*self._settings)
        self._seen[track] = seconds
        in_picture, in_space = self._filters[track]
        side = max(1.0, float((person.box_px[2:] - person.box_px[:2]).max()))
        pose = in_picture(person.pose_px, seconds, side)
        space = None if person.pose_3d_mm is None else in_space(person.pose_3d_mm, seconds, BODY_MM)
        return dataclasses.replace(person, pose_px=pose, pose_3d_mm=space)
