import json

import numpy as np
import pytest
from drawn import DrawnVideos
from PIL import Image

from deephar import metrics
from deephar.data.samples import video_clips
from deephar.evaluation import action, figures, report


class FirstPixel:
    """A network that says "kick" where a clip's first frame has a wide person, by a rule that the test knows."""

    output_names = ("pose1", "p1", "m")

    def predict_on_batch(self, clips):
        score = 0.5 + 0.4 * np.tanh(clips.mean(axis=(1, 2, 3, 4)))
        scores = np.stack([score, 1 - score], axis=-1)
        return [np.zeros((len(clips), 4, 17, 3)), scores, scores[:, ::-1]]


class TwoCopies(FirstPixel):
    """As Keras gives batches under a strategy of two copies: both judge the whole batch."""

    def predict_on_batch(self, clips):
        return [np.concatenate([array, array]) for array in super().predict_on_batch(clips)]


def test_scores_of_clips_are_combined_by_hand():
    clips = [[0.9, 0.1], [0.4, 0.6]]
    np.testing.assert_allclose(action.combine(clips), [0.65, 0.35])
    np.testing.assert_allclose(action.combine(clips, "product"), [0.36 / 0.42, 0.06 / 0.42])
    assert np.isfinite(action.combine([[1.0, 0.0], [0.0, 1.0]], "product")).all()
    with pytest.raises(ValueError, match="how.*Received: 'max'"):
        action.combine(clips, "max")


@pytest.mark.parametrize(("batch_size", "copies"), [(1, FirstPixel), (4, FirstPixel), (64, FirstPixel), (4, TwoCopies)])
def test_every_video_gets_its_own_clips(batch_size, copies):
    """However the clips of several videos share batches, and however many copies of the network judge them."""
    videos = video_clips.VideoClips(DrawnVideos(), 4, (32, 32), "multi", flip=True)
    model = FirstPixel()
    predictions = action.predict(copies(), videos, "mean", batch_size)
    assert list(predictions.scores) == ["p1", "m"]
    for index in range(3):
        alone = model.predict_on_batch(np.stack([clip.inputs[0] for clip in videos[index].clips]))[1]
        np.testing.assert_allclose(predictions.scores["p1"][index], alone.mean(axis=0))
    assert predictions.truth.tolist() == [0, 1, 0] and predictions.clips.tolist() == [6, 6, 6]
    assert predictions.names == ["video0", "video1", "video2"]


def test_a_network_for_other_actions_is_told():
    videos = video_clips.VideoClips(DrawnVideos(), 4, (32, 32))
    videos.actions = ("wave", "kick", "walk")
    with pytest.raises(ValueError, match="p1 tells 2 actions apart; the videos show 3"):
        action.predict(FirstPixel(), videos)


def predictions_by_hand(begin=""):
    scores = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.6, 0.4, 0], [0.3, 0.7, 0]])
    outputs = {f"{begin}p1": scores, f"{begin}v1": scores[:, [1, 0, 2]], f"{begin}m": scores}
    return action.ActionPredictions(outputs, np.array([0, 1, 1, 1]), list("abcd"), np.ones(4), 1, {})


def test_accuracy_by_hand():
    scores = action.action_scores(predictions_by_hand(), ("wave", "kick", "walk"))
    assert scores["outputs"] == {"p1": 75.0, "v1": 25.0, "m": 75.0} and scores["accuracy"] == 75.0
    assert scores["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert scores["per_class"]["kick"] == pytest.approx(200 / 3) and np.isnan(scores["per_class"]["walk"])
    assert list(scores["per_class_of"]) == ["p1", "v1", "m"] and scores["videos"] == 4
    table = report.action_table(scores)
    assert "4 videos" in table and "1 shorter than a clip" in table and "kick" in table


def test_metrics_of_classes():
    assert metrics.accuracy([0, 1, 1], [0, 1, 0]) == pytest.approx(2 / 3)
    assert np.isnan(metrics.accuracy([], []))
    assert metrics.confusion([0, 1, 1], [0, 1, 0], 2).tolist() == [[1, 0], [1, 1]]


def test_a_broken_video_is_raised_or_named():
    videos = video_clips.VideoClips(DrawnVideos(missing=(1, 3)), 8, (32, 32))
    with pytest.raises(ValueError, match="video1, frame 3"):
        action.predict(FirstPixel(), videos)
    predictions = action.predict(FirstPixel(), videos, on_broken="skip")
    assert predictions.broken == {1: "video1, frame 3 is missing"} and predictions.truth.tolist() == [0, -1, 0]
    scores = action.action_scores(predictions, videos.actions)
    assert scores["videos"] == 2 and scores["broken"] == 1


def test_a_short_video_is_judged_and_counted():
    videos = video_clips.VideoClips(DrawnVideos(), 16, (32, 32), "multi")
    predictions = action.predict(FirstPixel(), videos)
    assert predictions.short == 3 and np.isfinite(predictions.scores["m"]).all()


@pytest.mark.parametrize("begin", ["", "set1_"])
def test_figures_and_json(begin, tmp_path):
    """Outputs of a network with two sets of actions begin with the name of one."""
    pytest.importorskip("matplotlib")
    scores = action.action_scores(predictions_by_hand(begin), ("wave", "kick", "walk"))
    figures.save_action_report(scores, tmp_path, protocol="single")
    for name in ("blocks", "classes", "confusion"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.size[0] > 300
    stored = json.loads((tmp_path / "eval.json").read_text())
    assert stored["per_class"]["walk"] is None and stored["protocol"] == "single"
