"""What people do, by a clip network that looks at the last frames of each."""

import typing
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from deephar import checks, geometry
from deephar.data.samples import clips, frames
from deephar.inference import running
from deephar.inference.judging import Judging, Past
from deephar.inference.people import Person
from deephar.inference.pose_actions import UNSURE
from deephar.inference.results import Result
from deephar.runtimes import opening
from deephar.typed import Floats, Network, Path, Size


class ClipNetwork(Network, typing.Protocol):
    """A network with one input, clips (B, T, H, W, 3): a `keras.Model`, or any object with these attributes."""

    @property
    def input_shape(self) -> tuple[int | None, int, int, int, int]: ...


class _Seen(typing.NamedTuple):
    """A frame, its size (width, height) in the file, and where a person's joints are in pixels of the file."""

    image: Image.Image
    size: Size
    pose: Floats


class ClipActions(Judging[_Seen]):
    """Names what tracked people do: `PosePredictor.stream(video, then=[ClipActions.from_weights(weights)])`.

    T frames spread over the last `span_s` are cropped with one window, as in training: around the joints of the first,
    the middle and the last. Only these frames are kept in memory. Every set of actions has its own
    probabilities, which sum to 1.

    Args:
        model: a clip network, (B, T, H, W, 3) in [-1, 1].
        sets: names of the classes in order, by the sets that the network's outputs name.
        span_s, least_s, keep: see `deephar.inference.judging.Judging`.

    Raises:
        ValueError: for numbers that are out of range.
    """

    def __init__(
        self,
        model: ClipNetwork,
        sets: Mapping[str, Sequence[str]],
        span_s: float = 1.0,
        least_s: float = 0.5,
        keep: float = 0.5,
    ) -> None:
        self.model: ClipNetwork = model
        self.sets: dict[str, tuple[str, ...]] = {name: tuple(actions) for name, actions in sets.items()}
        _, self.frames, height, width, _ = model.input_shape
        self.input_size: Size = (width, height)
        names = [action for actions in self.sets.values() for action in actions]
        super().__init__(names, span_s, least_s, keep, checks.between("span_s", span_s, 0) / max(self.frames - 1, 1))

    @classmethod
    def from_weights(cls, weights: Path, runtime: str | None = None, precision: str = "float32") -> typing.Self:
        """With the clip network that some weights are for.

        Args:
            weights, runtime, precision: see `deephar.runtimes.opening.find`.

        Raises:
            ValueError: if there are no such weights, they are not of a clip network whose actions are known, or the
                runtime cannot use them.
            ImportError: if the runtime is not installed; with the command.
        """
        found = opening.find(weights, runtime, precision)
        if found.about is None or not found.about.estimates_poses or not found.about.sets:
            of = "the detector's" if found.about is None else f"of {found.about.preset}"
            raise ValueError(
                f"Expected weights of a clip network that finds poses and names actions. Received: {weights}, {of}"
            )
        return cls(typing.cast(ClipNetwork, found.load()), found.about.sets)

    def remembered(self, result: Result, person: Person) -> _Seen:
        """The frame, which several people share."""
        if result.image is None:
            raise ValueError(f"{result.name}: a result without its picture cannot be judged by a clip network")
        pose = np.where((person.confidence >= UNSURE)[:, None], person.pose_px, np.nan)
        return _Seen(result.image, result.size, pose)

    def scores(self, pasts: Sequence[Past[_Seen]]) -> Floats:
        """Probabilities (N, A) of the last output of every set, one set after the other."""
        found = running.judge(self.model, np.stack([self._clip(past) for past in pasts]))
        last = {output.actions: scores for output, scores in found.items()}
        return np.concatenate([last[name] for name in self.sets], axis=1)

    def _clip(self, past: Past[_Seen]) -> Floats:
        """The network's input (T, H, W, 3)."""
        seen = [past.kept[place] for place in past.spread(self.frames)]
        window = clips.joints_window(np.stack([one.pose for one in seen]), seen[-1].size)
        px_to_crop = geometry.window_to_crop(*window)
        return frames.crops_of(((one.image, one.size, px_to_crop) for one in seen), self.input_size)
