"""Batches for Keras' `fit`: any number of readers, mixed by count, made by threads or by processes."""

import collections
import logging

import keras

from deephar.data.mixture import Mixture
from deephar.data.pool import Pool

logger = logging.getLogger(__name__)


class PoseLoader(keras.utils.PyDataset):
    """Keras `PyDataset` of (crops, a target and a sample weight for every output).

    The batches are those of `deephar.data.mixture.Mixture`, the same whatever makes them. Call `fit` with
    `shuffle=False`: the readers are shuffled here, and Keras would shuffle the batches by a generator of its own.

    Decoding leaves Python's lock, so threads (`workers`) suffice beside most trainings. `processes` makes batches in
    processes of their own, which end with the loader (`close`, or when it is no longer used).

    Args:
        sources: list of (reader, samples of it in every batch); `deephar.data.mixture.counts_by_ratio` counts them.
        size: (height, width) of the crops in pixels.
        num_outputs: how often the target is repeated, once per output of a model with `concat_visibility`.
        on_broken: what to do with a sample that cannot be read: "raise"; "skip", which takes another, logs the name
            and counts it in `broken`; or "count", which does the same without a log.
        processes: number of processes that make batches ahead; 0 for none.
        workers, max_queue_size: of `keras.utils.PyDataset`; threads.
        **options: of `Mixture`: `layout`, `dim`, `augmentation`, `seed`, `truncate_corners`, `shard`.
    """

    def __init__(
        self, sources, size, num_outputs, on_broken="raise", processes=0, workers=1, max_queue_size=10, **options
    ):
        super().__init__(workers=workers, max_queue_size=max_queue_size)
        self.mixture = Mixture(sources, size, on_broken=on_broken, **options)
        self.layout, self.num_outputs = self.mixture.layout, num_outputs
        self.epoch = 0
        self.broken = collections.Counter()
        self._pool = Pool(self.mixture, processes) if processes else None

    def __len__(self):
        return len(self.mixture)

    def __getitem__(self, index):
        batch = (self._pool or self.mixture).batch(self.epoch, index)
        for message in batch.broken:
            if message not in self.broken and self.mixture.on_broken == "skip":
                logger.warning("skipped: %s", message)
            self.broken[message] += 1
        return batch.images, (batch.target,) * self.num_outputs, (batch.weights,) * self.num_outputs

    def on_epoch_end(self):
        self.epoch += 1

    def close(self):
        """End the processes."""
        if self._pool:
            self._pool.close()
