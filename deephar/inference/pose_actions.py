"""What people do, by the poses of their last seconds alone."""

import collections
import dataclasses
import math
import typing
from collections.abc import Callable, Collection

import numpy as np

from deephar import checks, geometry, layouts
from deephar.data.samples import clips, targets
from deephar.inference import running
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.inference.smoothing import FRAME_S
from deephar.layouts import PoseLayout
from deephar.runtimes import opening
from deephar.typed import Floats, Network, Path

UNSURE = 0.2
"""Joints of a smaller confidence are not located, for the network that judges."""


@dataclasses.dataclass
class _Past:
    """The poses of a person over the last seconds, and what was said of them."""

    seconds: collections.deque[float] = dataclasses.field(default_factory=collections.deque)
    poses: collections.deque[Floats] = dataclasses.field(default_factory=collections.deque)
    scores: Floats | None = None


class PoseActions:
    """Names what tracked people do: `PosePredictor.stream(video, then=[PoseActions.from_weights("penn-pose-only")])`.

    Somebody is judged once they were seen for `least_s`, by T poses spread over the last `span_s`.

    Args:
        model: a clip network that takes given poses, (B, T, J, 3): x and y in [0, 1] and 1 where located.
        layout: of its joints; those of the predicted poses are found by name, see `in_layout`.
        actions: names of its classes in order.
        frames: T.
        span_s: seconds that a judgement looks back, at most.
        least_s: at least.
        keep: share of the probabilities before in those after, in [0, 1); more is steadier and later.

    Raises:
        ValueError: for numbers that are out of range.
    """

    def __init__(
        self,
        model: Network,
        layout: PoseLayout,
        actions: tuple[str, ...],
        frames: int = 16,
        span_s: float = 2.5,
        least_s: float = 1.0,
        keep: float = 0.8,
    ) -> None:
        self.model: Network = model
        self.layout: PoseLayout = layout
        self.actions: tuple[str, ...] = actions
        self.frames: int = checks.whole("frames", frames)
        self.span_s: float = checks.between("span_s", span_s, 0, low_included=False)
        self.least_s: float = checks.between("least_s", least_s, 0, span_s)
        self.keep: float = checks.between("keep", keep, 0, 0.999)
        self._pasts: dict[int, _Past] = {}

    @classmethod
    def from_weights(
        cls, weights: Path = "penn-pose-only", runtime: str | None = None, precision: str = "float32"
    ) -> typing.Self:
        """With the network that some weights are for, by default Penn Action's 15 actions.

        Args:
            weights, runtime, precision: see `deephar.runtimes.opening.find`.

        Raises:
            ValueError: if there are no such weights, they are not of a network that takes given poses, or the runtime
                cannot use them.
            ImportError: if the runtime is not installed; with the command.
        """
        found = opening.find(weights, runtime, precision)
        about = found.about
        if about is None or getattr(about.settings, "poses", None) != "given" or not about.actions:
            of = "the detector" if about is None else about.preset
            raise ValueError(f"Expected weights that name actions by given poses. Received: {weights}, of {of}")
        return cls(found.load(), about.layout, about.actions)

    def __call__(self, result: Result) -> Result:
        """A result whose people have `actions`, if they were tracked for long enough."""
        seconds = result.seconds if math.isfinite(result.seconds) else result.index * FRAME_S
        self._remember(result, seconds)
        judged = [person.track for person in result.people if person.track and self._is_long(person.track)]
        if judged:
            given = np.stack([self._given(self._pasts[track]) for track in judged])
            *_, scores = running.judge(self.model, given).values()
            for track, one in zip(judged, scores, strict=True):
                past = self._pasts[track]
                past.scores = one if past.scores is None else self.keep * past.scores + (1 - self.keep) * one
        return dataclasses.replace(result, people=[self._named(person) for person in result.people])

    def _remember(self, result: Result, seconds: float) -> None:
        for person in result.people:
            if person.track:
                past = self._pasts.setdefault(person.track, _Past())
                past.seconds.append(seconds)
                past.poses.append(in_layout(person, result.layout, self.layout))
        for track, past in list(self._pasts.items()):
            while past.seconds and past.seconds[0] < seconds - self.span_s:
                past.seconds.popleft()
                past.poses.popleft()
            if not past.seconds:
                del self._pasts[track]

    def _is_long(self, track: int) -> bool:
        seconds = self._pasts[track].seconds
        return seconds[-1] - seconds[0] >= self.least_s - FRAME_S

    def _given(self, past: _Past) -> Floats:
        """The network's input (T, J, 3): poses in the square around all of them."""
        times = np.array(past.seconds)
        wanted = np.linspace(times[0], times[-1], self.frames)
        nearest = np.abs(times[:, None] - wanted).argmin(axis=0)
        poses = np.stack([past.poses[place] for place in nearest])
        located = np.isfinite(poses).all(axis=-1)
        if not located.any():
            return np.zeros((*poses.shape[:2], 3), dtype=np.float32)
        box = geometry.enlarge_box(geometry.points_box(poses), geometry.MARGIN)
        pose = geometry.transform_points(geometry.window_to_crop(*clips.boxes_window(box[None])), poses)
        return targets.as_given(targets.layout_target(pose, self.layout, self.layout, 2)).astype(np.float32)

    def _named(self, person: Person) -> Person:
        past = self._pasts.get(person.track or 0)
        if past is None or past.scores is None:
            return person
        order = np.argsort(-past.scores, kind="stable").tolist()
        return dataclasses.replace(person, actions={self.actions[place]: float(past.scores[place]) for place in order})


def doing(wanted: Collection[str], actions: Collection[str]) -> Callable[[Result], Result]:
    """Function that leaves only the people of a result whose most probable action is one of some.

    Args:
        wanted: names of actions.
        actions: all that there are.

    Raises:
        ValueError: for a name that there is not.
    """
    unknown = [name for name in wanted if name not in actions]
    if unknown:
        raise ValueError(f"No action {unknown[0]!r}; there are {', '.join(actions) or 'none without --actions'}")

    def only(result: Result) -> Result:
        people = [person for person in result.people if person.actions and next(iter(person.actions)) in wanted]
        return dataclasses.replace(result, people=people)

    return only


def in_layout(person: Person, source: PoseLayout, target: PoseLayout) -> Floats:
    """Joints (J, 2) of a person by name, NaN for those that are unsure or lacking.

    A head in `target` that `source` lacks is half-way from the neck to the top of the head.

    Args:
        person: with a pose in `source`.
        source, target: layouts.
    """
    pose = np.where((person.confidence >= UNSURE)[:, None], person.pose_px, np.nan)
    found = layouts.rearrange(pose, source, target)
    if "head" in target.places and "head" not in source.places and {"neck", "head_top"} <= {*source.places}:
        found[target.index("head")] = pose[[source.index("neck"), source.index("head_top")]].mean(axis=0)
    return found
