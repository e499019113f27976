"""A training is stopped between two steps, killed at any moment or out of space, and resumed as if it had not been."""

import errno
import itertools
import json
import os
import shutil
import signal
import sys
import threading

import h5py
import numpy as np
import pytest
from drawn import Noise
from helpers import eagerly
from scripts import printed

from deephar import runs
from deephar.training import Recipe, Stage, checkpoint, options, signals, state, train, transfer

RECIPE = Recipe(
    preset="lite-2d",
    network={"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1},
    layout="lsp14",
    mixture={"dark": 2, "bright": 2},
    augmentation="flip",
    batch_size=4,
    steps=2,
    stages=(Stage("all", 2, rate=0.01, optimizer="adam", schedule="steps"),),
)
NAMES = ["model.json", "log.csv", "last.weights.h5", "small.weights.h5", *state.FILES]


READERS = {"dark": Noise(0, 40), "bright": Noise(200, 256)}


class Mortal(Noise):
    """`Noise` whose process dies as soon as there is a checkpoint, as long as there is a mark beside it."""

    def __init__(self, low, high, folder):
        super().__init__(low, high)
        self.folder = folder

    def sample(self, index):
        if (self.folder / "mark").exists() and (self.folder / state.FILES[0]).exists():
            os._exit(1)
        return super().sample(index)


def run(folder, *more, readers=READERS):
    """Train; the network, or the status with which the program ended."""
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr(sys, "argv", ["train.py", "--out", str(folder), "--quiet", *more])
        parser = options.parser("", RECIPE, "runs")
        parser.add_argument("--weights")
        try:
            args, sources = options.parsed(parser, lambda args: readers)
            return train(args, sources, start=transfer.all_of(args.weights)).model
        except SystemExit as end:
            return end.code


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of a training that was not interrupted, with a checkpoint before every step, and its network."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder, "--checkpoint-steps", "1")


def check_same(folder, model, whole):
    """The losses to float32's rounding: sums may be in another order with other threads."""
    assert sorted(path.name for path in folder.iterdir() if path.name in NAMES) == sorted(NAMES)
    assert not list(folder.glob(".*"))
    assert state.read(folder)[0]["loader_now"] == state.read(whole[0])[0]["loader_now"]  # for the next stage
    rows, expected = runs.read_log(folder / "log.csv"), runs.read_log(whole[0] / "log.csv")
    assert [row["epoch"] for row in rows] == ["0", "1"]
    for name in expected[0]:
        found, wanted = ([float(row[name]) for row in table] for table in (rows, expected))
        np.testing.assert_allclose(found, wanted, rtol=1e-5, err_msg=name)
    for a, b in zip(model.get_weights(), whole[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("number", "at"),
    [
        (signal.SIGTERM, (1, 1)),
        pytest.param(signal.SIGTERM, (1, 0), marks=pytest.mark.slow),
        pytest.param(signal.SIGUSR1, (0, 1), marks=pytest.mark.slow),
    ],
)
def test_a_signal_writes_a_checkpoint_and_ends_with_a_status(number, at, whole, tmp_path):
    """Within the first epoch, within the second and before its first step: losses, rates and weights of the whole."""
    code = f"import test_interruption; test_interruption.signalled({str(tmp_path)!r}, {int(number)}, {at})"
    *said, last = printed(code)
    assert last == f"{signals.EXIT} True" and signals.EXIT == 75
    assert any(f"stopped by {number.name} before step {at[1] + 1} of epoch {at[0] + 1}; --resume" in s for s in said)
    assert (state.read(tmp_path)[0]["epoch"], state.read(tmp_path)[0]["step"]) == at
    check_same(tmp_path, run(tmp_path, "--resume"), whole)


def signalled(folder, number, at):
    """A training that gets a signal before a step; a process of its own, which the signal would end if not caught."""
    asks, steps, before = checkpoint.Plan.asks, itertools.count(), signal.getsignal(number)

    def asks_late(plan, step, written):
        if next(steps) == 2 * at[0] + at[1]:
            signal.raise_signal(number)
        return asks(plan, step, written)

    checkpoint.Plan.asks = asks_late
    print(run(folder), signal.getsignal(number) == before)


def test_a_worker_that_dies_ends_the_training_which_goes_on_with_one_fewer(whole, tmp_path):
    (tmp_path / "mark").touch()
    readers = {"dark": Mortal(0, 40, tmp_path), "bright": READERS["bright"]}
    said = run(tmp_path, "--checkpoint-steps", "1", "--processes", "2", readers=readers)
    assert "A process that makes batches died" in said and said.endswith(
        "Use fewer processes, or none; --resume continues"
    )
    assert state.read(tmp_path)[0]["epoch"] < 2
    (tmp_path / "mark").unlink()
    check_same(tmp_path, run(tmp_path, "--resume", "--processes", "1", readers=readers), whole)


def damaged(folder, name, how):
    path = folder / name
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-5000])
        return
    with h5py.File(path, "a") as file:
        if how == "number":
            file["optimizer/vars/3"][...] += 1
        elif how == "layers":
            del file["layers"]
        else:
            file.attrs["deephar_state"] = json.dumps({})


@pytest.mark.parametrize("how", ["cut", "number", "layers", "state"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(how, whole, tmp_path):
    for name in state.FILES:
        shutil.copy(whole[0] / name, tmp_path)
    damaged(tmp_path, state.FILES[0], how)
    with pytest.warns(UserWarning, match=r"resume.weights.h5 is damaged .*the checkpoint before it, epoch 2, step 1"):
        found, path = state.read(tmp_path)
    assert (found["epoch"], found["step"], path.name) == (1, 1, state.FILES[1])
    damaged(tmp_path, state.FILES[1], how)
    with pytest.raises(state.Unusable, match="Start over without --resume"):
        state.read(tmp_path)


def test_after_a_damaged_checkpoint_the_training_ends_as_if_nothing_had_been(whole, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    damaged(folder, state.FILES[0], "cut")
    (folder / ".1.partial.resume.weights.h5").write_bytes(b"of a process that was killed")
    with pytest.warns(UserWarning, match="is damaged"):
        check_same(folder, run(folder, "--resume"), whole)


def test_a_checkpoint_that_does_not_fit_is_given_up_and_the_training_goes_on(whole, tmp_path, monkeypatch, capsys):
    """There is no space for the second, and it runs out under the third; the first stays, and the fourth is written."""
    asked, written, sync, usage = [], [], os.fsync, shutil.disk_usage

    def left(folder):
        asked.append(folder)
        return usage(folder)._replace(free=100) if len(asked) == 3 else usage(folder)  # after last.weights.h5

    def full(handle):
        written.append(handle)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr("deephar.files.shutil.disk_usage", left)
    monkeypatch.setattr("deephar.training.state.os.fsync", full)
    model = run(tmp_path, "--checkpoint-steps", "1")
    assert capsys.readouterr().err.count("no checkpoint was written, the one before remains: [Errno 28]") == 2
    check_same(tmp_path, model, whole)
    assert state.read(tmp_path)[0]["over"]


def test_weights_without_space_end_the_training_that_can_then_go_on(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(
            "deephar.files.bytes_of", lambda variables: 2**60 if len(variables) == len(whole[1].weights) else 0
        )
        said = run(tmp_path, "--checkpoint-steps", "1")
    assert "No space left" in said and "--resume continues" in said
    assert not (tmp_path / "last.weights.h5").exists() and not list(tmp_path.glob(".*"))
    check_same(tmp_path, run(tmp_path, "--checkpoint-steps", "1", "--resume"), whole)


def test_other_data_is_refused(whole, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    monkeypatch.setattr(Noise, "__len__", lambda self: 15)
    assert run(folder, "--resume") == 2
    err = capsys.readouterr().err
    assert "from a different training run: data.dark was 16 samples" in err and "now 15 samples" in err


def test_initial_weights_need_not_be_named_again(whole, tmp_path, capsys):
    """They are recorded, and not read again: the network continues from the checkpoint."""
    shutil.copy(whole[0] / "last.weights.h5", tmp_path / "first.weights.h5")
    short = ("--steps", "1", "--minutes", "1e-9", "--batch-size", "2")
    folder, first = tmp_path / "run", str(tmp_path / "first.weights.h5")
    run(folder, *short, "--weights", first)
    assert len(runs.read_log(folder / "log.csv")) == 1
    os.rename(first, f"{first}.moved")
    run(folder, *short, "--resume")
    assert len(runs.read_log(folder / "log.csv")) == 2
    assert run(folder, *short, "--resume", "--weights", "other") == 2
    assert f"weights was {first}, now other" in capsys.readouterr().err
    parts = runs.open_run(folder).parts
    assert [part["how"] for part in parts] == ["stopped after 1e-09 minutes", "finished"]
    assert parts[0]["resumed_from"] is None and parts[1]["resumed_from"] == {"stage": 0, "epoch": 1, "step": 0}


def test_signals_are_caught_in_the_main_thread_alone():
    """In a process of its own, which the signals would end if they were not caught."""
    assert printed("import test_interruption; test_interruption.two_signals()") == ["None SIGTERM"]


def two_signals():
    found = []

    def elsewhere():
        with signals.caught() as requests:
            found.append(requests.name)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    with signals.caught() as requests:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGUSR1)
    print(found[0], requests.name)
