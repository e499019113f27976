"""Scripts that train on synthetic people alone or beside photographs, in small."""

import json
import re

import pytest
from helpers import eagerly
from PIL import Image
from scripts import refused, run


@pytest.mark.slow
@eagerly()
def test_depth_from_synthetic_people_and_photographs(drawn, tmp_path, monkeypatch, capsys):
    run("exp/lsp/train_lsp_3d.py", monkeypatch, capsys, "--data", drawn, "--out", tmp_path, "--smoke")
    weights = ("--weights", tmp_path / "small.weights.h5", "--out", tmp_path, "--smoke")
    said = run("exp/lsp/eval_lsp_3d.py", monkeypatch, capsys, "--data", drawn, *weights)
    scores = json.loads((tmp_path / "eval.json").read_text())
    assert scores["root_depth"] == "given" and 0 < scores["mpjpe"] < 2000 and f"{scores['mean_pose']:.1f} mm" in said
    assert scores["photographs"]["people"] == 4 and (tmp_path / "space.png").stat().st_size > 1000
    args = ("--data", drawn, "--weights", "nothing", "--out", tmp_path, "--overwrite")
    assert "nothing" in refused("exp/lsp/train_lsp_3d.py", monkeypatch, capsys, *args)
    for weights in ("lsp-lite-2d", "four-lite"):
        said = refused("exp/lsp/eval_lsp_3d.py", monkeypatch, capsys, "--out", tmp_path, "--weights", weights)
        assert f"pose network with depth. Received: {weights}" in said


@eagerly()
def test_the_worst_are_shown_first(tmp_path, monkeypatch, capsys):
    options = ("--weights", "lsp-lite-2d", "--people", 4, "--shown", 2, "--out", tmp_path)
    said = run("exp/synthetic/show_failures.py", monkeypatch, capsys, *options).splitlines()
    least, most = map(float, re.findall(r"[0-9.]+", said[1]))
    median, mean = map(float, re.findall(r"([0-9.]+) %", said[0]))
    assert median <= least <= most and mean <= most
    with Image.open(tmp_path / "failures.jpg") as picture:
        assert picture.size == (3 * 2 * 192, 192)


@pytest.mark.slow
@eagerly()
def test_poses_in_space_from_drawn_people_alone(tmp_path, monkeypatch, capsys):
    said = run("exp/synthetic/train_pose_3d.py", monkeypatch, capsys, "--out", tmp_path, "--smoke")
    assert "best MPJPE on people of another seed" in said
    weights = ("--weights", tmp_path / "small.weights.h5", "--out", tmp_path, "--smoke")
    assert "MPJPE" in run("exp/lsp/eval_lsp_3d.py", monkeypatch, capsys, *weights)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("num_blocks", ("--people", 40, "--steps", 2, "--batch-size", 4, "--width", 16)),
        ("mixed_data", ("--takes", 14, "--people", 20, "--steps", 2, "--batch-size", 4, "--width", 16)),
        (
            "action",
            ("--videos", 16, "--people", 20, "--pose-steps", 2, "--action-steps", 2, "--fine-tuning-steps", 2,
             "--width", 16),
        ),
        ("four_tasks", ("--smoke", "--people", 40, "--takes", 7, "--videos", 160, "--performances", 40)),
    ],
)  # fmt: skip
@eagerly()
def test_ablations(name, options, tmp_path, monkeypatch, capsys):
    said = run(f"exp/ablation/{name}.py", monkeypatch, capsys, *options, "--seeds", 0, "--out", tmp_path)
    assert (tmp_path / "table.txt").read_text() in said
    assert (tmp_path / f"{name}.png").stat().st_size > 1000
