"""Results drawn: what is where, in which colour, and what must not matter."""

import numpy as np
import pytest
from drawn import TEMPLATE
from PIL import Image

from deephar import layouts
from deephar.inference import Person, Result
from deephar.viz import draw_result, people, skeleton, space, track_colour
from deephar.viz.labels import Pen

LSP = layouts.get("lsp14")
SIZE = (640, 480)
GROUND = (40, 44, 60)
ACTIONS = {"wave": 0.6, "kick": 0.3, "sit down": 0.08, "run": 0.02}


def person(x=300.0, y=200.0, scale=1.0, **more):
    """Somebody 60 pixels wide and 120 high, whose box's corner is at (x, y)."""
    pose = (TEMPLATE + [30, 18]) * scale + [x, y]
    confidence = more.pop("confidence", np.full(14, 0.9))
    return Person(np.array([x, y, x + 60 * scale, y + 120 * scale]), pose, confidence, **more)


def result(*found, size=SIZE, image=None):
    image = Image.new("RGB", size, GROUND) if image is None else image
    return Result(3, 0.12, size, "frame 3 of clip.mp4", LSP, list(found), image)


def having(picture, colour):
    """Where a picture has a colour, (H, W) bool."""
    return np.all(np.asarray(picture) == colour, axis=-1)


def changed(picture, other):
    return np.any(np.asarray(picture) != np.asarray(other), axis=-1)


def test_everybody_has_a_skeleton_and_a_box_of_the_tracks_colour():
    drawn = result(person(100, track=1), person(400, track=2))
    picture = draw_result(drawn)
    assert picture.size == SIZE and not changed(drawn.image, Image.new("RGB", SIZE, GROUND)).any()
    for number, left in ((1, 100), (2, 400)):
        inside = np.zeros(SIZE[::-1], dtype=bool)
        inside[170:322, left - 3 : left + 64] = True  # the box, its edges, and the label above it
        colour = having(picture, track_colour(number))
        assert colour[inside].sum() > 300 and not colour[~inside].any()
        assert colour[200:320, left].all() and colour[200, left : left + 60].all()
        assert having(picture, skeleton.RIGHT)[inside].any() and having(picture, skeleton.LEFT)[inside].any()
        assert changed(picture, drawn.image)[inside].any()
    assert not changed(picture, drawn.image)[:, 200:390].any()


def test_nobody_is_nothing():
    drawn = result()
    picture = draw_result(drawn)
    assert not changed(picture, drawn.image).any() and picture is not drawn.image


def test_a_smaller_picture_is_drawn_to_scale():
    half = Image.new("RGB", (320, 240), GROUND)
    drawn = result(person(track=1), image=half)
    for picture in (draw_result(drawn), draw_result(result(person(track=1)), half)):
        assert picture.size == half.size
        assert having(picture, track_colour(1))[100:160, 150].all()
        rows, columns = np.nonzero(having(picture, skeleton.RIGHT))
        assert 100 < rows.min() < rows.max() < 162 and 150 < columns.min() < columns.max() < 180


def test_joints_that_are_not_sure_are_left_out():
    confidence = np.full(14, 0.9)
    left = [LSP.index(name) for name in LSP.names if name.startswith("l_")]
    confidence[left] = 0.2
    picture = draw_result(result(person(confidence=confidence)))
    assert having(picture, skeleton.RIGHT).any() and not having(picture, skeleton.LEFT).any()
    assert having(draw_result(result(person(confidence=confidence)), least=0.1), skeleton.LEFT).any()


def test_bars_are_as_long_as_probabilities():
    lengths = {}
    for share in (0.0, 0.5, 1.0):
        picture = draw_result(result(person(track=1, actions={"wave": share})))
        lengths[share] = having(picture, track_colour(1)).sum()
    assert lengths[1.0] - lengths[0.5] == lengths[0.5] - lengths[0.0] > 50


def test_the_most_probable_actions_are_shown():
    heights = []
    for actions in (0, 1, 2, 3, 9):
        drawn = result(person(track=1, actions=dict(reversed(ACTIONS.items()))))
        colour = having(draw_result(drawn, actions=actions), track_colour(1))[:, 362:]
        heights.append(np.ptp(np.flatnonzero(colour.any(axis=1))) if colour.any() else 0)
    assert heights[0] == 0 and len({*np.diff(heights[1:])}) == 1  # a row each, of four
    shown = draw_result(result(person(track=1, actions={"kick": 0.3, "wave": 0.6})), actions=1)
    assert not changed(shown, draw_result(result(person(track=1, actions={"wave": 0.6})))).any()


@pytest.mark.parametrize("place", [(0, 0), (580, 0), (0, 360), (580, 360), (-30, 200), (610, 430), (300, 200)])
def test_charts_are_whole_and_by_the_box_wherever_somebody_is(place):
    drawn = person(*place, track=1, actions=ACTIONS)
    with_chart, without = (draw_result(result(drawn), actions=number) for number in (3, 0))
    rows, columns = np.nonzero(changed(with_chart, without))
    rows_of = sorted(ACTIONS.items(), key=lambda item: -item[1])[:3]
    width, height = Pen(Image.new("RGB", SIZE)).chart_size(rows_of)
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (width, height)
    near = max(columns.min() - drawn.box_px[2], drawn.box_px[0] - columns.max(), 0)
    assert near < 40


def test_charts_leave_others_alone():
    """Somebody to the right, then on both sides."""
    alone = person(300, track=1, actions=ACTIONS)
    for others in ([person(380, track=2)], [person(380, track=2), person(220, track=3)]):
        with_chart, without = (draw_result(result(alone, *others), actions=number) for number in (3, 0))
        there = changed(with_chart, without)
        assert there.any()
        for other in others:
            x1, y1, x2, y2 = other.box_px.astype(int)
            assert not there[y1:y2, x1:x2].any()


def test_charts_leave_each_other_alone():
    crowd = [person(300, 190, track=1, actions=ACTIONS), person(300, 200, track=2, actions=ACTIONS)]
    areas = []
    for people_of in (crowd, crowd[:1]):
        with_chart, without = (draw_result(result(*people_of), actions=number) for number in (3, 0))
        areas.append(changed(with_chart, without).sum())
    assert areas[0] == 2 * areas[1]


def test_small_pictures_have_small_charts():
    """At 160 x 120 one without bars; at 30 x 20 none."""
    for size, bars, charts in (((320, 240), True, True), ((160, 120), False, True), ((30, 20), False, False)):
        pictures = [
            draw_result(
                result(person(track=1, actions={"wave": share}), image=Image.new("RGB", size, GROUND)), actions=n
            )
            for share, n in ((0.0, 3), (1.0, 3), (1.0, 0))
        ]
        coloured = [having(picture, track_colour(1)).sum() for picture in pictures]
        assert (coloured[0] != coloured[1]) == bars
        assert changed(pictures[1], pictures[2]).any() == charts


def test_a_joint_far_outside_is_an_error():
    lost = person(track=1)
    lost.pose_px[LSP.index("r_wrist")] = (2e6, 260)
    near = person(track=1)
    near.pose_px[LSP.index("r_wrist")] = (900, 260)
    for drawn, right in ((lost, False), (near, True)):
        assert having(draw_result(result(drawn)), skeleton.RIGHT)[:, 600:].any() == right


def test_who_is_not_tracked_has_a_score():
    sure, unsure = (draw_result(result(person(confidence=np.full(14, share)))) for share in (0.9, 0.5))
    there = np.argwhere(changed(sure, unsure))
    assert len(there) and there[:, 0].max() < 200 and having(sure, people.UNTRACKED)[200:320, 300].all()


def test_tracks_repeat_seven_colours():
    colours = [track_colour(number) for number in range(1, 9)]
    assert len(set(colours)) == 7 and colours[7] == colours[0] and track_colour(None) not in colours
    assert not {*colours} & {skeleton.RIGHT, skeleton.LEFT, skeleton.MIDDLE}


def test_views_keep_the_size_of_a_film():
    pose = np.random.default_rng(0).normal(0, 300, (14, 3))
    crowd = [person(100 * number, track=number + 1, pose_3d_mm=pose) for number in range(4)]
    sizes = {draw_result(result(*crowd[:count]), views=2).size for count in range(5)}
    assert sizes == {(640 + 2 * 240, 480)}
    assert draw_result(result(*crowd[:1]), views=0).size == SIZE
    assert draw_result(result(), views=None).size == SIZE
    assert draw_result(result(*crowd[:3])).size == (640 + 2 * 192, 3 * 192)
    assert draw_result(result(person()), views=None).size == SIZE


def test_people_keep_their_place_beside_the_picture():
    pose = np.random.default_rng(0).normal(0, 300, (14, 3))
    for tracks, places in (((1, 2), (1, 2)), ((2,), (None, 2)), ((2, 1), (1, 2)), ((3,), (3, None)), ((3, 1), (1, 3))):
        picture = draw_result(result(*(person(track=track, pose_3d_mm=pose) for track in tracks)), views=2)
        for row, track in enumerate(places):
            view = picture.crop((640, 240 * row, 640 + 480, 240 * (row + 1)))
            assert having(view, space.BACKGROUND).any() and having(view, skeleton.LEFT).any() == (track is not None)
            if track:
                assert having(view, track_colour(track)).any()


ODD = {
    "outside": person(700, 500, track=1, actions=ACTIONS),
    "partly": person(-30, -60, track=1, actions=ACTIONS),
    "unknown joints": person(confidence=np.full(14, np.nan), track=1),
    "nothing known": Person(np.full(4, np.nan), np.full((14, 2), np.nan), np.full(14, np.nan), None, 1, ACTIONS),
    "far away": Person(np.array([-1e12, 0, 1e12, 1e30]), np.full((14, 2), 1e30), np.ones(14), None, 1, ACTIONS),
    "infinite": Person(np.array([-np.inf, 0, np.inf, 9]), np.full((14, 2), np.inf), np.ones(14), None, 1, ACTIONS),
    "turned": Person(np.array([300.0, 200, 290, 190]), TEMPLATE + 200, np.ones(14), None, 1, ACTIONS),
    "long names": person(track=1, actions={"é" * 300: 0.5, "": 0.3, "x" * 99: float("nan")}),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("size", [SIZE, (160, 120), (30, 20), (1, 1)])
def test_odd_people_and_pictures(name, size):
    drawn = result(ODD[name], image=Image.new("RGB", size, GROUND))
    assert draw_result(drawn).size == size
    if name in ("outside", "nothing known"):
        assert not changed(draw_result(drawn), drawn.image).any()


def test_many_people():
    crowd = [person(25 * n, 15 * n, 0.3, track=n + 1, actions=ACTIONS) for n in range(30)]
    picture = draw_result(result(*crowd))
    assert {n for n in range(1, 8) if having(picture, track_colour(n)).any()} == {*range(1, 8)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"actions": -1}, "`actions`"), ({"views": -1}, "`views`"), ({"views": 1.5}, "`views`")],
)
def test_numbers_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_result(result(person()), **arguments)


def test_a_result_without_its_picture_asks_for_one():
    stored = Result.from_dict(result(person(track=1)).to_dict(), LSP)
    with pytest.raises(ValueError, match="frame 3 of clip.mp4 has no picture to draw on"):
        draw_result(stored)
    assert having(draw_result(stored, Image.new("L", SIZE)), track_colour(1)).any()
