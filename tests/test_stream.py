"""Pictures one after the other: who is looked for where, who is followed, and what a fault costs."""

import concurrent.futures
import dataclasses
import re
import threading
import time

import numpy as np
import pytest
from PIL import Image
from spots import Finds, Spots, film

from deephar import inference, layouts
from deephar.inference import Person, Result, ahead, certainty, detection, tracks, watching
from deephar.inference import boxes as box_rules
from deephar.inference.smoothing import Smooth
from deephar.inference.sources import open_source

LSP = layouts.get("lsp14")


def predictor(**settings):
    return inference.PosePredictor(Spots(), LSP, **{"detector": Finds(), "least_score": 0.5, **settings})


def test_people_keep_their_numbers_and_are_seldom_searched_for():
    one = predictor()
    results = list(one.stream(film(lambda t: 60 + 2 * t, lambda t: 250 - t)))
    assert [result.index for result in results] == list(range(20))
    for number, result in enumerate(results):
        found = {person.track: person.pose_px.mean(axis=0)[0] for person in result.people}
        assert found == {1: pytest.approx(60 + 2 * number, abs=2), 2: pytest.approx(250 - number, abs=2)}
    assert one.detector.asked == len(range(0, 20, watching.EVERY))


def test_who_comes_later_gets_the_next_number_and_who_leaves_is_gone():
    frames = film(lambda t: 60 if t < 12 else None, lambda t: 250 if t >= 6 else None)
    tracks = [[person.track for person in result.people] for result in predictor().stream(frames)]
    assert tracks[:8] == [[1]] * 8 and tracks[8:12] == [[1, 2]] * 4 and tracks[12:] == [[2]] * 8


def test_one_person_is_in_every_frame():
    """Also in the dark: they are not searched for, but followed, and looked for anywhere where they are lost."""
    frames = film(lambda t: 60 + 2 * t)
    frames[7:9] = 0
    one = predictor(detector=None)
    results = list(one.stream(frames))
    assert [[person.track for person in result.people] for result in results] == [[1]] * 20
    seen = [result.people[0].pose_px.mean(axis=0)[0] for result in results]
    np.testing.assert_allclose(np.delete(seen, [7, 8]), [60 + 2 * t for t in range(20) if t not in (7, 8)], atol=3)
    searches = {0, 8, 16, 9}  # the first, every eighth, and after the dark: each looks twice
    assert sum(one.model.batches) == 20 + len(searches)


def test_impossible_boxes_of_a_detector_are_nobody():
    wrong = [[50.0, 50, 40, 90], [np.nan, 0, 10, 10], [-90, 0, -10, 40], [0, 0, np.inf, 20], [5, 5, 6, 60]]
    one = predictor(detector=lambda image: ([*wrong, *Finds()(image)[0]], [0.9] * (len(wrong) + 1)))
    for result in one.stream(film(lambda t: 60 + 2 * t)):
        assert [person.track for person in result.people] == [1]


def test_more_than_a_photograph_is_for_stream(tmp_path):
    animated = tmp_path / "moves.gif"
    pictures = [Image.fromarray(picture) for picture in film(lambda t: 60 + 9 * t, count=3)]
    pictures[0].save(animated, save_all=True, append_images=pictures[1:])
    for more in (tmp_path, str(tmp_path), "rtsp://camera/1", tmp_path / "*.png", animated):
        with pytest.raises(ValueError, match=f"`stream` takes several.*{re.escape(str(more))}"):
            predictor()(more)
    for none in ("a" * 5000, "none.png"):
        with pytest.raises((ValueError, OSError), match=r"No such|too long|not a readable"):
            predictor()(none)
    pictures[0].save(tmp_path / "still.gif")
    assert len(predictor()(tmp_path / "still.gif")) == 1


def test_nobody_is_an_empty_list():
    one = predictor()
    assert one(Image.new("RGB", (320, 120))) == []
    assert [result.people for result in one.stream(np.zeros((3, 120, 320, 3), np.uint8))] == [[], [], []]
    dim = film(lambda t: 100, count=1, light=120)[0]
    (person,) = predictor(least_score=0.1)(dim)
    assert person.score < predictor()(film(lambda t: 100, count=1)[0])[0].score
    assert predictor(least_score=person.score + 0.01)(dim) == []


def test_threads_take_turns_at_the_detector():
    inside, most = [], []

    def detector(image):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return np.zeros((0, 4)), np.zeros(0)

    one = predictor(detector=detector)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, [Image.new("RGB", (320, 120))] * 4)) == [[]] * 4
    assert most == [1] * 4


def test_certainty_by_hand():
    """The detector's score, the joints' and the agreement of the boxes, a half here, through a logistic function."""
    boxes, found = np.array([[0.0, 0, 10, 10]] * 2), np.array([[0.0, 0, 10, 10], [0, 0, 10, 5]])
    sure = certainty.certainty(np.array([0.8, 0.3]), np.full((2, 14), 0.9), boxes, found)
    logits = [
        certainty.DETECTOR * score + certainty.POSE * 0.9 + certainty.AGREEMENT * overlap + certainty.OFFSET
        for score, overlap in ((0.8, 1.0), (0.3, 0.5))
    ]
    np.testing.assert_allclose(sure, 1 / (1 + np.exp(-np.array(logits))))


def test_a_part_of_somebody_is_not_somebody_else():
    whole = Person(np.array([0.0, 0, 100, 200]), LSP_POSE, np.full(14, 0.9))
    legs = Person(np.array([10.0, 100, 90, 195]), LSP_POSE * 0.4 + [15, 100], np.full(14, 0.8))
    assert detection.distinct([legs, whole], LSP) == [whole]
    beside = dataclasses.replace(legs, box_px=legs.box_px + [60, 0, 60, 0])
    assert len(detection.distinct([beside, whole], LSP)) == 2


def test_the_whole_of_somebody_counts_more_than_a_surer_part():
    """And what is not in the picture, the knees of a half body, does not make two of one."""
    whole = Person(np.array([0.0, 0, 100, 200]), LSP_POSE, np.full(14, 0.9), score=0.8)
    upper = np.where(np.arange(14) < 4, 0.95, 0.05)
    half = Person(np.array([0.0, 0, 100, 100]), LSP_POSE, upper, score=0.9)
    assert detection.distinct([half, whole], LSP) == [whole]
    elsewhere = np.where(upper[:, None] > 0.5, LSP_POSE, LSP_POSE + 500)
    again = Person(np.array([0.0, 30, 100, 130]), elsewhere, upper, score=0.85)
    assert detection.distinct([again, half], LSP) == [half]


def test_the_box_of_half_a_body_is_around_what_is_seen():
    """Four joints are seen, or fewer and the surest make four; it ends where the picture does."""
    confidence = np.where(np.arange(14) < 4, 0.9, 0.1)
    np.testing.assert_allclose(box_rules.extent(LSP_POSE, confidence), [0, 0, 60, LSP_POSE[3, 1]])
    confidence[:3] = [0.05, 0.1, 0.3]
    confidence[9:] = [0.2, 0.25, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(box_rules.extent(LSP_POSE, confidence)[[1, 3]], LSP_POSE[[2, 10], 1])
    ended = box_rules.extent(LSP_POSE - 10, np.full(14, 0.9), (80, 150))
    np.testing.assert_allclose(ended, [0, 0, 80, 150])


def test_a_frame_of_a_source_is_a_photograph():
    one = predictor()
    with open_source(film(lambda t: 100, count=1)) as source:
        (frame,) = source
        assert one(frame)[0].pose_px.mean(axis=0)[0] == pytest.approx(100, abs=2)


@pytest.mark.parametrize(("x", "leaves"), [(100, False), (5, True)])
def test_a_box_is_halfway_between_the_detector_and_the_joints(x, leaves):
    """And the joints of who leaves the picture count up to its border."""
    one = predictor()
    with open_source(film(lambda t: x, count=1)) as source:
        (frame,) = source
    (person,), (proposed, _) = one(frame), one.proposed(frame)
    joints = box_rules.extent(person.pose_px, person.confidence)
    assert (joints[0] < -1) == leaves and np.abs(proposed[0] - joints).max() > 1
    np.testing.assert_allclose(person.box_px, (proposed[0] + np.maximum(joints, 0)) / 2)


def test_at_most_so_many_people():
    frame = film(lambda t: 60, lambda t: 160, lambda t: 250, count=1)[0]
    assert len(predictor()(frame)) == 3
    assert len(predictor(max_people=2)(frame)) == 2


def test_a_person_found_twice_is_one():
    def twice(image):
        (box,), (score,) = Finds()(image)
        return [box, np.add(box, 4), np.add(box, -5)], [score] * 3

    (person,) = predictor(detector=twice)(film(lambda t: 100, count=1)[0])
    assert person.box_px[0] < 100 < person.box_px[2]


def test_two_people_who_stand_close_stay_two():
    poses = np.stack([LSP_POSE, LSP_POSE + [60.0, 0]])
    people = [Person(np.array([*pose.min(axis=0), *pose.max(axis=0)]), pose, np.full(14, 0.9)) for pose in poses]
    assert len(detection.distinct(people, LSP)) == 2
    surer = Person(people[0].box_px, LSP_POSE + 1, np.full(14, 0.95))
    assert [p.score for p in detection.distinct([*people, surer], LSP)] == pytest.approx([0.95, 0.9])
    assert detection.distinct([], LSP) == []


LSP_POSE = np.stack([np.tile([0.0, 20, 40, 60, 80, 100, 50], 2), np.linspace(0, 200, 14)], axis=1)


def test_boxes_of_several_photographs_are_computed_together():
    one = predictor(detector=None)
    frames = list(film(lambda t: 60 + 10 * t, count=6))
    results = list(one.stream(frames, boxes=lambda frame: [[10 * frame.index + 30, 20, 10 * frame.index + 90, 100]]))
    assert one.model.batches == [6]
    for number, result in enumerate(results):
        assert result.people[0].pose_px.mean(axis=0)[0] == pytest.approx(60 + 10 * number, abs=2)
        assert result.people[0].track is None


def test_pictures_without_boxes_are_searched():
    frames = list(film(lambda t: 100, count=2))
    one = predictor()
    given = [None, [[60, 20, 140, 100], [60, 10, 150, 110]]]
    assert [len(r.people) for r in one.stream(frames, boxes=lambda frame: given[frame.index])] == [1, 2]
    assert one.detector.asked == 1


def test_a_box_that_is_none_is_an_error_of_its_picture_alone():
    one, frames = predictor(detector=None), list(film(lambda t: 100, count=3))
    boxes = [[[60, 20, 140, 100]], [[60, 20, 60, 100]], [[60, 20, 140, 100]]]
    with open_source(frames) as source:
        tried = [people for _, people in watching.attempts(one, source, lambda frame: boxes[frame.index])]
    assert isinstance(tried[1], ValueError) and "above 0" in str(tried[1])
    assert [len(people) for people in (tried[0], tried[2])] == [1, 1]
    with pytest.raises(ValueError, match="above 0"):
        list(one.stream(frames, boxes=lambda frame: boxes[frame.index]))


def test_what_cannot_be_read_is_left_out_and_named(tmp_path, caplog):
    Image.fromarray(film(lambda t: 100, count=1)[0]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    Image.new("RGB", (40, 30)).save(tmp_path / "c.png")
    with open_source(tmp_path) as source:
        results = list(predictor().stream(source))
    assert [(r.name[-5:], r.size, len(r.people)) for r in results] == [("a.png", (320, 120), 1), ("c.png", (40, 30), 0)]
    assert list(source.broken) == [1] and source.frame_name(1).endswith("b.png")
    assert not caplog.records
    assert len(list(predictor().stream([tmp_path / "a.png", tmp_path / "b.png"]))) == 1
    assert "picture 1 cannot be read: " in caplog.text and "b.png" in caplog.text


def test_a_video_goes_on_where_it_stopped():
    """The tracks of the first half are taken up: the same numbers as in one go, and new ones after them."""
    frames = film(lambda t: 60 + 2 * t, lambda t: 250 - t if t >= 8 else None)
    whole = [[person.track for person in result.people] for result in predictor().stream(frames)]
    first = list(predictor().stream(frames[:10]))
    one = predictor()
    tracker = one.tracker()
    tracker.go_on(first[-1].people, 2)
    rest = [[p.track for p in r.people] for r in one.stream(frames, start=10, tracker=tracker)]
    assert rest == whole[10:] and one.detector.asked == 2


def test_what_is_done_to_every_result():
    def count(result):
        return Result(result.index + 100, result.seconds, result.size, result.name, LSP, result.people)

    results = list(predictor().stream(film(lambda t: 100, count=3), then=[count, count]))
    assert [result.index for result in results] == [200, 201, 202]


def test_smoothing_steadies_who_stands_and_follows_who_runs():
    noise = np.random.default_rng(0).normal(0, 3, (60, 14, 2))
    still = [person_at(LSP_POSE + step, 1) for step in noise]
    running = [person_at(LSP_POSE + [20.0 * t, 0], 2) for t in range(60)]
    smooth = Smooth()
    results = [smooth(Result(t, t / 30, (900, 300), "x", LSP, [still[t], running[t]])) for t in range(60)]
    steadied = np.stack([result.people[0].pose_px for result in results])
    assert np.abs(np.diff(steadied[20:], axis=0)).mean() < 0.5 * np.abs(np.diff(noise[20:], axis=0)).mean()
    lag = running[-1].pose_px - results[-1].people[1].pose_px
    assert np.abs(lag).max() < 30 and results[0].people[0].track == 1


def test_smoothing_forgets_who_was_long_away_and_leaves_who_is_not_tracked():
    smooth = Smooth()
    smooth(Result(0, 0.0, (900, 300), "x", LSP, [person_at(LSP_POSE, 1)]))
    after = smooth(Result(90, 3.0, (900, 300), "x", LSP, [person_at(LSP_POSE + 50, 1), person_at(LSP_POSE, None)]))
    np.testing.assert_array_equal(after.people[0].pose_px, LSP_POSE + 50)
    assert after.people[1].track is None


def person_at(pose, track):
    return Person(np.array([*pose.min(axis=0), *pose.max(axis=0)]), pose, np.full(14, 0.9), track=track)


def test_where_time_does_not_pass_smoothing_begins_anew():
    """Frames may have the same time, or another video begin."""
    smooth = Smooth()
    for seconds, x in ((5.0, 0.0), (5.04, 0.0), (5.04, 30.0), (1.0, 60.0)):
        still = Person(np.array([0.0, 0, 90, 90]), np.full((14, 2), x), np.ones(14), track=1)
        (found,) = smooth(Result(0, seconds, (100, 100), "x", LSP, [still])).people
        np.testing.assert_array_equal(found.pose_px, still.pose_px)


def test_a_program_is_asked_for_one_frame_at_a_time():
    """Whoever leaves finds the next frame where it was."""
    frames = iter(film(lambda t: 60, count=6))
    for result in predictor().stream(frames):
        if result.index == 1:
            break
    assert len(list(frames)) == 4


def test_items_are_computed_ahead_in_order_and_errors_come_in_their_place():
    names = []

    def items():
        for number in range(5):
            names.append(threading.current_thread().name)
            yield number
        raise ValueError("the sixth")

    coming = ahead.ahead(items())
    assert [next(coming) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="the sixth"):
        next(coming)
    assert all(name.startswith("ahead") for name in names)


def test_who_leaves_early_owns_the_iterator_again():
    items = iter(range(100))
    coming = ahead.ahead(items)
    assert next(coming) == 0
    coming.close()
    assert 1 <= next(items) <= 1 + ahead.AHEAD


def test_what_is_live_is_not_computed_ahead():
    items = iter(range(10))
    coming = ahead.ahead(items, live=True)
    assert next(coming) == 0 and next(items) == 1


def test_what_is_proposed_takes_the_place_of_who_is_expected_there():
    """A box that has shrunk to a part of somebody is theirs; who is expected where nobody is proposed stays."""
    expected = np.array([[20.0, 20, 40, 60], [200, 0, 240, 100]])
    proposed = np.array([[0.0, 0, 60, 160], [400, 0, 440, 100]])
    boxes, scores = watching._renewed(expected, np.array([0.9, 0.8]), proposed, np.array([0.5, 0.6]))
    np.testing.assert_array_equal(boxes, [*proposed, expected[1]])
    np.testing.assert_array_equal(scores, [0.5, 0.6, 0.8])


def test_where_there_is_nobody_every_frame_is_searched():
    one = predictor()
    found = [len(result.people) for result in one.stream(film(lambda t: 60 if t >= 3 else None, count=6))]
    assert found == [0, 0, 0, 1, 1, 1] and one.detector.asked == 4


def test_who_comes_after_a_resumed_video_gets_a_number_that_nobody_had():
    one = predictor()
    tracker = one.tracker()
    tracker.go_on([], 7)
    tracks = [[p.track for p in r.people] for r in one.stream(film(lambda t: 100, count=2), tracker=tracker)]
    assert tracks == [[8], [8]]


def test_at_most_so_many_people_of_a_video():
    frames = film(lambda t: 60, lambda t: 160, lambda t: 250, count=3)
    frames[:, :, :110] = frames[:, :, :110] // 2
    tracks = [[person.track for person in r.people] for r in predictor(max_people=2, least_score=0.1).stream(frames)]
    assert all(len(one) == 2 for one in tracks) and len({tuple(one) for one in tracks}) == 1
    alike = film(lambda t: 60, lambda t: 160, lambda t: 250, count=1)
    assert [len(result.people) for result in predictor(max_people=2).stream(alike)] == [2]


def test_another_video_knows_nobody_of_the_one_before():
    """Though its first frames pass before the same track is seen at a later time than ever before."""
    smooth = Smooth()
    smooth(Result(300, 10.0, (900, 300), "x", LSP, [person_at(LSP_POSE, 1)]))
    smooth(Result(0, 0.0, (900, 300), "y", LSP, []))
    (after,) = smooth(Result(345, 11.5, (900, 300), "y", LSP, [person_at(LSP_POSE + 50, 1)])).people
    np.testing.assert_array_equal(after.pose_px, LSP_POSE + 50)


def test_frames_of_a_program_are_asked_for_one_by_one_with_boxes_too():
    """A loop that makes a frame by what it was told of the one before."""
    told, frames = [], film(lambda t: 100, count=3)

    def loop():
        for number, frame in enumerate(frames):
            assert len(told) == number
            yield frame

    one = predictor(detector=None)
    for result in one.stream(loop(), boxes=lambda frame: [[60, 20, 140, 100]]):
        told.append(result)
    assert [result.index for result in told] == [0, 1, 2] and one.model.batches == [1, 1, 1]


def test_joints_of_ones_own_are_followed_too():
    """Names for which nobody has measured how annotators disagree."""
    own = layouts.PoseLayout("own", [f"antler{number}" for number in range(14)])
    people = [Person(np.array([0.0, 0, 100, 200]) + shift, LSP_POSE + shift, np.full(14, 0.9)) for shift in (0, 2.0)]
    assert len(detection.distinct(people, own)) == 1
    tracker = tracks.Tracker(own)
    assert [tracker([one])[0].track for one in people] == [1, 1]
