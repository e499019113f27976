"""The scripts of Penn Action and NTU: each completes an epoch on synthetic files through the real readers."""

import json

import numpy as np
import pytest
from drawn import drawn_mpii
from helpers import eagerly
from PIL import Image
from scripts import refused, run

from deephar import layouts, models, runs
from deephar.data.readers import pennaction
from deephar.data.synthetic import write_h36m, write_ntu, write_penn
from deephar.data.synthetic.writing import Settings
from deephar.training import ClipSampling, Recipe, Stage, follow

ACTIONS = ("squat", "wave")


@pytest.fixture(scope="module")
def penn(tmp_path_factory):
    """Synthetic videos in Penn Action's files."""
    folder = tmp_path_factory.mktemp("penn")
    write_penn.write(Settings("penn", (48, 48), "laboratory", ACTIONS, length=(5, 9), test_share=0.2), folder, 16)
    return folder


@pytest.fixture(scope="module")
def mpii(tmp_path_factory):
    folder = drawn_mpii(tmp_path_factory.mktemp("mpii"))
    return (
        "--mpii",
        folder / "images",
        "--mpii-train",
        folder / "train.json",
        "--mpii-validation",
        folder / "valid.json",
    )


@pytest.mark.slow
def test_penn_from_poses_to_actions(penn, mpii, tmp_path, monkeypatch, capsys):
    """Pose, then actions from that pose in both stages; boxes by the pose network; then every protocol."""
    files = ("--labels", penn / "labels", "--frames", penn / "frames")
    exp = "exp/pennaction"
    said = run(f"{exp}/train_penn_pose.py", monkeypatch, capsys, *mpii, *files, "--out", tmp_path / "pose", "--smoke")
    assert "best PCKh@0.5" in said and "could not be read: 0" in said
    pose = ("--pose-weights", tmp_path / "pose" / "best.weights.h5", "--classes", "found")
    out = tmp_path / "action"
    script = f"{exp}/train_penn_ar_pe_merge.py"
    said = run(script, monkeypatch, capsys, *files, *pose, "--out", out, "--smoke", "--stages", "small")
    assert "after frozen pose" in said and "after fine-tuning" in said
    weights = ["best.weights.h5", "last.weights.h5", "resume.weights.h5", "small.weights.h5"]
    assert {path.name for path in out.iterdir()} >= {*weights, "model.json", "run.json", "stage1.csv", "stage2.csv"}

    boxes = tmp_path / "boxes.json"
    options = ("--dataset", "penn", *files, "--weights", tmp_path / "pose" / "best.weights.h5", "--out", boxes)
    assert json.loads(run("exp/predict_bboxes.py", monkeypatch, capsys, *options, "--videos", 2))["videos"] == 2
    assert json.loads(run("exp/predict_bboxes.py", monkeypatch, capsys, *options))["videos"] == 16

    weights = ("--classes", "found", "--weights", out / "best.weights.h5", "--out", out)
    for more in ((), ("--multi-clip", "--published", "--boxes", boxes)):
        table = run(f"{exp}/eval_penn_ar_pe_merge.py", monkeypatch, capsys, *files, *weights, *more)
        assert "squat" in table and "p1" in table
    stored = json.loads((out / "eval.json").read_text())
    assert stored["protocol"]["how"] == "product" and stored["videos"] == 4
    with Image.open(out / "classes.png") as picture:
        assert picture.size[0] > 300


@pytest.mark.slow
@eagerly()
def test_penn_from_poses_alone(penn, tmp_path, monkeypatch, capsys):
    """Half of the clips with an estimator's errors, in training and at the exam."""
    exp, labels = "exp/pennaction", ("--labels", penn / "labels", "--classes", "found")
    np.savez(tmp_path / "errors.npz", errors=np.full((3, 14, 2), 0.1), names=np.array(layouts.get("lsp14").names))
    errors, out = ("--errors", tmp_path / "errors.npz"), tmp_path / "run"
    options = (*labels, "--out", out, "--smoke", "--recipe", "estimated")
    said = refused(f"{exp}/train_penn_pose_only.py", monkeypatch, capsys, *options)
    assert "needs --errors; or take --recipe annotated" in said
    run(f"{exp}/train_penn_pose_only.py", monkeypatch, capsys, *options, *errors)
    weights = ("--weights", out / "small.weights.h5", *errors)
    said = run(f"{exp}/eval_penn_pose_only.py", monkeypatch, capsys, *labels, *weights, "--json", "--no-baselines")
    scores = json.loads(said)
    assert {"accuracy_single_clip", "accuracy_multi_clip", "per_class"} <= set(scores)
    assert set(scores["per_class"]) == set(ACTIONS) and scores["videos"] == 4


@pytest.mark.slow
@eagerly()
def test_poses_and_actions_together(penn, mpii, tmp_path, monkeypatch, capsys):
    """Both stages of the joint training; then poses of stills and actions of clips from one file of weights."""
    files = (*mpii, "--penn-labels", penn / "labels", "--penn-frames", penn / "frames", "--penn-classes", "found")
    exp, out = "exp/pennaction", ("--out", tmp_path / "run")
    said = run(f"{exp}/train_penn_multimodel.py", monkeypatch, capsys, *files, *out, "--smoke")
    assert "after frozen pose" in said and "could not be read: 0" in said
    log = (tmp_path / "run" / "stage2.csv").read_text().splitlines()
    assert {"stills_loss", "clips_loss", "actions_loss", "actions_accuracy", "val_accuracy"} <= set(log[0].split(","))
    weights = ("--weights", tmp_path / "run" / "best.weights.h5")
    options = (*mpii[:2], *mpii[4:], *files[len(mpii) :], *out, *weights)
    table = run(f"{exp}/eval_penn_multitask.py", monkeypatch, capsys, *options, "--subsampling", 1)
    assert "PCKh@0.5, 2 people" in table and "m2" in table
    assert json.loads((tmp_path / "run" / "poses.json").read_text())["joints"] == 28


@eagerly()
def test_without_a_judge_a_stage_runs_to_its_end(penn, tmp_path):
    """At the rate that it has; and stages of a network without a pose part follow one another."""
    reader = pennaction.PennAction(penn / "labels", None, "train", ACTIONS)
    recipe = Recipe(
        preset="penn-pose-only", network={"num_actions": 2, "frames": 4, "num_action_blocks": 1},
        layout="penn13", mixture={"penn": 1}, batch_size=2, steps=1, clips=ClipSampling(given=True),
        stages=(Stage("plateau", 8, rate=1e-2, patience=2), Stage("second", 1, rate_factor=0.1)),
    )  # fmt: skip
    recipe.check()
    model = models.build(recipe.preset, **recipe.network)
    assert follow(recipe, model, {"penn": reader}, tmp_path, quiet=True) == [None, None]
    assert len(runs.read_log(tmp_path / "stage1.csv")) == 8
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1 * 1e-2)


def test_what_is_missing_is_said(penn, tmp_path, monkeypatch, capsys):
    script = "exp/pennaction/eval_penn_pose_only.py"
    assert "absent" in refused(script, monkeypatch, capsys, "--labels", tmp_path / "absent")
    said = refused(script, monkeypatch, capsys, "--labels", tmp_path)
    assert f"label files 0001.mat and so on in {tmp_path}; there is none" in said
    assert "unknown action 'wave'" in refused(script, monkeypatch, capsys, "--labels", penn / "labels")
    said = refused("exp/pennaction/train_penn_pose_only.py", monkeypatch, capsys, "--labels", penn / "frames")
    assert "there is none" in said


@pytest.mark.slow
def test_ntu_from_poses_to_actions(mpii, tmp_path, monkeypatch, capsys):
    pytest.importorskip("cdflib", reason="CDF files need cdflib (the extra h36m)")
    settings = Settings("ntu", (96, 54), "laboratory", ("drink", "wave"), length=(5, 9), frames_only=True)
    write_ntu.write(settings, tmp_path / "ntu", 12)
    write_h36m.write(Settings("h36m", (48, 48), "laboratory", ("walk",), length=(2, 7)), tmp_path / "h36m", 7)
    files = ("--skeletons", tmp_path / "ntu" / "nturgb+d_skeletons", "--frames", tmp_path / "ntu" / "frames")
    pose, out = tmp_path / "pose", tmp_path / "action"
    more = ("--h36m", tmp_path / "h36m", "--out", pose, "--smoke")
    assert "best PCKh@0.5" in run("exp/ntu/train_ntu_pose.py", monkeypatch, capsys, *files, *mpii, *more)
    weights = ("--pose-weights", pose / "best.weights.h5")
    said = run("exp/ntu/train_ntu_ar_pe_merge.py", monkeypatch, capsys, *files, *weights, "--out", out, "--smoke")
    assert "after fine-tuning" in said
    run("datasets/pack.py", monkeypatch, capsys, "ntu", *files, "--out", tmp_path / "packed")
    packed = ("--packed", tmp_path / "packed", *weights, "--out", tmp_path / "again", "--smoke")
    assert "after fine-tuning" in run("exp/ntu/train_ntu_ar_pe_merge.py", monkeypatch, capsys, *packed)
    options = (*files, "--weights", out / "best.weights.h5", "--out", out, "--multi-clip")
    assert "hand waving" in run("exp/ntu/eval_ntu_ar_pe_merge.py", monkeypatch, capsys, *options)
