import json
import pathlib
import runpy

import filelock
import numpy as np
import pytest
import scipy.io
from PIL import Image

from deephar import layouts
from deephar.camera import Camera
from deephar.data.readers import human36m, human36m_files, mpii, mpii_files, ntu
from deephar.data.synthetic import body, scene, write_h36m, write_ntu, write_penn, writing
from deephar.data.synthetic.writing import Settings

SCRIPT = runpy.run_path(str(pathlib.Path(__file__).parents[1] / "datasets" / "make_synthetic.py"))


def make(*arguments):
    SCRIPT["main"]([str(argument) for argument in arguments])


def same_files(one, two):
    """Two folders hold the same names and bytes; how many files."""
    files = [[path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"] for folder in (one, two)]
    names = [sorted(p.relative_to(folder) for p in paths) for folder, paths in zip((one, two), files, strict=True)]
    assert names[0] == names[1]
    for name in names[0]:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    return len(names[0])


def test_one_command_at_a_time_fills_a_folder(tmp_path):
    with writing.claim(tmp_path, Settings("mpii", (64, 64))), pytest.raises(filelock.Timeout):
        filelock.FileLock(tmp_path / ".lock").acquire(timeout=0)


def close(image, drawn):
    """A picture is a JPEG, or a frame of a video, of a drawn one."""
    return np.abs(np.asarray(image).astype(int) - drawn).mean() < 12


def test_mpii_files_hold_the_joints_and_can_be_resumed(tmp_path):
    """Exact to 1e-3 pixels through the reader, and the same whether made at once or in two goes."""
    at_once, in_two = tmp_path / "one", tmp_path / "two"
    for folder, people in ((at_once, 12), (in_two, 5), (in_two, 12)):
        make("--out", folder, "--people", people, "--size", 96)
    assert same_files(at_once / "images", in_two / "images") == 12
    people = mpii_files.read_release(in_two / "release.mat")
    np.testing.assert_array_equal(people.pose, mpii_files.read_release(at_once / "release.mat").pose)
    assert len(people) == 12 and len(mpii.open_people(in_two / "valid.h5")) == 1

    generator = np.random.default_rng([0, 3])
    action = list(scene.ACTIONS)[generator.integers(len(scene.ACTIONS))]
    clip = scene.draw_clip(generator, action, 15, (96, 96), picked=[generator.integers(15)])
    sample = mpii.Mpii(people, in_two / "images").sample(3)
    order = [body.INDEX[name] for name in layouts.get("mpii16").names]
    np.testing.assert_allclose(sample.pose_px, clip.joints_uvd[0][order, :2], atol=1e-3)
    assert close(sample.image, clip.images[0])


def test_a_label_that_was_half_written_is_made_again(tmp_path):
    make("--out", tmp_path, "--people", 3, "--size", 32)
    whole = (tmp_path / "labels.jsonl").read_text()
    (tmp_path / "labels.jsonl").write_text(whole[:-20])
    make("--out", tmp_path, "--people", 3, "--size", 32)
    assert (tmp_path / "labels.jsonl").read_text() == whole


PENN = ("--format", "penn", "--size", "48x40", "--actions", "squat,wave", "--length", 3, 6, "--test-share", 0.5)
PENN_SETTINGS = Settings("penn", (48, 40), actions=("squat", "wave"), length=(3, 6), test_share=0.5)


def test_penn_files(tmp_path):
    """Fields, types and 1-based pixels of the official files, read by scipy alone."""
    make(*PENN, "--out", tmp_path, "--videos", 6)
    trains = []
    for index in range(6):
        stored = scipy.io.loadmat(tmp_path / "labels" / f"{index + 1:04d}.mat")
        clip = write_penn.draw(PENN_SETTINGS, index)
        frames = len(clip.images)
        assert 3 <= frames <= 6 and stored["action"].tolist() == [("squat", "wave")[index % 2]]
        assert stored["nframes"].tolist() == [[frames]] and stored["dimensions"].tolist() == [[40, 48, frames]]
        assert stored["train"].dtype == np.int32 and stored["pose"][0] in ("front", "back", "left", "right")
        assert stored["x"].dtype == stored["y"].dtype == np.float64 and stored["visibility"].dtype == np.uint8
        trains.append(stored["train"].item())
        order = [body.INDEX[name] for name in layouts.get("penn13").names]
        visible = stored["visibility"] > 0
        np.testing.assert_array_equal(visible, clip.visible[:, order])
        stored_px = np.stack([stored["x"], stored["y"]], axis=-1) - 0.5
        np.testing.assert_allclose(stored_px[visible], clip.joints_uvd[:, order, :2][visible], atol=1e-3)
        assert stored["bbox"].shape == (frames, 4) and np.all(stored["bbox"] >= 1)
        pictures = sorted((tmp_path / "frames" / f"{index + 1:04d}").iterdir())
        assert [path.name for path in pictures] == [f"{n:06d}.jpg" for n in range(1, frames + 1)]
        assert close(Image.open(pictures[-1]), clip.images[-1])
    assert trains == [-1, -1, 1, 1, -1, -1]


def test_penn_box_and_view_by_hand():
    """Joints from (10, 20) to (30, 60), 1-based: a tenth of 20 and 40 on each side, cut at the picture's edge."""
    joints = np.array([[10.0, 20.0], [30.0, 60.0], [20.0, 30.0]])
    np.testing.assert_allclose(write_penn._box(joints, 100, 62), [8, 16, 32, 62])
    camera = Camera.looking_at((4000, 0, 900), (0, 0, 900), 100, (32, 32))
    views = []
    for facing in (0, 90, 180, 270):  # facing y, the right side is towards x, where the camera is
        performance = scene.perform(np.random.default_rng(0), "squat", 2, facing=facing)
        views.append(write_penn.view_of(scene.film(np.random.default_rng(0), [performance], camera, "laboratory")))
    assert views == ["front", "right", "back", "left"]


def test_penn_bytes_do_not_depend_on_goes_or_processes(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    make(*PENN, "--out", one, "--videos", 5)
    make(*PENN, "--out", two, "--videos", 2)
    (two / "labels" / "0002.mat").unlink()  # as if stopped before
    make(*PENN, "--out", two, "--videos", 5, "--processes", 2)
    assert same_files(one, two) == 1 + 5 + sum(len(list(f.iterdir())) for f in (one / "frames").iterdir())


def test_penn_splits_are_even():
    settings = Settings("penn", (32, 32), actions=("squat", "wave", "kick"), test_share=0.3)
    tests = np.array([write_penn.is_test(settings, index) for index in range(90)]).reshape(30, 3)
    assert tests.sum(axis=0).tolist() == [9, 9, 9]


NTU = ("--format", "ntu", "--size", "96x54", "--actions", "wave,kick", "--length", 3, 4)
NTU_SETTINGS = Settings("ntu", (96, 54), "laboratory", ("wave", "kick"), length=(3, 4), frames_only=True)


def test_ntu_files(tmp_path):
    """Through the reader and, for sides, units and ids, from the text itself."""
    make(*NTU, "--out", tmp_path, "--count", 4, "--frames-only")
    reader = ntu.Ntu(tmp_path / "nturgb+d_skeletons", frames=tmp_path / "frames")
    assert reader.names[0] == "S001C001P001R001A023" and len(reader) == 12
    assert {ntu.parse_name(name)[:3] for name in reader.names} == {(1, c, p) for c in (1, 2, 3) for p in (1, 2)}
    clip = write_ntu.draw(NTU_SETTINGS, 3, 2)
    name = write_ntu.name_of(NTU_SETTINGS, 3, 2)
    assert name == "S001C002P002R001A024"
    video = reader.video(reader.names.index(name))
    order = [body.INDEX[joint] for joint in layouts.get("ntu25").names]
    np.testing.assert_allclose(video.pose_px[..., :2], clip.joints_uvd[:, order, :2], atol=1e-3)
    np.testing.assert_allclose(video.pose_px[..., 2], clip.joints_uvd[:, order, 2], atol=0.1)
    assert close(video.frame(1), clip.images[1])

    lines = (tmp_path / "nturgb+d_skeletons" / f"{name}.skeleton").read_bytes().decode().split("\r\n")
    assert lines[:2] == [str(len(clip.images)), "1"] and int(lines[2].split()[0]) > 2**53
    sdk_left, sdk_right = (np.array(lines[4 + joint].split()[:7], dtype=float) for joint in (4, 8))
    assert sdk_left[0] < sdk_right[0] and sdk_left[5] < sdk_right[5]  # camera 2 is in front: on the picture's left
    world = clip.camera.to_camera(clip.joints_mm_world[0, body.INDEX["r_shoulder"]])
    np.testing.assert_allclose(sdk_left[:3], world / 1000 * [1, -1, 1], atol=1e-6)
    np.testing.assert_allclose(sdk_left[3], 366.5 * sdk_left[0] / sdk_left[2] + 256.3, atol=1e-6)


def test_ntu_videos(tmp_path):
    pytest.importorskip("av")
    for folder in ("one", "two"):
        make(*NTU, "--out", tmp_path / folder, "--count", 1)
    assert same_files(tmp_path / "one", tmp_path / "two") == 7
    reader = ntu.Ntu(tmp_path / "one" / "nturgb+d_skeletons", videos=tmp_path / "one" / "nturgb+d_rgb")
    video, clip = reader.video(2), write_ntu.draw(NTU_SETTINGS, 0, 3)
    assert len(video) == len(clip.images) and video.size_px == (96, 54)
    assert close(video.frame(2), clip.images[2])


def test_ntu_subjects_follow_the_official_split():
    subjects = {write_ntu.name_of(NTU_SETTINGS, index, 1)[9:12] for index in range(80)}
    assert subjects == {f"{number:03d}" for number in range(1, 41)}
    names = {write_ntu.name_of(NTU_SETTINGS, index, 1) for index in range(2 * 40 * 2 * 17)}
    assert len(names) == 2 * 40 * 2 * 17
    same = [write_ntu.draw(NTU_SETTINGS, index, 1).joints_mm_world[0] for index in (0, 1)]
    height = [np.linalg.norm(j[body.INDEX["r_hip"]] - j[body.INDEX["r_knee"]]) for j in same]
    assert height[0] == pytest.approx(height[1])  # subject 1 in both


H36M = ("--format", "h36m", "--size", 64, "--actions", "walk,phone_call", "--length", 66, 70)
H36M_SETTINGS = Settings("h36m", (64, 64), "laboratory", ("walk", "phone_call"), length=(66, 70))


def test_h36m_files(tmp_path):
    """The release's tree through the reader: all four cameras see one performance."""
    pytest.importorskip("cdflib")
    one, two = tmp_path / "one", tmp_path / "two"
    make(*H36M, "--out", one, "--count", 3)
    make(*H36M, "--out", two, "--count", 1)
    make(*H36M, "--out", two, "--count", 3)
    pictures = same_files(one, two)
    recordings = human36m.open_release(one, "test")  # S9, the second in turn
    assert [r.name for r in recordings] == [f"S9/Phoning 1.{camera}" for camera in human36m_files.CAMERAS]
    performance = write_h36m.act(H36M_SETTINGS, 1)
    assert performance.action == "phone_call"
    reader = human36m.Human36M(recordings, one, layout="h36m32")
    order = body.order(layouts.get("h36m32"))
    cameras = write_h36m.cameras(H36M_SETTINGS, "S9")
    for index in range(8):  # frames 1 and 65 of four cameras
        frame, camera = (0, 64)[index % 2], cameras[human36m_files.CAMERAS[index // 2]]
        np.testing.assert_allclose(reader.pose_world(index), performance.joints[frame, order], atol=0.1)
        sample = reader.sample(index)
        expected = camera.world_to_uvd(performance.joints[frame, order])
        np.testing.assert_allclose(sample.pose_px[:, :2], expected[:, :2], atol=1e-3)
        np.testing.assert_allclose(sample.pose_px[:, 2], expected[:, 2], atol=0.1)
    clip = scene.film(H36M_SETTINGS.generator(1, 4), [performance], camera, "laboratory", [0, 64])
    assert close(sample.image, clip.images[1])
    train = human36m.open_release(one, "train")  # S1 and S5, every fifth frame
    assert len(train) == 8 and all(len(r) == 14 for r in train)
    assert pictures == 2 + 3 + 8 + 8 * 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--actions", "fly"), "jumping_jacks.*Received: fly"),
        (("--format", "ntu", "--actions", "squat"), "phone_call.*Received: squat"),
        (("--format", "ntu", "--size", "100"), "16:9.*100"),
        (("--format", "h36m", "--size", "64x32"), "square.*64, 32"),
        (("--format", "h36m", "--actions", "golf_swing"), "walk.*golf_swing"),
        (("--format", "penn", "--videos", "10000"), "9999 videos.*10000"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=message):
        make("--out", tmp_path, *arguments)
    assert not list(tmp_path.iterdir())


def test_other_settings_in_the_same_folder_are_refused(tmp_path):
    make("--out", tmp_path, "--people", 1, "--size", 32)
    with pytest.raises(SystemExit, match=r"other settings: size=\[32, 32\], not \[64, 64\]"):
        make("--out", tmp_path, "--people", 2, "--size", 64)
    assert json.loads((tmp_path / "settings.json").read_text())["format"] == "mpii"


def test_gallery(tmp_path):
    make("--gallery", tmp_path, "--frames", 2)
    with Image.open(tmp_path / "synthetic.jpg") as sheet, Image.open(tmp_path / "synthetic.webp") as moving:
        assert sheet.size == (1280, 512) and moving.n_frames == 2


def test_sheets_of_several_people(tmp_path):
    make("--gallery", tmp_path, "--format", "groups", "--size", 48)
    make("--gallery", tmp_path, "--format", "crossings", "--size", "32x24", "--frames", 16)
    with Image.open(tmp_path / "groups.webp") as sheet, Image.open(tmp_path / "crossings.webp") as moving:
        assert sheet.size == (288, 192) and moving.size == (96, 96) and moving.n_frames > 8
    with pytest.raises(SystemExit, match="16 frames or more.*frames=3"):
        make("--gallery", tmp_path, "--format", "crossings", "--frames", 3)
    with pytest.raises(SystemExit, match="mpii, penn, ntu, h36m; groups are drawn.*--gallery FOLDER"):
        make("--out", tmp_path / "files", "--format", "groups")
