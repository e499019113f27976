import json

import numpy as np
import pytest
from helpers import units

from deephar.camera import Camera


def golden(key):
    return units()[f"camera.{key}"]


def original_camera(distorted):
    given = [golden(f"in.{name}") for name in ("R", "t", "f", "c")]
    return Camera.from_original(*given, *((golden("in.p"), golden("in.k")) if distorted else ()))


@pytest.mark.parametrize("distorted", [True, False])
def test_projection_of_the_original(distorted):
    kind = "k" if distorted else "nok"
    camera = original_camera(distorted)
    uvd = camera.world_to_uvd(golden("in.points_w"))
    np.testing.assert_allclose(uvd, golden(f"out.project_{kind}"), rtol=1e-6)
    np.testing.assert_allclose(camera.uvd_to_world(uvd), golden("in.points_w"), atol=1e-6)


def test_the_originals_inverse_is_approximate_ours_is_not():
    """Its one correction step leaves a tenth of a millimetre; without distortion it is right, and ours agrees."""
    error = np.abs(golden("out.inverse_project_k") - golden("in.points_w")).max()
    assert 0.01 < error < 0.5
    plain = original_camera(False)
    np.testing.assert_allclose(
        plain.uvd_to_world(golden("out.project_nok")), golden("out.inverse_project_nok"), rtol=1e-6
    )


S1_CAMERA = Camera(
    np.eye(3), np.zeros(3), (1145.04940458804, 1143.78109572365), (512.541504956548, 515.4514869776),
    (-0.207098910824901, 0.247775183068982, -0.00307515035078854), (-0.00142447157470321, -0.000975698859470499),
)  # fmt: skip


def test_worked_example_of_human36m():
    """Joint 0 of S1 Directions 1, first frame: the stored pixel is (473.683563, 444.942413)."""
    (uvd,) = S1_CAMERA.project(1000 * np.array([[-0.17673077, -0.32104862, 5.20388206]]))
    np.testing.assert_allclose(uvd, [473.683560, 444.942414, 5203.88206], atol=1e-5)


def test_inverse_over_the_whole_picture():
    u, v = np.meshgrid(np.linspace(0, 1000, 21), np.linspace(0, 1002, 21))
    uvd = np.stack([u, v, np.full_like(u, 5000.0)], axis=-1)
    points = S1_CAMERA.unproject(uvd)
    np.testing.assert_allclose(S1_CAMERA.project(points), uvd, atol=1e-6)


def test_points_that_are_not_seen_are_nan():
    assert np.isnan(S1_CAMERA.project([[0.0, 0.0, -1000.0], [1.0, 1.0, 0.0]])).all()


def test_the_inverse_far_outside_the_picture_and_where_no_ray_arrives():
    """A lens of r - r^3 / 3 turns back at r = 1, where it reaches 2/3."""
    points = np.array([[1500.0, 900.0, 1000.0], [-2000.0, -1400.0, 1000.0]])
    np.testing.assert_allclose(S1_CAMERA.unproject(S1_CAMERA.project(points)), points, atol=1e-6)
    lens = Camera(np.eye(3), np.zeros(3), (1, 1), (0, 0), radial=(-1 / 3, 0, 0))
    points = lens.unproject([[0.66, 0.0, 1.0], [0.67, 0.0, 1.0]])
    assert np.isfinite(points[0]).all() and np.isnan(points[1, :2]).all()


def test_looking_at_by_hand():
    """From the south, z up: east is right, up is up, a metre at four metres is a quarter of the focal length."""
    camera = Camera.looking_at((0, -4000, 1000), (0, 0, 1000), focal=800, size=(640, 480))
    east, up, near = camera.world_to_uvd([[1000, 0, 1000], [0, 0, 2000], [0, -3000, 1000]])
    np.testing.assert_allclose(east, [520, 240, 4000])
    np.testing.assert_allclose(up, [320, 40, 4000])
    np.testing.assert_allclose(near, [320, 240, 1000])
    with pytest.raises(ValueError, match="cannot look along `up`"):
        Camera.looking_at((0, 0, 1), (0, 0, 0), 800, (640, 480))


def test_bad_cameras_are_refused():
    """A rotation in single precision, as files have it, is orthonormal; one that is off by a hundredth is not."""
    for factor in (2.0, 1.01):
        with pytest.raises(ValueError, match="`rotation` must be orthonormal"):
            Camera(factor * np.eye(3), np.zeros(3), (1, 1), (0, 0))
    Camera((1 + 1e-7) * np.eye(3), np.zeros(3), (1, 1), (0, 0))
    with pytest.raises(ValueError, match=r"`focal` of a camera must be \(2,\), finite"):
        Camera(np.eye(3), np.zeros(3), (1, np.nan), (0, 0))


def real_samples(shared):
    folder = shared / "data" / "human36m"
    samples = np.load(folder / "mmpose" / "test_h36m_body3d.npz")
    world = json.loads((folder / "mmpose" / "h36m_coco.json").read_text())
    order = {image["file_name"]: image["id"] for image in world["images"]}
    poses = {a["image_id"]: np.reshape(a["keypoints_3d"], (17, 4))[:, :3] for a in world["annotations"]}
    mmpose = json.loads((folder / "mmpose" / "cameras_plain.json").read_text())
    karfly = json.loads((folder / "camera-parameters.json").read_text())
    for name, part, pose in zip(samples["imgname"], samples["part"], samples["S"], strict=True):
        subject, camera = name.split("/")[0], name.split("/")[1].split(".")[1]
        intrinsic, extrinsic = karfly["intrinsics"][camera], karfly["extrinsics"][subject][camera]
        cameras = [
            Camera.from_mmpose(mmpose[f"{subject}.{camera}"]),
            Camera.from_opencv(
                extrinsic["R"], extrinsic["t"], intrinsic["calibration_matrix"], intrinsic["distortion"]
            ),
        ]
        yield part[:, :2], 1000 * pose[:, :3], 1000 * poses[order[name.split("/")[-1]]], cameras


def test_real_human36m(shared):
    """Stored pixels from camera space, and from world space with either camera file, and back."""
    for pixels, points_cam, points_world, cameras in real_samples(shared):
        for camera in cameras:
            for uvd in (camera.project(points_cam), camera.world_to_uvd(points_world)):
                np.testing.assert_allclose(uvd[:, :2], pixels, atol=1e-3)
            np.testing.assert_allclose(camera.uvd_to_world(uvd), points_world, atol=0.01)
            swapped = Camera.from_original(
                camera.rotation, camera.center, camera.focal, camera.principal, camera.tangential, camera.radial
            )
            assert np.abs(swapped.project(points_cam)[:, :2] - pixels).max() > 0.01  # the order of p matters


LENS = Camera(np.eye(3), np.zeros(3), (100, 200), (10, 20), radial=(0.1, 0.2, 0.3), tangential=(0.01, 0.02))


def test_every_part_of_the_distortion_by_hand():
    """The formula of the module's first lines, number by number."""
    x, y = 0.5, -0.4
    square = x * x + y * y
    factor = 1 + 0.1 * square + 0.2 * square**2 + 0.3 * square**3 + 0.01 * y + 0.02 * x
    expected = [100 * (x * factor + 0.02 * square) + 10, 200 * (y * factor + 0.01 * square) + 20, 2.0]
    np.testing.assert_allclose(LENS.project([2 * x, 2 * y, 2.0]), expected)
    np.testing.assert_allclose(LENS.unproject(expected), [2 * x, 2 * y, 2.0])


def test_the_slope_of_the_inverse_is_that_of_the_distortion():
    """Against differences of a millionth; with another slope the inverse still arrives, after many more rounds."""
    lens = LENS._lens
    points = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    steps = 1e-6 * np.eye(2)
    slope = np.stack([(lens.distort(points + step) - lens.distort(points - step)) / 2e-6 for step in steps], axis=-1)
    np.testing.assert_allclose(lens._inverse_slope(points) @ slope, np.tile(np.eye(2), (20, 1, 1)), atol=1e-8)


def test_a_lens_that_stands_still_gives_no_ray_and_no_warning():
    """The slope of r (1 - r^2)^2 is 0 at r = 1, where the inverse begins for anything farther out."""
    lens = Camera(np.eye(3), np.zeros(3), (1, 1), (0, 0), radial=(-2, 1, 0))
    assert np.isnan(lens.unproject([2.0, 0.0, 1.0])[:2]).all()


def test_points_close_to_the_camera_are_seen():
    np.testing.assert_allclose(S1_CAMERA.project([0.0, 0.0, 0.5]), [*S1_CAMERA.principal, 0.5])


def test_looking_along_up_is_refused_whatever_the_distance():
    """A hundredth of a micrometre to the side at a kilometre."""
    with pytest.raises(ValueError, match="cannot look along `up`"):
        Camera.looking_at((0, 0, 1e6), (1e-5, 0, 0), 800, (640, 480))
    Camera.looking_at((0, 0, 1e-6), (1e-9, 0, 0), 800, (640, 480))


def test_pictures_are_a_thousand_pixels_wide_and_high_unless_said():
    plain = ((1, 1), (0, 0))
    assert Camera(np.eye(3), np.zeros(3), *plain).size == (1000, 1000)
    assert Camera.from_original(np.eye(3), np.zeros(3), *plain).size == (1000, 1000)
    assert Camera.from_opencv(np.eye(3), np.zeros(3), np.eye(3), np.zeros(5)).size == (1000, 1000)
    assert Camera.from_opencv(np.eye(3), np.zeros(3), np.eye(3), np.zeros(5), (640, 480)).size == (640, 480)
    assert Camera.looking_at((0, -4, 0), (0, 0, 0), 800, (640, 480)).size == (640, 480)


def test_cameras_stored_the_opencv_way_by_hand():
    """Turned by 90 degrees about z, 5 mm along x: R (x - c) = R x + t."""
    rotation, translation = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]), [[0], [5], [0]]
    matrix = [[100, 0, 10], [0, 200, 20], [0, 0, 1]]
    camera = Camera.from_opencv(rotation, translation, matrix, [0.1, 0.2, 0.01, 0.02, 0.3])
    np.testing.assert_array_equal(camera.center, [5, 0, 0])
    np.testing.assert_array_equal(camera.to_camera([[5, 0, 2], [7, 3, 2]]), [[0, 0, 2], [3, -2, 2]])
    np.testing.assert_array_equal(camera.to_world([[0, 0, 2], [3, -2, 2]]), [[5, 0, 2], [7, 3, 2]])
    np.testing.assert_array_equal([camera.focal, camera.principal], [[100, 200], [10, 20]])
    assert (camera.radial.tolist(), camera.tangential.tolist()) == ([0.1, 0.2, 0.3], [0.01, 0.02])
