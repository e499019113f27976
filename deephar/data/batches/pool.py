"""Worker processes that prefetch the batches of a mixture."""

import concurrent.futures
import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import typing
import weakref
from collections.abc import Callable

from deephar.data.batches import worker

Batch = typing.TypeVar("Batch")
Batch_co = typing.TypeVar("Batch_co", covariant=True)

SECONDS_TO_END = 5.0
"""For a process whose work is done, before it is killed."""


class Died(RuntimeError):
    """A worker process is gone."""


class Maker(typing.Protocol[Batch_co]):
    """Anything that makes batches: a mixture."""

    def __len__(self) -> int: ...

    def batch(self, epoch: int, index: int) -> Batch_co: ...


class Pool(typing.Generic[Batch]):
    """Worker processes that prefetch batches; see `deephar.data.batches.worker`.

    They start with the first batch that is asked for, and end with `close`, when the pool is no longer used, or when
    this process is gone, however it ended.

    Args:
        mixture: `deephar.data.batches.mixture.Mixture`, whose readers can be pickled, their classes being defined in a
            module that can be imported.
        processes: number of processes.
    """

    def __init__(self, mixture: Maker[Batch], processes: int) -> None:
        self.batches: int = len(mixture)
        self.ahead: int = 2 * processes
        self.futures: dict[tuple[int, int], concurrent.futures.Future[Batch]] = {}
        self.lock: threading.Lock = threading.Lock()  # several threads may ask
        self.workers: list[Worker] = []
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._start: bytes | None = pickle.dumps((sys.path, pickle.dumps(mixture)))
        self._executor = concurrent.futures.ThreadPoolExecutor(processes, "batches")
        self.close: Callable[[], object] = weakref.finalize(self, _end, self._executor, self.workers)

    def batch(self, epoch: int, index: int) -> Batch:
        """The batch at a position of an epoch; the next ones are scheduled.

        Raises:
            Died: if a process died.
        """
        wanted = [(epoch, i) for i in range(index, min(index + self.ahead, self.batches))]
        try:
            with self.lock:
                self._begin()
                ask = self._executor.submit
                self.futures = {k: self.futures.get(k) or ask(_ask, self._free, *k) for k in wanted}
                future = self.futures[epoch, index]
            return future.result()
        except (EOFError, BrokenPipeError):
            raise Died(
                f"A process that makes batches died at batch {index} of epoch {epoch}: it was killed, perhaps "
                "because memory ran out. Use fewer processes, or none"
            ) from None

    def _begin(self) -> None:
        """Start the processes, once: all of them before the first is waited for."""
        if self._start is None:
            return
        start, self._start = self._start, None
        self.workers += [Worker() for _ in range(self.ahead // 2)]
        try:
            for one in self.workers:
                worker.send(one.requests, start)
            for one in self.workers:
                one.answer()
                self._free.put(one)
        except (AttributeError, ImportError) as error:
            self.close()
            raise ValueError(
                f"Worker processes import the classes of readers by their names: define them in a module, not in a "
                f"script or a notebook, or use threads. Received: {error}"
            ) from None
        except BaseException:
            self.close()
            raise


class Worker:
    """One process, with a file that it and this process have open, where the platform can hand it on."""

    def __init__(self) -> None:
        folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.file: typing.IO[bytes] | None = None if os.name == "nt" else tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        shared = () if self.file is None else (self.file.fileno(),)
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", "deephar.data.batches.worker", *map(str, shared)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=shared,
        )
        assert self.process.stdin and self.process.stdout
        self.requests: typing.BinaryIO = typing.cast(typing.BinaryIO, self.process.stdin)
        self.answers: typing.BinaryIO = typing.cast(typing.BinaryIO, self.process.stdout)

    def answer(self) -> typing.Any:
        """What the process gives, or raise what it raised; EOFError if it is gone."""
        message = worker.receive(self.answers)
        good, value = worker.unpack(message, None if self.file is None else self.file.fileno())
        if good:
            return value
        raise value

    def end(self) -> None:
        """Let the process end, or kill it."""
        try:
            self.requests.close()
            self.process.wait(SECONDS_TO_END)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.answers.close()
        if self.file is not None:
            self.file.close()


def _ask(free: "queue.SimpleQueue[Worker]", epoch: int, index: int) -> typing.Any:
    """A batch from the next process that is free."""
    one = free.get()
    try:
        worker.send(one.requests, pickle.dumps((epoch, index)))
        return one.answer()
    finally:
        free.put(one)


def _end(executor: concurrent.futures.Executor, workers: list[Worker]) -> None:
    executor.shutdown(wait=True, cancel_futures=True)
    for one in workers:
        one.end()
