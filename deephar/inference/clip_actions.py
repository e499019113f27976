"""What people do, by a clip network that looks at the last frames of each: in two parts, or as a whole."""

import typing
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from deephar import checks, geometry
from deephar.data.samples import clips, frames
from deephar.inference import running, seen
from deephar.inference.judging import Judging, Past
from deephar.inference.people import Person
from deephar.inference.predictor import PoseNetwork
from deephar.inference.results import Result
from deephar.inference.seen import Seen, located
from deephar.models.outputs import Output
from deephar.runtimes import choosing, opening
from deephar.typed import Floats, Network, Path, Size


class ClipNetwork(Network, typing.Protocol):
    """A network with one input, clips (B, T, H, W, 3): a `keras.Model`, or any object with these attributes."""

    @property
    def input_shape(self) -> tuple[int | None, int, int, int, int]: ...


_Kept = typing.TypeVar("_Kept")


class _Looked(typing.NamedTuple):
    """What was found in a frame, and where a person's joints are in pixels of the file."""

    seen: Seen
    pose: Floats


class _Frame(typing.NamedTuple):
    """A frame, its size (width, height) in the file, and where a person's joints are in pixels of the file."""

    image: Image.Image
    size: Size
    pose: Floats


def from_weights(weights: Path, runtime: str | None = None, precision: str = "float32") -> "FrameActions | ClipActions":
    """What names actions by a clip network, for the `then` of `PosePredictor.stream`.

    Args:
        weights, runtime, precision: see `deephar.runtimes.opening.find`.

    Returns:
        `FrameActions` where the network has two parts, and `ClipActions` for a file of `deephar export`, which holds
        the whole, and for an SPNet.

    Raises:
        ValueError: if there are no such weights, they are not of a clip network whose actions are known, or the
            runtime cannot use them.
        ImportError: if the runtime is not installed; with the command.
    """
    found = opening.find(weights, runtime, precision)
    about = found.about
    if about is None or not about.estimates_poses or not about.sets:
        of = "the detector's" if about is None else f"of {about.preset}"
        raise ValueError(
            f"Expected weights of a clip network that finds poses and names actions. Received: {weights}, {of}"
        )
    if choosing.is_exported(weights) or not about.has_parts:
        return ClipActions(typing.cast(ClipNetwork, found.load()), about.sets)
    frame, head = opening.find_parts(weights, runtime, precision)
    return FrameActions(typing.cast(PoseNetwork, frame), head, about.sets, about.frames)


class _OfSets(Judging[_Kept]):
    """Judges by T frames, with the last output of every set of actions."""

    def __init__(
        self, sets: Mapping[str, Sequence[str]], frames: int, span_s: float, least_s: float, keep: float
    ) -> None:
        self.frames: int = checks.whole("frames", frames)
        super().__init__([action for actions in sets.values() for action in actions], span_s, least_s, keep)
        self.sets = {name: tuple(actions) for name, actions in sets.items()}
        self.apart_s: float = self.span_s / max(self.frames - 1, 1)

    def in_order(self, found: Mapping[Output, Floats]) -> Floats:
        """Probabilities (N, A), one set after the other."""
        last = {output.actions: scores for output, scores in found.items()}
        return np.concatenate([last[name] for name in self.sets], axis=1)


class FrameActions(_OfSets[_Looked]):
    """Names what tracked people do, by a clip network in two parts: every frame is computed once.

    Poses and pooled features of T frames spread over the last `span_s` are kept, and only the head runs on them. They
    were seen in windows that follow the person, see `deephar.inference.seen`. Every set of actions has its own
    probabilities, which sum to 1.

    Args:
        frame, head: of `deephar.models.action.streaming.split`.
        sets: names of the classes in order, by the sets of actions that the head's outputs name.
        frames: T.
        span_s, least_s, keep: see `deephar.inference.judging.Judging`.

    Raises:
        ValueError: for numbers that are out of range.
    """

    def __init__(
        self,
        frame: PoseNetwork,
        head: Network,
        sets: Mapping[str, Sequence[str]],
        frames: int,
        span_s: float = 1.0,
        least_s: float = 0.5,
        keep: float = 0.5,
    ) -> None:
        self.frame: PoseNetwork = frame
        self.head: Network = head
        super().__init__(sets, frames, span_s, least_s, keep)

    def remembered(self, result: Result, people: Sequence[tuple[Person, Past[_Looked]]]) -> list[_Looked]:
        """What the frame network finds, in windows around what is remembered and the pose of this frame."""
        poses = [person.pose_px for person, _ in people]
        windows = [
            clips.joints_window(np.stack([*(one.pose for one in past.kept), pose]), result.size)
            for pose, (_, past) in zip(poses, people, strict=True)
        ]
        found = seen.look(self.frame, _picture(result), result.size, windows)
        return [_Looked(one, pose) for one, pose in zip(found, poses, strict=True)]

    def scores(self, pasts: Sequence[Past[_Looked]]) -> Floats:
        """Probabilities (N, A) of the last output of every set, one set after the other."""
        chosen = [[past.kept[place].seen for place in past.spread(self.frames)] for past in pasts]
        return self.in_order(seen.judge(self.head, chosen))


class ClipActions(_OfSets[_Frame]):
    """Names what tracked people do, by a whole clip network; every judgement computes T frames.

    T frames spread over the last `span_s` are cropped with one window, as in training: around the joints of the first,
    the middle and the last. Only these frames are kept in memory. Every set of actions has its own
    probabilities, which sum to 1.

    Args:
        model: a clip network, (B, T, H, W, 3) in [-1, 1].
        sets: names of the classes in order, by the sets of actions that the network's outputs name.
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
        _, frames, height, width, _ = model.input_shape
        self.input_size: Size = (width, height)
        super().__init__(sets, frames, span_s, least_s, keep)

    def remembered(self, result: Result, people: Sequence[tuple[Person, Past[_Frame]]]) -> list[_Frame]:
        """The frame, which several people share."""
        picture = _picture(result)
        return [_Frame(picture, result.size, located(one.pose_px, one.confidence)) for one, _ in people]

    def scores(self, pasts: Sequence[Past[_Frame]]) -> Floats:
        """Probabilities (N, A) of the last output of every set, one set after the other."""
        together = running.batches(pasts, max(1, seen.TOGETHER // self.frames))
        clips_of = (np.stack([self._clip(past) for past in some]) for some in together)
        return np.concatenate([self.in_order(running.judge(self.model, some)) for some in clips_of])

    def _clip(self, past: Past[_Frame]) -> Floats:
        """The network's input (T, H, W, 3)."""
        chosen = [past.kept[place] for place in past.spread(self.frames)]
        window = clips.joints_window(np.stack([one.pose for one in chosen]), chosen[-1].size)
        px_to_crop = geometry.window_to_crop(*window)
        return frames.crops_of(((one.image, one.size, px_to_crop) for one in chosen), self.input_size)


def _picture(result: Result) -> Image.Image:
    if result.image is None:
        raise ValueError(f"{result.name}: a result without its picture cannot be judged by a clip network")
    return result.image
