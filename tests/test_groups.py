"""Several synthetic people in one picture: who stands where, what is seen of each, and the same bytes every time."""

import dataclasses

import numpy as np
import pytest

from deephar import layouts
from deephar.camera import Camera
from deephar.data.synthetic import figure, render, scene, several
from deephar.data.synthetic.body import INDEX, pose_body
from deephar.data.synthetic.groups import MOST, Groups

CAMERA = Camera.looking_at((0, 0, 900), (0, 5000, 900), 250, (200, 160))
PA17 = layouts.get("pa17j")


def standing(place, seed=0, yaw=-90.0):
    """Somebody upright on the ground, facing the camera (-y) unless turned."""
    person = figure.draw_person(np.random.default_rng(seed))
    joints = pose_body(person.body, {"yaw": np.array([yaw])})
    joints[..., 2] -= joints[..., 2].min() - 60
    return scene.Performance(person, "", joints + [*place, 0.0], "r")


def alone(performance, camera):
    """Depth of one person in a picture of one's own, but for what is held and sat upon."""
    parts = performance.parts(np.array([0]))
    own = [place for place, material in enumerate(parts.materials) if material not in several.NOT_BODY]
    materials = tuple(parts.materials[place] for place in own)
    parts = figure.Parts(parts.ends[:, own], parts.radii[own], materials)
    canvas = render.Canvas(np.zeros((camera.size[1], camera.size[0], 3)), 1, (0, 0, -1))
    canvas.draw(parts, camera, performance.person.look)
    return canvas.depth[0]


def truth(*performances, camera=CAMERA, props=()):
    return several.truths(several.Stage(performances, camera, props), [0], PA17)[0]


def test_boxes_are_around_what_is_drawn():
    """Of people inside, cut by an edge and lying aside, within two pixels of the outermost drawn ones."""
    for number, place in enumerate([(0, 5000), (-1850, 5000), (900, 3500), (300, 2000), (200, 1300)]):
        person = standing(place, number, yaw=70.0 * number)
        present = truth(person)
        y, x = np.nonzero(np.isfinite(alone(person, CAMERA)))
        np.testing.assert_allclose(present.boxes[0], [x.min(), y.min(), x.max() + 1, y.max() + 1], atol=2)
        assert present.depth_mm[0] == pytest.approx(place[1], abs=1)


def test_what_is_outside_is_not_there():
    """Somebody beside the picture is not in it; the others keep their numbers."""
    present = truth(standing((-5000, 5000)), standing((0, 5000), 1))
    assert present.ids.tolist() == [1] and len(present) == 1 and present.pose_px.shape == (1, 17, 2)
    half = truth(standing((-1990, 5000)))  # the middle is at the picture's left edge
    assert 0.3 < half.share[0] < 0.7
    inside = np.all(half.pose_px[0] > 0, axis=-1)
    assert not half.visible[0, ~inside].any() and half.visible[0, inside].any() and (~inside).any()


def test_who_stands_behind_is_hidden():
    """One behind another of the same body, nearly as tall in the picture; one aside; the nearer is not hidden."""
    front, back, aside = standing((0, 3500)), standing((0, 4100)), standing((1000, 4100), 1)
    present = truth(back, front, aside)
    assert present.share[0] < 0.15 and present.share[1] == present.share[2] == 1
    assert present.visible[0].mean() < 0.3 < 0.7 < present.visible[1].mean()
    np.testing.assert_array_equal(truth(aside).visible[0], present.visible[2])


def test_a_pillar_hides():
    ends = np.array([[[0, 2000, 0], [0, 2000, 3000]]], dtype=float)[None]
    pillar = several.Prop(
        figure.Parts(ends, np.full((1, 2), 400.0), ("pillar",)), figure.Look({"pillar": [1, 1, 1]}, {})
    )
    behind, before, beside = standing((0, 4000)), standing((0, 1500)), standing((1200, 4000))
    present = truth(behind, before, beside, props=(pillar,))
    assert present.ids.tolist() == [0, 1, 2] and present.share[0] == 0 and not present.visible[0].any()
    assert present.share[2] == 1 and present.share[1] > 0.3
    stage = several.Stage((behind,), CAMERA, (pillar,))
    picture = several.shoot(
        np.random.default_rng(0),
        stage,
        scene.Setting(np.zeros((160, 200, 3), np.uint8), np.array([0, 0, -1]), 1.0, 0.0),
        [0],
    )
    assert picture[0, 80, 100].tolist() == [255] * 3 and picture[0, 80, 30].tolist() == [0] * 3


def test_shares_are_those_of_pixels():
    """By points along the body; nearly what counting pixels says of people wholly inside, and on neither side of it."""
    differences = []
    for index in range(30):
        stage, frame, _ = Groups(30, (160, 160), seed=1)._stage(index)
        present = several.truths(stage, [frame], PA17)[0]
        people = [dataclasses.replace(p, joints=p.joints[[frame]]) for p in stage.performances]
        depths = [alone(person, stage.camera) for person in people]
        for number, box, share in zip(present.ids, present.boxes, present.share, strict=True):
            others = [depth for place, depth in enumerate(depths) if place != number]
            if np.all(box > 1) and np.all(box < 159) and others:
                drawn = np.isfinite(depths[number])
                seen = np.mean(depths[number][drawn] < np.min(others, axis=0)[drawn])
                differences += [share - seen] if seen < 1 else []
    assert len(differences) > 8 and np.abs(differences).max() < 0.15 and abs(np.mean(differences)) < 0.04


def test_right_and_left_of_everybody():
    """Who faces the camera has the right side on the picture's left; who turns the back, on its right."""
    present = truth(standing((-500, 4000)), standing((500, 4000), 1, yaw=90.0))
    right, left = (present.pose_px[:, PA17.index(f"{side}_shoulder"), 0] for side in "rl")
    assert right[0] < left[0] and right[1] > left[1]


def points_of(performance, frame):
    """Points along all that belongs to somebody, with the radius there."""
    parts = performance.parts(np.array([frame]))
    along = np.linspace(0, 1, 9)[:, None]
    a, b = parts.ends[0, :, :1], parts.ends[0, :, 1:]
    points = (a + along * (b - a)).reshape(-1, 3)
    return points, (parts.radii[:, :1] + along.T * (parts.radii[:, 1:] - parts.radii[:, :1])).ravel()


def test_people_do_not_touch_and_there_are_none_to_five():
    groups, numbers, depths = Groups(40, (64, 64), seed=3), [], []
    for index in range(len(groups)):
        stage, frame, _ = groups._stage(index)
        bodies = [points_of(performance, frame) for performance in stage.performances]
        for place, (points, radii) in enumerate(bodies):
            for other, around in bodies[:place]:
                distance = np.linalg.norm(points[:, None] - other[None], axis=-1)
                assert np.all(distance > radii[:, None] + around[None])
        numbers.append(len(bodies))
        depths += [stage.camera.world_to_uvd(p.joints[frame, INDEX["pelvis"]])[2] for p in stage.performances]
    assert set(numbers) == set(range(MOST + 1)) and np.ptp(np.log(depths)) > 1
    actions = {performance.action for index in range(40) for performance in groups._stage(index)[0].performances}
    assert len(actions) > 8 and {"", "walk"} <= actions


def test_pictures_are_those_of_their_seed_and_position():
    groups = Groups(30, (72, 56), seed=4)
    index = next(i for i in range(30) if len(groups._stage(i)[0].performances) == 3)
    again = Groups(99, (72, 56), seed=4)
    assert groups.image(index).shape == (56, 72, 3) and groups.image(index).dtype == np.uint8
    np.testing.assert_array_equal(groups.image(index), again.image(index))
    for field in dataclasses.fields(several.Present):
        values = (getattr(g.truth(index), field.name) for g in (groups, again))
        np.testing.assert_array_equal(*values)
    assert groups.image(index).tobytes() != Groups(30, (72, 56), seed=5).image(index).tobytes()


def test_truth_is_that_of_the_picture():
    """A picture and its backdrop alone differ at the visible joints of everybody, and hardly elsewhere."""
    groups = Groups(20, (128, 128), domain="laboratory", seed=6)
    index = next(i for i in range(20) if len(groups._stage(i)[0].performances) >= 3)
    stage, _, generator = groups._stage(index)
    changed = np.abs(groups.image(index).astype(int) - scene.set_up(generator, groups.size, "laboratory").background)
    drawn = changed.max(axis=-1) > 20
    present = groups.truth(index)
    x, y = np.floor(present.pose_px[present.visible]).astype(int).T
    assert drawn[y, x].mean() > 0.9 and drawn.mean() < 0.6 and len(stage.performances) >= len(present) > 1


def test_pictures_of_nobody_and_other_layouts():
    groups = Groups(40, (48, 48), layout="penn13", seed=3)
    counts = [len(groups._stage(index)[0].performances) for index in range(40)]
    empty, full = counts.index(0), counts.index(2)
    nobody = groups.truth(empty)
    assert len(nobody) == 0 and nobody.pose_px.shape == (0, 13, 2) and nobody.boxes.shape == (0, 4)
    assert groups.image(empty).std() > 0 and groups.truth(full).pose_px.shape[1:] == (13, 2)
    np.testing.assert_array_equal(
        groups.truth(full).pose_px[:, groups.layout.index("r_knee")],
        Groups(40, (48, 48), seed=3).truth(full).pose_px[:, PA17.index("r_knee")],
    )
    with pytest.raises(ValueError, match="'nose'"):
        Groups(40, layout="coco17").truth(full)
