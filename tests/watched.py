"""What videos cost, for tests: files opened, frames decoded, and what stays behind."""

import os
import sys

import pytest

DESCRIPTORS = "/proc/self/fd"


def open_files():
    """Number of this process's file descriptors."""
    if not os.path.isdir(DESCRIPTORS):
        pytest.skip(f"{DESCRIPTORS} tells the open files on Linux; received {sys.platform}")
    return len(os.listdir(DESCRIPTORS))


class Watch:
    """Stands in for `av.open` and counts.

    Attributes:
        opened: number of files.
        decoded: number of frames.
    """

    def __init__(self, monkeypatch):
        av = pytest.importorskip("av")
        self.opened = self.decoded = 0
        self._open = av.open
        monkeypatch.setattr(av, "open", self)

    def __call__(self, *args, **options):
        self.opened += 1
        return _Container(self._open(*args, **options), self)


class _Container:
    def __init__(self, container, watch):
        self._container, self._watch = container, watch

    def __getattr__(self, name):
        return getattr(self._container, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._container.close()

    def decode(self, stream):
        for frame in self._container.decode(stream):
            self._watch.decoded += 1
            yield frame
