"""Batches of augmented crops from several readers, in numpy: the same for a seed, whoever makes them."""

import dataclasses

import numpy as np

from deephar import config, layouts
from deephar.data import augment
from deephar.data.crops import make_crop, pose_target
from deephar.data.queues import Queues


@dataclasses.dataclass(frozen=True)
class Batch:
    """Crops of every reader, one after another.

    Attributes:
        images: float32 (B, H, W, 3) in [-1, 1].
        target: float32 (B, J, dim + 1), see `deephar.data.crops.pose_target`.
        weights: float32 (B, 1), 0 where no joint has a label.
        broken: messages of the samples that could not be read and were replaced.
    """

    images: np.ndarray
    target: np.ndarray
    weights: np.ndarray
    broken: tuple


def layout_target(pose_crop, source, target, dim):
    """Joints in crop coordinates to a training target in another layout; joints that the source lacks are unknown.

    Args:
        pose_crop: (..., J, 2 or 3), NaN where not located.
        source, target: `deephar.layouts.PoseLayout`; joints are matched by name.
        dim: coordinates of the target.

    Returns:
        float32 (..., len(target), dim + 1), see `deephar.data.crops.pose_target`.
    """
    known = np.array(layouts.index_map(source, target)) >= 0
    return pose_target(layouts.rearrange(pose_crop, source, target), dim, known)


def labelled(target):
    """float32 (B, 1): 1 where any joint of a target (B, ..., J, dim + 1) has a label, else 0."""
    return np.any(target[..., :-1] > config.MISSING, axis=tuple(range(1, target.ndim)))[:, None].astype(np.float32)


class Mixture(Queues):
    """Stills of several readers, cut into batches.

    Args:
        sources, seed, on_broken, shard, steps: see `deephar.data.queues.Queues`.
        size: (height, width) of the crops in pixels.
        layout: of the targets; the first reader's by default. Joints are matched by name.
        dim: coordinates of the targets.
        augmentation: `deephar.config.AugmentConfig` or a key of `deephar.config.AUGMENT`.
        truncate_corners: see `deephar.data.augment.px_to_crop`.
    """

    def __init__(
        self,
        sources,
        size,
        layout=None,
        dim=2,
        augmentation="none",
        seed=0,
        on_broken="raise",
        truncate_corners=False,
        shard=(0, 1),
        steps=None,
    ):
        super().__init__(sources, seed, on_broken, shard, steps)
        self.size, self.dim, self.truncate_corners = tuple(size), dim, truncate_corners
        self.layout = layout or sources[0][0].layout
        self.augmentation = config.AUGMENT[augmentation] if isinstance(augmentation, str) else augmentation

    def batch(self, epoch, index):
        """The batch at a position of an epoch: `Batch`."""
        crops, targets, broken = [], [], []
        for number, (reader, count) in enumerate(self.sources):

            def make(place, generator, reader=reader):
                variation = augment.draw(self.augmentation, generator)
                return make_crop(reader, place, self.size, variation, self.truncate_corners)

            for position in range(index * count, (index + 1) * count):
                crop = self.take(number, epoch, position, make, broken)
                crops.append(crop.image)
                targets.append(layout_target(crop.pose_crop, reader.layout, self.layout, self.dim))
        target = np.stack(targets)
        return Batch(np.stack(crops), target, labelled(target), tuple(broken))
