import h5py
import numpy as np
import pytest
from helpers import units, units_json

from deephar import layouts, metrics

LSP = layouts.get("lsp14")


def test_pckh_is_that_of_the_original():
    y_true, y_pred, head = (units()[f"measure.mpii.in.{key}"] for key in ("y_true", "y_pred", "head_size"))
    valid = np.all(y_true > -1e6, axis=-1)
    valid[:, :2] = False  # the original leaves out pelvis and thorax
    for threshold, key in ((0.5, "pckh_05"), (0.2, "pckh_02")):
        score = metrics.pckh(y_true, y_pred, head, threshold, valid)
        assert score == pytest.approx(units_json()["measure.mpii"][key], abs=1e-12)


def test_hourglass_predictions_on_mpii(shared):
    folder = shared / "data" / "mpii" / "posehg"
    with h5py.File(folder / "valid.h5") as truth, h5py.File(folder / "valid-ours.h5") as ours:
        y_true, y_pred, head = truth["part"][:].astype(float), ours["preds"][:], truth["normalize"][:]
    y_true[np.all(y_true == 0, axis=-1)] = np.nan
    distances = metrics.normalised_distances(y_true, y_pred, head)
    fourteen = np.delete(distances, [6, 7], axis=1)
    assert 100 * metrics.correct_share(distances, 0.5) == pytest.approx(88.956, abs=5e-4)
    assert 100 * metrics.correct_share(fourteen, 0.5) == pytest.approx(88.035, abs=5e-4)
    assert 100 * metrics.correct_share(fourteen, 0.1) == pytest.approx(28.699, abs=5e-4)
    assert 100 * metrics.correct_share_per_joint(distances, 0.5).mean() == pytest.approx(88.4945, abs=5e-4)


def test_head_size_of_mpii_by_hand():
    assert metrics.head_size([914, 79, 1031, 237]) == pytest.approx(117.96220, abs=5e-6)
    assert metrics.head_size(np.array([914, 79, 1031, 237], dtype=np.uint16)) == pytest.approx(117.96220, abs=5e-6)


def lsp_pose(**joints):
    pose = np.full((14, 2), np.nan)
    for name, xy in joints.items():
        pose[LSP.index(name)] = xy
    return pose


def test_torso_is_the_longer_located_diagonal():
    both = lsp_pose(r_shoulder=(0, 0), l_hip=(3, 4), l_shoulder=(0, 0), r_hip=(6, 8))
    one = lsp_pose(r_shoulder=(0, 0), l_hip=(3, 4), l_shoulder=(0, 0))
    np.testing.assert_array_equal(metrics.torso_size([both, one, lsp_pose(neck=(1, 1))], LSP), [10, 5, np.nan])


def test_pck_by_hand():
    truth = lsp_pose(r_shoulder=(0, 0), l_hip=(6, 8), neck=(5, 0))[None]
    guess = np.nan_to_num(truth) + np.array([2.0, 0.0])
    assert metrics.pck(truth, guess, LSP, 0.2) == 1.0
    guess[0, LSP.index("neck")] += 0.1
    assert metrics.pck(truth, guess, LSP, 0.2) == pytest.approx(2 / 3)
    assert metrics.pck(truth, guess, LSP, 0.2, valid=np.arange(14)[None] != LSP.index("neck")) == 1.0


def test_people_without_a_size_are_left_out():
    truth = np.stack([lsp_pose(neck=(1, 1)), lsp_pose(r_shoulder=(0, 0), l_hip=(6, 8))])
    assert metrics.pck(truth, np.zeros((2, 14, 2)), LSP) == 0.5


def test_area_is_the_integral_of_the_curve():
    distances = np.random.default_rng(0).exponential(0.4, (50, 14))
    thresholds = np.linspace(0, 0.5, 20001)
    curve = [np.mean(distances <= t) for t in thresholds]
    assert metrics.area_under_curve(distances, 0.5) == pytest.approx(np.mean(curve), abs=1e-4)
    assert metrics.area_under_curve(np.array([[0.1, np.nan]]), 0.2) == pytest.approx(0.5)


def test_nothing_to_count_is_nan():
    assert np.isnan(metrics.correct_share(np.full((2, 3), np.nan), 0.5))
    assert np.isnan(metrics.area_under_curve(np.full((2, 3), np.nan), 0.5))


def test_bad_input_is_refused():
    truth = np.zeros((2, 3, 2))
    with pytest.raises(ValueError, match=r"y_pred.shape=\(2, 4, 2\)"):
        metrics.normalised_distances(truth, np.zeros((2, 4, 2)), [1, 1])
    with pytest.raises(ValueError, match="above 0"):
        metrics.normalised_distances(truth, truth, [1, 0])
    with pytest.raises(ValueError, match="NaN or infinite"):
        metrics.normalised_distances(truth, truth + np.nan, [1, 1])


def test_thresholds_belong_to_what_is_right():
    """A joint exactly half a head off counts; people without a size, joints masked or without a label do not."""
    truth = np.zeros((3, 2, 2))
    truth[1, 1] = np.nan
    guess = truth + np.array([5.0, 0.0])
    guess[0, 1] = (5.01, 0)
    np.testing.assert_allclose(
        metrics.normalised_distances(truth, np.nan_to_num(guess), [10, 5, np.nan], [[1, 1], [1, 1], [1, 1]]),
        [[0.5, 0.501], [1, np.nan], [np.nan, np.nan]],
    )
    assert metrics.pckh(truth, np.nan_to_num(guess), [10, 5, np.nan]) == pytest.approx(1 / 3)
    assert metrics.pckh(truth, np.nan_to_num(guess), [10, 5, np.nan], 0.501) == pytest.approx(2 / 3)
    assert metrics.pckh(truth, np.nan_to_num(guess), [10, 5, np.nan], valid=[[1, 0], [0, 1], [1, 1]]) == 1.0
    distances = np.array([[0.5, np.nan], [0.6, 0.5]])
    assert metrics.correct_share_per_joint(distances, 0.5).tolist() == [0.5, 1.0]


def test_small_integers_do_not_overflow():
    truth, guess = np.full((1, 1, 2), 4, "uint8"), np.full((1, 1, 2), 3, "uint8")
    np.testing.assert_allclose(metrics.normalised_distances(guess, truth, np.array([1], "uint8")), [[np.sqrt(2)]])
    np.testing.assert_allclose(metrics.normalised_distances(truth, guess, np.array([1], "uint8")), [[np.sqrt(2)]])


@pytest.mark.parametrize("shapes", [((2, 3, 2), (2, 2, 2)), ((3, 2), (3, 2)), ((1, 2, 3, 2), (1, 2, 3, 2))])
def test_poses_are_people_joints_and_coordinates(shapes):
    with pytest.raises(ValueError, match=r"\(people, joints, coordinates\). Received: y_true.shape"):
        metrics.normalised_distances(np.zeros(shapes[0]), np.zeros(shapes[1]), [1, 1])


def test_torsos_without_a_length_do_not_count():
    """Shoulder and hip in one place are no torso; PCK's threshold is a fifth unless said."""
    flat = lsp_pose(r_shoulder=(1, 1), l_hip=(1, 1))
    assert np.isnan(metrics.torso_size(flat, LSP))
    truth = lsp_pose(r_shoulder=(0, 0), l_hip=(0, 10))[None]
    guess = np.nan_to_num(truth)
    guess[0, LSP.index("l_hip")] += (2.0, 0)
    guess[0, LSP.index("r_shoulder")] += (2.01, 0)
    assert metrics.pck(truth, guess, LSP) == 0.5 and metrics.pck(truth, guess, LSP, 0.201) == 1.0


def test_shares_of_classes_by_hand():
    truth, predicted = [0, 0, 0, 2], [0, 1, 0, 2]
    assert metrics.accuracy(truth, predicted) == 0.75 and np.isnan(metrics.accuracy([], []))
    counts = metrics.confusion(truth, predicted, 4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]] and counts.dtype.kind == "i"
    np.testing.assert_allclose(metrics.accuracy_per_class(truth, predicted, 4), [2 / 3, np.nan, 1, np.nan])
