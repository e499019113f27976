import json

import numpy as np
import pytest
from drawn import drawn_lsp

from deephar import layouts, metrics, models
from deephar.data.readers import lsp
from deephar.data.samples import crops
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
        self.output_names = [f"block{number}_pose_visibility" for number in range(1, len(offsets) + 1)]

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


def test_the_constant_baseline_of_joints_that_nobody_has(plain):
    """Those of another layout are not located, without a warning, and the others are where they were."""
    wide = layouts.get("pa17j")
    people = crops.Crops(plain.dataset, plain.size, wide)
    few = pose2d.constant_baseline(plain, plain).pose_px[0]
    found = pose2d.constant_baseline(people, people).pose_px[0]
    assert np.isnan(found[:, wide.index("pelvis")]).all()
    place = layouts.get("lsp14").index("r_knee")
    np.testing.assert_allclose(found[:, wide.index("r_knee")], few[:, place])


def test_report(plain, tmp_path):
    scores = pose2d.pck_scores(pose2d.predict(Oracle(plain, [0.03]), plain), LSP)
    table = report.pck_table(scores)
    assert "12 people, 167 joints" in table and table.count(" %") == 14 + 4
    report.save_json(scores, tmp_path / "new" / "scores.json")
    assert json.loads((tmp_path / "new" / "scores.json").read_text()) == scores


def guesses(truth, **fields):
    """Predictions of the origin for every joint."""
    people, joints = truth.shape[:2]
    zeros = np.zeros((1, people, joints, 2))
    inside, heads = np.isfinite(truth[..., 0]), np.full(people, np.nan)
    return pose2d.Predictions(zeros, zeros[..., 0], truth, **{"inside": inside, "head_px": heads, **fields})


def test_people_left_out_are_counted():
    truth = np.full((2, 14, 2), np.nan)
    truth[0, [LSP.index("r_shoulder"), LSP.index("l_hip")]] = [[0, 0], [30, 40]]
    truth[1, LSP.index("neck")] = [5, 5]
    predictions = guesses(truth)
    scores = pose2d.pck_scores(predictions, LSP)
    assert (scores["people"], scores["left_out"], scores["joints"], scores["total"]) == (1, 1, 2, 50.0)
    assert "1 people without a located torso skipped" in report.pck_table(scores)
    truth[0, LSP.index("neck")] = [0, 9]  # right, and no joint of a limb
    scores = pose2d.pck_scores(guesses(truth), LSP)
    assert scores["total"] == pytest.approx(200 / 3) and scores["limbs"] == 50.0
    assert metrics.torso_size(truth, LSP)[0] == 50


def test_pckh_by_hand():
    """Heads of 10 pixels; pelvis and thorax do not count, a joint outside the crop only if asked."""
    layout = layouts.get("pa16j")
    truth = np.full((2, 16, 2), np.nan)
    truth[0, :4, 0] = [1, 1, 1, 4]  # distances 0.1 (pelvis), 0.1 (thorax), 0.1, 0.4
    truth[0, 4, 0] = 100
    truth[0, :5, 1] = 0
    truth[1, 5] = [0, 1]
    inside = np.isfinite(truth[..., 0])
    inside[0, 4] = False
    predictions = guesses(truth, inside=inside, head_px=np.array([10.0, np.nan]))
    scores = pose2d.pckh_scores(predictions, layout)
    assert (scores["people"], scores["left_out"], scores["joints"]) == (1, 1, 3)
    assert scores["pckh@0.2"] == pytest.approx(100 / 3) and scores["pckh@0.5"] == pytest.approx(200 / 3)
    assert scores["auc@0.5"] == pytest.approx(100 * (0.8 + 0.2 + 0) / 3)
    assert scores["auc@0.2"] == pytest.approx(100 * (0.5 + 0 + 0) / 3)
    assert pose2d.pckh_scores(predictions, layout, inside_only=True)["pckh@0.5"] == 100
    table = report.pckh_table(scores, "ours").splitlines()
    assert table[-2].split() == ["Method", "PCKh@0.2", "AUC@0.2", "PCKh@0.5", "AUC@0.5"]
    assert table[-1].split() == ["ours", "33.3", "16.7", "66.7", "33.3"]


def test_a_photograph_that_cannot_be_read_is_skipped_and_counted(plain, tmp_path):
    oracle = Oracle(plain, [0.0])

    class Damaged(crops.Crops):
        def __getitem__(self, index):
            if index in (0, 7):
                raise ValueError(f"photograph {index} is damaged")
            return super().__getitem__(index)

    damaged = Damaged(plain.dataset, plain.size)
    with pytest.raises(ValueError, match="photograph 0 is damaged"):
        pose2d.predict(oracle, damaged)
    predictions = pose2d.predict(oracle, damaged, batch_size=5, on_broken="skip")
    assert predictions.broken == {0: "photograph 0 is damaged", 7: "photograph 7 is damaged"}
    scores = pose2d.pck_scores(predictions, LSP)
    assert (scores["people"], scores["broken"], scores["left_out"], scores["total"]) == (10, 2, 0, 100.0)
    assert "2 unreadable photographs skipped" in report.pck_table(scores)
    report.save_pictures(damaged, predictions, tmp_path / "sheet.png", people=10, columns=5)
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_displaced_crops_average_to_the_plain_one(plain):
    """The displacements cancel: an error that is the same in every crop stays, in pixels of the photograph."""

    class Centre:
        output_names = ("block1_pose_visibility",)

        def predict_on_batch(self, images):
            return np.full((len(images), 14, 3), 0.5)

    cuts = crops.displaced_crops(plain.dataset, plain.size)
    average = pose2d.average([pose2d.predict(Centre(), cut) for cut in cuts])
    alone = pose2d.predict(Centre(), plain)
    np.testing.assert_allclose(average.pose_px, alone.pose_px, atol=1e-9)
    assert len({cut[0].image.tobytes() for cut in cuts}) == 5


def test_nobody_has_no_mean(plain):
    class Unreadable:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="None of the 2 people to take the mean of can be read"):
        pose2d.constant_baseline(Unreadable(), plain, on_broken="skip")
