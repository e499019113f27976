"""What tracked people do, from what is remembered of their last seconds: when they are judged, and how steadily."""

import abc
import collections
import dataclasses
import math
import typing
from collections.abc import Sequence

import numpy as np

from deephar import checks
from deephar.inference.people import Person
from deephar.inference.results import FRAME_S, Result
from deephar.typed import Floats, Ints

_Kept = typing.TypeVar("_Kept")

_ROUNDING_S = 1e-6


@dataclasses.dataclass
class Past(typing.Generic[_Kept]):
    """What is remembered of a person over the last seconds, and what was said of them."""

    seconds: collections.deque[float] = dataclasses.field(default_factory=collections.deque)
    kept: collections.deque[_Kept] = dataclasses.field(default_factory=collections.deque)
    scores: Floats | None = None

    def spread(self, count: int) -> Ints:
        """Positions (count,) of what is remembered, spread over the time; some repeat if there are fewer."""
        times = np.array(self.seconds)
        wanted = np.linspace(times[0], times[-1], count)
        return np.abs(times[:, None] - wanted).argmin(axis=0)


class Judging(abc.ABC, typing.Generic[_Kept]):
    """Names what tracked people do; made for the `then` of `PosePredictor.stream`.

    Somebody is judged once they were seen for `least_s`, by what is remembered of the last `span_s`.

    Args:
        actions: names of the classes in order.
        span_s: seconds that a judgement looks back, at most.
        least_s: at least.
        keep: share of the probabilities before in those after, in [0, 1); more is steadier and later.

    Attributes:
        sets: names of the classes by the set of actions that they are of; the only one has no name.
        apart_s: seconds between what is remembered, at least; only then somebody is judged again.

    Raises:
        ValueError: for numbers that are out of range.
    """

    def __init__(self, actions: Sequence[str], span_s: float, least_s: float, keep: float) -> None:
        self.actions: tuple[str, ...] = tuple(actions)
        self.sets: dict[str, tuple[str, ...]] = {"": self.actions}
        self.span_s: float = checks.between("span_s", span_s, 0, low_included=False)
        self.least_s: float = checks.between("least_s", least_s, 0, span_s)
        self.keep: float = checks.between("keep", keep, 0, 0.999)
        self.apart_s: float = 0.0
        self._latest = -math.inf
        self._pasts: dict[int, Past[_Kept]] = {}

    @abc.abstractmethod
    def remembered(self, result: Result, people: "Sequence[tuple[Person, Past[_Kept]]]") -> Sequence[_Kept]:
        """What is remembered of people in a frame, each with what is remembered already."""

    @abc.abstractmethod
    def scores(self, pasts: Sequence[Past[_Kept]]) -> Floats:
        """Probabilities (N, A) of the actions of some people."""

    def __call__(self, result: Result) -> Result:
        """A result whose people have `actions`, if they were tracked for long enough.

        Where time goes back, as at the beginning of another video, everybody begins anew.
        """
        seconds = result.time_s
        if seconds < self._latest:
            self._pasts.clear()
        self._latest = seconds
        new = self._remember(result, seconds)
        judged = [self._pasts[track] for track in new if self._is_long(track)]
        if judged:
            for past, one in zip(judged, self.scores(judged), strict=True):
                past.scores = one if past.scores is None else self.keep * past.scores + (1 - self.keep) * one
        return dataclasses.replace(result, people=[self._named(person) for person in result.people])

    def _remember(self, result: Result, seconds: float) -> list[int]:
        """The tracks of which something new is remembered."""
        self._forget(seconds - self.span_s - _ROUNDING_S)
        pasts = [(one, self._pasts.setdefault(one.track, Past())) for one in result.people if one.track]
        due = [(one, past) for one, past in pasts if not past.seconds or self._is_due(seconds - past.seconds[-1])]
        for (_, past), kept in zip(due, self.remembered(result, due) if due else (), strict=True):
            past.seconds.append(seconds)
            past.kept.append(kept)
        return [one.track for one, _ in due if one.track]

    def _forget(self, before: float) -> None:
        """Whatever is older, and who was not seen since."""
        for track, past in list(self._pasts.items()):
            while past.seconds and past.seconds[0] < before:
                past.seconds.popleft()
                past.kept.popleft()
            if not past.seconds:
                del self._pasts[track]

    def _is_due(self, apart_s: float) -> bool:
        return apart_s >= self.apart_s - FRAME_S / 2

    def _is_long(self, track: int) -> bool:
        seconds = self._pasts[track].seconds
        return seconds[-1] - seconds[0] >= self.least_s - FRAME_S

    def _named(self, person: Person) -> Person:
        past = self._pasts.get(person.track or 0)
        if past is None or past.scores is None:
            return person
        order = np.argsort(-past.scores, kind="stable").tolist()
        return dataclasses.replace(person, actions={self.actions[place]: float(past.scores[place]) for place in order})
