"""A training is killed at twenty random moments, some within a checkpoint's writing, and ends as the whole does."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings

import pytest
from scripts import ROOT

from deephar import runs
from deephar.training import state

KILLS = 20
WRITING = 7
"""Of these, within the writing of a checkpoint."""
STARTING = 3
"""Of these, before the first step, perhaps."""


def begun(folder, *more, **environment):
    """A training in a process group of its own."""
    places = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    own = {"PYTHONPATH": places, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    own |= {"TF_DETERMINISTIC_OPS": "1", "TF_NUM_INTRAOP_THREADS": "1", **environment}
    command = [sys.executable, "-W", "error::UserWarning:deephar", str(ROOT / "tests" / "killed.py"), folder, *more]
    with open(folder / "errors", "ab") as errors:
        return subprocess.Popen(
            list(map(str, command)), env={**os.environ, **own}, stdout=errors, stderr=errors, start_new_session=True
        )


def resumed(folder):
    return begun(folder, *(["--resume"] if any((folder / "run" / name).exists() for name in state.FILES) else []))


def wait_for(reached, process, seconds=600):
    end = time.monotonic() + seconds
    while not reached() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    return reached()


def gone(group):
    """Whether no process of a group is left, within ten seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def ended(folder, process):
    assert process.wait(900) == 0, (folder / "errors").read_text()[-3000:]
    assert gone(process.pid)
    return [row for stage in (1, 2) for row in runs.read_log(folder / "run" / f"stage{stage}.csv")]


def killed(folder, kind, generator):
    """Start or resume the training, and kill it; whether it was writing, and where the newest checkpoint stands."""
    process, progress, mark = resumed(folder), folder / "progress", folder / "writing"
    size = progress.stat().st_size if progress.exists() else 0
    if kind == "starting":
        time.sleep(generator.uniform(0, 8))
    elif kind == "writing":
        several = size + generator.randint(0, 150)
        assert wait_for(lambda: progress.exists() and progress.stat().st_size > several, process)
        mark.unlink(missing_ok=True)
        assert wait_for(mark.exists, process)
    else:
        several = size + generator.randint(1, 400)
        assert wait_for(lambda: progress.exists() and progress.stat().st_size > several, process)
    assert process.poll() is None, (folder / "errors").read_text()[-3000:]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert gone(process.pid)
    within = mark.exists()
    mark.unlink(missing_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a damaged one would be reported
        now = state.read(folder / "run")[0] if (folder / "run" / state.FILES[0]).exists() else None
    return within, now and (now["stage"], now["epoch"], now["step"])


@pytest.mark.slow
def test_a_training_that_is_killed_again_and_again_ends_as_the_whole_does(tmp_path):
    """Bit for bit, with one thread in an operation: the losses of every epoch of both stages."""
    folders = [tmp_path / name for name in ("whole", "killed", "full")]
    for folder in folders:
        folder.mkdir()
    whole, pieces, full = folders
    start, generator = time.monotonic(), random.Random(0)
    uninterrupted = begun(whole)
    kinds = ["writing"] * WRITING + ["starting"] * STARTING + ["training"] * (KILLS - WRITING - STARTING)
    generator.shuffle(kinds)
    moments = [killed(pieces, kind, generator) for kind in kinds]
    rows = ended(pieces, resumed(pieces))
    seconds = time.monotonic() - start
    expected = ended(whole, uninterrupted)
    filled = begun(full, FULL="1")
    report = {"kills": len(moments), "while writing": sum(within for within, _ in moments), "seconds": seconds}
    report |= {"moments": moments, "losses": [row["loss"] for row in rows], "expected": [r["loss"] for r in expected]}
    print(json.dumps(report, indent=1))
    assert rows == expected and len(rows) == 7
    assert sum(within for within, _ in moments) >= 5
    assert not list((pieces / "run").glob(".*"))
    assert ended(full, filled) == expected
    assert (full / "errors").read_text().count("no checkpoint was written, the one before remains: [Errno 28]") == 2
