import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from drawn import drawn_mpii
from helpers import eagerly, outputs_of
from scripts import ROOT, refused, run

import deephar
from deephar import layouts
from deephar.weights.description import Description


def succeeds(path, *arguments):
    """What a script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(ROOT / path), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


RECORDS = ("log.csv", "model.json", "run.json", "table.md")
WRITTEN = [*(f"{name}.weights.h5" for name in ("best", "last", "resume", "small")), *RECORDS]


@eagerly()
def test_lsp_trains_and_evaluates(drawn, tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    run("exp/lsp/train_lsp.py", monkeypatch, capsys, "--data", drawn, "--out", out, "--smoke")
    assert sorted(p.name for p in out.iterdir()) == sorted(WRITTEN)
    weights = ("--weights", out / "small.weights.h5", "--out", out)
    options = ("--data", drawn, *weights, "--smoke", "--multi-crop")
    table = run("exp/lsp/eval_lsp.py", monkeypatch, capsys, *options)
    assert "PCK@0.2 of the torso, 4 people" in table and "mean pose" in table
    result = json.loads((out / "eval.json").read_text())
    assert result["people"] == 4 and "  upper 35 %" in table
    assert list(result["parts"]) == ["upper 60 %", "upper 35 %", "lower 50 %"]
    assert all(0 <= percent <= 100 and people == 4 for percent, people in result["parts"].values())
    assert (out / "predictions.png").stat().st_size > 1000


def test_weights_before_and_after_are_averaged(tmp_path, monkeypatch, capsys):
    """A quarter of the way from one to the other; other networks are refused, and so is a folder that is taken."""
    files = []
    for number, width in enumerate((16, 16, 24)):
        network = {"num_joints": 14, "input_shape": (32, 32, 3), "width": width, "num_blocks": 1}
        keras.utils.set_random_seed(number)
        (tmp_path / str(number)).mkdir()
        files.append(tmp_path / str(number) / "best.weights.h5")
        deephar.build("lite-2d", **network).save_weights(files[-1])
        about = Description(preset="lite-2d", overrides=network, layout=layouts.get("lsp14"))
        about.write(files[-1].with_name("model.json"))
    options = ("--share", 0.25, "--out", tmp_path / "mean", "--weights")
    run("exp/lsp/average_lsp.py", monkeypatch, capsys, *options, *files[:2])
    before, after, mean = (deephar.load(path).get_weights() for path in (*files[:2], tmp_path / "mean/best.weights.h5"))
    assert any(np.abs(old - new).max() > 0.1 for old, new in zip(before, after, strict=True))
    for old, new, got in zip(before, after, mean, strict=True):
        np.testing.assert_allclose(got, 0.75 * old + 0.25 * new, atol=1e-6)
    assert len(deephar.load(tmp_path / "mean/small.weights.h5").outputs) == 2
    for given, fault in (
        (files[1:], "Expected weights of one network. Received"),
        (files[:2], "already holds a training"),
    ):
        assert fault in refused("exp/lsp/average_lsp.py", monkeypatch, capsys, *options, *given)


def test_the_first_blocks_are_a_network(tmp_path, monkeypatch, capsys):
    """Of three blocks two are kept, with the outputs that they had."""
    network = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 3}
    whole = deephar.build("base-2d", **network)
    whole.save_weights(tmp_path / "best.weights.h5")
    Description(preset="base-2d", overrides=network, layout=layouts.get("lsp14")).write(tmp_path / "model.json")
    options = ("--weights", tmp_path / "best.weights.h5", "--out", tmp_path / "cut", "--blocks")
    run("exp/lsp/cut_lsp.py", monkeypatch, capsys, *options, 2)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    found = outputs_of(deephar.load(tmp_path / "cut/best.weights.h5"), x)
    for kept, before in zip(found, outputs_of(whole, x)[:4], strict=True):
        np.testing.assert_allclose(kept, before, atol=1e-6)
    assert len(deephar.load(tmp_path / "cut/small.weights.h5").outputs) == 4
    assert "already holds a training run" in refused("exp/lsp/cut_lsp.py", monkeypatch, capsys, *options, 1)
    assert "from 1 to 2. Received: 3" in refused("exp/lsp/cut_lsp.py", monkeypatch, capsys, *options, 3)


@eagerly()
def test_mpii_trains_evaluates_and_submits(tmp_path, monkeypatch, capsys):
    data, out = drawn_mpii(tmp_path / "mpii"), tmp_path / "run"
    images = ("--images", data / "images")
    files = ("--train", data / "train.json", "--validation", data / "valid.json")
    options = (*images, *files, "--out", out, "--smoke", "--schedule", "plateau")
    run("exp/mpii/train_mpii_singleperson.py", monkeypatch, capsys, *options)
    assert sorted(p.name for p in out.iterdir()) == sorted(WRITTEN)
    weights = ("--weights", out / "best.weights.h5", "--out", out)
    evaluate = "exp/mpii/eval_mpii_singleperson.py"
    options = (*images, "--annotations", data / "valid.json", *weights, "--published")
    table = run(evaluate, monkeypatch, capsys, *options)
    assert "PCKh@0.5, 2 people, 28 joints" in table and "AUC@0.5" in table
    submission = ("--split", "test", "--submission", out / "test.mat", "--multi-crop", "--flip")
    options = (*images, "--annotations", data / "release.mat", *weights, *submission)
    said = run(evaluate, monkeypatch, capsys, *options)
    assert "wrote 1 people" in said and (out / "test.mat").is_file()
    options = (*images, "--annotations", data / "valid.json", *weights, *submission)
    assert "a submission is of --split test of the RELEASE" in refused(evaluate, monkeypatch, capsys, *options)


@pytest.mark.slow
def test_lsp_trains_on_two_logical_cpus(drawn, tmp_path):
    options = ("--strategy", "mirrored", "--logical-cpus", 2, "--processes", 2)
    said = succeeds("exp/lsp/train_lsp.py", "--data", drawn, "--out", tmp_path, "--smoke", *options)
    assert "best PCK@0.2" in said


@pytest.mark.parametrize("name", ["train_lsp", "eval_lsp"])
def test_missing_data_is_said(name, tmp_path, monkeypatch, capsys):
    out = ("--out", tmp_path / "run") if name == "train_lsp" else ()
    said = refused(f"exp/lsp/{name}.py", monkeypatch, capsys, "--data", tmp_path / "absent", *out)
    assert f"a folder or a zip of LSP-extended. Received: {tmp_path / 'absent'}" in said


def test_an_output_folder_that_cannot_be_made_is_said(drawn, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    options = ("--data", drawn, "--out", tmp_path / "file" / "run", "--smoke")
    said = refused("exp/lsp/train_lsp.py", monkeypatch, capsys, *options)
    assert "file" in said and "Traceback" not in said
