"""People before a camera: places by hand, and what is known of the camera."""

import dataclasses
import io
import json
import math

import numpy as np
import pytest
from PIL import ExifTags, Image

from deephar import anatomy, layouts
from deephar.camera import Camera
from deephar.data.synthetic import body
from deephar.inference import Person, Result, lens, open_source, optics, placing

PA17 = layouts.get("pa17j")


def standing(height=1700.0):
    """(17, 3) mm about the pelvis in the axes of a camera, of somebody who stands with spread arms."""
    angles = {f"{side}_raise": 70.0 for side in "rl"} | {"r_knee": 40.0, "l_hip": 30.0}
    person = body.Body(height, dict(anatomy.BONES), 1.0)
    joints = body.pose_body(person, {name: np.array([angle]) for name, angle in angles.items()})[0, body.order(PA17)]
    space = np.stack([joints[:, 1], -joints[:, 2], joints[:, 0]], axis=-1)
    return space - space[PA17.index("pelvis")]


def seen(space, position, focal=900.0, size=(640, 480), scale=1.0):
    """A result of somebody at a position, whose 3D pose is known up to a factor."""
    camera = Camera(np.eye(3), np.zeros(3), [focal, focal], np.divide(size, 2), size=size)
    pose = camera.project(space + position)[:, :2]
    person = Person(np.array([*pose.min(axis=0), *pose.max(axis=0)]), pose, np.full(17, 0.9), space * scale)
    return Result(0, 0.0, size, "x", PA17, [person])


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
@pytest.mark.parametrize("position", [(0, 0, 3000.0), (800, -200, 4000.0), (-1500, 400, 9000.0)])
def test_a_person_of_the_expected_height_is_where_they_are(position, scale):
    (person,) = placing.Place(focal_px=900.0)(seen(standing(), position, scale=scale)).people
    np.testing.assert_allclose(person.position_mm, position, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(person.pose_3d_mm, standing(), atol=1e-6)


def test_who_is_a_tenth_taller_comes_out_a_tenth_too_near():
    (person,) = placing.Place(focal_px=900.0)(seen(standing(1870), (0, 0, 4400.0))).people
    np.testing.assert_allclose(person.position_mm, [0, 0, 4000], atol=1e-3)
    (person,) = placing.Place(focal_px=900.0, height_mm=1870)(seen(standing(1870), (0, 0, 4400.0))).people
    np.testing.assert_allclose(person.position_mm, [0, 0, 4400], atol=1e-3)


def test_height_by_hand():
    assert placing.height_of(standing(1810), PA17) == pytest.approx(1810)


def test_joints_that_are_unsure_count_less():
    result = seen(standing(), (0, 0, 4000.0))
    person = result.people[0]
    person.pose_px[3] += 200
    slopes = (person.pose_px - [320, 240]) / 900
    far = np.abs(placing.place(person.pose_3d_mm, slopes, np.ones(17)) - [0, 0, 4000]).max()
    weights = np.where(np.arange(17) == 3, 1e-6, 1.0)
    near = np.abs(placing.place(person.pose_3d_mm, slopes, weights) - [0, 0, 4000]).max()
    assert near < 1 < far
    slopes[3] = np.nan
    np.testing.assert_allclose(placing.place(person.pose_3d_mm, slopes, np.ones(17)), [0, 0, 4000], atol=1e-3)
    assert placing.place(person.pose_3d_mm, np.full((17, 2), np.nan), np.ones(17)) is None


def test_a_field_of_view_is_a_focal_length():
    assert optics.focal_of_view(90, (640, 480)) == pytest.approx(320)
    assert optics.focal_of_view(90, (480, 640)) == pytest.approx(320)
    focal = optics.focal_of_view(60, (640, 480))
    (person,) = placing.Place(fov_degrees=60)(seen(standing(), (0, 0, 4000.0), focal)).people
    np.testing.assert_allclose(person.position_mm, [0, 0, 4000], atol=1e-3)


def photograph(focal_mm, size=(600, 400), **more):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = focal_mm
    exif.get_ifd(0x8769).update({ExifTags.Base[name]: value for name, value in more.items()})
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_exif_says_the_focal_length():
    with open_source(photograph(36)) as source:
        (frame,) = source
    assert frame.focal_px == pytest.approx(600, rel=1e-6)
    with open_source(photograph(0)) as source:
        assert math.isnan(next(iter(source)).focal_px)
    assert math.isnan(optics.focal_px(Image.new("RGB", (4, 3)), (4, 3)))


@pytest.mark.parametrize(("unit", "per_unit"), [(2, 25.4 * 200), (3, 10 * 200.0), (4, 200.0)])
def test_exif_says_the_focal_length_and_the_pixels_of_the_sensor(unit, per_unit):
    """50 mm, 200 pixels a mm: 10,000 pixels as it was taken, 6000 wide; of a picture of a tenth of that, 1000."""
    sensor = {"FocalLength": 50.0, "FocalPlaneXResolution": per_unit, "FocalPlaneResolutionUnit": unit}
    taken = {"ExifImageWidth": 6000, "ExifImageHeight": 4000}
    for size, focal in (((600, 400), 1000), ((400, 600), 1000)):
        with open_source(photograph(0, size, **sensor, **taken)) as source:
            assert next(iter(source)).focal_px == pytest.approx(focal, rel=1e-4)
    with open_source(photograph(0, **sensor)) as source:
        assert next(iter(source)).focal_px == pytest.approx(10_000, rel=1e-4)
    for wrong in ({"FocalPlaneXResolution": 0.0}, {"FocalPlaneResolutionUnit": 9}, {"FocalLength": 0.001}):
        with open_source(photograph(0, **{**sensor, **wrong})) as source:
            assert math.isnan(next(iter(source)).focal_px)


def test_without_a_focal_length_or_depth_nothing_changes():
    result = seen(standing(), (0, 0, 4000.0))
    assert placing.Place()(result) is result
    flat = dataclasses.replace(result, people=[dataclasses.replace(result.people[0], pose_3d_mm=None)])
    assert placing.Place(focal_px=900)(flat).people[0].position_mm is None


def test_a_principal_point_may_be_an_array():
    result = seen(standing(), (0, 0, 4000.0))
    middle = np.divide(result.size, 2)
    found = [placing.Place(focal_px=900, principal_px=point)(result).people[0] for point in (None, middle, middle + 90)]
    np.testing.assert_array_equal(found[0].position_mm, found[1].position_mm)
    assert found[2].position_mm[0] < found[0].position_mm[0] - 100


MATRIX = [[900.0, 0, 330], [0, 910.0, 250], [0, 0, 1]]
BENT = (-0.25, 0.08, 0.002, -0.003, 0.01)


def bent(slopes):
    """By hand, from OpenCV's documentation: where a distorting lens shows directions."""
    k1, k2, p1, p2, k3 = BENT
    x, y = slopes.T
    square = x * x + y * y
    radial = 1 + k1 * square + k2 * square**2 + k3 * square**3
    x, y = (
        x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
        y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
    )
    return np.stack([900 * x + 330, 910 * y + 250], axis=-1)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_calibrated_camera_undoes_its_distortion(scale, tmp_path):
    """Also in pictures of twice the size."""
    stored = {"camera_matrix": MATRIX, "dist_coeffs": [BENT], "image_size": [640, 480]}
    (tmp_path / "camera.json").write_text(json.dumps(stored))
    there, space = np.array([600.0, -300.0, 3500.0]), standing()
    slopes = (space + there)[:, :2] / (space + there)[:, 2:]
    pose = scale * bent(slopes)
    person = Person(np.zeros(4), pose, np.full(17, 0.9), space)
    result = Result(0, 0.0, (640 * scale, 480 * scale), "x", PA17, [person])
    camera = lens.Lens.read(tmp_path / "camera.json")
    np.testing.assert_allclose(camera.slopes(pose, result.size), slopes, atol=1e-8)
    np.testing.assert_allclose(placing.Place(lens=camera)(result).people[0].position_mm, there, atol=1e-3)
    other = placing.Place(focal_px=905.0 * scale)(result).people[0].position_mm
    assert np.abs(other - there).max() > 50


@pytest.mark.parametrize(("k1", "radius"), [(-0.3, 1.02), (0.5, 1.6)])
def test_wide_angles_are_undone_too(k1, radius):
    """Near the fold of a barrel, at sqrt(1 / 0.9) = 1.054, and beyond k1 r^2 = 1 of a pincushion."""
    shown = 900 * radius * (1 + k1 * radius**2)
    wide = lens.Lens((900.0, 900.0), (0.0, 0.0), (k1, 0.0, 0.0, 0.0))
    np.testing.assert_allclose(
        wide.slopes([[shown, 0], [0, -shown]], (640, 480)), [[radius, 0], [0, -radius]], atol=1e-6
    )


def test_what_a_lens_never_shows_has_no_direction():
    """A barrel with k1 = -0.3 shows nothing beyond 0.703 from its axis."""
    barrel = lens.Lens((900.0, 900.0), (0.0, 0.0), (-0.3, 0.0, 0.0, 0.0))
    found = barrel.slopes([[900 * 0.70, 0], [900 * 0.71, 0]], (640, 480))
    assert np.isfinite(found[0]).all() and np.isnan(found[1]).all()


def test_wrong_calibrations_are_refused(tmp_path):
    path = tmp_path / "camera.json"
    for content, message in (
        ("{}", "damaged or of the wrong kind"),
        (json.dumps({"camera_matrix": MATRIX, "dist_coeffs": [1, 2, 3]}), "dist_coeffs .4 or 5."),
        (json.dumps({"camera_matrix": np.zeros((3, 3)).tolist()}), "camera_matrix"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=message):
            lens.Lens.read(path)
    path.write_text(json.dumps({"camera_matrix": MATRIX, "image_size": [640, 480]}))
    with pytest.raises(ValueError, match=r"calibrated with pictures of \(640, 480\). Received: one of \(480, 640\)"):
        lens.Lens.read(path).slopes([[1, 2]], (480, 640))
    with pytest.raises(ValueError, match="Received: both"):
        placing.Place(focal_px=900, lens=lens.Lens.read(path))


@pytest.mark.parametrize("wrong", [{"focal_px": 0}, {"fov_degrees": 180}, {"height_mm": -1}, {"focal_px": math.nan}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        placing.Place(**wrong)


def test_exif_does_not_place_joints_that_tell_no_size():
    """Of an upper body; who asks for a place is told that there is none."""
    trunk = layouts.PoseLayout("trunk", ["pelvis", "thorax"])
    person = Person(np.zeros(4), np.ones((2, 2)), np.ones(2), np.array([[0.0, 0, 0], [0, -500, 0]]))
    result = Result(0, 0.0, (640, 480), "x", trunk, [person], focal_px=900.0)
    assert placing.Place()(result) is result
    with pytest.raises(ValueError, match="no joint .r_knee."):
        placing.Place(focal_px=900.0)(result)
