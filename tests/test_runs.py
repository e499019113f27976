"""What is recorded of training runs, and how they compare; numbers by hand."""

import datetime

import pytest

from deephar import cli, runs
from deephar.training.logs import EpochLog

LOSSES = {"one": [3.0, 2.0], "other": [3.0, 1.5, 1.25]}
SCORES = {"one": [10.0, 30.0], "other": [float("nan"), 50.0, 40.0]}


@pytest.fixture
def folder(tmp_path):
    """A folder of two runs, of which the first is complete and the second was killed in its second part."""
    for name in ("one", "other"):
        run = tmp_path / name
        run.mkdir()
        recipe = {"preset": "lite-2d", "batch_size": "8" if name == "one" else "16", "seed": "0"}
        runs.begin(run, recipe, {"command": ["train.py"], "resumed_from": None}, again=False)
        log = EpochLog(run / "log.csv")
        log.on_train_begin()
        for epoch, values in enumerate(zip(LOSSES[name], SCORES[name], strict=True)):
            log.on_epoch_end(epoch, dict(zip(("loss", "val_pck"), values, strict=True)))
        runs.end(run, "finished" if name == "one" else "stopped by SIGTERM")
    runs.begin(tmp_path / "other", recipe, {"command": ["train.py", "--resume"]}, again=True)
    return tmp_path


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_runs_are_compared(folder, capsys):
    """The best score is not the last; a field of the recipe is shown if it differs."""
    assert cli.main(["runs", str(folder)]) == 0
    heads, _, one, other = rows(capsys.readouterr().out)
    assert heads == ["run", "stages", "epochs", "loss", "best val_pck", "in epoch", "state", "batch_size"]
    assert one == [str(folder / "one"), "1", "2", "2", "30", "2", "finished", "8"]
    assert other == [str(folder / "other"), "1", "3", "1.25", "50", "2", "running or killed", "16"]


def test_a_run_has_its_table(folder):
    table = rows((folder / "one" / runs.TABLE).read_text(encoding="utf-8"))
    assert table[0] == ["stage", "epochs", "loss", "best val_pck", "in epoch"] and table[2] == [
        "1",
        "2",
        "2",
        "30",
        "2",
    ]


def test_every_part_of_a_run_is_recorded(folder):
    first, second = runs.open_run(folder / "other").parts
    assert (first["how"], first["command"]) == ("stopped by SIGTERM", ["train.py"])
    assert second["command"] == ["train.py", "--resume"] and "ended" not in second
    times = [datetime.datetime.fromisoformat(time) for time in (first["begun"], first["ended"], second["begun"])]
    assert times == sorted(times)


def test_runs_are_drawn(folder, capsys):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    picture = folder / "runs.png"
    assert cli.main(["runs", str(folder / "one"), str(folder / "other"), "--figure", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "holds no training run: expected run.json"), ("[]", "expected an object of format"), ("{", "is no record")],
)
def test_what_is_no_run_is_said(content, message, tmp_path, capsys):
    if content:
        (tmp_path / runs.FILE).write_text(content)
    assert cli.main(["runs", str(tmp_path)]) == 1
    shown, said = capsys.readouterr()
    assert not shown and message in said


RECORD = '{"format": "deephar-run-1", "recipe": %s, "parts": %s}'


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (runs.FILE, b'{"format": "deephar-run-1", "parts": [{}]}', "texts by name as `recipe`. Received: None"),
        (runs.FILE, RECORD % ("[]", "[{}]"), "texts by name as `recipe`. Received: []"),
        (runs.FILE, RECORD % ('{"rate": [1]}', "[{}]"), "texts by name as `recipe`. Received: {'rate': [1]}"),
        (runs.FILE, RECORD % ("{}", "[]"), "a list of objects as `parts`. Received: []"),
        (runs.FILE, RECORD % ("{}", "[1]"), "a list of objects as `parts`. Received: [1]"),
        (runs.FILE, RECORD % ("{}", '[{"how": 1}]'), "a list of objects as `parts`. Received: [{'how': 1}]"),
        (runs.FILE, b"\xff\xfe\xfa", "is no record of a training run"),
        ("log.csv", b"epoch,val_pck\n0,1.0\n", "columns `epoch` and `loss`. Received: epoch, val_pck"),
        ("log.csv", b"loss,val_pck\n0,1.0\n", "columns `epoch` and `loss`. Received: loss, val_pck"),
        ("log.csv", b"epoch,loss\n0,1.0\n1,much\n", "a number as `loss`. Received: 'much'"),
        ("log.csv", b"epoch,loss\n0,\xff\n", "expected CSV in UTF-8. Received: "),
        ("log.csv", b'epoch,loss\n0,"' + b"1" * 200_000, "expected CSV in UTF-8. Received: "),
    ],
)
def test_a_damaged_run_is_left_out(file, content, message, folder, capsys):
    """One line names the file and what is wrong with it; the other run is shown."""
    path = folder / "one" / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert cli.main(["runs", str(folder)]) == 1
    shown, said = capsys.readouterr()
    assert [row[0] for row in rows(shown)[2:]] == [str(folder / "other")]
    assert said.count("\n") == 1 and said.startswith(f"deephar runs: left out: {path} is") and message in said, said


def test_a_folder_without_a_run_hides_no_other(folder, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert cli.main(["runs", str(empty), str(folder / "one")]) == 1
    shown, said = capsys.readouterr()
    assert [row[0] for row in rows(shown)[2:]] == [str(folder / "one")]
    assert (
        said == f"deephar runs: left out: {empty} holds no training run: expected run.json in it, or in folders in it\n"
    )


def test_a_resumed_log_has_every_epoch_once(tmp_path):
    """The rows that are ahead of the checkpoint, the last of which is half, are written anew; for TensorBoard too."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n0,3.0\n1,2.5\n2,2.\n3,1")
    log = EpochLog(path, 1, tensorboard=True)
    log.on_train_begin()
    log.on_epoch_end(1, {"loss": 2.0})
    log.on_epoch_end(2, {"loss": float("nan")})
    assert path.read_text() == "epoch,loss\n0,3.0\n1,2.0\n2,nan\n"
    found = events.EventAccumulator(str(tmp_path / "tensorboard" / "log"))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(0, 3.0), (1, 2.0)]
