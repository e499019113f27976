import json
import os
import pathlib
import subprocess
import sys

import pytest
from helpers import drawn_lsp

ROOT = pathlib.Path(__file__).parents[1]


def script(path, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / path), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_lsp_trains_and_evaluates(tmp_path):
    data, run = drawn_lsp(tmp_path / "lspe"), tmp_path / "run"
    done = script("exp/lsp/train_lsp.py", "--data", data, "--out", run, "--smoke")
    assert done.returncode == 0, done.stderr[-3000:]
    assert sorted(p.name for p in run.iterdir()) == ["best.weights.h5", "last.weights.h5", "log.csv", "model.json"]
    done = script("exp/lsp/eval_lsp.py", "--data", data, "--run", run, "--smoke", "--flip")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "PCK@0.2 of the torso, 4 people" in done.stdout and "mean pose" in done.stdout
    assert json.loads((run / "eval.json").read_text())["people"] == 4
    assert (run / "predictions.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["train_lsp", "eval_lsp"])
def test_missing_data_is_said(name, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    done = script(f"exp/lsp/{name}.py", "--data", tmp_path / "absent", "--run" if "eval" in name else "--out", tmp_path)
    assert done.returncode != 0
    assert "absent" in done.stderr and "Traceback" not in done.stderr
