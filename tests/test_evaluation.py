import json

import numpy as np
import pytest
from helpers import drawn_lsp

from deephar import layouts, metrics, models
from deephar.data import crops, lsp
from deephar.evaluation import pose2d, report

LSP = layouts.get("lsp14")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return crops.Crops(lsp.LspExtended(drawn_lsp(tmp_path_factory.mktemp("data") / "lspe")), (64, 64))


class Oracle:
    """A model that knows the answer: the joints of the crops it is shown, off by a little in every block."""

    def __init__(self, plain, offsets):
        self.known = {plain[i].image.tobytes(): plain[i].pose_crop for i in range(len(plain))}
        self.known |= {plain[i].image[:, ::-1].tobytes(): self.mirror(plain[i].pose_crop) for i in range(len(plain))}
        self.offsets = offsets

    @staticmethod
    def mirror(pose):
        return (np.array([1.0, 0.0]) + np.array([-1.0, 1.0]) * pose)[LSP.flip]

    def predict_on_batch(self, images):
        poses = np.nan_to_num(np.stack([self.known[image.tobytes()] for image in images]))
        return [np.concatenate([poses + [x, 0.0], np.ones((*poses.shape[:2], 1))], axis=-1) for x in self.offsets]


def test_a_perfect_model_is_perfect(plain):
    predictions = pose2d.predict(Oracle(plain, [0.5, 0.0]), plain, batch_size=5)
    scores = pose2d.pck_scores(predictions, plain.layout)
    assert scores["blocks"] == [0.0, 100.0] and scores["auc"] == pytest.approx(100.0)
    assert scores["people"] == 12 and scores["left_out"] == 0 and scores["joints"] == 12 * 14 - 1
    truth = np.stack([plain[i].pose_px for i in range(12)])
    known = np.isfinite(truth)
    np.testing.assert_allclose(predictions.pose_px[1][known], truth[known], atol=1e-9)


def test_flip_averages_the_error_away(plain):
    """An error to the right becomes one to the left in the mirrored crop."""
    crooked = Oracle(plain, [0.03])
    assert pose2d.pck_scores(pose2d.predict(crooked, plain, flip=True), LSP)["auc"] == pytest.approx(100.0)
    assert pose2d.pck_scores(pose2d.predict(crooked, plain), LSP)["auc"] < 90.0


def test_both_forms_of_output_are_read(plain):
    settings = {"num_joints": 14, "input_shape": (64, 64, 3), "width": 32, "num_blocks": 2}
    joined = models.build("lite-2d", concat_visibility=True, **settings)
    apart = models.build("lite-2d", export_heatmaps=True, **settings)
    apart.set_weights(joined.get_weights())
    images = np.stack([plain[i].image for i in range(3)])
    for a, b in zip(pose2d.predict_crops(joined, images, LSP), pose2d.predict_crops(apart, images, LSP), strict=True):
        assert a.shape[:3] == (2, 3, 14)
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_constant_baseline_by_hand(plain):
    baseline = pose2d.constant_baseline(plain, plain)
    mean = np.nanmean([plain[i].pose_crop for i in range(12)], axis=0)
    back = np.linalg.inv(plain[3].px_to_crop)
    np.testing.assert_allclose(baseline.pose_px[0, 3, 5], (back @ [*mean[5], 1])[:2])


def test_report(plain, tmp_path):
    scores = pose2d.pck_scores(pose2d.predict(Oracle(plain, [0.03]), plain), LSP)
    table = report.pck_table(scores)
    assert "12 people, 167 joints" in table and table.count(" %") == 14 + 3
    report.save_json(scores, tmp_path / "new" / "scores.json")
    assert json.loads((tmp_path / "new" / "scores.json").read_text()) == scores


def test_people_left_out_are_counted():
    truth = np.full((2, 14, 2), np.nan)
    truth[0, [LSP.index("r_shoulder"), LSP.index("l_hip")]] = [[0, 0], [30, 40]]
    truth[1, LSP.index("neck")] = [5, 5]
    predictions = pose2d.Predictions(np.zeros((1, 2, 14, 2)), np.ones((1, 2, 14)), truth)
    scores = pose2d.pck_scores(predictions, LSP)
    assert (scores["people"], scores["left_out"], scores["joints"], scores["total"]) == (1, 1, 2, 50.0)
    assert "1 people without a located torso left out" in report.pck_table(scores)
    assert metrics.torso_size(truth, LSP)[0] == 50
