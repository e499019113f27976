"""People keep their numbers from frame to frame; poses are steadied without lagging behind."""

import dataclasses

import numpy as np
import pytest
from drawn import TEMPLATE

from deephar import geometry, layouts
from deephar.inference import Person
from deephar.inference.smoothing import OneEuro
from deephar.inference.tracks import Tracker

LSP = layouts.get("lsp14")


def person(x, y=0.0, sure=0.9):
    """The template, 44 pixels wide and 107 high, about a place."""
    pose = TEMPLATE + [x, y]
    return Person(geometry.points_box(pose), pose, np.full(14, sure))


def numbers(tracker, *people):
    return {round(float(found.pose_px[12, 0])): found.track for found in tracker(people)}


def test_people_who_cross_keep_their_numbers():
    """They walk at 8 pixels a frame, meet in the middle and go on; their order in the list means nothing."""
    tracker = Tracker(LSP)
    for frame in range(40):
        right, left = person(8.0 * frame), person(312 - 8.0 * frame, 6.0)
        found = {one.track: one for one in tracker([left, right] if frame % 2 else [right, left])}
        np.testing.assert_array_equal(found[1].pose_px, right.pose_px)
        np.testing.assert_array_equal(found[2].pose_px, left.pose_px)


def test_a_gap_is_bridged_and_a_long_one_is_not():
    """Gone for 6 frames while walking on: the same number; for more frames than the patience: a new one."""
    tracker = Tracker(LSP, patience=8)
    seen = [numbers(tracker, *([] if 10 <= f < 16 or 20 <= f < 30 else [person(3.0 * f)])) for f in range(32)]
    assert [list(found.values()) for found in seen[:10]] == [[1]] * 10
    assert seen[12] == {} and list(seen[16].values()) == [1] and list(seen[30].values()) == [2]


def test_who_is_hardly_seen_keeps_a_track_but_begins_none():
    tracker = Tracker(LSP)
    assert numbers(tracker, person(0, sure=0.3)) == {}
    assert numbers(tracker, person(0)) == {0: 1}
    assert numbers(tracker, person(2, sure=0.3)) == {2: 1}
    assert numbers(tracker, person(4, sure=0.05)) == {}
    assert numbers(tracker, person(6, sure=0.3)) == {}  # not seen just before
    assert numbers(tracker, person(6)) == {6: 1}


def test_somebody_elsewhere_is_somebody_else():
    tracker = Tracker(LSP)
    assert numbers(tracker, person(0)) == {0: 1}
    assert numbers(tracker, person(300)) == {300: 2}
    assert numbers(tracker, person(300), person(0)) == {0: 1, 300: 2}


def test_the_next_boxes_go_where_people_go():
    tracker = Tracker(LSP)
    assert [values.shape for values in tracker.expected()] == [(0, 4), (0,)]
    for x in (0, 5, 10):
        tracker([person(x, 2 * x)])
    boxes, scores = tracker.expected()
    np.testing.assert_allclose(boxes, [person(15, 30).box_px])
    np.testing.assert_allclose(scores, person(15).score)


def test_a_person_is_as_sure_as_its_joints():
    unsure = dataclasses.replace(person(0), confidence=np.linspace(0, 1, 14), score=np.nan)
    assert unsure.score == pytest.approx(0.5)


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="`sure` must be"):
        Tracker(LSP, sure=1.5)
    with pytest.raises(ValueError, match="`patience` must be"):
        Tracker(LSP, patience=-1)
    with pytest.raises(ValueError, match="`cutoff_hz` must be"):
        OneEuro(cutoff_hz=0)


def test_noise_at_rest_is_taken_away_and_quick_motion_is_followed():
    """At rest the noise falls to less than half; a hand at 4 sizes a second lags by less than at a fixed cutoff."""
    generator, steady, fixed = np.random.default_rng(0), OneEuro(), OneEuro(beta=0.0)
    noise = generator.normal(0, 1, (100, 1, 2))
    rest = np.stack([steady(n, i / 30, 100) for i, n in enumerate(noise)])
    assert rest[20:].std() < 0.5 * noise[20:].std()
    path = np.concatenate([np.zeros((30, 1, 2)), np.cumsum(np.full((15, 1, 2), 400 / 30), axis=0)])
    steady = OneEuro()
    lags = [np.abs([f(p, i / 30, 100) - p for i, p in enumerate(path)])[-1].max() for f in (steady, fixed)]
    assert lags[0] < 0.35 * lags[1]


def test_the_filter_by_hand():
    """First the point itself; a quarter of a second later, the speed of 40 counts by a share of 1 / (1 + 2 / pi)."""
    smooth = OneEuro(1.0, 0.5, 1.0)
    assert smooth(np.array([[0.0]]), 0.0).tolist() == [[0.0]]
    share = 1 / (1 + 2 / np.pi)
    cutoff = 1.0 + 0.5 * share * 40.0
    expected = 10.0 / (1 + 1 / (2 * np.pi * cutoff * 0.25))
    np.testing.assert_allclose(smooth(np.array([[10.0]]), 0.25), [[expected]])
    with pytest.raises(ValueError, match="`seconds` must rise. Received: 0.25 after 0.25"):
        smooth(np.array([[10.0]]), 0.25)
