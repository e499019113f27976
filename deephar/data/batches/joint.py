"""Batches for all tasks at once: rows of unrelated stills, and rows of clips whose actions are of several sets."""

import dataclasses
import itertools
import typing
from collections.abc import Mapping, Sequence

import numpy as np

from deephar.data.batches.clip_mixture import ClipBatch, ClipMixture
from deephar.data.batches.loader import Loader
from deephar.data.readers.base import Video, VideoDataset
from deephar.data.samples import targets
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints

Sets: typing.TypeAlias = Mapping[str, Sequence[str]]
"""Sets of actions: from the name of each to the names of its classes, in the order of the network's heads."""


class OfSet:
    """A reader of videos whose actions belong to a named set, so that sets may have classes of the same name.

    Args:
        reader: of videos.
        name: of the set; its classes are then called `name/class`.
    """

    def __init__(self, reader: VideoDataset, name: str) -> None:
        self.reader = reader
        self.layout: PoseLayout = reader.layout
        self.actions: tuple[str, ...] = _within(name, reader.actions)

    def __len__(self) -> int:
        return len(self.reader)

    def video(self, index: int) -> Video:
        return self.reader.video(index)

    def labelled_frames(self, index: int) -> Ints:
        return self.reader.labelled_frames(index)


def classes(sets: Sets) -> tuple[str, ...]:
    """The classes of all sets, as `OfSet` calls them: the `actions` of a mixture of clips."""
    return tuple(action for name, actions in sets.items() for action in _within(name, actions))


def _within(name, actions):
    return tuple(f"{name}/{action}" for action in actions)


@dataclasses.dataclass(frozen=True)
class JointBatch:
    """B rows of T stills each, and B clips of T frames.

    Attributes:
        stills, clips: of these.
        broken: messages of the samples that could not be read and were replaced.
    """

    stills: ClipBatch
    clips: ClipBatch

    @property
    def broken(self) -> tuple[str, ...]:
        return self.stills.broken + self.clips.broken


class JointMixture:
    """Stills and clips for the same step; each mixture has its own readers, ratios and seed.

    Args:
        stills: of readers of stills, T in every row; their actions are not used.
        clips: of readers of videos, and of stills if wanted.

    Raises:
        ValueError: if they differ in their numbers of rows or frames, in the crop size, the layout or the coordinates:
            a row of each makes a sample of the network, which devices share out.
    """

    def __init__(self, stills: ClipMixture, clips: ClipMixture) -> None:
        for field in ("batch_size", "frames", "size", "layout", "dim"):
            one, other = getattr(stills, field), getattr(clips, field)
            if one != other:
                raise ValueError(f"Stills and clips need the same {field}. Received: {one} and {other}")
        self.stills, self.clips = stills, clips
        self.batch_size: int = clips.batch_size
        self.layout: PoseLayout = clips.layout
        self.on_broken: str = clips.on_broken

    def __len__(self) -> int:
        return max(len(self.stills), len(self.clips))

    def batch(self, epoch: int, index: int) -> JointBatch:
        """The batch at a position of an epoch: `JointBatch`."""
        return JointBatch(self.stills.batch(epoch, index), self.clips.batch(epoch, index))


class JointLoader(Loader):
    """Keras `PyDataset` of ((stills, clips), targets, sample weights) for `deephar.training.joint.JointNetwork`.

    Targets and weights are those of the stills' poses, then those of every output of the network for the clips. The
    weights of a batch are scaled so that a loss is the mean over the rows that have its label, however many they are.

    Args:
        mixture: `JointMixture`.
        outputs: kind of every output of the clip network, see `deephar.models.outputs.kinds`.
        sets: `Sets` of actions; the action outputs are of one set after the other, and again for every block.
        processes, workers, max_queue_size: see `deephar.data.batches.loader.PoseLoader`.
    """

    def __init__(
        self,
        mixture: JointMixture,
        outputs: str | list[str] | tuple[str, ...],
        sets: Sets,
        processes: int = 0,
        workers: int = 1,
        max_queue_size: int = 4,
    ) -> None:
        super().__init__(mixture, processes, workers, max_queue_size)
        self.outputs: tuple[str, ...] = targets.checked_kinds(outputs)
        if mixture.clips.actions != classes(sets):
            raise ValueError(
                f"The clips' actions must be those of the sets, {', '.join(classes(sets))}. "
                f"Received: {', '.join(mixture.clips.actions)}"
            )
        ends = np.cumsum([0, *map(len, sets.values())]).tolist()
        self._columns: list[slice] = [slice(*pair) for pair in itertools.pairwise(ends)]

    def __getitem__(self, index: int) -> tuple[tuple[Floats, Floats], tuple[Floats, ...], tuple[Floats, ...]]:
        batch: JointBatch = self._batch(index)
        stills, clips = batch.stills, batch.clips
        assert stills.images is not None and clips.images is not None
        poses = [kind for kind in self.outputs if kind != "action"]
        pairs = [self._pose(kind, stills) for kind in poses]
        actions = 0
        for kind in self.outputs:
            if kind == "action":
                pairs.append(self._action(actions % len(self._columns), clips))
                actions += 1
            else:
                pairs.append(self._pose(kind, clips))
        labels, weights = zip(*pairs, strict=True)
        return (stills.images, clips.images), labels, tuple(map(even, weights))

    def _pose(self, kind: str, batch: ClipBatch) -> tuple[Floats, Floats]:
        (target,), weights = targets.of_outputs([kind], batch.pose, batch.pose_weights)
        return target, np.asarray(weights)

    def _action(self, number: int, batch: ClipBatch) -> tuple[Floats, Floats]:
        """Labels of one set, and weights of 0 for clips of another."""
        own = batch.action[:, self._columns[number]]
        return own, own.sum(axis=1, keepdims=True)


def even(weights: Floats) -> Floats:
    """Sample weights with a mean of 1: a mean over the batch becomes one over what has a label. 0 if nothing has.

    Of several processes that train together, each counts the labels of its own part.
    """
    total = weights.sum()
    return weights * np.float32(weights.size / total) if total else weights
