"""Batches of clips, and of stills grouped into clips, from several readers with partial labels, in numpy."""

import dataclasses
import functools
import typing
from collections.abc import Sequence, Sized

import numpy as np

from deephar.config import AugmentConfig, PoseNoise
from deephar.data.batches.mixture import Augmentation, augmentations, labels
from deephar.data.batches.queues import Queues
from deephar.data.readers.base import PoseDataset, VideoDataset, is_of_videos
from deephar.data.samples import augment, clips, frames
from deephar.data.samples.boxes import Chooser
from deephar.data.samples.crops import Crop, make_crop
from deephar.data.samples.targets import joint_weights, layout_target, one_hot
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats, Ints, Pixels, Size

_Row: typing.TypeAlias = tuple[Pixels | None, Floats, Floats, Floats | None, int]
"""Pixels, their powers, pose target, joint weights (None: certain) and action (-1: unknown) of a clip."""


@dataclasses.dataclass(frozen=True)
class ClipBatch:
    """Clips of every reader, interleaved (`deephar.data.batches.queues.interleave`).

    Attributes:
        pixels: uint8 (B, T, H, W, 3); None if only poses were requested.
        powers: (B, T, 3) exponents of their channels, see `deephar.data.samples.frames.to_input`.
        pose: float32 (B, T, J, dim + 1), see `deephar.data.samples.targets.pose_target`.
        pose_weights: float32 (B, 1), 0 if no joint of a clip has a label; or (B, T, J) if a reader of stills weights
            its joints, or batches are made in parts.
        action: float32 (B, A), one-hot; all 0 if the action is unknown.
        action_weights: float32 (B, 1), 0 if the action is unknown.
        broken: messages of the samples that could not be read and were replaced.
    """

    pixels: Pixels | None
    powers: Floats
    pose: Floats
    pose_weights: Floats
    action: Floats
    action_weights: Floats
    broken: tuple[str, ...]

    @functools.cached_property
    def images(self) -> Floats | None:
        """float32 (B, T, H, W, 3) in [-1, 1], None without pixels; a quarter of it is what processes send."""
        if self.pixels is None:
            return None
        pictures = self.pixels.reshape(-1, *self.pixels.shape[2:])
        return frames.to_inputs(pictures, self.powers.reshape(-1, 3)).reshape(self.pixels.shape)


class ClipMixture(Queues[PoseDataset | VideoDataset]):
    """Batches of clips from several readers. The labels may be partial: a pose without an action (T unrelated stills
    from a reader of stills make a clip), an action without a pose, a pose without depth.

    Args:
        sources, seed, on_broken, shard, steps, part, turns: see `deephar.data.batches.queues.Queues`; the readers may
            give videos or stills.
        frames: T.
        size: (height, width) of the crops in pixels; None for poses without images.
        actions: names of the classes in order; by default those of the first video reader. A reader's class that is not
            among them counts as unknown.
        layout: of the poses; the first reader's by default.
        dim: coordinates of the poses.
        subsampling: frame strides to sample from.
        spread: instead, (low, high): a clip spans a fraction of its video sampled from this interval, see
            `deephar.data.samples.clips.spread_frames`.
        augmentation: see `deephar.data.batches.mixture.augmentations`; sampled once per clip.
        noise: `deephar.config.PoseNoise` for poses of videos that are input to the network; never for labels.
        boxes: see `deephar.data.samples.clips.make_clip`.
        square: see `deephar.data.samples.clips.joints_window`.
    """

    def __init__(
        self,
        sources: Sequence[tuple[PoseDataset | VideoDataset, int]],
        frames: int,
        size: Size | None = None,
        actions: Sequence[str] | None = None,
        layout: PoseLayout | None = None,
        dim: int = 2,
        subsampling: Sequence[int] = (1,),
        spread: tuple[float, float] | None = None,
        augmentation: Augmentation = "none",
        noise: PoseNoise | None = None,
        boxes: ArrayLike | Chooser | None = None,
        square: bool = True,
        seed: int = 0,
        on_broken: str = "raise",
        shard: tuple[int, int] = (0, 1),
        steps: int | None = None,
        part: tuple[int, int] = (0, 1),
        turns: int = 1,
    ) -> None:
        super().__init__(sources, seed, on_broken, shard, steps, part, turns)
        readers = [reader for reader, _ in sources]
        if size is None and not all(is_of_videos(reader) for reader in readers):
            raise ValueError("Stills need a crop `size`: without images they have no input. Received: size=None")
        if actions is None:
            actions = next((reader.actions for reader in readers if is_of_videos(reader)), ())
        self.frames = frames
        self.size: Size | None = None if size is None else (size[0], size[1])
        self.dim = dim
        self.actions: tuple[str, ...] = tuple(actions)
        self.layout: PoseLayout = layout or readers[0].layout
        self.subsampling: tuple[int, ...] = tuple(subsampling)
        self.spread = spread
        self.noise: PoseNoise = noise or PoseNoise()
        self.boxes = boxes
        self.square = square
        self.augmentations: list[AugmentConfig] = augmentations(augmentation, len(sources))

    def samples_of(self, reader: Sized) -> int:
        """One video, or T stills."""
        return 1 if is_of_videos(typing.cast(VideoDataset, reader)) else self.frames

    def batch(self, epoch: int, index: int) -> ClipBatch:
        """The batch at a position of an epoch: `ClipBatch`."""
        broken = []
        makers = [self._clip if is_of_videos(reader) else self._stills for reader, _ in self.sources]
        rows = [makers[number](number, epoch, position, broken) for number, position in self.rows(index)]
        pixels, powers, poses, weights, actions = zip(*rows, strict=True)
        pose, shown = np.stack(poses), (None if self.size is None else np.stack(pixels), np.stack(powers))
        known = one_hot(np.array(actions), len(self.actions))
        return ClipBatch(*shown, pose, joint_weights(pose, weights, self.in_parts), *known, tuple(broken))

    def _clip(self, number: int, epoch: int, position: int, broken: list[str]) -> _Row:
        """A clip from a video, whose joints are certain."""
        reader = typing.cast(VideoDataset, self.sources[number][0])

        def make(place: int, generator: np.random.Generator) -> clips.Clip:
            variation = augment.draw(self.augmentations[number], generator)
            numbers = functools.partial(self._numbers, generator=generator)
            clip = clips.make_clip(reader, place, numbers, self.size, variation, self.boxes, self.square)
            return dataclasses.replace(clip, pose_crop=with_noise(clip.pose_crop, self.noise, generator))

        clip = self.take(number, epoch, position, make, broken)
        name = reader.actions[clip.action] if clip.action >= 0 else None
        action = self.actions.index(name) if name in self.actions else -1
        powers = np.tile(clip.variation.power, (self.frames, 1))
        return clip.pixels, powers, layout_target(clip.pose_crop, reader.layout, self.layout, self.dim), None, action

    def _numbers(self, length: int, generator: np.random.Generator) -> Ints:
        """Frame numbers of a clip."""
        if self.spread:
            return clips.spread_frames(length, self.frames, generator.uniform(*self.spread), generator.uniform())
        return clips.clip_frames(length, self.frames, int(generator.choice(self.subsampling)), generator)

    def _stills(self, number: int, epoch: int, position: int, broken: list[str]) -> _Row:
        """T unrelated stills, whose action is unknown."""
        reader, size = typing.cast(PoseDataset, self.sources[number][0]), self.size
        assert size is not None

        def make(place: int, generator: np.random.Generator) -> Crop:
            return make_crop(reader, place, size, augment.draw(self.augmentations[number], generator))

        positions = range(position * self.frames, (position + 1) * self.frames)
        stills = [self.take(number, epoch, place, make, broken) for place in positions]
        poses, weights = zip(*(labels(still, reader.layout, self.layout, self.dim) for still in stills), strict=True)
        pixels, powers = np.stack([still.pixels for still in stills]), np.array([still.power for still in stills])
        pose = np.stack(poses)
        weighted = any(weight is not None for weight in weights)
        return pixels, powers, pose, joint_weights(pose, weights) if weighted else None, -1


def with_noise(pose: Floats, noise: PoseNoise, generator: np.random.Generator) -> Floats:
    """A pose (T, J, D) in crop coordinates with `deephar.config.PoseNoise`; dropped joints are NaN."""
    if noise.jitter:
        pose = pose + generator.normal(0.0, generator.uniform(0.0, noise.jitter), pose.shape)
    if noise.dropout:
        pose = np.where(generator.uniform(size=(pose.shape[1], 1)) < noise.dropout, np.nan, pose)
    return pose
