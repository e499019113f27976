"""Batches for Keras' `fit`: any number of readers, mixed by count, made by threads or by processes."""

import collections
import logging

import keras

from deephar.data.batches.clip_mixture import ClipMixture
from deephar.data.batches.mixture import Mixture
from deephar.data.batches.pool import Pool
from deephar.data.samples import targets

logger = logging.getLogger(__name__)


class _Loader(keras.utils.PyDataset):
    """Batches of queues, made by threads or processes, with a count of what could not be read.

    Decoding leaves Python's lock, so threads (`workers`) suffice beside most trainings. `processes` makes batches in
    processes of their own, which end with the loader (`close`, or when it is no longer used).

    Args:
        mixture: `deephar.data.batches.queues.Queues` with a method `batch`.
        processes: number of processes that make batches ahead; 0 for none.
        workers, max_queue_size: of `keras.utils.PyDataset`; threads, and batches made ahead; see
            `deephar.distribution.loader_threads`.
    """

    def __init__(self, mixture, processes=0, workers=1, max_queue_size=4):
        super().__init__(workers=workers, max_queue_size=max_queue_size)
        self.mixture, self.layout = mixture, mixture.layout
        self.epoch = 0
        self.broken = collections.Counter()
        self._pool = Pool(mixture, processes) if processes else None

    @property
    def batch_size(self):
        """Samples in a batch."""
        return self.mixture.batch_size

    def __len__(self):
        return len(self.mixture)

    def _batch(self, index):
        batch = (self._pool or self.mixture).batch(self.epoch, index)
        for message in batch.broken:
            if message not in self.broken and self.mixture.on_broken == "skip":
                logger.warning("skipped: %s", message)
            self.broken[message] += 1
        return batch

    def on_epoch_end(self):
        self.epoch += 1

    def close(self):
        """End the processes."""
        if self._pool:
            self._pool.close()


class PoseLoader(_Loader):
    """Keras `PyDataset` of (crops, a target and a sample weight for every output).

    The batches are those of `deephar.data.batches.mixture.Mixture`, the same whatever makes them. Call `fit` with
    `shuffle=False`: the readers are shuffled here, and Keras would shuffle the batches by a generator of its own.

    Args:
        sources: list of (reader, samples of it in every batch), see `deephar.data.batches.queues.counts_by_ratio`.
        size: (height, width) of the crops in pixels.
        outputs: kind of every output of the network, of `deephar.data.samples.targets.KINDS`;
            `deephar.models.outputs.kinds` gives them.
        on_broken: what to do with a sample that cannot be read: "raise"; "skip", which takes another, logs the name
            and counts it in `broken`; or "count", which does the same without a log.
        processes: that make batches ahead; 0: threads do.
        workers, max_queue_size: of `keras.utils.PyDataset`.
        **options: of `Mixture`: `layout`, `dim`, `augmentation`, `seed`, `truncate_corners`, `shard`, `steps`.
    """

    def __init__(self, sources, size, outputs, on_broken="raise", processes=0, workers=1, max_queue_size=4, **options):
        self.outputs = targets.checked_kinds(outputs, tuple(kind for kind in targets.KINDS if kind != "action"))
        super().__init__(Mixture(sources, size, on_broken=on_broken, **options), processes, workers, max_queue_size)

    def __getitem__(self, index):
        batch = self._batch(index)
        return batch.images, *targets.of_outputs(self.outputs, batch.target, batch.weights)


class ClipLoader(_Loader):
    """Keras `PyDataset` of (clips, a target and a sample weight for every output) of a clip network.

    The batches are those of `deephar.data.batches.clip_mixture.ClipMixture`; see `PoseLoader` for the rest.

    Args:
        sources: list of (reader of videos or stills, samples of it in every batch).
        frames: T.
        size: (height, width) of the crops; None for a network that reads given poses alone.
        outputs: see `PoseLoader`.
        given: whether the network's last input is the pose.
        on_broken, processes, workers, max_queue_size: see `PoseLoader`.
        **options: of `ClipMixture`.
    """

    def __init__(
        self,
        sources,
        frames,
        size,
        outputs,
        given=False,
        on_broken="raise",
        processes=0,
        workers=1,
        max_queue_size=4,
        **options,
    ):
        self.outputs, self.given = targets.checked_kinds(outputs), given
        if options.get("noise") and (not given or set(self.outputs) != {"action"}):
            raise ValueError("`noise` is for poses that are given to a network, not for labels of poses")
        mixture = ClipMixture(sources, frames, size, on_broken=on_broken, **options)
        super().__init__(mixture, processes, workers, max_queue_size)

    def __getitem__(self, index):
        batch = self._batch(index)
        inputs = [] if batch.images is None else [batch.images]
        if self.given:
            inputs.append(targets.as_given(batch.pose))
        labels = targets.of_outputs(self.outputs, batch.pose, batch.pose_weights, batch.action, batch.action_weights)
        return inputs[0] if len(inputs) == 1 else tuple(inputs), *labels
