"""Makers of batches for worker processes, which import this file."""

import os
import sys
import time
import typing

import numpy as np


class Numbers:
    """The epoch and the index, in arrays."""

    def __init__(self, batches=4):
        self.batches = batches

    def __len__(self):
        return self.batches

    def batch(self, epoch, index):
        return {"epoch": np.full(3, epoch), "index": np.full((index, 2), float(index))}


class Modules(Numbers):
    """Which large libraries the process has imported to make batches of crops."""

    def batch(self, epoch, index):
        import deephar.data.batches.clip_mixture
        import deephar.data.batches.mixture
        import deephar.data.readers.lsp  # noqa: F401

        return [name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules]


class Failing(Numbers):
    """One batch raises an error that cannot be pickled."""

    def batch(self, epoch, index):
        if index == 1:
            error = ValueError("a photograph is missing")
            error.reason = lambda: None
            raise error
        return super().batch(epoch, index)


class Deadly(Numbers):
    """Its process dies at the second batch."""

    def batch(self, epoch, index):
        if index == 1:
            os._exit(1)
        return super().batch(epoch, index)


class Sleepy(Numbers):
    """Batches that take long to make.

    Args:
        batches: their number.
        seconds: that each takes.
    """

    layout, batch_size, on_broken = None, 2, "raise"

    def __init__(self, batches, seconds):
        super().__init__(batches)
        self.seconds = seconds

    def batch(self, epoch, index):
        time.sleep(self.seconds)
        return Row(np.full((2, 1), float(index), np.float32))


class Row(typing.NamedTuple):
    """A batch of numbers, all of whose samples could be read."""

    x: np.ndarray
    broken: tuple[str, ...] = ()
