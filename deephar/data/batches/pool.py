"""Batches of a mixture made ahead by processes."""

import concurrent.futures
import multiprocessing
import threading
import weakref


class Pool:
    """Processes that make the next batches.

    They end with `close`, or when the pool is no longer used.

    Args:
        mixture: `deephar.data.batches.mixture.Mixture`.
        processes: how many.
    """

    def __init__(self, mixture, processes):
        self.batches, self.ahead, self.futures = len(mixture), 2 * processes, {}
        self.lock = threading.Lock()  # several threads may ask
        self.executor = concurrent.futures.ProcessPoolExecutor(
            processes, multiprocessing.get_context("spawn"), initializer=_keep, initargs=(mixture,)
        )
        self.close = weakref.finalize(self, self.executor.shutdown, wait=True, cancel_futures=True)

    def batch(self, epoch, index):
        """The batch at a position of an epoch; the next ones are begun.

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
                f"A process that makes batches died at batch {index} of epoch {epoch}: it was killed, perhaps for "
                "want of memory. Use fewer processes, or none"
            ) from None


def _keep(mixture):
    """Hand the mixture to this process once, not with every batch."""
    _make.mixture = mixture


def _make(epoch, index):
    return _make.mixture.batch(epoch, index)
