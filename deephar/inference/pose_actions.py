"""What people do, by the poses of their last seconds alone."""

import dataclasses
import typing
from collections.abc import Callable, Collection, Sequence

import numpy as np

from deephar import checks, geometry, layouts
from deephar.data.samples import clips, targets
from deephar.inference import running
from deephar.inference.judging import Judging, Past
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.inference.seen import located
from deephar.layouts import PoseLayout
from deephar.runtimes import opening
from deephar.typed import Floats, Network, Path


class PoseActions(Judging[Floats]):
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
        super().__init__(actions, span_s, least_s, keep)
        self.model: Network = model
        self.layout: PoseLayout = layout
        self.frames: int = checks.whole("frames", frames)

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

    def remembered(self, result: Result, people: Sequence[tuple[Person, Past[Floats]]]) -> list[Floats]:
        """Joints (J, 2) of the network's layout."""
        return [in_layout(person, result.layout, self.layout) for person, _ in people]

    def scores(self, pasts: Sequence[Past[Floats]]) -> Floats:
        """Probabilities (N, A) of the network's last output."""
        *_, scores = running.judge(self.model, np.stack([self._given(past) for past in pasts])).values()
        return scores

    def _given(self, past: Past[Floats]) -> Floats:
        """The network's input (T, J, 3): poses in the square around all of them."""
        poses = np.stack([past.kept[place] for place in past.spread(self.frames)])
        if not np.isfinite(poses).all(axis=-1).any():
            return np.zeros((*poses.shape[:2], 3), dtype=np.float32)
        box = geometry.enlarge_box(geometry.points_box(poses), geometry.MARGIN)
        pose = geometry.transform_points(geometry.window_to_crop(*clips.boxes_window(box[None])), poses)
        return targets.as_given(targets.layout_target(pose, self.layout, self.layout, 2)).astype(np.float32)


def doing(wanted: Collection[str], sets: Collection[Collection[str]]) -> Callable[[Result], Result]:
    """Function that leaves only the people of a result whose most probable action of some set is one that is wanted.

    Args:
        wanted: names of actions.
        sets: all that there are; each has probabilities of its own, see `deephar.inference.judging.Judging`.

    Raises:
        ValueError: for a name that there is not.
    """
    known = [name for actions in sets for name in actions]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"No action {unknown[0]!r}; there are {', '.join(known) or 'none, as nothing names actions'}")

    def does(person: Person) -> bool:
        judged = person.actions or {}
        return any(max(actions, key=lambda name: judged.get(name, 0.0)) in wanted for actions in sets)

    def only(result: Result) -> Result:
        people = [person for person in result.people if person.actions and does(person)]
        return dataclasses.replace(result, people=people)

    return only


def in_layout(person: Person, source: PoseLayout, target: PoseLayout) -> Floats:
    """Joints (J, 2) of a person by name, NaN for those that are unsure or lacking.

    A head in `target` that `source` lacks is half-way from the neck to the top of the head.

    Args:
        person: with a pose in `source`.
        source, target: layouts.
    """
    pose = located(person.pose_px, person.confidence)
    found = layouts.rearrange(pose, source, target)
    if "head" in target.places and "head" not in source.places and {"neck", "head_top"} <= {*source.places}:
        found[target.index("head")] = pose[[source.index("neck"), source.index("head_top")]].mean(axis=0)
    return found
