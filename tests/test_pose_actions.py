"""What tracked people do, by their poses: the input of the network, when somebody is judged, and Penn's real poses."""

import dataclasses

import numpy as np
import pytest

from deephar import layouts
from deephar.data.readers import pennaction
from deephar.inference import Person, Result, pose_actions

LSP, PENN = layouts.get("lsp14"), layouts.get("penn13")
POSE = np.random.default_rng(0).uniform(100, 300, (14, 2))


class Judge:
    """A network that says how far to the right the people of a clip are, and keeps what it was given."""

    output_names = ("p1",)

    def __init__(self):
        self.given = []

    def predict_on_batch(self, given):
        self.given.append(given)
        right = given[..., 0].mean(axis=(1, 2))
        return np.stack([1 - right, right], axis=-1)


def result(index, *people, seconds=None):
    return Result(index, index / 10 if seconds is None else seconds, (640, 480), "x", LSP, list(people))


def person(track=1, pose=POSE, confidence=0.9):
    return Person(np.array([0.0, 0, 9, 9]), pose, np.full(14, confidence), track=track)


def judge(**settings):
    return pose_actions.PoseActions(Judge(), PENN, ("left", "right"), **{"frames": 4, "keep": 0.0, **settings})


def test_somebody_is_judged_once_they_were_seen_for_long_enough():
    judging = judge(least_s=0.5)
    actions = [judging(result(index, person())).people[0].actions for index in range(8)]
    assert actions[:4] == [None] * 4 and all(actions[5:])
    assert list(actions[-1].values()) == sorted(actions[-1].values(), reverse=True)
    assert sum(actions[-1].values()) == pytest.approx(1)


def test_the_network_is_given_poses_in_the_square_around_all_of_them():
    judging = judge(least_s=0.3)
    for index in range(4):
        judging(result(index, person(pose=POSE + [30.0 * index, 0])))
    given = judging.model.given[-1]
    assert given.shape == (1, 4, 13, 3) and given.dtype == np.float32
    located = given[..., 2] == 1
    assert located.all()
    points = np.concatenate([POSE + [30.0 * index, 0] for index in range(4)])
    step = (given[0, 1, 1, 0] - given[0, 0, 1, 0]) / 30
    side = max(np.ptp(pose_actions.in_layout(person(pose=POSE + [30.0 * i, 0]), LSP, PENN)[:, 0]) for i in range(1))
    assert 0 < step < 1 / side and 0 < given[..., :2].min() and given[..., :2].max() < 1
    assert np.ptp(points, axis=0).max() >= 1 / step / 1.6


def test_frames_are_spread_over_the_last_seconds():
    judging = judge(span_s=2.0, least_s=0.5)
    for index in range(50):
        judging(result(index, person(pose=np.full((14, 2), 100.0) + np.arange(14)[:, None] + [index, 0])))
    x = judging.model.given[-1][0, :, 0, 0]
    np.testing.assert_allclose(np.diff(x) / np.diff(x).mean(), 1, atol=0.15)
    assert len(judging._pasts[1].kept) in (20, 21)


def test_probabilities_are_steadied():
    low, high = POSE.copy(), POSE.copy()
    low[:10, 0], high[:10, 0] = 100, 300

    def swing(keep):
        judging = judge(keep=keep, least_s=0.1, span_s=0.3)
        frames = [result(index, person(pose=low if index // 5 % 2 else high)) for index in range(40)]
        said = [judging(one).people[0].actions for one in frames]
        return np.ptp([one["left"] for one in said[20:]])

    assert swing(0.0) > 0.2 and swing(0.9) < 0.5 * swing(0.0)


def test_people_are_judged_apart_and_forgotten():
    judging = judge(least_s=0.2)
    for index in range(5):
        both = judging(result(index, person(1), person(2, POSE[:, ::-1]), person(None)))
    assert both.people[0].actions != both.people[1].actions and both.people[2].actions is None
    judging(result(90, person(2)))
    assert list(judging._pasts) == [2] and judging(result(91, person(1))).people[0].actions is None


def test_where_time_goes_back_everybody_begins_anew():
    """As at the beginning of another video; people with the numbers of the one before are others."""
    judging = judge(least_s=0.2)
    for index in range(5):
        judged = judging(result(index + 100, person()))
    assert judged.people[0].actions
    assert [bool(judging(result(index, person())).people[0].actions) for index in range(4)] == [False] * 2 + [True] * 2


def test_joints_by_name_and_the_head_between_neck_and_crown():
    one = dataclasses.replace(person(), confidence=np.where(np.arange(14) == LSP.index("l_knee"), 0.1, 0.9))
    found = pose_actions.in_layout(one, LSP, PENN)
    head = (POSE[LSP.index("neck")] + POSE[LSP.index("head_top")]) / 2
    np.testing.assert_allclose(found[PENN.index("head")], head)
    np.testing.assert_allclose(found[PENN.index("r_wrist")], POSE[LSP.index("r_wrist")])
    assert np.isnan(found[PENN.index("l_knee")]).all()


def test_who_shows_no_joint_is_judged_all_the_same():
    judging = judge(least_s=0.1)
    for index in range(3):
        judged = judging(result(index, person(confidence=0.0)))
    assert np.all(judging.model.given[-1] == 0) and judged.people[0].actions


def test_only_those_who_do_something():
    said = ({"a": 0.9, "b": 0.1}, {"b": 1.0}, None)
    people = [dataclasses.replace(person(number), actions=actions) for number, actions in enumerate(said)]
    only = pose_actions.doing(["b"], [("a", "b")])
    assert [one.track for one in only(result(0, *people)).people] == [1]
    with pytest.raises(ValueError, match="No action 'c'; there are a, b"):
        pose_actions.doing(["c"], [("a", "b")])


def test_every_set_of_actions_is_judged_alone():
    """Somebody most probably walks, whatever the action of another set that is more probable still."""
    said = {"ntu/drop": 0.7, "penn/walk": 0.6, "penn/sit": 0.4, "ntu/eat meal/snack": 0.3}
    sets = [("penn/walk", "penn/sit"), ("ntu/drop", "ntu/eat meal/snack")]
    seen = result(0, dataclasses.replace(person(1), actions=said))
    kept = [name for name in said if pose_actions.doing([name], sets)(seen).people]
    assert kept == ["ntu/drop", "penn/walk"]


def test_weights_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="name actions by given poses"):
        pose_actions.PoseActions.from_weights("lsp-lite-2d")


@pytest.mark.slow
def test_annotated_poses_of_penn_action_are_named(shared):
    """Real videos of the official test split, their annotated poses taken for tracked people: nearly all are right."""
    reader = pennaction.PennAction(shared / "data" / "pennaction" / "labels.zip", None, "test")
    judging = pose_actions.PoseActions.from_weights("penn-pose-only")
    right = 0
    for number in range(0, len(reader), len(reader) // 12):
        video = reader.video(number)
        for index, pose in enumerate(video.pose_px):
            seen = np.isfinite(pose).all(axis=-1)
            there = Person(np.zeros(4), np.nan_to_num(pose[:, :2]), np.where(seen, 0.9, 0.0), track=number + 1)
            said = judging(Result(index, index / 30, (480, 270), "x", PENN, [there])).people[0].actions
        right += bool(said) and next(iter(said)) == reader.actions[video.action]
    assert right >= 9
