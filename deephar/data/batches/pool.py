"""Worker processes that prefetch the batches of a mixture."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
import typing
import weakref
from collections.abc import Callable

Batch = typing.TypeVar("Batch")
Batch_co = typing.TypeVar("Batch_co", covariant=True)


class Maker(typing.Protocol[Batch_co]):
    """Anything that makes batches: a mixture."""

    def __len__(self) -> int: ...

    def batch(self, epoch: int, index: int) -> Batch_co: ...


class Pool(typing.Generic[Batch]):
    """Worker processes that prefetch batches.

    They end with `close`, or when the pool is no longer used.

    Args:
        mixture: `deephar.data.batches.mixture.Mixture`.
        processes: number of processes.
    """

    def __init__(self, mixture: Maker[Batch], processes: int) -> None:
        self.batches: int = len(mixture)
        self.ahead: int = 2 * processes
        self.futures: dict[tuple[int, int], concurrent.futures.Future[Batch]] = {}
        self.lock: threading.Lock = threading.Lock()  # several threads may ask
        self.executor: concurrent.futures.ProcessPoolExecutor = concurrent.futures.ProcessPoolExecutor(
            processes, multiprocessing.get_context("spawn"), initializer=_keep, initargs=(mixture,)
        )
        self.close: Callable[[], object] = weakref.finalize(
            self, self.executor.shutdown, wait=True, cancel_futures=True
        )

    def batch(self, epoch: int, index: int) -> Batch:
        """The batch at a position of an epoch; the next ones are scheduled.

        Raises:
            RuntimeError: if a process died.
        """
        wanted = [(epoch, i) for i in range(index, min(index + self.ahead, self.batches))]
        try:
            with self.lock:
                self.futures = {k: self.futures.get(k) or self.executor.submit(_make, *k) for k in wanted}
                future = self.futures[epoch, index]
            return future.result()
        except concurrent.futures.process.BrokenProcessPool:
            raise RuntimeError(
                f"A process that makes batches died at batch {index} of epoch {epoch}: it was killed, perhaps "
                "because memory ran out. Use fewer processes, or none"
            ) from None


_kept: list[Maker[typing.Any]] = []


def _keep(mixture: Maker[typing.Any]) -> None:
    """Send the mixture to this process once, not with every batch; this process ends when that of the pool does.

    Signals that ask a training to stop reach all its processes; the one that trains closes the pool when it is ready.
    """
    _kept[:] = [mixture]
    for name in ("SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(epoch: int, index: int) -> typing.Any:
    return _kept[0].batch(epoch, index)
