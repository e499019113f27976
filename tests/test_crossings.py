"""Videos of people who walk past each other: how they walk, where they cross, who leaves, and what a pillar hides."""

import dataclasses

import numpy as np
import pytest

from deephar.data.synthetic import crossings, scene, several, walking
from deephar.data.synthetic.body import INDEX
from deephar.data.synthetic.crossings import CrossingVideos

VIDEOS = {people: CrossingVideos(24, (160, 90), people=people, seed=1) for people in (2, 3)}
STAGES = {people: [videos.stage(index)[0] for index in range(24)] for people, videos in VIDEOS.items()}


def columns(stage):
    """Column of everybody's pelvis in every frame, (people, T)."""
    return np.stack([stage.camera.world_to_uvd(p.joints[:, INDEX["pelvis"]])[:, 0] for p in stage.performances])


def test_the_way_of_the_feet_by_hand():
    """Ankles 400 mm apart that change places twice: 800 and 800 of each other, half of it is the way."""
    performance = scene.perform(np.random.default_rng(0), "walk", 5, facing=0.0)
    joints = np.zeros_like(performance.joints)
    joints[:, INDEX["r_ankle"], 0] = [200, 0, -200, 0, 200]
    joints[:, INDEX["l_ankle"], 0] = [-200, 0, 200, 0, -200]
    walked = walking.distance(dataclasses.replace(performance, joints=joints))
    np.testing.assert_allclose(walked, [0, 200, 400, 600, 800])


def test_people_walk_as_fast_as_people_do():
    for seed in range(8):
        walked = walking.distance(scene.perform(np.random.default_rng(seed), "walk", 46, 15, facing=0.0))
        assert 600 < walked[-1] / 3 < 1800  # mm a second


def test_a_way_there_and_back_by_hand():
    half = np.pi * 100
    places, headings = walking.way(np.array([0, 500, 500 + half / 2, 500 + half, 800 + half]), 500, 100)
    np.testing.assert_allclose(places, [[0, 0], [500, 0], [600, 100], [500, 200], [200, 200]], atol=1e-9)
    np.testing.assert_allclose(headings, [0, 0, 90, 180, 180])
    mirrored, right = walking.way(np.array([500 + half / 2]), 500, -100)
    np.testing.assert_allclose((*mirrored[0], *right), [600, -100, -90])
    straight, ahead = walking.way(np.array([0.0, 7000.0]))
    np.testing.assert_allclose(straight, [[0, 0], [7000, 0]])
    np.testing.assert_allclose(ahead, 0)


def test_people_face_where_they_go():
    """Left hips are on the left of the way, and bodies are only turned and moved."""
    performance = scene.perform(np.random.default_rng(0), "walk", 60, facing=0.0)
    places, headings = walking.way(walking.distance(performance), 1500.0)
    taken = walking.along(performance, places, headings)
    ahead = np.diff(taken.joints[:, 0, :2], axis=0)
    left = (taken.joints[:, INDEX["l_hip"]] - taken.joints[:, INDEX["r_hip"]])[:-1, :2]
    assert np.all(ahead[:, 0] * left[:, 1] - ahead[:, 1] * left[:, 0] > 0)
    np.testing.assert_allclose(taken.joints[..., 2], performance.joints[..., 2])
    bones = [
        np.linalg.norm(p.joints[:, INDEX["l_knee"]] - p.joints[:, INDEX["head"]], axis=-1) for p in (taken, performance)
    ]
    np.testing.assert_allclose(*bones)


@pytest.mark.parametrize("people", [2, 3])
def test_everybody_crosses_somebody_and_touches_nobody(people):
    """Two columns change their order while both are in the picture; on the ground all stay apart."""
    for stage in STAGES[people]:
        found = columns(stage)
        inside = np.stack([crossings.inside(performance, stage.camera) for performance in stage.performances])
        crossed = set()
        for a in range(people):
            for b in range(a):
                changes = np.flatnonzero(np.diff(np.sign(found[a] - found[b])))
                if any(inside[a, t] and inside[b, t] for t in changes):
                    crossed |= {a, b}
                ways = (stage.performances[n].joints[:, 0, :2] for n in (a, b))
                assert np.linalg.norm(np.subtract(*ways), axis=-1).min() > 600
        assert crossed == set(range(people))


@pytest.mark.parametrize("people", [2, 3])
def test_some_leave_and_come_back_and_some_pass_a_pillar(people):
    stages = STAGES[people]
    gaps = [any(crossings._comes_back(crossings.inside(p, s.camera)) for p in s.performances) for s in stages]
    pillars = [len(stage.props) for stage in stages]
    assert 4 <= sum(gaps) <= 16 and 4 <= sum(pillars) <= 16
    assert any(g and p for g, p in zip(gaps, pillars, strict=True)) or people == 3
    assert any(not g and not p for g, p in zip(gaps, pillars, strict=True))


def test_who_comes_back_has_the_same_number():
    index = next(i for i, s in enumerate(STAGES[2]) for p in s.performances
                 if crossings._comes_back(crossings.inside(p, s.camera)))  # fmt: skip
    truth = VIDEOS[2].truth(index)
    there = np.array([[number in present.ids for number in (0, 1)] for present in truth])
    assert any(crossings._comes_back(column) for column in there.T)
    for present in truth:
        assert np.all(present.boxes >= 0) and np.all(present.boxes <= [160, 90, 160, 90])
        assert np.all(present.boxes[:, 2:] > present.boxes[:, :2])


def test_who_passes_behind_a_pillar_is_hidden_for_a_while():
    hidden = []
    for index in [i for i, stage in enumerate(STAGES[2]) if stage.props][:3]:
        stage = STAGES[2][index]
        without = several.truths(dataclasses.replace(stage, props=()), range(60), VIDEOS[2].layout)
        for present, bare in zip(VIDEOS[2].truth(index), without, strict=True):
            np.testing.assert_array_equal(present.ids, bare.ids)
            np.testing.assert_array_equal(present.boxes, bare.boxes)
            assert np.all(present.share <= bare.share)
            hidden += [share < 0.2 < 0.8 < was for share, was in zip(present.share, bare.share, strict=True)]
    assert sum(hidden) > 5


def test_where_people_cross_the_farther_is_hidden():
    stage = next(stage for stage in STAGES[2] if not stage.props)
    found = columns(stage)
    frame = int(np.argmin(np.abs(found[0] - found[1])))
    present = several.truths(stage, [frame], VIDEOS[2].layout)[0]
    near, far = np.argsort(present.depth_mm)
    assert present.share[far] < 0.4 < 0.8 < present.share[near]


@pytest.mark.parametrize("size", [(64, 36), (48, 48), (36, 64)])
def test_videos_are_those_of_their_seed_and_position(size):
    one, two = (CrossingVideos(count, size, 34, people=3, layout="lsp14", seed=2) for count in (4, 9))
    images = one.images(3)
    assert images.shape == (34, size[1], size[0], 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images, two.images(3))
    truth = one.truth(3)
    assert len(truth) == 34 and len(one) == 4
    alone = several.truths(one.stage(3)[0], [33], one.layout)[0]  # whatever is drawn at a time
    for field in dataclasses.fields(several.Present):
        np.testing.assert_array_equal(getattr(truth[33], field.name), getattr(alone, field.name))
    assert one.images(2).tobytes() != images.tobytes()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="16 frames or more, and 2 or 3 people. Received: frames=15, people=2"):
        CrossingVideos(1, frames=15)
    with pytest.raises(ValueError, match="people=4"):
        CrossingVideos(1, people=4)
    with pytest.raises(ValueError, match="domain='moon'"):
        CrossingVideos(1, (32, 32), 16, domain="moon").images(0)
