"""What tracked people do, by a clip network: its input, both sets of actions, and the command line."""

import json
import types

import keras
import numpy as np
import pytest
from PIL import Image
from scripts import predict

import deephar
from deephar import PosePredictor, files, geometry, layouts, video
from deephar.data.samples import clips, frames
from deephar.inference import Person, Result, clip_actions
from deephar.inference import seen as seen_in_windows
from deephar.models import outputs
from deephar.models.action.streaming import split
from deephar.weights import description, loading

SMALL = {
    "spnet-lite": {"num_levels": 2, "growth": 8, "pose_features": 16, "visual_features": 16},
    "lite-merge": {
        "num_joints": 17, "dim": 3, "num_context": 0, "depth_maps": 4, "width": 16, "appearance_width": 16,
        "num_action_blocks": 1,
    },
}  # fmt: skip
SETS = {"set1": ("sit", "stand"), "set2": ("a", "b", "c")}
NAMES = (*(f"one/{name}" for name in SETS["set1"]), *(f"two/{name}" for name in SETS["set2"]))
PICTURES = [Image.fromarray(p) for p in np.random.default_rng(0).integers(0, 256, (12, 60, 80, 3), dtype=np.uint8)]


@pytest.fixture(scope="module", params=SMALL)
def weights(tmp_path_factory, request):
    """A clip network with two sets of actions, beside its description."""
    folder = tmp_path_factory.mktemp(request.param)
    network = {"input_shape": (32, 32, 3), "frames": 4, "num_actions": (2, 3), **SMALL[request.param]}
    files.save_weights(deephar.build(request.param, **network), folder / "best.weights.h5")
    about = description.Description(preset=request.param, overrides=network, layout=layouts.get("pa17j"), actions=NAMES)
    about.write(folder / "model.json")
    return folder / "best.weights.h5"


@pytest.fixture(scope="module")
def model(weights):
    return deephar.load(weights)


def seen(index, shift=0.0, people=1):
    """Frames of ten a second with people 10 pixels apart."""
    pose = np.random.default_rng(5).uniform(15, 45, (17, 2)) + [shift * index, 0]
    found = [
        Person(np.array([10.0, 10, 50, 50]), pose + [10 * number, 0], np.full(17, 0.9), track=number + 1)
        for number in range(people)
    ]
    return Result(index, index / 10, (80, 60), "x", layouts.get("pa17j"), found, PICTURES[index])


def in_parts(model, **options):
    if model.name == "spnet_lite":
        pytest.skip("an SPNet has no two parts")
    return clip_actions.FrameActions(*split(model), SETS, 4, **options)


def test_the_scores_are_those_of_the_clip_network_in_the_window_of_training(model):
    """Frames 1, 2, 3, 4 of ten a second with a span of 0.3 s; one window, by the joints of frames 1, 3 and 4."""
    judging = clip_actions.ClipActions(model, SETS, span_s=0.3, least_s=0.3, keep=0.0)
    found = [judging(seen(index, 1.5)).people[0].actions for index in range(5)]
    assert found[:3] == [None] * 3 and set(found[-1]) == {"sit", "stand", "a", "b", "c"}
    same_as_the_clip_network(model, found[-1], np.stack([seen(i, 1.5).people[0].pose_px for i in range(1, 5)]))


def same_as_the_clip_network(model, found, poses, numbers=range(1, 5)):
    """In the window around some poses."""
    window = geometry.window_to_crop(*clips.joints_window(poses, (80, 60)))
    clip = frames.crops_of(((PICTURES[index], (80, 60), window) for index in numbers), (32, 32))
    wanted = outputs.actions(model, model.predict_on_batch(clip[None]))
    last = {output.actions: scores[0] for output, scores in wanted.items()}
    for name, actions in SETS.items():
        np.testing.assert_allclose([found[action] for action in actions], last[name], atol=1e-5)


def test_in_parts_every_frame_is_computed_once_for_all_people(model):
    """People who stand still have one window, so that the scores are those of the clip network."""
    judging, counts = in_parts(model, span_s=0.3, least_s=0.3, keep=0.0), []
    frame = judging.frame
    judging.frame = types.SimpleNamespace(
        input_shape=frame.input_shape,
        predict_on_batch=lambda images: counts.append(len(images)) or frame.predict_on_batch(images),
    )
    found = [[one.actions for one in judging(seen(index, people=2)).people] for index in range(6)]
    assert counts == [2] * 6 and found[2] == [None, None]
    for number, said in enumerate(found[-1]):
        same_as_the_clip_network(model, said, seen(0, people=2).people[number].pose_px[None], range(2, 6))


def test_a_crowd_is_computed_in_parts(model, monkeypatch):
    """A few people at a time; what is said of everybody is the same."""
    make = clip_actions.ClipActions if "spnet" in model.name else lambda model, sets, **rest: in_parts(model, **rest)
    said = []
    for together in (16, 2):
        monkeypatch.setattr(seen_in_windows, "TOGETHER", together)
        judging = make(model, SETS, span_s=0.3, least_s=0.3)
        said.append([[one.actions for one in judging(seen(index, people=3)).people] for index in range(4)][-1])
    for one, other in zip(*said, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_in_parts_windows_follow_the_person(model):
    """Around the joints of the frames that are remembered, the first, the middle and the last of them."""
    judging = in_parts(model, span_s=0.3, least_s=0.3)
    for index in range(6):
        judging(seen(index, 1.5))
    windows = [one.seen.window for one in judging._pasts[1].kept]
    poses = np.stack([seen(index, 1.5).people[0].pose_px for index in range(2, 6)])
    np.testing.assert_allclose(windows[-1], clips.joints_window(poses, (80, 60)))
    assert len(windows) == 4 and not np.allclose(windows[0], windows[-1])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="networks are exported on TensorFlow")
def test_another_runtime_finds_the_same_poses_and_actions(weights, tmp_path, monkeypatch):
    """The pose part, and the whole or its two parts are exported, each to a file of its own."""
    pytest.importorskip("openvino", reason="openvino is not installed; pip install 'deephar[openvino]'")
    monkeypatch.setenv("DEEPHAR_CACHE", str(tmp_path))
    poses, scores = [], []
    for runtime in ("keras", "openvino"):
        predictor = PosePredictor.from_weights(weights, detector=None, runtime=runtime)
        poses.append(predictor(PICTURES[0], [[10, 10, 50, 50]])[0])
        judging = clip_actions.from_weights(weights, runtime)
        scores.append([judging(seen(index, 1.5)).people[0].actions for index in range(12)][-1])
    np.testing.assert_allclose(poses[1].pose_px, poses[0].pose_px, atol=0.01)
    np.testing.assert_allclose(poses[1].pose_3d_mm, poses[0].pose_3d_mm, atol=0.5)
    assert set(scores[0]) == set(NAMES) and scores[1] == pytest.approx(scores[0], abs=1e-4)
    made = sorted(path.name.rpartition("-")[0] for path in (tmp_path / "exports").glob("*.xml"))
    parts = ["", "-stills"] if "spnet" in str(weights) else [f"-{part}" for part in sorted(loading.PARTS)]
    assert made == [f"best{part}" for part in parts]


def test_memory_holds_the_frames_of_a_clip_alone(model):
    judging = clip_actions.ClipActions(model, SETS, span_s=0.6, least_s=0.4)
    counts = [len(judging._pasts[1].kept) for index in range(12) if judging(seen(index))]
    assert max(counts) == 4
    without = Result(0, 0.0, (80, 60), "x", layouts.get("pa17j"), seen(0).people)
    with pytest.raises(ValueError, match="without its picture"):
        clip_actions.ClipActions(model, SETS)(without)


def test_the_poses_are_those_of_the_clip_network(weights, model):
    predictor = PosePredictor.from_weights(weights, detector=None)
    assert predictor.model.input_shape == (None, 32, 32, 3) and predictor.depth
    clip = np.random.default_rng(1).uniform(-1, 1, (1, 4, 32, 32, 3)).astype("float32")
    poses, _ = outputs.poses(predictor.model, predictor.model.predict_on_batch(clip[0]))
    wanted, _ = outputs.poses(model, model.predict_on_batch(clip))
    np.testing.assert_allclose(poses, wanted[-len(poses) :, 0], atol=1e-5)


@pytest.mark.slow
def test_one_command_gives_poses_in_space_and_both_sets(weights, tmp_path, capsys):
    """Of one person, who is there wherever the network, which has learnt nothing, looks."""
    video.write_video(tmp_path / "clip.mp4", PICTURES, 10)
    options = ("--weights", weights, "--one-person", "--json", tmp_path / "out.jsonl")
    status, _, err = predict(capsys, tmp_path / "clip.mp4", *options)
    assert status == 0, err
    *_, last = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    (person,) = last["people"]
    assert set(person["actions"]) == set(NAMES) and len(person["pose_3d"]) == 17
    assert sum(value for name, value in person["actions"].items() if name.startswith("two/")) == pytest.approx(1)


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match="finds poses and names actions. Received: photo-lite-2d, of"):
        clip_actions.from_weights("photo-lite-2d")
