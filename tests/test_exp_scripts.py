import json
import os
import pathlib
import subprocess
import sys

import pytest
from drawn import drawn_mpii

ROOT = pathlib.Path(__file__).parents[1]


def script(path, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / path), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def succeeds(path, *arguments):
    done = script(path, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


WRITTEN = ["best.weights.h5", "last.weights.h5", "log.csv", "model.json"]


def test_lsp_trains_and_evaluates(drawn, tmp_path):
    out = tmp_path / "run"
    succeeds("exp/lsp/train_lsp.py", "--data", drawn, "--out", out, "--smoke")
    assert sorted(p.name for p in out.iterdir()) == [*WRITTEN, "small.weights.h5"]
    weights = ("--weights", out / "small.weights.h5", "--out", out)
    table = succeeds("exp/lsp/eval_lsp.py", "--data", drawn, *weights, "--smoke", "--flip", "--multi-crop")
    assert "PCK@0.2 of the torso, 4 people" in table and "mean pose" in table
    assert json.loads((out / "eval.json").read_text())["people"] == 4
    assert (out / "predictions.png").stat().st_size > 1000


def test_mpii_trains_evaluates_and_submits(tmp_path):
    data, out = drawn_mpii(tmp_path / "mpii"), tmp_path / "run"
    images = ("--images", data / "images")
    files = ("--train", data / "train.json", "--validation", data / "valid.json")
    succeeds("exp/mpii/train_mpii_singleperson.py", *images, *files, "--out", out, "--smoke", "--schedule", "plateau")
    assert sorted(p.name for p in out.iterdir()) == WRITTEN
    weights = ("--weights", out / "best.weights.h5", "--out", out)
    evaluate = "exp/mpii/eval_mpii_singleperson.py"
    table = succeeds(evaluate, *images, "--annotations", data / "valid.json", *weights, "--published")
    assert "PCKh@0.5, 2 people, 28 joints" in table and "AUC@0.5" in table
    submission = ("--split", "test", "--submission", out / "test.mat", "--multi-crop", "--flip")
    said = succeeds(evaluate, *images, "--annotations", data / "release.mat", *weights, *submission)
    assert "wrote 1 people" in said and (out / "test.mat").is_file()


@pytest.mark.slow
def test_lsp_trains_on_two_logical_cpus(drawn, tmp_path):
    options = ("--strategy", "mirrored", "--logical-cpus", 2, "--processes", 2)
    said = succeeds("exp/lsp/train_lsp.py", "--data", drawn, "--out", tmp_path, "--smoke", *options)
    assert "best PCK@0.2" in said


@pytest.mark.parametrize("name", ["train_lsp", "eval_lsp"])
def test_missing_data_is_said(name, tmp_path):
    done = script(f"exp/lsp/{name}.py", "--data", tmp_path / "absent")
    assert done.returncode != 0
    assert "absent" in done.stderr and "Traceback" not in done.stderr


def test_an_output_folder_that_cannot_be_made_is_said(drawn, tmp_path):
    (tmp_path / "file").write_text("")
    done = script("exp/lsp/train_lsp.py", "--data", drawn, "--out", tmp_path / "file" / "run", "--smoke")
    assert done.returncode == 2 and "file" in done.stderr and "Traceback" not in done.stderr
