"""Processes that make batches: what they import, what they send, and that none is left behind."""

import io
import pathlib
import signal
import sys
import time

import numpy as np
import pytest
from makers import Deadly, Failing, Modules, Numbers
from scripts import printed

from deephar.data.batches import worker
from deephar.data.batches.pool import Died, Pool


@pytest.mark.parametrize("shared", [True, False])
def test_messages(shared, tmp_path):
    """Through a file that grows, and without one; with empty arrays, and without any."""
    with open(tmp_path / "file", "w+b") as file:
        number = file.fileno() if shared else None
        for value in ([np.arange(5.0), np.zeros((0, 3))], {"a": np.arange(100)}, "text", [np.arange(6)[::2]]):
            back = worker.unpack(worker.pack(value, number), number)
            assert repr(back) == repr(value)
        back = worker.unpack(worker.pack(np.zeros(4), number), number)
        worker.pack(np.ones(4), number)
        back[0] = 5
        np.testing.assert_array_equal(back, [5, 0, 0, 0])
    with pytest.raises(EOFError):
        worker.receive(io.BytesIO(b"\0\0\0\0\0\0\0\5abc"))


def test_batches_are_those_that_were_asked_for():
    pool = Pool(Numbers(), 2)
    for epoch, index in ((0, 0), (0, 3), (0, 1), (1, 2)):
        batch = pool.batch(epoch, index)
        assert batch["epoch"].tolist() == [epoch] * 3 and batch["index"].shape == (index, 2)
    for one in pool.workers:
        one.process.send_signal(signal.SIGTERM)  # meant for the parent
    assert pool.batch(2, 3)["epoch"][0] == 2
    pool.close()
    assert [one.process.poll() for one in pool.workers] == [0, 0]


def test_processes_import_no_backend():
    pool = Pool(Modules(), 1)
    assert pool.batch(0, 0) == []
    pool.close()


def test_what_a_process_raises_is_raised_here():
    pool = Pool(Failing(), 1)
    with pytest.raises(RuntimeError, match="ValueError: a photograph is missing"):
        pool.batch(0, 1)
    assert pool.batch(0, 2)["index"].shape == (2, 2)
    pool.close()


def test_a_process_that_dies_is_reported():
    pool = Pool(Deadly(), 1)
    for _ in range(2):
        with pytest.raises(Died, match=r"died at batch 1 of epoch 0.*Use fewer processes"):
            pool.batch(0, 1)
    pool.close()


def test_classes_of_a_script_cannot_be_sent(monkeypatch):
    local = type("Local", (Numbers,), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Local", local, raising=False)
    pool = Pool(local(), 1)
    with pytest.raises(ValueError, match=r"define them in a module, not in a script.*Local"):
        pool.batch(0, 0)
    assert [one.process.poll() for one in pool.workers] == [0]


KILLED = """
import os
from makers import Numbers
from deephar.data.batches.pool import Pool

if child := os.fork():
    os.waitpid(child, 0)
else:
    pool = Pool(Numbers(), 1)
    pool.batch(0, 0)
    print(pool.workers[0].process.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_processes_end_with_a_parent_that_is_killed():
    (number,) = printed(KILLED)
    for _ in range(100):
        if not pathlib.Path(f"/proc/{number}").exists():
            return
        time.sleep(0.1)
    raise AssertionError(f"process {number} goes on alone")
