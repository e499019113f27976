"""Batches for training: any number of readers, mixed by count, the same whatever the number of workers."""

import logging

import keras
import numpy as np

from deephar import config, layouts
from deephar.data import augment
from deephar.data.crops import make_crop, pose_target

logger = logging.getLogger(__name__)


class PoseLoader(keras.utils.PyDataset):
    """Keras `PyDataset` of augmented crops and one target per block.

    Every draw depends on the seed, the epoch and the sample's position alone, so the number of workers changes no
    batch. Each reader is shuffled here, on its own, and starts again when it is used up; call `fit` with
    `shuffle=False`, or Keras shuffles the order of the batches by a generator of its own.

    Args:
        sources: list of (reader, samples of it in every batch).
        size: (height, width) of the crops in pixels.
        num_blocks: how often the target is repeated, once per output of a model with `concat_visibility`.
        layout: of the targets; the first reader's by default. Joints are matched by name.
        dim: coordinates of the targets.
        augmentation: `deephar.config.AugmentConfig` or a key of `deephar.config.AUGMENT`.
        seed: of every random choice.
        on_broken: "raise", or "skip" to take another sample instead, log it and count it in `broken`.
        **kwargs: of `keras.utils.PyDataset`: `workers`, `use_multiprocessing`, `max_queue_size`.
    """

    def __init__(
        self,
        sources,
        size,
        num_blocks,
        layout=None,
        dim=2,
        augmentation="none",
        seed=0,
        on_broken="raise",
        **kwargs,
    ):
        super().__init__(**kwargs)
        for reader, count in sources:
            if len(reader) < 1 or count < 1:
                raise ValueError(f"Every reader needs samples and a count. Received: {len(reader)} samples, {count}")
        if on_broken not in ("raise", "skip"):
            raise ValueError(f"`on_broken` must be 'raise' or 'skip'. Received: {on_broken!r}")
        self.sources, self.size, self.num_blocks, self.dim = sources, tuple(size), num_blocks, dim
        self.layout = layout or sources[0][0].layout
        self.augmentation = config.AUGMENT[augmentation] if isinstance(augmentation, str) else augmentation
        self.seed, self.on_broken = seed, on_broken
        self.epoch = 0
        self.broken = {}
        self._maps = [layouts.index_map(reader.layout.name, self.layout.name) for reader, _ in sources]

    def __len__(self):
        return max(-(-len(reader) // count) for reader, count in self.sources)

    def __getitem__(self, index):
        images, targets = [], []
        for number, (_, count) in enumerate(self.sources):
            for position in range(index * count, (index + 1) * count):
                crop = self._crop(number, position)
                images.append(crop.image)
                targets.append(pose_target(self._in_layout(crop.pose_crop, number), self.dim))
        target = np.stack(targets)
        return np.stack(images), (target,) * self.num_blocks

    def on_epoch_end(self):
        self.epoch += 1

    def _crop(self, number, position):
        """The crop at a position of a reader's endless shuffled queue."""
        reader, _ = self.sources[number]
        turn, place = divmod(position, len(reader))
        order = np.random.default_rng([self.seed, self.epoch, number, turn]).permutation(len(reader))
        generator = np.random.default_rng([self.seed, self.epoch, number, position])
        for index in np.roll(order, -place):
            try:
                return make_crop(reader, int(index), self.size, augment.draw(self.augmentation, generator))
            except ValueError as error:
                if self.on_broken == "raise":
                    raise
                if str(error) not in self.broken:
                    logger.warning("skipped: %s", error)
                self.broken[str(error)] = self.broken.get(str(error), 0) + 1
        raise ValueError(
            f"None of a reader's {len(reader)} samples can be read; the first fault: {next(iter(self.broken))}"
        )

    def _in_layout(self, pose, number):
        """Joints in the order of the targets' layout, NaN where the reader has none."""
        indices = np.array(self._maps[number])
        return np.where((indices >= 0)[:, None], pose[indices], np.nan)
