"""Batches for Keras' `fit`: any number of readers, mixed by count, made by threads or by processes."""

import collections
import logging
import time
import typing
from collections.abc import Sequence

import keras

from deephar.config import PoseNoise
from deephar.data.batches.clip_mixture import ClipBatch, ClipMixture
from deephar.data.batches.mixture import Augmentation, Batch, Mixture
from deephar.data.batches.pool import Pool
from deephar.data.readers.base import PoseDataset, VideoDataset
from deephar.data.samples import targets
from deephar.data.samples.boxes import Chooser
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats, Size

logger: logging.Logger = logging.getLogger(__name__)


class Options(typing.TypedDict, total=False):
    """Options that any loader passes on to its mixture."""

    layout: PoseLayout | None
    dim: int
    augmentation: Augmentation
    seed: int
    shard: tuple[int, int]
    steps: int | None
    part: tuple[int, int]
    turns: int


class StillOptions(Options, total=False):
    """Options of `Mixture`."""

    truncate_corners: bool


class ClipOptions(Options, total=False):
    """Options of `ClipMixture`."""

    actions: Sequence[str] | None
    subsampling: Sequence[int]
    spread: tuple[float, float] | None
    noise: PoseNoise | None
    boxes: ArrayLike | Chooser | None
    square: bool


class Makes(typing.Protocol):
    """A mixture: `Mixture`, `ClipMixture` or `deephar.data.batches.joint.JointMixture`."""

    layout: PoseLayout
    batch_size: int
    on_broken: str

    def __len__(self) -> int: ...

    def batch(self, epoch: int, index: int) -> typing.Any: ...


class Loader(keras.utils.PyDataset):
    """Batches from queues, made by threads or processes, with a count of unreadable samples.

    Decoding releases Python's global interpreter lock, so threads (`workers`) suffice for most training. `processes`
    makes batches in separate worker processes, which end with the loader (`close`, or when it is no longer used).

    Args:
        mixture: makes the batches, see `Makes`.
        processes: number of worker processes that prefetch batches; 0 for none.
        workers, max_queue_size: of `keras.utils.PyDataset`; threads, and prefetched batches; see
            `deephar.distribution.loader_threads`.

    Attributes:
        made: when a batch was last made, in seconds of `time.monotonic`, by its number within the epoch.
        failure: what was last raised instead of giving a batch; None if nothing was.
    """

    def __init__(self, mixture: Makes, processes: int = 0, workers: int = 1, max_queue_size: int = 4) -> None:
        super().__init__(workers=workers, max_queue_size=max_queue_size)
        self.mixture: Makes = mixture
        self.layout: PoseLayout = mixture.layout
        self.epoch: int = 0
        self.broken: collections.Counter[str] = collections.Counter()
        self.processes: int = processes
        self.made: dict[int, float] = {}
        self.failure: Exception | None = None
        self._pool = Pool(mixture, processes) if processes else None

    @property
    def batch_size(self) -> int:
        """Samples in a batch, all parts together."""
        return self.mixture.batch_size

    def __len__(self) -> int:
        return len(self.mixture)

    def _batch(self, index: int) -> typing.Any:
        try:
            batch = (self._pool or self.mixture).batch(self.epoch, index)
        except Exception as error:
            self.failure = error
            raise
        for message in batch.broken:
            if message not in self.broken and self.mixture.on_broken == "skip":
                logger.warning("skipped: %s", message)
            self.broken[message] += 1
        self.made[index] = time.monotonic()
        return batch

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def close(self) -> None:
        """Stop the worker processes."""
        if self._pool:
            self._pool.close()


class PoseLoader(Loader):
    """Keras `PyDataset` of (crops, a target and a sample weight for every output).

    The batches are those of `deephar.data.batches.mixture.Mixture`, the same with threads or processes. Call `fit` with
    `shuffle=False`: the readers are shuffled here, and Keras would shuffle the batches with its own generator.

    Args:
        sources: list of (reader, samples of it in every batch), see `deephar.data.batches.queues.counts_by_ratio`.
        size: (height, width) of the crops in pixels.
        outputs: kind of every output of the network, from `deephar.data.samples.targets.KINDS`;
            `deephar.models.outputs.kinds` returns them.
        on_broken: what to do with a sample that cannot be read: "raise"; "skip", which takes another, logs the name
            and counts it in `broken`; or "count", which does the same without logging.
        processes: worker processes that prefetch batches; 0: threads.
        workers, max_queue_size: of `keras.utils.PyDataset`.
        **options: of `Mixture`: `layout`, `dim`, `augmentation`, `seed`, `truncate_corners`, `shard`, `steps`,
            `part`, `turns`.
    """

    def __init__(
        self,
        sources: Sequence[tuple[PoseDataset, int]],
        size: Size,
        outputs: str | list[str] | tuple[str, ...],
        on_broken: str = "raise",
        processes: int = 0,
        workers: int = 1,
        max_queue_size: int = 4,
        **options: typing.Unpack[StillOptions],
    ) -> None:
        self.outputs: tuple[str, ...] = targets.checked_kinds(
            outputs, tuple(kind for kind in targets.KINDS if kind != "action")
        )
        super().__init__(Mixture(sources, size, on_broken=on_broken, **options), processes, workers, max_queue_size)

    def __getitem__(self, index: int) -> tuple[Floats, tuple[Floats, ...], Floats | tuple[Floats, ...]]:
        batch: Batch = self._batch(index)
        return batch.images, *targets.of_outputs(self.outputs, batch.target, batch.weights)


class ClipLoader(Loader):
    """Keras `PyDataset` of (clips, a target and a sample weight for every output) for a clip network.

    The batches are those of `deephar.data.batches.clip_mixture.ClipMixture`; see `PoseLoader` for the rest.

    Args:
        sources: list of (reader of videos or stills, samples of it in every batch).
        frames: T.
        size: (height, width) of the crops; None for a network that takes only given poses.
        outputs: see `PoseLoader`.
        given: whether the network's last input is the pose.
        on_broken, processes, workers, max_queue_size: see `PoseLoader`.
        **options: of `ClipMixture`.
    """

    def __init__(
        self,
        sources: Sequence[tuple[PoseDataset | VideoDataset, int]],
        frames: int,
        size: Size | None,
        outputs: str | list[str] | tuple[str, ...],
        given: bool = False,
        on_broken: str = "raise",
        processes: int = 0,
        workers: int = 1,
        max_queue_size: int = 4,
        **options: typing.Unpack[ClipOptions],
    ) -> None:
        self.outputs: tuple[str, ...] = targets.checked_kinds(outputs)
        self.given = given
        if options.get("noise") and (not given or set(self.outputs) != {"action"}):
            raise ValueError("`noise` is for poses that are input to a network, not for pose labels")
        mixture = ClipMixture(sources, frames, size, on_broken=on_broken, **options)
        super().__init__(mixture, processes, workers, max_queue_size)

    def __getitem__(
        self, index: int
    ) -> tuple[Floats | tuple[Floats, ...], tuple[Floats, ...], Floats | tuple[Floats, ...]]:
        batch: ClipBatch = self._batch(index)
        inputs = [] if batch.images is None else [batch.images]
        if self.given:
            inputs.append(targets.as_given(batch.pose))
        labels = targets.of_outputs(self.outputs, batch.pose, batch.pose_weights, batch.action, batch.action_weights)
        return inputs[0] if len(inputs) == 1 else tuple(inputs), *labels
