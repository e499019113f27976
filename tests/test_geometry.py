import numpy as np
import pytest
from helpers import units, units_json

from deephar import geometry

CASES = list(enumerate(units_json()["transform.cases"]))


@pytest.mark.parametrize(("number", "case"), CASES)
def test_truncated_window_is_that_of_the_original(number, case):
    center = case["center"] or (65.0, 45.0)
    matrix, size = geometry.truncated_window_to_crop(center, case["win"], (130, 90), case["angle"], bool(case["flip"]))
    assert size == tuple(case["crop_size"])
    points = geometry.transform_points(matrix, units()["transform.in.points"])
    expected = units()[f"transform.case{number}.out.points_final"]
    np.testing.assert_allclose(points * case["win"], expected * case["win"], atol=1e-4)
    np.testing.assert_allclose(matrix, units()[f"transform.case{number}.out.afmat_final"], atol=1e-12)


@pytest.mark.parametrize(("number", "case"), CASES)
def test_exact_window_is_within_a_pixel_of_the_truncated_one(number, case):
    exact = geometry.window_to_crop(case["center"] or (65.0, 45.0), case["win"], case["angle"], bool(case["flip"]))
    points = np.array([[60.0, 40.0], [70.0, 50.0]])
    shift = geometry.transform_points(exact, points) - geometry.transform_points(
        units()[f"transform.case{number}.out.afmat_final"], points
    )
    assert np.abs(shift * case["win"]).max() < 1.5


def test_window_maps_its_corners_and_centre():
    matrix = geometry.window_to_crop((10, 20), (8, 4))
    np.testing.assert_allclose(
        geometry.transform_points(matrix, [[6, 18], [14, 22], [10, 20]]), [[0, 0], [1, 1], [0.5, 0.5]]
    )


def test_a_quarter_turn_by_hand():
    matrix = geometry.window_to_crop((10, 20), (8, 8), angle=90)
    np.testing.assert_allclose(geometry.transform_points(matrix, [[14, 20]]), [[0.5, 0.0]], atol=1e-12)


def test_flip_mirrors_x():
    points = [[7.0, 19.0]]
    plain = geometry.transform_points(geometry.window_to_crop((10, 20), (8, 8), 20), points)
    flipped = geometry.transform_points(geometry.window_to_crop((10, 20), (8, 8), 20, flip=True), points)
    np.testing.assert_allclose(flipped, [[1 - plain[0, 0], plain[0, 1]]])


def test_points_keep_depth_and_nan():
    out = geometry.transform_points(geometry.translation(1, 2), [[0.0, 0.0, 7.0], [np.nan, 1.0, 8.0]])
    np.testing.assert_array_equal(out, [[1, 2, 7], [np.nan, np.nan, 8]])


@pytest.mark.parametrize("window", [(0, 5), (5, -1), (np.nan, 5)])
def test_an_empty_window_is_refused(window):
    with pytest.raises(ValueError, match="window larger than zero"):
        geometry.window_to_crop((5, 5), window)


@pytest.mark.parametrize(
    ("key", "factor", "square"),
    [("get_valid_bbox", 1.5, True), ("get_valid_bbox_rel125", 1.25, True), ("get_valid_bbox_nonsquare", 1.5, False)],
)
def test_boxes_are_those_of_the_original(key, factor, square):
    poses = units()["bbox.in.poses"]
    poses = np.where(poses > -1e6, poses, np.nan)
    boxes = [geometry.enlarge_box(geometry.points_box(pose), factor, square) for pose in poses]
    np.testing.assert_allclose(boxes, units()[f"bbox.out.{key}"], atol=1e-9)


def test_box_and_window_are_inverse():
    box = np.array([10.0, 20.0, 110.0, 90.0])
    center, window = geometry.box_to_window(box)
    np.testing.assert_array_equal([*center, *window], units()["bbox.out.bbox_to_objposwin"])
    np.testing.assert_array_equal(geometry.window_to_box(center, window), box)
    np.testing.assert_array_equal(geometry.union_box([box, [0, 30, 50, 99]]), [0, 20, 110, 99])


def test_a_box_needs_a_joint():
    with pytest.raises(ValueError, match="at least one located joint"):
        geometry.points_box(np.full((3, 2), np.nan))
