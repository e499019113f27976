"""Batches of clips, and of stills strung together like clips, from several readers with partial labels, in numpy."""

import dataclasses
import functools

import numpy as np

from deephar import config
from deephar.data.batches.mixture import augmentations
from deephar.data.batches.queues import Queues
from deephar.data.samples import augment, clips
from deephar.data.samples.crops import make_crop
from deephar.data.samples.targets import labelled, layout_target, one_hot


@dataclasses.dataclass(frozen=True)
class ClipBatch:
    """Clips of every reader, interleaved (`deephar.data.batches.queues.interleave`).

    Attributes:
        images: float32 (B, T, H, W, 3) in [-1, 1]; None where only poses were asked for.
        pose: float32 (B, T, J, dim + 1), see `deephar.data.samples.targets.pose_target`.
        pose_weights: float32 (B, 1), 0 where no joint of a clip has a label.
        action: float32 (B, A), one-hot; all 0 where the action is unknown.
        action_weights: float32 (B, 1), 0 where the action is unknown.
        broken: messages of the samples that could not be read and were replaced.
    """

    images: np.ndarray | None
    pose: np.ndarray
    pose_weights: np.ndarray
    action: np.ndarray
    action_weights: np.ndarray
    broken: tuple


class ClipMixture(Queues):
    """Clips of several readers, cut into batches. The labels may be partial: a pose without an action (of a reader of
    stills, T unrelated stills make a clip), an action without a pose, a pose without depth.

    Args:
        sources, seed, on_broken, shard, steps: see `deephar.data.batches.queues.Queues`; the readers may give videos or
            stills.
        frames: T.
        size: (height, width) of the crops in pixels; None for poses without pictures.
        actions: names of the classes in order; the first reader of videos' by default. A class of a reader that is not
            among them is unknown.
        layout: of the poses; the first reader's by default.
        dim: coordinates of the poses.
        subsampling: frame strides of clips, drawn from these.
        spread: instead, (low, high): a clip is spread over a share of its video drawn from this interval, see
            `deephar.data.samples.clips.spread_frames`.
        augmentation: see `deephar.data.batches.mixture.augmentations`; one draw for a clip.
        noise: `deephar.config.PoseNoise` on the poses of videos, where they are given to the network; never on labels.
        boxes: see `deephar.data.samples.clips.make_clip`.
        square: see `deephar.data.samples.clips.joints_window`.
    """

    def __init__(
        self,
        sources,
        frames,
        size=None,
        actions=None,
        layout=None,
        dim=2,
        subsampling=(1,),
        spread=None,
        augmentation="none",
        noise=None,
        boxes=None,
        square=True,
        seed=0,
        on_broken="raise",
        shard=(0, 1),
        steps=None,
    ):
        super().__init__(sources, seed, on_broken, shard, steps)
        readers = [reader for reader, _ in sources]
        if size is None and not all(hasattr(reader, "video") for reader in readers):
            raise ValueError("Stills have nothing to give but pictures; give their `size`. Received: size=None")
        if actions is None:
            actions = next((reader.actions for reader in readers if hasattr(reader, "actions")), ())
        self.frames, self.size, self.dim = frames, None if size is None else tuple(size), dim
        self.actions, self.layout = tuple(actions), layout or readers[0].layout
        self.subsampling, self.spread = tuple(subsampling), spread
        self.noise, self.boxes, self.square = noise or config.PoseNoise(), boxes, square
        self.augmentations = augmentations(augmentation, len(sources))

    def batch(self, epoch, index):
        """The batch at a position of an epoch: `ClipBatch`."""
        broken = []
        makers = [self._clip if hasattr(reader, "video") else self._stills for reader, _ in self.sources]
        rows = [makers[number](number, epoch, position, broken) for number, position in self.rows(index)]
        images, poses, actions = zip(*rows, strict=True)
        pose, stacked = np.stack(poses), None if self.size is None else np.stack(images)
        return ClipBatch(stacked, pose, labelled(pose), *one_hot(np.array(actions), len(self.actions)), tuple(broken))

    def _clip(self, number, epoch, position, broken):
        """Images, pose and action of a clip of a video."""
        reader, _ = self.sources[number]

        def make(place, generator):
            variation = augment.draw(self.augmentations[number], generator)
            numbers = functools.partial(self._numbers, generator=generator)
            clip = clips.make_clip(reader, place, numbers, self.size, variation, self.boxes, self.square)
            return dataclasses.replace(clip, pose_crop=with_noise(clip.pose_crop, self.noise, generator))

        clip = self.take(number, epoch, position, make, broken)
        name = reader.actions[clip.action] if clip.action >= 0 else None
        action = self.actions.index(name) if name in self.actions else -1
        return clip.images, layout_target(clip.pose_crop, reader.layout, self.layout, self.dim), action

    def _numbers(self, length, generator):
        """Numbers of the frames of a clip."""
        if self.spread:
            return clips.spread_frames(length, self.frames, generator.uniform(*self.spread), generator.uniform())
        return clips.clip_frames(length, self.frames, int(generator.choice(self.subsampling)), generator)

    def _stills(self, number, epoch, position, broken):
        """Images and poses of T unrelated stills; their action is unknown."""
        reader, _ = self.sources[number]

        def make(place, generator):
            return make_crop(reader, place, self.size, augment.draw(self.augmentations[number], generator))

        positions = range(position * self.frames, (position + 1) * self.frames)
        stills = [self.take(number, epoch, place, make, broken) for place in positions]
        pose = np.stack([still.pose_crop for still in stills])
        return np.stack([s.image for s in stills]), layout_target(pose, reader.layout, self.layout, self.dim), -1


def with_noise(pose, noise, generator):
    """A pose (T, J, D) in crop coordinates with `deephar.config.PoseNoise`; joints that are left out are NaN."""
    if noise.jitter:
        pose = pose + generator.normal(0.0, generator.uniform(0.0, noise.jitter), pose.shape)
    if noise.dropout:
        pose = np.where(generator.uniform(size=(pose.shape[1], 1)) < noise.dropout, np.nan, pose)
    return pose
