"""What the options of `deephar predict` do to a video, each on its own."""

import json
import sys
import types

import keras
import numpy as np
import pytest

pytest.importorskip("av", reason='needs PyAV: pip install "deephar[video]"')

from scripts import predict as run

from deephar import inference
from deephar.cli import predict as predict_command
from deephar.cli import predict_network, predict_video
from deephar.inference import export
from deephar.viz import window
from deephar.weights import loading

FRAMES = 20


def results_of(capsys, walkers, path, *options):
    status, _, said = run(capsys, walkers, "--json", path, *options)
    assert status == 0, said
    return list(export.read_results(path))


def test_what_is_said_of_the_network_reaches_it(walkers, capsys, monkeypatch):
    told = {}
    monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda weights, **more: told.update(more) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(capsys, walkers, "--conf", 0.4, "--max-people", 2, "--flip", "--runtime", "onnx", "--precision", "bfloat16")
    wanted = {"least_score": 0.4, "max_people": 2, "flip": True, "runtime": "onnx", "precision": "bfloat16"}
    assert wanted.items() <= told.items() and "detector" not in told
    with pytest.raises(ZeroDivisionError):
        run(capsys, walkers, "--one-person")
    assert told["detector"] is None and told["least_score"] == inference.predictor.LEAST_SCORE


@pytest.mark.backend
def test_a_device_is_one_of_the_backend(monkeypatch):
    """By either name, on every backend; the network runs within it."""
    entered, original = [], keras.device
    monkeypatch.setattr(keras, "device", lambda name: entered.append(name) or original(name))
    for name in ("cpu", "CPU:0"):
        options = predict_command._parser().parse_args(["clip.mp4", "--device", name])
        with predict_network.device(options):
            assert float(keras.ops.sum(keras.ops.ones(3))) == 3
    assert entered == ["cpu:0", "cpu:0"]


def test_a_window_shows_every_frame_until_it_is_closed(walkers, network, tmp_path, capsys, monkeypatch):
    shown = []

    class Closed(window.Window):
        def __init__(self, title):
            shown.append(title)

        def show(self, picture):
            shown.append(np.asarray(picture))
            return len(shown) < 4

        def close(self):
            shown.append("closed")

    monkeypatch.setattr(window, "Window", Closed)
    assert len(results_of(capsys, walkers, tmp_path / "people.jsonl", "--show")) == 3
    title, *pictures, end = shown
    assert str(walkers) in title and end == "closed" and [picture.shape for picture in pictures] == [(120, 320, 3)] * 3


def test_a_window_shows_photographs_until_it_is_closed(photos, network, capsys, monkeypatch):
    """One after the other, at a key; once it is closed, the others are predicted all the same."""
    shown = []

    class Waits(window.Window):
        def __init__(self, title):
            pass

        def show(self, picture):
            shown.append(np.asarray(picture).shape)
            return shown.count("key") < 2

        def wait(self):
            shown.append("key")

        def close(self):
            shown.append("closed")

    monkeypatch.setattr(window, "Window", Waits)
    status, printed, _ = run(capsys, photos, "--show")
    assert status == 0 and len(json.loads(printed)["photos"]) == 4
    picture = (32, 48, 3)
    assert shown == [picture, "key", picture, "key", picture, picture, "closed"]


def test_smooth_joints_lag_a_little(walkers, network, tmp_path, capsys):
    plain, smooth = (
        results_of(capsys, walkers, tmp_path / name, *more) for name, more in (("a", []), ("b", ["--smooth"]))
    )
    apart = [
        np.abs(two.pose_px - one.pose_px).max()
        for a, b in zip(plain, smooth, strict=True)
        for one, two in zip(a.people, b.people, strict=True)
    ]
    assert len(apart) == 2 * FRAMES and 0.05 < max(apart) < 6


def test_actions_are_named_and_asked_for(walkers, network, tmp_path, capsys):
    """In the second second, by probabilities that sum to 1; those who most probably do something else are left out."""
    results = results_of(capsys, walkers, tmp_path / "all.jsonl", "--actions")
    judged = [person.actions for result in results for person in result.people if person.actions]
    assert len(judged) == FRAMES and all(sum(actions.values()) == pytest.approx(1) for actions in judged)
    wanted = next(iter(judged[-1]))
    kept = results_of(capsys, walkers, tmp_path / "some.jsonl", "--actions", "--classes", wanted)
    some = [person.actions for result in kept for person in result.people]
    assert some and {next(iter(actions)) for actions in some} == {wanted}
    assert len(some) == sum(next(iter(actions)) == wanted for actions in judged)


def test_a_terminal_shows_how_far_it_is(walkers, network, tmp_path, capsys, monkeypatch):
    """Every third of 20 frames; and after a start at frame 10, those that are left."""
    path = tmp_path / "people.jsonl"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    status, _, said = run(capsys, walkers, "--json", path, "--stride", 3)
    assert status == 0 and "7/7" in said and "frame/s" in said
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5]))  # frames 0, 3, 6, 9
    status, _, said = run(capsys, walkers, "--json", path, "--stride", 3, "--resume")
    assert status == 0 and "3/3" in said
    status, _, said = run(capsys, walkers, "--json", path, "--quiet")
    assert (status, said) == (0, "")


def test_what_was_left_out_and_broken_is_said(capsys):
    source = inference.open_source([np.zeros((8, 8, 3), np.uint8)])
    assert source.faults == ""
    source.broken = {7: "torn"}
    assert source.faults == "picture 7 cannot be read: torn"
    source.broken[9] = "cut"
    said = types.SimpleNamespace(dropped=3, note="it ended", broken=source.broken, faults=source.faults)
    assert predict_video._report(said, missing=2) == 1
    assert capsys.readouterr().err.splitlines() == [
        "frames that came while the network was busy, and were left out: 3",
        "it ended",
        "2 pictures cannot be read; the first, 7: torn",
        "earlier frames without a line, as a previous run could not read them: 2",
    ]


def test_weights_that_do_not_know_their_actions_give_poses_all_the_same(monkeypatch):
    about = types.SimpleNamespace(judges_actions=True, sets={})
    monkeypatch.setattr(loading, "describe", lambda weights: about)
    options = types.SimpleNamespace(weights="clips.weights.h5")
    assert not predict_network.names_actions(options)
    about.sets = {"": ("walk",)}
    assert predict_network.names_actions(options)


def test_lines_say_what_they_depend_on(walkers, network, tmp_path, capsys):
    results_of(capsys, walkers, tmp_path / "people.jsonl", "--stride", 4, "--conf", 0)
    header = json.loads((tmp_path / "people.jsonl").read_text().splitlines()[0])
    assert header["settings"] == {"stride": 4, "conf": 0.0}
