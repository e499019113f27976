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


def test_maps_end_with_the_row_of_an_affine_map():
    for matrix in (
        geometry.translation(3, 4), geometry.scaling(3, 4), geometry.rotation(30), geometry.mirror(),
        geometry.window_to_crop((10, 20), (8, 4), 30, True),
        geometry.truncated_window_to_crop((10, 20), (8, 4), (30, 40), 30, True)[0],
    ):  # fmt: skip
        np.testing.assert_array_equal(matrix[2], [0, 0, 1])


def test_plain_maps_by_hand():
    points = [[2.0, 5.0]]
    np.testing.assert_allclose(geometry.transform_points(geometry.translation(3, 4), points), [[5, 9]])
    np.testing.assert_allclose(geometry.transform_points(geometry.scaling(3, 4), points), [[6, 20]])
    np.testing.assert_allclose(geometry.transform_points(geometry.rotation(90), points), [[5, -2]])
    np.testing.assert_allclose(geometry.transform_points(geometry.mirror(), points), [[-1, 5]])


def test_several_maps_move_points_each():
    maps = np.stack([geometry.translation(1, 2), geometry.rotation(90)])
    points = [[[1.0, 1.0], [2.0, 0.0]], [[1.0, 1.0], [2.0, 0.0]]]
    moved = [[[2, 3], [3, 2]], [[1, -1], [0, -2]]]
    np.testing.assert_allclose(geometry.transform_points(maps, points), moved, atol=1e-12)


def test_windows_are_neither_turned_nor_mirrored_unless_said():
    plain, size = geometry.truncated_window_to_crop((10, 20), (8, 4), (30, 40))
    assert size == (8, 4)
    np.testing.assert_array_equal(geometry.transform_points(plain, [[6, 18], [14, 22]]), [[0, 0], [1, 1]])
    np.testing.assert_allclose(geometry.window_to_crop((10, 20), (8, 4)), plain)


def test_a_window_may_be_smaller_than_a_pixel_if_it_is_not_cut_at_whole_ones():
    np.testing.assert_allclose(
        geometry.transform_points(geometry.window_to_crop((1, 1), (0.5, 0.5)), [[1.25, 0.75]]), [[1, 0]]
    )
    with pytest.raises(ValueError, match="contains no whole pixel"):
        geometry.truncated_window_to_crop((1.5, 1.5), (0.5, 3), (9, 9))


def test_a_person_s_window_by_hand():
    """Joints over 40 by 80 pixels: a square of 1.25 times 80, or of 2 times, about their middle."""
    points = [[10, 20], [50, 100], [np.nan, 5000], [9000, np.nan]]
    assert geometry.points_box(points).tolist() == [10, 20, 50, 100]
    center, window = geometry.person_window(geometry.points_box(points))
    assert (center.tolist(), window.tolist()) == ([30, 60], [100, 100])
    assert geometry.person_window([10, 20, 50, 100], 2.0)[1].tolist() == [160, 160]
    with pytest.raises(ValueError, match="window larger than zero"):
        geometry.person_window([10, 20, 10, 20])
    assert geometry.enlarge_box([10, 20, 50, 100]).tolist() == [10, 20, 50, 100]


def test_the_box_of_several_frames_holds_all():
    frames = [[[1.0, 2.0, 9000.0], [3.0, 4.0, 0.0]], [[-1.0, 8.0, 0.0], [np.nan, 0.0, 0.0]]]
    assert geometry.points_box(frames).tolist() == [-1, 2, 3, 8]


def test_depth_by_hand():
    """A crop shows a metre before and behind the root, at scale 1.3 1.3 m."""
    np.testing.assert_allclose(geometry.depth_to_crop([3000, 4000, 4500, np.nan], 4000), [0, 0.5, 0.75, np.nan])
    np.testing.assert_allclose(geometry.depth_to_crop([2700, 5300], 4000, 1.3), [0, 1])
    np.testing.assert_allclose(geometry.crop_to_depth([0, 0.5, 0.75], 4000), [3000, 4000, 4500])
    np.testing.assert_allclose(geometry.crop_to_depth([0, 1], 4000, 1.3), [2700, 5300])
