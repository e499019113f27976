"""Batches of augmented crops from several readers, in numpy: the same for a seed, whoever makes them."""

import dataclasses

import numpy as np

from deephar import config, layouts
from deephar.data import augment
from deephar.data.crops import make_crop, pose_target

ON_BROKEN = ("raise", "skip", "count")


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


def counts_by_ratio(batch_size, ratios):
    """Samples of each reader in a batch, as near to the ratios as whole numbers allow (largest remainder).

    Args:
        batch_size: their sum.
        ratios: one per reader, in any unit.

    Returns:
        list of int.

    Raises:
        ValueError: if a reader would get none.

    Example:
        >>> counts_by_ratio(32, (75, 25))
        [24, 8]
    """
    exact = batch_size * np.asarray(ratios, dtype=np.float64) / np.sum(ratios)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: batch_size - counts.sum()]] += 1
    if not np.all(counts >= 1):
        raise ValueError(
            "Every dataset needs at least one sample in a batch; enlarge the batch. "
            f"Received: batch_size={batch_size}, ratios={tuple(ratios)}, which gives {counts.tolist()}"
        )
    return counts.tolist()


class Mixture:
    """Endless shuffled queues of readers, cut into batches.

    Every draw depends on the seed, the epoch and the sample's position in its reader's queue alone.

    Args:
        sources: list of (reader, samples of it in every batch).
        size: (height, width) of the crops in pixels.
        layout: of the targets; the first reader's by default. Joints are matched by name.
        dim: coordinates of the targets.
        augmentation: `deephar.config.AugmentConfig` or a key of `deephar.config.AUGMENT`.
        seed: of every random choice.
        on_broken: what to do with a sample that cannot be read: "raise", or replace it by another and name it in
            `Batch.broken` ("skip" and "count").
        truncate_corners: see `deephar.data.augment.px_to_crop`.
        shard: (number, shards): this process's part of the samples; all parts together are the whole.
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
    ):
        for reader, count in sources:
            if len(reader) < 1 or count < 1:
                raise ValueError(f"Every reader needs samples and a count. Received: {len(reader)} samples, {count}")
        if on_broken not in ON_BROKEN:
            raise ValueError(f"`on_broken` must be one of {', '.join(ON_BROKEN)}. Received: {on_broken!r}")
        if not 0 <= shard[0] < shard[1]:
            raise ValueError(f"`shard` must be (number, shards) with 0 <= number < shards. Received: {shard}")
        self.sources, self.size, self.dim, self.shard = sources, tuple(size), dim, tuple(shard)
        self.layout = layout or sources[0][0].layout
        self.augmentation = config.AUGMENT[augmentation] if isinstance(augmentation, str) else augmentation
        self.seed, self.on_broken, self.truncate_corners = seed, on_broken, truncate_corners

    def __len__(self):
        """Batches until every reader's samples, over all shards, were used once."""
        return max(-(-len(reader) // (count * self.shard[1])) for reader, count in self.sources)

    def batch(self, epoch, index):
        """The batch at a position of an epoch: `Batch`."""
        crops, targets, broken = [], [], []
        for number, (_, count) in enumerate(self.sources):
            for position in range(index * count, (index + 1) * count):
                crop = self._crop(epoch, number, position * self.shard[1] + self.shard[0], broken)
                crops.append(crop.image)
                targets.append(self._target(crop.pose_crop, number))
        target = np.stack(targets)
        weights = np.any(target[..., :-1] > config.MISSING, axis=(1, 2))[:, None].astype(np.float32)
        return Batch(np.stack(crops), target, weights, tuple(broken))

    def _crop(self, epoch, number, position, broken):
        """The crop at a position of a reader's endless shuffled queue."""
        reader, _ = self.sources[number]
        turn, place = divmod(position, len(reader))
        order = np.random.default_rng([self.seed, epoch, number, turn]).permutation(len(reader))
        generator = np.random.default_rng([self.seed, epoch, number, position])
        for index in np.roll(order, -place):
            variation = augment.draw(self.augmentation, generator)
            try:
                return make_crop(reader, int(index), self.size, variation, self.truncate_corners)
            except ValueError as error:
                if self.on_broken == "raise":
                    raise
                broken.append(str(error))
        raise ValueError(f"None of a reader's {len(reader)} samples can be read; the first fault: {broken[0]}")

    def _target(self, pose, number):
        """Joints in the order of the targets' layout; those that the reader does not have are unknown."""
        source, target = self.sources[number][0].layout, self.layout
        known = [name in source.names for name in target.names]
        return pose_target(layouts.rearrange(pose, source.name, target.name), self.dim, known)
