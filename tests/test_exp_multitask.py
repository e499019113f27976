"""The scripts that train poses and actions together: each completes its stages on synthetic files."""

import argparse
import json

import numpy as np
import pytest
from drawn import drawn_mpii
from helpers import eagerly
from scripts import refused, run

from deephar import layouts, models, multitask
from deephar.data.readers import arguments
from deephar.data.synthetic import write_h36m, write_ntu, write_penn
from deephar.data.synthetic.writing import Settings
from deephar.models import outputs
from deephar.weights.description import Description

pytest.importorskip("cdflib", reason="CDF files need cdflib (the extra h36m)")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Options that name synthetic files of all four datasets, by dataset."""
    folder = tmp_path_factory.mktemp("four")
    people = drawn_mpii(folder / "mpii")
    write_h36m.write(Settings("h36m", (48, 48), "laboratory", ("walk",), length=(2, 7)), folder / "h36m", 7)
    penn = Settings("penn", (48, 48), "laboratory", ("squat", "wave"), length=(5, 9), test_share=0.2)
    write_penn.write(penn, folder / "penn", 16)
    ntu = Settings("ntu", (96, 54), "laboratory", ("drink", "wave"), length=(5, 9), frames_only=True)
    write_ntu.write(ntu, folder / "ntu", 12)
    return {
        "mpii": ("--mpii", people / "images", "--mpii-validation", people / "valid.json"),
        "learn": ("--mpii-train", people / "train.json"),
        "h36m": ("--h36m", folder / "h36m"),
        "penn": ("--penn-labels", folder / "penn/labels", "--penn-frames", folder / "penn/frames"),
        "ntu": ("--ntu-skeletons", folder / "ntu/nturgb+d_skeletons", "--ntu-frames", folder / "ntu/frames"),
    }


def of(files, *names):
    return [option for name in names for option in files[name]]


@pytest.mark.parametrize("recipe", ["spnet", pytest.param("merge", marks=pytest.mark.slow)])
@eagerly()
def test_four_tasks(recipe, files, tmp_path, monkeypatch, capsys):
    """One file of weights, four scores; classes of both sets by name."""
    exp, everything = "exp/multitask", of(files, "mpii", "h36m", "penn", "ntu")
    out = ("--out", tmp_path / "run", "--penn-classes", "found")
    options = (*everything, *files["learn"], *out, "--recipe", recipe, "--smoke", "--steps", 1)
    said = run(f"{exp}/train_four_tasks.py", monkeypatch, capsys, *options)
    assert "best mean of PCKh@0.5" in said and "0 of the training split, 0 of the validation split" in said
    about = json.loads((tmp_path / "run/model.json").read_text())
    assert about["actions"][:3] == ["penn/squat", "penn/wave", "ntu/drink water"] and len(about["actions"]) == 62
    log = (tmp_path / "run" / ("log.csv" if recipe == "spnet" else "stage2.csv")).read_text().splitlines()
    assert {"stills_loss", "clips_loss", "actions_set1_accuracy", "actions_set2_loss"} <= set(log[0].split(","))
    weights = ("--weights", tmp_path / "run/best.weights.h5")
    said = run(f"{exp}/eval_four_tasks.py", monkeypatch, capsys, *everything, *out, *weights)
    scores = json.loads((tmp_path / "run/four_tasks.json").read_text())
    assert [line.split()[0] for line in said.splitlines()[1:5]] == ["pose2d", "pose3d", "action2d", "action3d"]
    assert scores["pose2d"]["joints"] == 28 and len(scores["pose3d"]["blocks"]) == (2 if recipe == "spnet" else 1)
    assert list(scores["action2d"]["per_class"]) == ["squat", "wave"] and len(scores["action3d"]["per_class"]) == 60
    judges = ["m1", "m2"] if recipe == "spnet" else ["p1", "v1", "m"]
    assert list(scores["action2d"]["outputs"]) == [f"set1_{name}" for name in judges]
    if recipe == "merge":
        options = (*of(files, "penn", "ntu"), *out, *weights, "--tasks", "action2d", "action3d")
        said = run(f"{exp}/eval_streaming.py", monkeypatch, capsys, *options)
        assert said.splitlines()[0].split()[2:] == ["clip", "followed", "jumping", "annotated", "videos"]
        streamed = json.loads((tmp_path / "run/streaming.json").read_text())
        assert streamed["action2d"]["clip"] == scores["action2d"]["accuracy"]
        assert streamed["action3d"]["clip"] == scores["action3d"]["accuracy"]
        options = (*of(files, "mpii", "penn"), *out, *weights, "--subsampling", 2)
        run("exp/pennaction/eval_penn_multitask.py", monkeypatch, capsys, *options)
        judged = json.loads((tmp_path / "run/eval.json").read_text())
        assert judged["accuracy"] == scores["action2d"]["accuracy"]


def test_a_dedicated_network_takes_as_many_steps(files, tmp_path, monkeypatch, capsys):
    options = (*files["penn"], "--penn-classes", "found", "--task", "action2d", "--out", tmp_path / "run")
    assert "--steps says how many" in refused("exp/multitask/train_four_tasks.py", monkeypatch, capsys, *options)


def test_poses_of_a_network_that_does_not_give_them_are_scored(tmp_path):
    """As those of penn-merge, trained jointly: what outputs there were is not part of the description."""
    network = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "frames": 2, "num_actions": 3}
    trained = models.build("penn-merge", **network, export_poses="all")
    trained.save_weights(tmp_path / "best.weights.h5")
    Description(preset="penn-merge", overrides=network, layout=layouts.get("pa16j")).write(tmp_path / "model.json")
    stills = multitask.of_stills(multitask.load(tmp_path / "best.weights.h5"))
    images = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype("float32")
    found, _ = outputs.poses(stills, stills.predict_on_batch(images))
    clips = np.concatenate([images, images[:1]]).reshape(2, 2, 32, 32, 3)
    wanted, _ = outputs.poses(trained, trained.predict_on_batch(clips))
    np.testing.assert_allclose(found, wanted.reshape(1, 4, 16, 2)[:, :3], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["spnet", "merge"])
@pytest.mark.parametrize(("task", "data"), [("pose2d", "mpii"), ("pose3d", "h36m"), ("action2d", "penn")])
@eagerly()
def test_a_dedicated_network(task, data, recipe, files, tmp_path, monkeypatch, capsys):
    out = ("--out", tmp_path / "run", "--penn-classes", "found")
    learn = of(files, data, *(["learn"] if data == "mpii" else []))
    options = (*learn, *out, "--smoke", "--task", task, "--recipe", recipe)
    run("exp/multitask/train_four_tasks.py", monkeypatch, capsys, *options)
    options = (*files[data], *out, "--weights", tmp_path / "run/best.weights.h5", "--tasks", task)
    said = run("exp/multitask/eval_four_tasks.py", monkeypatch, capsys, *options)
    assert said.splitlines()[1].startswith(task)
    assert set(json.loads((tmp_path / "run/four_tasks.json").read_text())) >= {task, "parameters"}
    if task == "action2d":
        said = run("exp/pennaction/eval_speed2d.py", monkeypatch, capsys, *options[:-2], "--rounds", 1)
        lines = said.splitlines()
        judges = ["m1", "m2"] if recipe == "spnet" else ["p1", "v1"]
        assert [line.split()[0] for line in lines[:2]] == judges and all("%" in line for line in lines[:2])


@pytest.mark.slow
@eagerly()
def test_ntu_from_stills_to_actions_in_space(files, tmp_path, monkeypatch, capsys):
    """The baseline of four datasets, then the clip network that starts from it, then both scores of the latter."""
    pose, out, learn = tmp_path / "pose", tmp_path / "run", files["learn"]
    everything = of(files, "mpii", "h36m", "penn", "ntu")
    more = ("--penn-classes", "found", "--smoke", "--every", 3)
    run("exp/ntu/train_pose_baseline.py", monkeypatch, capsys, *everything, *learn, *more, "--out", pose)
    options = (*of(files, "mpii", "h36m", "ntu"), *learn, "--pose-weights", pose / "best.weights.h5", "--every", 3)
    said = run("exp/ntu/train_ntu_spnet.py", monkeypatch, capsys, *options, "--smoke", "--out", out)
    lacking = said.partition("not in ")[2].splitlines()[0].rpartition(": ")[2].split(", ")
    assert lacking and all("action" in name for name in lacking)
    options = (*of(files, "h36m", "ntu"), "--weights", out / "best.weights.h5", "--out", out, "--subsampling", 1)
    table = run("exp/ntu/eval_ntu_multitask.py", monkeypatch, capsys, *options)
    assert "hand waving" in table and json.loads((out / "poses.json").read_text())["people"] > 0


def test_what_is_missing_is_said(files, tmp_path, monkeypatch, capsys):
    options = (*of(files, "mpii", "h36m"), "--out", tmp_path)
    said = refused("exp/multitask/train_four_tasks.py", monkeypatch, capsys, *options)
    assert "mpii needs --mpii-train" in said
    said = refused("exp/multitask/train_four_tasks.py", monkeypatch, capsys, *options, *files["learn"])
    assert "penn needs --penn-labels, --penn-frames" in said
    parser = argparse.ArgumentParser()
    arguments.add(parser, ["ntu"])
    with pytest.raises(ValueError, match="ntu needs --ntu-skeletons, --ntu-frames or --ntu-videos"):
        arguments.training(parser.parse_args([]), "ntu")
