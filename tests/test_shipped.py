"""The weights that come with the package."""

import itertools
import pathlib
import sys

import h5py
import numpy as np
import pytest
from PIL import Image
from scripts import loaded

from deephar import action_names, inference, metrics_overlap, multitask
from deephar.data.readers import lsp, pennaction
from deephar.data.samples import clips, crops, video_clips
from deephar.data.synthetic import groups, motion, write_penn
from deephar.data.synthetic.people import SyntheticPeople
from deephar.data.synthetic.writing import Settings
from deephar.detection import detector
from deephar.evaluation import pose2d, pose3d
from deephar.weights import catalogue, loading

ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.parametrize("name", catalogue.own_files())
def test_files_are_small_and_half_precision(name):
    path = catalogue.shipped_file(name)
    most = {"-lite-2d": 3e6, "-lite-3d": 3e6, "-base-2d": 16e6, "-base-3d": 16e6}
    assert path.stat().st_size < next((size for end, size in most.items() if name.endswith(end)), 12e6)
    with h5py.File(path) as file:
        kinds = set()
        file.visititems(lambda _, item: kinds.add((item.dtype.name, item.ndim > 1)) if hasattr(item, "dtype") else None)
        assert kinds == {("float16", True), ("float32", False)} and "optimizer" not in file
    assert path.name in (ROOT / "weights" / "README.md").read_text()


POSE_NETWORKS = [name for name, entry in catalogue.SHIPPED.items() if not entry.about.judges_actions]


@pytest.mark.parametrize("name", POSE_NETWORKS)
def test_predictor(name):
    predictor = inference.PosePredictor.from_weights(name)
    (person,) = predictor(Image.new("RGB", (120, 90), (90, 90, 90)), [[10, 10, 110, 80]])
    assert person.pose_px.shape == (len(predictor.layout), 2) and np.all(np.isfinite(person.pose_px))
    assert (person.pose_3d_mm is not None) == name.endswith("3d")


def test_a_built_package_holds_the_weights(tmp_path):
    pytest.importorskip("setuptools")
    import subprocess

    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build", "--build-base", tmp_path, "--build-lib", tmp_path / "lib"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    files = {path.name for path in (tmp_path / "lib" / "deephar" / "weights" / "files").iterdir()}
    assert files == {"README.md", *catalogue.own_files().values()}


def found_in(pictures):
    """How many of the drawn people of some pictures the detector finds, and how many there are."""
    find, found, there = detector.PeopleDetector(), 0, 0
    for index in range(len(pictures)):
        truth = pictures.truth(index)
        boxes, _ = find(Image.fromarray(pictures.image(index)))
        seen = truth.pose_px[truth.share > 0.8]
        true = np.concatenate([seen.min(axis=1), seen.max(axis=1)], axis=-1)
        overlap = metrics_overlap.box_overlap(true, boxes)
        found, there = found + int((overlap > 0.4).any(axis=1).sum()), there + len(seen)
    return found, there


def test_the_detector_finds_drawn_people():
    found, there = found_in(groups.Groups(12, size=(320, 256), seed=30_000))
    assert there > 10 and found >= 0.6 * there


def test_people_are_found_and_backgrounds_are_not(shared):
    """With what ships: detector, pose network, certainty and threshold, in photographs that none of them has seen.

    Of all 500, the card says, 92 % are found.
    """
    script, data = loaded("exp/people/eval_people.py"), shared / "data"
    predictor = inference.PosePredictor.from_weights("photo-lite-2d")
    people = itertools.islice(script.photographed(data / "lspe" / "lspe_train.zip"), None, None, 20)
    found = [metrics_overlap.box_overlap(box[None], boxes(predictor(image))).max(initial=0) for image, box in people]
    assert len(found) == 25 and sum(overlap >= 0.5 for overlap in found) >= 20
    empty = itertools.islice(script.beside(data / "ccp" / "ccp_photos.zip", data / "teachers" / "ccp.npz"), 24)
    assert sum(bool(predictor(image)) for image in empty) <= 1


def boxes(people):
    return np.array([person.box_px for person in people]).reshape(-1, 4)


def test_nobody_is_found_in_nothing():
    predictor = inference.PosePredictor.from_weights("photo-lite-2d")
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    sky = np.repeat(np.linspace(120, 240, 240).astype(np.uint8)[:, None, None], 320, axis=1).repeat(3, axis=2)
    for pixels in (np.zeros((240, 320, 3), np.uint8), noise, sky, np.full((1, 1, 3), 200, np.uint8)):
        assert predictor(pixels) == []


@pytest.mark.parametrize(
    ("name", "least"),
    [("lsp-lite-2d", 30), ("photo-lite-2d", 50), ("photo-base-2d", 54), ("photo-lite-3d", 46), ("photo-base-3d", 50)],
)
def test_score_on_photographs(name, least, shared):
    """A part of the photographs that the weights were chosen by: PCK@0.2 is far above the mean pose's 5 %."""
    model = loading.load(name)
    reader = lsp.LspExtended(shared / "data" / "lspe" / "lspe_train.zip", lsp.SPLITS["choose"][:64])
    layout = loading.describe(name).layout
    predictions = pose2d.predict(model, crops.Crops(reader, model.input_shape[1:3], layout))
    assert pose2d.pck_scores(predictions, layout)["total"] > least


@pytest.mark.parametrize(
    ("name", "most"), [("lsp-lite-3d", 165), ("photo-lite-3d", 155), ("photo-base-3d", 138), ("drawn-lite-3d", 145)]
)
def test_score_in_space(name, most):
    """The first of the synthetic people that the card is about; the mean pose has 257 mm."""
    model = loading.load(name)
    layout = loading.describe(name).layout
    people = crops.Crops(SyntheticPeople(48, layout=layout, seed=1000), model.input_shape[1:3])
    assert pose3d.scores(pose3d.predict(model, people), layout, "all")["mpjpe"] < most


def test_actions_of_drawn_people(tmp_path):
    """Videos of another seed than those of training; 20 actions, of which chance names 5 %."""
    write_penn.write(Settings("penn", (128, 128), seed=5, length=(24, 30), test_share=1.0), tmp_path, 20)
    about = loading.describe("four-lite")
    videos = pennaction.PennAction(tmp_path / "labels", tmp_path / "frames", "test", action_names.DRAWN)
    assert (
        action_names.DRAWN
        == tuple(sorted(motion.ACTIONS))
        == tuple(name.removeprefix("penn/") for name in about.actions[:20])
    )
    found = multitask.accuracy(loading.load("four-lite"), about, videos, "set1")
    assert found["accuracy"] >= 40


def test_score_on_annotated_poses(shared):
    """Every eighth official test video of Penn Action."""
    model = loading.load("penn-pose-only")
    reader = pennaction.PennAction(shared / "data" / "pennaction" / "labels.zip", split="test", hidden=True)
    videos = video_clips.VideoClips(reader, 16, shares=(1.0,), given=True, boxes=clips.extent_boxes)
    inputs = np.stack([next(videos[index].clips).inputs[0] for index in range(0, len(videos), 8)])
    truth = [reader.video(index).action for index in range(0, len(videos), 8)]
    assert np.mean(model.predict(inputs, verbose=0)[-1].argmax(axis=1) == truth) > 0.93
