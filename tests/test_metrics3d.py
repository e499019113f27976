import numpy as np
import pytest
from helpers import units
from scipy.spatial.transform import Rotation

from deephar import metrics, metrics3d


def people(seed=0, count=4, joints=7):
    return np.random.default_rng(seed).normal(0, 300, (count, joints, 3))


def similar(pose, seed=1):
    generator = np.random.default_rng(seed)
    turn = Rotation.random(len(pose), random_state=2).as_matrix()
    scale = generator.uniform(0.3, 3, (len(pose), 1, 1))
    return scale * pose @ turn + generator.normal(0, 1000, (len(pose), 1, 3))


def test_mpjpe_by_hand():
    """A root off by a metre does not matter; one joint is 5 mm off, one 13 mm, one is not labelled."""
    truth = np.array([[[0, 0, 0], [100, 0, 0], [0, 100, 0], [np.nan, 0, 0]]], dtype=float)
    guess = np.array([[[0, 0, 1000], [103, 0, 1004], [5, 100, 1012], [0, 0, 0]]], dtype=float)
    errors = metrics3d.joint_errors(truth, guess)
    np.testing.assert_allclose(errors, [[0, 5, 13, np.nan]])
    assert metrics3d.mpjpe(truth, guess) == pytest.approx(6)
    assert metrics3d.mpjpe(truth, guess, valid=[[True, True, False, True]]) == pytest.approx(2.5)
    assert metrics3d.mpjpe(truth, guess, root=None) == pytest.approx((1000 + np.hypot(3, 1004) + np.hypot(5, 1012)) / 3)
    assert metrics3d.pck3d(truth, guess, 5) == 0.5 and metrics3d.pck3d(truth, guess) == 1.0
    assert metrics3d.auc3d(truth, guess, 26) == pytest.approx((1 - 5 / 26 + 0.5) / 2)
    assert metrics3d.per_joint(errors, "abcd") == pytest.approx({"a": 0, "b": 5, "c": 13, "d": np.nan}, nan_ok=True)


def test_n_mpjpe_by_hand():
    """Truth (2, 0), (0, 2), prediction (1, 0), (0, 3): the best scale is (2 + 6) / (1 + 9) = 0.8."""
    truth = np.array([[[0, 0, 0], [2, 0, 0], [0, 2, 0]]], dtype=float)
    guess = np.array([[[9, 9, 9], [10, 9, 9], [9, 12, 9]]], dtype=float)
    np.testing.assert_allclose(metrics3d.scaled_errors(truth, guess), [[0, 1.2, 0.4]])
    assert metrics3d.n_mpjpe(truth, guess) == pytest.approx(1.6 / 3)


def test_pa_mpjpe_by_hand():
    """A square against a rectangle of 2 by 4 turned by 90 degrees: the scale 12 / 20 leaves 0.4 and 0.2 per axis."""
    square = np.array([[[1, 1, 0], [1, -1, 0], [-1, 1, 0], [-1, -1, 0]]], dtype=float)
    rectangle = square[:, :, [1, 0, 2]] * [1, -2, 1] + 50
    assert metrics3d.pa_mpjpe(square, rectangle) == pytest.approx(np.hypot(0.4, 0.2))


def test_invariances():
    truth, guess = people(), people(5)
    np.testing.assert_allclose(metrics3d.aligned_errors(truth, similar(truth)), 0, atol=1e-9)
    errors = metrics3d.aligned_errors(truth, guess)
    np.testing.assert_allclose(metrics3d.aligned_errors(truth, similar(guess)), errors)
    np.testing.assert_allclose(metrics3d.scaled_errors(truth, 3 * guess + 7), metrics3d.scaled_errors(truth, guess))
    assert np.all(np.sum(errors**2, 1) <= np.sum(metrics3d.scaled_errors(truth, guess) ** 2, 1))
    assert np.all(
        np.sum(metrics3d.scaled_errors(truth, guess) ** 2, 1) <= np.sum(metrics3d.joint_errors(truth, guess) ** 2, 1)
    )


def test_a_reflection_is_not_undone():
    truth = people()
    assert metrics3d.pa_mpjpe(truth, truth * [-1, 1, 1]) > 50
    best, _ = Rotation.align_vectors(truth[0] - truth[0].mean(0), (truth[0] - truth[0].mean(0)) * [-1, 1, 1])
    centred = truth[0] - truth[0].mean(0)
    turned = best.apply(centred * [-1, 1, 1])
    scale = np.sum(centred * turned) / np.sum(turned**2)
    np.testing.assert_allclose(
        metrics3d.aligned_errors(truth[:1], truth[:1] * [-1, 1, 1])[0], np.linalg.norm(scale * turned - centred, axis=1)
    )


def test_unlabelled_joints_do_not_steer_the_fit():
    truth, guess = people(), people(3)
    short = metrics3d.aligned_errors(truth[:, :5], guess[:, :5])
    scaled = metrics3d.scaled_errors(truth[:, :5], guess[:, :5])
    truth[:, 5:] = np.nan
    guess[:, 6] = np.nan
    np.testing.assert_allclose(metrics3d.aligned_errors(truth, guess)[:, :5], short)
    np.testing.assert_allclose(metrics3d.scaled_errors(truth, guess)[:, :5], scaled)
    assert np.isnan(metrics3d.aligned_errors(truth, guess)[:, 5:]).all()


def test_degenerate_poses_give_numbers():
    """All joints in one point, on a line, or none labelled."""
    truth = people(count=4)
    point, line = np.ones_like(truth), np.arange(7.0)[None, :, None] * np.ones_like(truth)
    for guess in (point, line):
        for measure in (metrics3d.mpjpe, metrics3d.n_mpjpe, metrics3d.pa_mpjpe):
            assert np.isfinite(measure(truth, guess)) and np.isfinite(measure(guess, truth))
    size = np.linalg.norm(truth - truth.mean(axis=1, keepdims=True), axis=-1)
    np.testing.assert_allclose(metrics3d.aligned_errors(truth, point), size)
    nothing = np.full_like(truth, np.nan)
    for measure in (metrics3d.mpjpe, metrics3d.n_mpjpe, metrics3d.pa_mpjpe, metrics3d.pck3d, metrics3d.auc3d):
        assert np.isnan(measure(nothing, truth))
    truth[0, 0] = np.nan
    assert np.isnan(metrics3d.joint_errors(truth, line)[0]).all()
    assert np.isfinite(metrics3d.aligned_errors(truth, line)[0, 1:]).all()


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"\(people, joints, 3\), in mm. Received: y_true.shape=\(4, 7, 2\)"):
        metrics3d.mpjpe(people()[..., :2], people()[..., :2])
    guess = people()
    guess[0, 1, 0] = np.nan
    with pytest.raises(ValueError, match="labelled joint is NaN"):
        metrics3d.mpjpe(people(), guess)
    with pytest.raises(ValueError, match="an action for each of 4 people. Received: 1"):
        metrics3d.per_action(np.zeros((4, 2)), ["Walking"])


def test_per_action_pools_joints():
    errors = np.array([[1, 3], [5, np.nan], [9, 9]])
    assert metrics3d.per_action(errors, ["b", "b", "a"]) == {"b": 3, "a": 9}


def test_the_originals_measures():
    """Golden measure.h36m: errors without alignment, missing joints at -1e9; its PCK leaves out the root."""
    truth, guess = units()["measure.h36m.in.y_true"], units()["measure.h36m.in.y_pred"]
    truth = np.where(truth < -1e6, np.nan, truth)
    assert metrics3d.mpjpe(truth, guess, root=None) == pytest.approx(ORIGINAL["mean_distance_error"])
    errors = metrics3d.joint_errors(truth, guess, root=None)[:, 1:]
    for threshold in (80, 150):
        assert metrics.correct_share(errors, threshold) == pytest.approx(ORIGINAL[f"pck3d_{threshold}"])


ORIGINAL = {"mean_distance_error": 138.66953666297974, "pck3d_150": 50 / 79, "pck3d_80": 5 / 79}
"""Results of the original on the inputs in golden/units.npz."""


def test_every_pose_is_scaled_by_itself():
    """Twice and five times the truth, about another root than the first joint, with a joint that does not count."""
    truth = people(count=2)
    valid = np.ones((2, 7), bool)
    valid[1, 4] = False
    guess = truth * np.array([2.0, 5.0])[:, None, None]
    guess[1, 4] += 1000
    for root in (0, 2):
        errors = metrics3d.scaled_errors(truth, guess, root, valid)
        np.testing.assert_allclose(errors[valid], 0, atol=1e-9)
        assert np.isnan(errors[1, 4])
        assert metrics3d.n_mpjpe(truth, guess, root, valid) == pytest.approx(0, abs=1e-9)
    moved = guess + np.array([[[0, 0, 0]], [[1, 2, 3]]])
    np.testing.assert_allclose(metrics3d.aligned_errors(truth, moved, valid)[valid], 0, atol=1e-9)
    assert metrics3d.pa_mpjpe(truth, moved, valid) == pytest.approx(0, abs=1e-9)
    assert np.isnan(metrics3d.aligned_errors(truth, moved, valid)[1, 4])


def test_a_prediction_without_extent_stays_as_it_is():
    """Scaled it is not; aligned it lies in the truth's middle. By hand: joints 6 mm apart."""
    truth, point = np.array([[[0, 0, 0], [6.0, 0, 0]]]), np.full((1, 2, 3), 7.0)
    np.testing.assert_allclose(metrics3d.scaled_errors(truth, point), [[0, 6]])
    np.testing.assert_allclose(metrics3d.aligned_errors(truth, point), [[3, 3]])


def test_the_root_is_the_one_that_is_named_and_is_left_out_of_the_share():
    """Errors from joint 0 are 0, 150 and 151 mm, from joint 2 they are 151, 1 and 0 mm."""
    truth = np.zeros((1, 3, 3))
    guess = np.array([[[0, 0, 0], [150.0, 0, 0], [151.0, 0, 0]]])
    assert metrics3d.pck3d(truth, guess) == 0.5 == metrics3d.pck3d(truth, guess, 150.0, 0)
    assert metrics3d.pck3d(truth, guess, root=2) == 0.5 and metrics3d.pck3d(truth, guess, 151, root=2) == 1.0
    assert metrics3d.pck3d(truth, guess, root=None) == pytest.approx(2 / 3)
    assert metrics3d.pck3d(truth, guess, valid=[[1, 1, 0]]) == 1.0
    assert metrics3d.auc3d(truth, guess) == 0.0 and metrics3d.auc3d(truth, guess, root=2) == pytest.approx(149 / 300)
    assert metrics3d.auc3d(truth, guess, 302, 0, [[1, 1, 0]]) == pytest.approx(152 / 302)
    assert metrics3d.mpjpe(truth, guess, 2) == pytest.approx(152 / 3)
    twice = np.repeat(truth, 2, axis=0), np.repeat(guess, 2, axis=0)  # the root of every person is left out
    assert metrics3d.pck3d(*twice) == 0.5 and metrics3d.auc3d(*twice, root=2) == pytest.approx(149 / 300)


@pytest.mark.parametrize("shapes", [((4, 7, 3), (4, 6, 3)), ((7, 3), (7, 3)), ((1, 4, 7, 3), (1, 4, 7, 3))])
def test_poses_in_space_are_people_joints_and_three_coordinates(shapes):
    with pytest.raises(ValueError, match=r"\(people, joints, 3\), in mm"):
        metrics3d.aligned_errors(np.zeros(shapes[0]), np.zeros(shapes[1]))
