"""Endless shuffled queues over readers, mixed by count, from which every batch is made, in numpy."""

import typing
from collections.abc import Callable, Iterator, Sequence, Sized

import numpy as np

from deephar.typed import Ints

Reader = typing.TypeVar("Reader", bound=Sized)
Made = typing.TypeVar("Made")

ON_BROKEN = ("raise", "skip", "count")


def counts_by_ratio(batch_size: int, ratios: Sequence[float]) -> list[int]:
    """Samples of each reader in a batch, as close to the ratios as integers allow (largest remainder method).

    Args:
        batch_size: sum of the counts.
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


def interleave(counts: Sequence[int]) -> list[int]:
    """Order of the sources in a batch such that every contiguous part of it has the batch's own mixture.

    So each device gets the mixture, since a batch is split among devices into contiguous parts.

    Args:
        counts: samples of each source in a batch.

    Returns:
        list of sum(counts) source numbers; in its first k / n, a source has k / n of its samples, within one sample.

    Example:
        >>> interleave([4, 2])
        [0, 1, 0, 0, 1, 0]
    """
    places = [((row + 0.5) / count, number) for number, count in enumerate(counts) for row in range(count)]
    return [number for _, number in sorted(places)]


class Queues(typing.Generic[Reader]):
    """One endless shuffled queue per reader.

    Every random choice depends only on the seed, the epoch and the sample's position in its reader's queue.

    Args:
        sources: list of (reader, samples of it in every batch).
        seed: of every random choice.
        on_broken: what to do with a sample that cannot be read: "raise", or replace it with another and return its
            message ("skip" and "count").
        shard: (number, shards): this process's part of the samples; all parts together make up the whole.
        steps: batches per epoch; by default as many as it takes to use every sample of every reader.
        part: (number, parts): the contiguous part of every batch's rows that is made here, for one of several processes
            that train together; all parts together make up the batch.
        turns: parts in which a batch is given, one after the other, for a step that sums gradients over them.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Reader, int]],
        seed: int = 0,
        on_broken: str = "raise",
        shard: tuple[int, int] = (0, 1),
        steps: int | None = None,
        part: tuple[int, int] = (0, 1),
        turns: int = 1,
    ) -> None:
        for reader, count in sources:
            if len(reader) < 1 or count < 1:
                raise ValueError(f"Every reader needs samples and a count. Received: {len(reader)} samples, {count}")
        if on_broken not in ON_BROKEN:
            raise ValueError(f"`on_broken` must be one of {', '.join(ON_BROKEN)}. Received: {on_broken!r}")
        if not 0 <= shard[0] < shard[1]:
            raise ValueError(f"`shard` must be (number, shards) with 0 <= number < shards. Received: {shard}")
        if steps is not None and steps < 1:
            raise ValueError(f"An epoch needs at least one batch. Received: steps={steps}")
        size = sum(count for _, count in sources)
        if not 0 <= part[0] < part[1] or size % part[1]:
            raise ValueError(
                f"`part` must be (number, parts) with 0 <= number < parts, which divide the batch. Received: {part} of "
                f"{size} samples"
            )
        if turns < 1 or size % (part[1] * turns):
            raise ValueError(f"`turns` must divide the {size // part[1]} samples of a batch. Received: {turns}")
        self.sources = sources
        self.seed = seed
        self.on_broken = on_broken
        self.shard: tuple[int, int] = (shard[0], shard[1])
        self.steps = steps
        self.part: tuple[int, int] = (part[0], part[1])
        self.turns: int = turns
        self.batch_size: int = size
        self._orders: dict[int, tuple[tuple[int, int], Ints]] = {}

    @property
    def in_parts(self) -> bool:
        """Whether a batch is made in parts, some of which may lack what others have."""
        return self.turns > 1 or self.part[1] > 1

    def __len__(self) -> int:
        """Batches per epoch: `steps`, or until every reader's samples, over all shards, have been used once.

        Each counts as often as there are `turns`.
        """
        taken = [count * self.shard[1] * self.samples_of(reader) for reader, count in self.sources]
        whole = self.steps or max(-(-len(reader) // row) for (reader, _), row in zip(self.sources, taken, strict=True))
        return whole * self.turns

    def samples_of(self, reader: Sized) -> int:
        """Samples of a reader in a row."""
        return 1

    def rows(self, index: int) -> Iterator[tuple[int, int]]:
        """Contents of this part of an epoch's batch: (number of the source, position in its queue) for every row."""
        counts = [count for _, count in self.sources]
        index, turn = divmod(index, self.turns)
        following = [index * count for count in counts]
        size = self.batch_size // (self.part[1] * self.turns)
        begin = (self.part[0] * self.turns + turn) * size
        own = range(begin, begin + size)
        for row, number in enumerate(interleave(counts)):
            if row in own:
                yield number, following[number]
            following[number] += 1

    def _order(self, epoch: int, number: int, turn: int, length: int) -> Ints:
        """The order of a reader's samples in one pass of its queue; the latest one of every reader is cached."""
        kept = self._orders.get(number)
        if kept is None or kept[0] != (epoch, turn):
            order = np.random.default_rng([self.seed, epoch, number, turn]).permutation(length)
            self._orders[number] = kept = ((epoch, turn), order)
        return kept[1]

    def take(
        self,
        number: int,
        epoch: int,
        position: int,
        make: Callable[[int, np.random.Generator], Made],
        broken: list[str],
    ) -> Made:
        """Make the sample at a position of a reader's queue.

        Args:
            number: of the reader.
            epoch, position: where in its queue.
            make: function of the sample's index in the reader and a `numpy.random.Generator`.
            broken: list to which the messages of samples that could not be read are added.

        Returns:
            what `make` returns.

        Raises:
            ValueError: if a sample cannot be read; with "skip" and "count", if none can.
        """
        reader, _ = self.sources[number]
        position = position * self.shard[1] + self.shard[0]
        turn, place = divmod(position, len(reader))
        order = self._order(epoch, number, turn, len(reader))
        generator, others = np.random.default_rng([self.seed, epoch, number, position]), len(broken)
        for step in range(len(order)):
            try:
                return make(int(order[(place + step) % len(order)]), generator)
            except ValueError as error:
                if self.on_broken == "raise":
                    raise
                broken.append(str(error))
        raise ValueError(f"None of a reader's {len(reader)} samples can be read; the first error: {broken[others]}")
