import numpy as np
import pytest
from drawn import TEMPLATE

from deephar import layouts, metrics
from deephar.evaluation import breakdown, pose2d, report

LSP = layouts.get("lsp14")


def turn(degrees):
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def predictions(true, shift=0.0, visibility=0.9):
    """Predictions that are off by `shift` torsos, (N,) or (N, J), to the right."""
    true = np.asarray(true, dtype=float)
    size = metrics.torso_size(true, LSP)
    offset = np.broadcast_to(np.reshape(shift, (len(true), -1)), true.shape[:2]) * size[:, None]
    found = true + np.stack([offset, 0 * offset], axis=-1)
    confidence = np.broadcast_to(visibility, true.shape[:2])
    inside = np.isfinite(true[..., 0])
    return pose2d.Predictions(found[None], confidence[None].astype(float), true, inside, np.full(len(true), np.nan))


def test_turns_are_measured_from_the_upright():
    poses = [TEMPLATE @ turn(angle) for angle in (0, 45, -90, 180)]
    np.testing.assert_allclose(breakdown.turns(np.stack(poses), LSP), [0, 45, 90, 180], atol=1e-9)
    missing = TEMPLATE.copy()
    missing[LSP.index("r_hip")] = np.nan
    assert np.isnan(breakdown.turns(missing[None], LSP)[0])


def bent_at(right):
    """A pose whose right knee has an angle in degrees and whose left leg is straight."""
    pose = TEMPLATE.copy()
    hip, knee = pose[LSP.index("r_hip")], pose[LSP.index("r_knee")]
    pose[LSP.index("r_ankle")] = knee + (hip - knee) @ turn(right)
    left = (pose[LSP.index("l_knee")] - pose[LSP.index("l_hip")]) * 2
    pose[LSP.index("l_ankle")] = pose[LSP.index("l_hip")] + left
    return pose


def test_a_knee_is_straight_at_180_degrees():
    np.testing.assert_allclose(breakdown.knees(bent_at(90)[None], LSP), [[90, 180]], atol=1e-5)


def test_people_are_counted_in_their_group():
    straight, bent = bent_at(180), bent_at(100)
    flat = straight @ turn(90)
    shares = breakdown.by_posture(predictions([straight, bent, flat], shift=[0.0, 0.3, 0.1]), LSP)
    assert shares["upright"] == (50.0, 2) and shares["lying"] == (100.0, 1)
    assert shares["straight legs"] == (100.0, 2) and shares["one leg bent"] == (0.0, 1)
    assert np.isnan(shares["both legs bent"].percent) and shares["both legs bent"].people == 0
    assert "lying" in report.breakdown_table(shares, breakdown.calibration(predictions([straight]), LSP))


def test_only_joints_inside_the_crop_count_of_a_part():
    """Seven of the joints are inside, of which three are found."""
    found = predictions([bent_at(180)], [np.where(np.arange(14) < 3, 0.1, 0.3)])
    found.inside[:, 7:] = False
    assert breakdown.within_crop(found, LSP) == (pytest.approx(100 * 3 / 7), 1)
    assert breakdown.within_crop(predictions([bent_at(180)]), LSP) == (100.0, 1)


def test_confidence_is_compared_with_what_is_found():
    """Of joints given 0.9, half are found: an error of 0.4; of those given 0.15, none: 0.15."""
    half = np.where(np.arange(14) % 2, 0.0, 0.5)
    pair = predictions([bent_at(180), bent_at(180)], [half, np.full(14, 0.5)], np.array([[0.9], [0.15]]))
    table = breakdown.calibration(pair, LSP)
    np.testing.assert_allclose(table["confidence"], [0.15, 0.9])
    assert table["found"] == [0.0, 0.5] and table["joints"] == [14, 14]
    assert table["error"] == pytest.approx((0.15 + 0.4) / 2)
    assert breakdown.calibration(predictions([bent_at(180)], visibility=1.0), LSP)["confidence"] == [1.0]


def test_a_curve_is_drawn(tmp_path):
    figures = pytest.importorskip("deephar.evaluation.figures")
    figures.save_calibration(breakdown.calibration(predictions([bent_at(180)]), LSP), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"
