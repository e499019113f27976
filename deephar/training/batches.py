"""What training needs of a loader."""

import typing
from collections.abc import Sized


class Batches(typing.Protocol):
    """A loader, see `deephar.data.batches.loader.Loader`."""

    epoch: int
    processes: int
    made: dict[int, float]
    failure: Exception | None
    workers: int
    max_queue_size: int

    @property
    def batch_size(self) -> int: ...

    @property
    def broken(self) -> Sized: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> typing.Any: ...

    def on_epoch_end(self) -> None: ...
