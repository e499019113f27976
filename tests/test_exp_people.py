"""The scripts that train and score the detector of people."""

import json

import numpy as np
import pytest
from helpers import eagerly
from PIL import Image
from scripts import refused, run

from deephar.detection import loading
from deephar.evaluation import detection
from deephar.training import checkpoint

TRAIN, EVALUATE = "exp/people/train_people.py", "exp/people/eval_people.py"


@pytest.mark.slow
def test_drawn_groups_and_crossings_are_scored(tmp_path, monkeypatch, capsys):
    said = run(EVALUATE, monkeypatch, capsys, "--groups", 2, "--videos", 1, "--levels", 1, "--out", tmp_path)
    scores = json.loads((tmp_path / "eval.json").read_text())
    assert scores["groups"]["pictures"] == 2 and scores["crossings"]["videos"] == 1 and "IDF1" in said
    with Image.open(tmp_path / "groups.jpg") as sheet:
        assert sheet.size == (4 * 384, 288)  # four columns, of which two are used
    with Image.open(tmp_path / "film.webp") as film:
        assert film.size == (384, 288) and film.n_frames > 30


def test_recall_and_false_people_by_hand():
    """Three photographs, two of whose people are found, one of them surely; two pictures of nobody, one mistaken."""
    box = np.array([10.0, 10, 50, 90])
    answers = {
        (1, 1): ([[12, 10, 50, 90], [200, 10, 240, 90]], [0.9, 0.3]), (2, 1): ([[10, 10, 50, 60]], [0.35]),
        (3, 1): ([[100, 10, 150, 90]], [0.8]), (1, 2): ([], []), (2, 2): ([[0, 0, 9, 9]], [0.5]),
    }  # fmt: skip

    def find(image):
        return answers[image.size]

    people = [(Image.new("RGB", (width, 1)), box) for width in (1, 2, 3)]
    nobody = [Image.new("RGB", (width, 2)) for width in (1, 2)]
    low, high = detection.rates(find, people, nobody, (0.3, 0.6))
    assert low == {
        "threshold": 0.3, "recall": pytest.approx(2 / 3), "others_per_photograph": pytest.approx(2 / 3),
        "false_people_share": 0.5,
    }  # fmt: skip
    assert (high["recall"], high["false_people_share"]) == (pytest.approx(1 / 3), 0.0)


def test_absent_data_are_named(tmp_path, monkeypatch, capsys):
    files = [value for name in ("data", "poses", "street", "street-poses") for value in (f"--{name}", tmp_path / name)]
    assert "zip of LSP-extended" in refused(TRAIN, monkeypatch, capsys, *files, "--out", tmp_path / "run")
    assert "No such file" in refused(EVALUATE, monkeypatch, capsys, "--detector", tmp_path / "a", "--out", tmp_path)


def check_resumed(monkeypatch, capsys, folder, options):
    """Interrupted after the first of two epochs, and resumed: it ends as in `folder`/run."""
    again = (*options, "--out", folder / "again")
    with monkeypatch.context() as patch:
        written = checkpoint.Checkpoint.on_epoch_end

        def interrupted(self, epoch, logs=None):
            written(self, epoch, logs)
            raise KeyboardInterrupt

        patch.setattr(checkpoint.Checkpoint, "on_epoch_end", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(TRAIN, monkeypatch, capsys, *again)
    assert "seed was 0, now 1" in refused(TRAIN, monkeypatch, capsys, *again, "--resume", "--seed", 1)
    run(TRAIN, monkeypatch, capsys, *again, "--resume")
    logs = [(folder / name / "log.csv").read_text() for name in ("run", "again")]
    assert logs[0] == logs[1] and logs[0].count("\n") == 3


@pytest.mark.slow
@eagerly()
def test_the_detector_trains_and_goes_on(shared, tmp_path, monkeypatch, capsys):
    data = shared / "data"
    files = [
        *("--data", data / "lspe" / "lspe_train.zip", "--poses", data / "teachers" / "lspe.npz"),
        *("--street", data / "ccp" / "ccp_photos.zip", "--street-poses", data / "teachers" / "ccp.npz"),
    ]
    options = (*files, "--out", tmp_path / "run", "--smoke", "--start", "lsp-lite-2d")
    run(TRAIN, monkeypatch, capsys, *options)
    assert (tmp_path / "run" / "people.weights.h5").stat().st_size < 3e6
    assert "already" in refused(TRAIN, monkeypatch, capsys, *options)
    assert "has ended" in refused(TRAIN, monkeypatch, capsys, *options, "--resume")
    file = tmp_path / "run" / "people.weights.h5"
    trained = file.read_bytes()
    file.unlink()  # killed before it was written
    run(TRAIN, monkeypatch, capsys, *options, "--resume")
    assert file.read_bytes() == trained
    check_resumed(monkeypatch, capsys, tmp_path, options)
    further = (*files, "--smoke", "--weights", tmp_path / "run" / "people.weights.h5")
    assert "not allowed with" in refused(TRAIN, monkeypatch, capsys, *further, "--start", "lsp-lite-2d")
    run(TRAIN, monkeypatch, capsys, *further, "--out", tmp_path / "further")
    first, second = (loading.load(tmp_path / name / "people.weights.h5") for name in ("run", "further"))
    learned = [np.concatenate([np.ravel(w) for w in model.trainable_weights]) for model in (first, second)]
    moved = np.linalg.norm(learned[1] - learned[0]) / np.linalg.norm(learned[0])
    assert 0 < moved < 0.1  # two steps of a warming rate; from random weights it is above 0.5
