import numpy as np
import pytest
from PIL import Image

from deephar import layouts
from deephar.camera import Camera
from deephar.viz import View, skeleton, space

PA17 = layouts.get("pa17j")
LEVEL = View("level", 0.0, 0.0)


def pose(**joints):
    """A pose of which some joints are known, in mm."""
    points = np.full((17, 3), np.nan)
    for name, point in joints.items():
        points[PA17.index(name)] = point
    return points


def test_an_onlooker_walks_around_and_looks_down():
    """Walked to the right by 90 degrees, what was farther is to the right; from above, what is farther is higher up."""
    away, right, up = np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), np.array([0.0, -1, 0])
    np.testing.assert_allclose(space.seen_from([away, right, up], LEVEL), [away, right, up])
    walked = space.seen_from([away, right, up], View("", 90.0, 0.0))
    np.testing.assert_allclose(walked, [[1, 0, 0], [0, 0, -1], [0, -1, 0]], atol=1e-12)
    above = space.seen_from([away, right, up], View("", 0.0, 90.0))
    np.testing.assert_allclose(above, [[0, -1, 0], [1, 0, 0], [0, 0, -1]], atol=1e-12)


def test_axes_stand_upright():
    """Of a camera that looks down, what is up in the world is up in the view, and what is right stays right."""
    camera = Camera.looking_at((0, -4000, 3000), (0, 0, 0), 500.0, (100, 100))
    axes = space.upright_axes(camera.rotation @ [0, 0, 1])
    world = camera.to_camera([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose((world[:3] - world[3]) @ axes.T, [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(space.upright_axes(), np.eye(3))
    with pytest.raises(ValueError, match="no horizontal direction"):
        space.upright_axes((0, 0, -1))


def test_sides_are_drawn_to_scale():
    """225 pixels show 2250 mm about the middle of the pose: a knee 400 mm to the left is 40 pixels left of it."""
    standing = pose(r_knee=(-400, 0, 0), r_ankle=(-400, 400, 0), l_knee=(400, 0, 0), l_ankle=(400, 400, 0))
    pixels = np.asarray(space.draw_views(standing, PA17, side=225, views=[LEVEL, View("", 180.0, 0.0)]))
    assert pixels.shape == (225, 450, 3)
    assert tuple(pixels[112, 72]) == skeleton.RIGHT and tuple(pixels[112, 152]) == skeleton.LEFT
    assert tuple(pixels[112, 225 + 72]) == skeleton.LEFT and tuple(pixels[112, 225 + 152]) == skeleton.RIGHT
    assert tuple(pixels[132, 112]) == space.GRID  # the ground, seen edge on, at the ankles
    assert tuple(pixels[60, 112]) == space.BACKGROUND


def test_near_limbs_hide_far_ones():
    crossed = pose(r_knee=(-400, -400, 100), r_ankle=(400, 400, 100), l_knee=(400, -400, 0), l_ankle=(-400, 400, 0))
    for depth, colour in ((1, skeleton.LEFT), (-1, skeleton.RIGHT)):
        pixels = np.asarray(space.draw_views(crossed * [1, 1, depth], PA17, side=225, views=[LEVEL]))
        assert tuple(pixels[112, 112]) == colour


def test_truth_is_grey_and_unknown_joints_are_left_out():
    known = pose(r_knee=(-400, 0, 0), r_ankle=(-400, 400, 0))
    truth = pose(r_knee=(400, 0, 0), r_ankle=(400, 400, 0))
    pixels = np.asarray(space.draw_views(known, PA17, truth, side=225, views=[LEVEL]))
    assert tuple(pixels[112, 72]) == skeleton.RIGHT and tuple(pixels[112, 152]) == space.TRUTH
    assert space.draw_views(pose(), PA17, side=64).size == (128, 64)


def test_a_pose_larger_than_the_view_is_made_smaller():
    giant = pose(r_knee=(0, -5000, 0), r_ankle=(0, 5000, 0))
    pixels = np.asarray(space.draw_views(giant, PA17, side=225, views=[LEVEL]))
    rows = np.flatnonzero(np.all(pixels == skeleton.RIGHT, axis=-1).any(axis=1))
    assert 5 < rows[0] < 15 and 210 < rows[-1] < 220


def test_views_stand_beside_the_photograph():
    standing = pose(r_knee=(0, 0, 0), r_ankle=(0, 400, 0))
    photo = Image.new("RGB", (300, 240), (10, 20, 30))
    for people, size in ((1, (300 + 2 * 192, 240)), (2, (300 + 2 * 192, 2 * 192))):
        picture = space.beside_photo(photo, [standing] * people, PA17)
        assert picture.size == size and picture.getpixel((150, 120)) == (10, 20, 30)
    assert space.beside_photo(photo.resize((100, 1000)), [standing], PA17).size == (1100, 1000)
