"""Judging predictions of several people: perfect ones, spoilt ones, and people of whom nothing can be seen."""

import dataclasses
import json

import numpy as np
import pytest

from deephar import layouts
from deephar.data.synthetic.crossings import CrossingVideos
from deephar.data.synthetic.groups import Groups
from deephar.data.synthetic.several import Present
from deephar.evaluation import people, report
from deephar.inference.people import Person

PA17 = layouts.get("pa17j")


@dataclasses.dataclass
class Made:
    """True people of pictures or videos that are at hand."""

    truths: list
    layout: layouts.PoseLayout = PA17
    size: tuple = (200, 100)

    def __len__(self):
        return len(self.truths)

    def truth(self, index):
        return self.truths[index]


def present(*lefts, share=1.0):
    """People 40 pixels wide and 80 high in a picture of 200 x 100, from their left edges."""
    generator = np.random.default_rng(0)
    pose = generator.uniform(0.1, 0.9, (17, 2)) * [40, 80] + [0, 10]
    count = len(lefts)
    poses = np.array([pose + [left, 0] for left in lefts]).reshape(-1, 17, 2)
    boxes = np.array([[left, 10, left + 40, 90] for left in lefts], dtype=float).reshape(-1, 4)
    shares = np.broadcast_to(share, count).astype(float)
    return Present(np.arange(count), poses, np.ones((count, 17), bool), boxes, np.full(count, 3000.0), shares)


def perfect(truth, ids=None):
    """What would be found of all who are there."""
    return people.Found(truth.pose_px, truth.boxes, np.linspace(1, 0.5, len(truth)), truth.ids if ids is None else ids)


def test_synthetic_pictures_found_perfectly_score_1():
    groups = Groups(8, (96, 96), seed=1)
    scores = people.picture_scores(groups, [perfect(groups.truth(index)) for index in range(8)], PA17)
    assert scores["pictures"] == 8 and scores["poses"]["people"] == scores["boxes"]["people"] > 8
    assert [scores["poses"][name] for name in ("AP", "AP50", "AP75", "AR")] == [1, 1, 1, 1]
    assert scores["boxes"]["f1"] == 1 and scores["boxes"]["false_people_share"] == 0 and scores["empty"] > 0


@pytest.mark.parametrize("by", ["joints", "boxes"])
def test_synthetic_videos_followed_perfectly_score_1_and_confused_ones_do_not(by):
    """Names that are exchanged half way are a switch of everybody seen before and after."""
    videos = CrossingVideos(1, (96, 54), 30, seed=3)
    truth = videos.truth(0)
    scores = people.video_scores(videos, [[perfect(one) for one in truth]], PA17, by)
    tracks = scores["tracks"]
    assert scores["videos"] == 1 and scores["frames"] == 30
    assert tracks["idf1"] == tracks["mota"] == 1 and tracks["switches"] == 0
    confused = [perfect(one, one.ids if frame < 15 else 1 - one.ids) for frame, one in enumerate(truth)]
    worse = people.video_scores(videos, [confused], PA17, by)["tracks"]
    seen = [{n for one in part for n in one.ids[one.share >= 0.1].tolist()} for part in (truth[:15], truth[15:])]
    switches = len(seen[0] & seen[1])
    assert worse["switches"] == switches > 0 and worse["mota"] == pytest.approx(1 - switches / worse["people"])
    assert worse["idf1"] < 0.85


def test_one_missed_and_one_false_by_hand():
    """Of two people one is found, and another where nobody is; then an empty picture in which somebody is found."""
    made = Made([present(0, 100), present()])
    first = present(0, 60)
    found = [people.Found(first.pose_px, first.boxes, np.array([0.9, 0.8])), perfect(present(50))]
    scores = people.picture_scores(made, found, PA17)
    assert scores["boxes"]["precision"] == pytest.approx(1 / 3) and scores["boxes"]["recall"] == 0.5
    assert scores["boxes"]["false_people_share"] == 1 and scores["empty"] == 1
    assert scores["poses"]["AR"] == 0.5


def test_who_is_hidden_is_neither_asked_for_nor_counted():
    """A second person of whom 5 % are seen: found or not, nothing changes; found twice, once is too often."""
    truth = present(0, 100, share=[1, 0.05])
    for found, wrong in ((present(0), 0), (present(0, 100), 0), (present(0, 100, 100), 1)):
        scores = people.picture_scores(Made([truth]), [perfect(found)], PA17)
        assert scores["left_out"] == 1 and scores["poses"]["people"] == 1 and scores["poses"]["AP"] == 1
        assert scores["boxes"]["found"] == 1 + wrong and scores["boxes"]["recall"] == 1
        tracks = people.video_scores(Made([[truth]]), [[perfect(found)]], PA17)["tracks"]
        assert (tracks["people"], tracks["misses"], tracks["false_positives"]) == (1, 0, wrong)
    every = people.picture_scores(Made([truth]), [perfect(present(0))], PA17, least_seen=0.0)
    assert every["left_out"] == 0 and every["boxes"]["recall"] == 0.5


def test_joints_outside_the_picture_do_not_count():
    """Half a person beyond the edge: predictions there may be anything; without a joint inside, nobody is asked for."""
    truth = present(180)
    outside = truth.pose_px[..., 0] >= 200
    moved = truth.pose_px + 50 * outside[..., None]
    found = people.Found(moved, truth.boxes, np.array([1.0]), truth.ids)
    assert outside.any() and not outside.all()
    assert people.picture_scores(Made([truth]), [found], PA17)["poses"]["AP"] == 1
    gone = dataclasses.replace(truth, pose_px=truth.pose_px + [50, 0])
    for boxes, wrong in ((truth.boxes, 0), (truth.boxes - 90, 1)):  # in its box, or elsewhere
        one = dataclasses.replace(found, boxes=boxes)
        scores = people.video_scores(Made([[gone]]), [[one]], PA17)
        assert scores["left_out"] == 1 and scores["tracks"]["misses"] == 0
        assert scores["tracks"]["false_positives"] == wrong
        assert people.picture_scores(Made([gone]), [one], PA17)["poses"]["found"] == wrong


def test_layouts_are_matched_by_name():
    truth, other = present(0, 100), layouts.get("lsp14")
    pose = layouts.rearrange(truth.pose_px, PA17, other)
    found = people.Found(pose, truth.boxes, np.ones(2), truth.ids)
    assert people.picture_scores(Made([truth]), [found], other)["poses"]["AP"] == 1
    assert people.video_scores(Made([[truth]]), [[found]], other)["tracks"]["idf1"] == 1


def test_videos_are_pooled_and_their_names_are_their_own():
    """Two videos with a person 0 each, found as 5 in the first and as 6 in the second: nothing is wrong."""
    made = Made([[present(0)] * 3, [present(50)] * 2])
    found = [[perfect(present(0), np.array([5]))] * 3, [perfect(present(50), np.array([6]))] * 2]
    scores = people.video_scores(made, found, PA17)
    assert scores["tracks"]["idf1"] == 1 and scores["tracks"]["switches"] == 0 and scores["frames"] == 5


def test_people_of_a_predictor():
    person = Person(np.array([0.0, 1, 2, 3]), np.zeros((17, 2)), np.linspace(0, 1, 17))
    found = people.found_of([person, person], 17, [3, 4])
    assert found.pose_px.shape == (2, 17, 2) and found.boxes.shape == (2, 4)
    assert found.scores.tolist() == [0.5, 0.5] and found.ids.tolist() == [3, 4]
    nobody = people.found_of([], 17)
    assert nobody.pose_px.shape == (0, 17, 2) and nobody.boxes.shape == (0, 4) and nobody.ids is None


def test_what_does_not_fit_is_refused():
    made, one = Made([present(0), present()]), perfect(present(0))
    with pytest.raises(ValueError, match="found in 2 pictures. Received: 1"):
        people.picture_scores(made, [one], PA17)
    with pytest.raises(ValueError, match="found in 2 pictures. Received: more"):
        people.picture_scores(made, [one] * 3, PA17)
    videos = Made([[present(0)] * 2])
    with pytest.raises(ValueError, match="found in 2 frames of video 0. Received: 1"):
        people.video_scores(videos, [[one]], PA17)
    with pytest.raises(ValueError, match="Expected `ids`.*in video 0"):
        people.video_scores(videos, [[dataclasses.replace(one, ids=None)] * 2], PA17)
    with pytest.raises(ValueError, match="`by` must be joints or boxes. Received: by='colour'"):
        people.video_scores(videos, [], PA17, by="colour")


def test_tables():
    truth = present(0, 100, share=[1, 0.05])
    scores = people.picture_scores(Made([truth, present()]), [perfect(present(0)), perfect(present(50))], PA17)
    lines = report.picture_table(scores).splitlines()
    assert lines[0] == "several people, 2 pictures (1 with nobody), 1 people (1 hardly seen left out)"
    assert lines[1] == "  AP           100.0 %" and lines[5] == "  precision     50.0 %"
    assert lines[-1] == "  false people in 50.0 % of the pictures"
    tracks = people.video_scores(Made([[present(0)] * 2]), [[perfect(present(0)), perfect(present())]], PA17)
    lines = report.track_table(tracks).splitlines()
    assert lines[0] == "people followed, 1 videos, 2 frames, 2 people in them"
    assert lines[1] == "  IDF1          66.7 %" and "  misses           1" in lines
    assert json.loads(report.as_json(tracks))["tracks"]["misses"] == 1
