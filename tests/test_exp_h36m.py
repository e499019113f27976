import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
from drawn import drawn_mpii
from helpers import eagerly, gradient_of
from PIL import Image
from scripts import refused, run

from deephar import layouts, models
from deephar.config import MISSING
from deephar.data.batches import loader
from deephar.data.readers import human36m, mpii, mpii_files
from deephar.data.synthetic import write_h36m
from deephar.data.synthetic.writing import Settings
from deephar.losses import PoseLoss

PA17 = layouts.get("pa17j")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Seven synthetic takes of a few frames, one of every subject."""
    pytest.importorskip("cdflib", reason="CDF files need cdflib (the extra h36m)")
    folder = tmp_path_factory.mktemp("h36m")
    write_h36m.write(Settings("h36m", (48, 48), "laboratory", ("walk",), length=(2, 7)), folder, 7)
    return folder


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """Six drawn people in MPII's files."""
    return drawn_mpii(tmp_path_factory.mktemp("mpii"))


def as_mmpose(tree, folder):
    """The test people of a tree as mmpose's npz, with pictures of its names."""
    reader = human36m.Human36M(human36m.open_release(tree), tree)
    names, parts, points = [], [], []
    for index in range(len(reader)):
        sample = reader.sample(index)
        subject, _, video, picture = pathlib.PurePath(sample.name).parts
        title = f"{subject}_{video.replace(' ', '_')}"
        names.append(f"{subject}/{title}/{title}_{picture}")
        (folder / names[-1]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree / sample.name, folder / names[-1])
        parts.append(np.append(sample.pose_px[:, :2], np.ones((17, 1)), axis=1))
        points.append(np.append(reader.pose_camera(index) / 1000, np.ones((17, 1)), axis=1))
    np.savez(folder / "test.npz", imgname=names, part=parts, S=points)
    return folder / "test.npz"


@eagerly()
def test_trains_and_evaluates(tree, flat, tmp_path, monkeypatch, capsys):
    """Mixed training; then scores of both joint sets, which mmpose's file of the same people repeats."""
    run_folder, mmpose = tmp_path / "run", as_mmpose(tree, tmp_path)
    mixed = ("--images", flat / "images", "--train", flat / "train.json")
    said = run("exp/h36m/train_h36m.py", monkeypatch, capsys, "--h36m", tree, *mixed, "--out", run_folder, "--smoke")
    assert "best MPJPE on S8, root depth given, pa17j by names without neck: " in said
    assert "samples that could not be read: 0 of the training split, 0 of the validation split" in said
    written = [
        *(f"{name}.weights.h5" for name in ("best", "last", "resume", "small")),
        "log.csv",
        "model.json",
        "run.json",
        "table.md",
    ]
    assert sorted(p.name for p in run_folder.iterdir()) == sorted(written)
    assert "val_minus_mpjpe" in (run_folder / "log.csv").read_text().splitlines()[0]

    weights = ("--weights", run_folder / "best.weights.h5", "--out", tmp_path)
    said = run("exp/h36m/eval_h36m.py", monkeypatch, capsys, "--data", tree, "--training", tree, *weights)
    assert "root depth given; joints: pa17j by names without neck" in said and "PA-MPJPE by block" in said
    assert "images that could not be read: 0" in said
    stored = json.loads((tmp_path / "eval.json").read_text())
    named, published = stored["results"]
    assert (named["people"], named["joints"], published["joints"]) == (8, 8 * 16, 8 * 17)
    assert list(named["per_action"]) == ["Walking"] and published["joint_set"] == "pa17j by the published map"
    assert 0 < named["root_at_depth"] < named["mpjpe"] and 0 < named["mean_pose"] < named["mpjpe"]
    with Image.open(tmp_path / "predictions.png") as sheet:
        assert sheet.size == (2 * 3 * 192, 4 * 192)

    about = json.loads((run_folder / "model.json").read_text())
    (run_folder / "model.json").write_text(json.dumps({**about, "joints": "published"}))
    files = ("--data", mmpose, "--images", tmp_path, "--cameras", tree / "metadata.xml")
    said = run("exp/h36m/eval_h36m.py", monkeypatch, capsys, *files, *weights)
    assert "these files lack the published joint set" in said
    (result,) = json.loads((tmp_path / "eval.json").read_text())["results"]
    assert result["mpjpe"] == pytest.approx(named["mpjpe"], abs=0.01)

    shutil.copytree(tree, tmp_path / "torn")
    picture = next((tmp_path / "torn" / "S9" / "Images").rglob("*.jpg"))
    picture.write_bytes(picture.read_bytes()[:300])
    options = ("--joints", "names", "--multi-crop", "--flip", "--root-depth", "estimated", "--training", tree)
    said = run("exp/h36m/eval_h36m.py", monkeypatch, capsys, "--data", tmp_path / "torn", *weights, *options, "--smoke")
    stored = json.loads((tmp_path / "eval.json").read_text())
    assert "root depth estimated" in said and "images that could not be read: 1" in said
    assert stored["results"][0]["people"] == 3 and picture.parent.name in stored["could_not_read"][0]


@eagerly()
def test_trains_on_all_subjects(tree, tmp_path, monkeypatch, capsys):
    options = ("--sources", "h36m", "--choose", "none", "--schedule", "cosine", "--joints", "published", "--smoke")
    said = run("exp/h36m/train_h36m.py", monkeypatch, capsys, "--h36m", tree, "--out", tmp_path, *options)
    assert "best" not in said
    weights = ["last.weights.h5", "resume.weights.h5", "small.weights.h5"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*weights, "log.csv", "model.json", "run.json", "table.md"]
    )
    assert json.loads((tmp_path / "model.json").read_text())["joints"] == "published"


def test_what_is_missing_is_said(tree, flat, tmp_path, monkeypatch, capsys):
    def train(*arguments):
        return refused("exp/h36m/train_h36m.py", monkeypatch, capsys, "--h36m", tree, "--out", tmp_path, *arguments)

    assert "needs --images and --train of MPII; --sources h36m does not" in train()
    assert "--choose must be one of S1, S5, S6, S7, S8" in train("--choose", "S9")
    assert "use --choose none with --schedule cosine" in train("--choose", "none")
    assert "--choose-step a multiple of 5" in train("--choose-step", "64")

    def evaluate(*arguments):
        return refused("exp/h36m/eval_h36m.py", monkeypatch, capsys, "--out", tmp_path, *arguments)

    data = ("--data", tree, "--weights")
    assert "a network with depth. Received: mpii-2d-cvpr18" in evaluate(*data, "mpii-2d-cvpr18")
    assert "bone lengths of --training" in evaluate(*data, "h36m-3d-cvpr18", "--root-depth", "estimated")
    assert "No such weights" in evaluate(*data, tmp_path / "absent.h5")
    npz = evaluate("--data", as_mmpose(tree, tmp_path), "--weights", "h36m-3d-cvpr18")
    assert "test.npz has no cameras" in npz and "give --cameras" in npz


@pytest.mark.backend
@pytest.mark.slow_on("jax")
def test_2d_people_give_depth_no_gradient(tree, flat):
    """In a mixed batch the depth of MPII's people gets exactly none; neither does Human3.6M's without its label.

    The visibility is read off both kinds of maps, so its own small loss does reach the maps over depth.
    """
    people = mpii.Mpii(mpii_files.read_json(flat / "train.json"), flat / "images")
    readers = [(human36m.Human36M(human36m.open_release(tree), tree), 2), (people, 2)]
    images, (target,), _ = loader.PoseLoader(readers, (32, 32), "pose_visibility", layout=PA17, dim=3)[0]
    laboratory, wild = [0, 2], [1, 3]  # the readers' rows are interleaved
    neck, spine = PA17.index("neck"), PA17.index("spine")
    assert np.all(target[laboratory, neck] == np.float32(MISSING)) and np.all(
        target[wild, spine] == np.float32(MISSING)
    )
    assert np.all(target[wild, :, 2] == np.float32(MISSING))
    assert np.all(np.delete(target[laboratory, :, 2], neck, axis=1) > 0)

    tiny = {"input_shape": (32, 32, 3), "width": 32, "num_blocks": 1, "depth_maps": 4, "concat_visibility": True}
    model = models.build("h36m-3d", **tiny)
    split = list(model.get_layer("block1_split").output)
    maps_xy, maps_z = keras.Model(model.input, split).predict_on_batch(images)
    maps_xy = keras.ops.convert_to_tensor(maps_xy)
    end = keras.Model(split, model.outputs[0])
    unlabelled = target.copy()
    unlabelled[..., 2] = MISSING

    def of_depth_maps(target, **options):
        return gradient_of(lambda maps: PoseLoss(**options).call(target, end([maps_xy, maps])), maps_z)

    coordinates = of_depth_maps(target, visibility_weight=0.0)
    assert np.all(coordinates[wild] == 0.0)
    assert np.all(np.abs(np.delete(coordinates[laboratory], neck, axis=-1)).max(axis=(1, 2)) > 0)
    assert np.all(of_depth_maps(unlabelled, visibility_weight=0.0) == 0.0)
    assert np.any(of_depth_maps(unlabelled) != 0.0)

    poses = end([maps_xy, keras.ops.convert_to_tensor(maps_z)])

    def of_pose(target):
        return gradient_of(lambda pose: PoseLoss().call(target, pose), keras.ops.convert_to_numpy(poses))

    assert np.all(of_pose(target)[wild, :, 2] == 0.0) and np.all(of_pose(unlabelled)[..., 2] == 0.0)
    assert np.all(np.delete(of_pose(target)[laboratory, :, 2], neck, axis=1) != 0.0)
    seen = target[2:, :, 3] == 1
    assert seen.sum() > 20 and np.all(of_pose(target)[2:, :, :2][seen] != 0.0)
