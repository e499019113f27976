import dataclasses
import importlib.util
import json
import pathlib
import sys

import numpy as np
import pytest
import scipy.io
from PIL import Image
from scipy.spatial.transform import Rotation

from deephar import geometry, layouts
from deephar.camera import Camera
from deephar.data.batches import cached, mixture
from deephar.data.readers import human36m, human36m_converted, human36m_files
from deephar.data.samples import augment, crops, targets

SIZE = (80, 60)
LENS = {"radial": (-0.2, 0.24, -0.002), "tangential": (-0.0009, -0.0016)}
IDS = human36m_files.CAMERAS[:2]
SUBJECTS = ("S1", "S9", "S11")
NAMES = {
    ("S1", 12, 1): "TakingPhoto 1", ("S1", 2, 2): "Directions", ("S9", 12, 1): "Photo", ("S11", 2, 2): "Directions"
}  # fmt: skip


def cameras():
    made = {}
    for number, subject in enumerate(SUBJECTS):
        for camera, angle in zip(IDS, (0.3, 2.1), strict=True):
            center = (4000 * np.cos(angle) + 10 * number, 4000 * np.sin(angle), 1500)
            plain = Camera.looking_at(center, (0, 0, 900), 90.0, SIZE)
            made[subject, camera] = dataclasses.replace(plain, **LENS)
    return made


def positions(name, frames=11):
    """32 joints about (0, 0, 900) mm; the root moves along x by a centimetre a frame."""
    generator = np.random.default_rng(len(name))
    pose = generator.normal(0, 250, (32, 3)) + [0, 0, 900]
    pose[0] = 0, 0, 900
    return pose + np.arange(frames)[:, None, None] * [10.0, 0, 0]


def write_pictures(root):
    for (subject, _, _), name in NAMES.items():
        for camera in IDS:
            for frame in (1, 6, 11):
                path = root / human36m.picture_path(subject, name, camera).format(frame)
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", SIZE, (20 * frame, 90, 90)).save(path)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A release of four takes, two cameras and eleven frames, as the writers write it."""
    pytest.importorskip("cdflib", reason="CDF files need cdflib (the extra h36m)")
    root = tmp_path_factory.mktemp("h36m")
    human36m_files.write_metadata(root / "metadata.xml", cameras(), NAMES)
    for (subject, _, _), name in NAMES.items():
        path = root / subject / "MyPoseFeatures" / "D3_Positions" / f"{name}.cdf"
        human36m_files.write_positions(path, positions(name))
    write_pictures(root)
    return root


def close(a, b, atol=1e-9):
    for name in ("rotation", "center", "focal", "principal", "radial", "tangential"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=atol)


def test_metadata_is_read_back(tmp_path):
    human36m_files.write_metadata(tmp_path / "metadata.xml", cameras(), NAMES)
    read = human36m_files.read_metadata(tmp_path / "metadata.xml")
    assert read.names == NAMES and set(read.cameras) == set(cameras())
    for key, camera in cameras().items():
        close(camera, read.cameras[key])
        assert read.cameras[key].size == SIZE
    other = {**cameras(), ("S9", IDS[0]): dataclasses.replace(cameras()["S9", IDS[0]], focal=(70, 70))}
    with pytest.raises(ValueError, match=f"one lens per camera; camera {IDS[0]} has several"):
        human36m_files.write_metadata(tmp_path / "other.xml", other, NAMES)
    with pytest.raises(ValueError, match="Subjects must be S1 to S11. Received: P1"):
        human36m_files.write_metadata(tmp_path / "other.xml", {}, {("P1", 2, 1): "Directions"})
    assert not (tmp_path / "other.xml").exists()


def test_angles_of_any_rotation():
    turns = [*Rotation.random(50, random_state=0).as_matrix(), np.eye(3)]
    turns += list(Rotation.from_euler("xyz", [[40, 90, 0], [40, -90, 0], [0, 180, 10]], degrees=True).as_matrix())
    for turn in turns:
        x, y, z = human36m_files._turns(*human36m_files._angles(turn))
        np.testing.assert_allclose(x @ y @ z, turn, atol=1e-7)


def test_the_release(release):
    """Every 5th frame of S1, every 64th of S9 and S11, without the broken video; world, camera and pixels agree."""
    train = human36m.Human36M(human36m.open_release(release, "train", subjects=["S1"]), release, "h36m32")
    assert len(train) == 2 * 2 * 3
    assert [train.action_of(i) for i in (0, 11)] == ["Directions", "TakingPhoto"] and train.subject_of(5) == "S1"
    sample = train.sample(7)  # TakingPhoto 1, first camera, second picture: frame 6
    assert sample.name == f"S1/Images/TakingPhoto 1.{IDS[0]}/000006.jpg"
    world, camera = positions("TakingPhoto 1")[5], cameras()["S1", IDS[0]]
    np.testing.assert_allclose(train.pose_world(7), world, atol=1e-3)
    np.testing.assert_allclose(sample.pose_px, camera.world_to_uvd(world), atol=1e-3)
    np.testing.assert_allclose(sample.camera.uvd_to_world(sample.pose_px), world, atol=2e-3)
    np.testing.assert_allclose(train.pose_camera(7), camera.to_camera(world), atol=1e-3)
    assert sample.root_mm == sample.pose_px[0, 2]
    np.testing.assert_allclose(sample.center_px, sample.pose_px[0, :2])
    np.testing.assert_allclose(sample.window_px, 2250 * 90 / sample.root_mm)
    test = human36m.Human36M(human36m.open_release(release), release)
    assert len(test) == 3 and [test.subject_of(i) for i in range(3)] == ["S9", "S9", "S11"]
    assert [recording.name for recording in test.recordings][-1] == f"S11/Directions.{IDS[1]}"
    moved = human36m.Human36M(test.recordings, release, down_px=1.0).sample(0)
    np.testing.assert_allclose(moved.center_px - test.sample(0).center_px, [0, 1])
    for index in (-1, 3):
        with pytest.raises(IndexError):
            test.sample(index)


def test_three_sets_of_joints(release):
    recordings = human36m.open_release(release)
    names = layouts.get("h36m32").names
    world = positions("Photo")[0]
    standard, named, published = (
        human36m.Human36M(recordings, release, *options)
        for options in ((), ("pa17j",), ("pa17j", True))
    )  # fmt: skip
    order = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
    np.testing.assert_allclose(standard.pose_world(0), world[order], atol=1e-3)
    assert standard.joint_set == "h36m17 by names"
    pose = named.pose_world(0)
    assert named.joint_set == "pa17j by names without neck" and np.isnan(pose[2]).all()
    for joint in set(named.layout.names) - {"neck"}:
        np.testing.assert_allclose(pose[named.layout.index(joint)], world[names.index(joint)], atol=1e-3)
    assert published.joint_set == "pa17j by the published map"
    order = [0, 12, 13, 15, 25, 17, 26, 18, 27, 19, 1, 6, 2, 7, 3, 8, 11]
    np.testing.assert_allclose(
        published.sample(0).pose_px, cameras()["S9", IDS[0]].world_to_uvd(world[order]), atol=1e-3
    )
    with pytest.raises(ValueError, match="no published mapping from h36m32 to h36m17"):
        human36m.Human36M(recordings, release, "h36m17", published=True)


def test_depth_in_crops(release):
    """By hand: the root's depth is 0.5, half a metre behind it 0.75, or 0.7083 at scale 1.2; flips leave it alone."""
    (first, *_) = human36m.open_release(release)
    poses = np.zeros((1, 17, 3))
    poses[0] = first.camera.to_world([[0, 0, 4000.0]] + [[100, 0, 4500.0]] * 16)
    reader = human36m.Human36M([dataclasses.replace(first, poses=poses, frames=np.array([1]))], release)
    plain = crops.make_crop(reader, 0, (32, 32))
    np.testing.assert_allclose(plain.pose_crop[:2, 2], [0.5, 0.75])
    large = crops.make_crop(reader, 0, (32, 32), augment.Draw(scale=1.2, flip=True))
    np.testing.assert_allclose(large.pose_crop[:2, 2], [0.5, 0.5 + 500 / 2400])
    assert (large.depth_scale, large.camera, plain.root_mm) == (1.2, first.camera, pytest.approx(4000))
    np.testing.assert_allclose(geometry.crop_to_depth(large.pose_crop[:, 2], 4000, 1.2), plain.pose_px[:, 2])
    both = crops.Crops(reader, (32, 32), layouts.get("pa17j"))[0]
    np.testing.assert_allclose(both.pose_crop[0], plain.pose_crop[0])
    assert np.isnan(both.pose_crop[2]).all() and both.pose_px.shape == (17, 3)
    assert targets.pose_target(plain.pose_crop, dim=3)[1].tolist() == [*plain.pose_crop[1].astype("float32"), 1]
    kept = cached.Cached(reader, (32, 32))
    again = crops.make_crop(kept, 0, (32, 32), augment.Draw(scale=1.2, flip=True))
    np.testing.assert_allclose(again.pose_crop, large.pose_crop, atol=0.02)
    np.testing.assert_allclose(again.pose_crop[:, 2], large.pose_crop[:, 2])
    assert again.camera is None
    batch = mixture.Mixture([(reader, 2)], (32, 32), dim=3, augmentation="h36m").batch(0, 0)
    assert batch.target.shape == (2, 17, 4) and np.all(batch.target[:, 0, 2] == 0.5)


def test_depth_is_unknown_without_a_root():
    layout = layouts.get("h36m17")
    pose = augment.pose_to_crop(np.ones((3, 3)), np.eye(3), False, layout, root_mm=np.nan)
    np.testing.assert_array_equal(np.isnan(pose), [[False, False, True]] * 3)
    for columns, root in ((2, np.nan), (3, None)):
        kept = augment.pose_to_crop(np.ones((3, columns)), np.eye(3), False, layout, root)
        np.testing.assert_array_equal(kept, np.ones((3, columns)))


def test_bad_input_is_named(release, tmp_path):
    recordings = human36m.open_release(release)
    with pytest.raises(ValueError, match=r"folder of Human3.6M's images. Received: .*absent"):
        human36m.Human36M(recordings, tmp_path / "absent")
    with pytest.raises(ValueError, match="no frames"):
        human36m.Human36M([], tmp_path)
    with pytest.raises(ValueError, match=r"No such photograph: .*S9/Images/Photo.54138969/000001.jpg"):
        human36m.Human36M(recordings, tmp_path).sample(0)
    write_pictures(tmp_path)
    path = tmp_path / human36m.picture_path("S9", "Photo", IDS[0]).format(1)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"S9/Images/Photo.54138969/000001.jpg"):
        crops.make_crop(human36m.Human36M(recordings, tmp_path), 0, (32, 32))
    Image.new("RGB", (40, 30)).save(path)
    with pytest.raises(ValueError, match="000001.jpg must have the camera's 80 x 60 pixels.*Received: 40 x 30"):
        human36m.Human36M(recordings, tmp_path).sample(0)
    unknown = recordings[0].poses.copy()
    unknown[:, 0] = np.nan
    lost = human36m.Human36M([dataclasses.replace(recordings[0], poses=unknown)], release)
    with pytest.raises(ValueError, match="000001.jpg has no label of the root joint"):
        lost.sample(0)
    mixed = [recordings[0], dataclasses.replace(recordings[0], poses=unknown[:, :17])]
    with pytest.raises(ValueError, match=r"all have 17 or all have 32 joints. Received: \[17, 32\]"):
        human36m.Human36M(mixed, release)


def test_bad_releases_are_named(release, tmp_path):
    with pytest.raises(ValueError, match="`split` must be one of train, test. Received: 'val'"):
        human36m.open_release(release, "val")
    with pytest.raises(ValueError, match=r"folder of Human3.6M's release. Received: .*absent"):
        human36m.open_release(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"No such file: .*metadata.xml"):
        human36m.open_release(tmp_path)
    content = (release / "metadata.xml").read_text()
    for broken in (content[: len(content) // 2], "<a></a>", content.replace("<w0>[", "<w0>[1 ")):
        (tmp_path / "metadata.xml").write_text(broken)
        with pytest.raises(ValueError, match=r"metadata.xml of Human3.6M's code package in .*damaged or of the wrong"):
            human36m.open_release(tmp_path)
    (tmp_path / "metadata.xml").write_text(content)
    with pytest.raises(ValueError, match=r"No such file: .*S9/MyPoseFeatures/D3_Positions/Photo.cdf"):
        human36m.open_release(tmp_path)


def test_truncated_positions_are_named(release, tmp_path):
    content = (release / "S9/MyPoseFeatures/D3_Positions/Photo.cdf").read_bytes()
    for length in (0, 4, 100, 500, len(content) // 2, len(content) - 100):
        (tmp_path / "Photo.cdf").write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"Expected a CDF with a variable 'Pose'.*Photo.cdf"):
            human36m_files.read_positions(tmp_path / "Photo.cdf")


def test_without_cdflib_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "cdflib", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "deephar\[h36m\]"'):
        human36m_files.read_positions(tmp_path / "x.cdf")


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("Photo 1", "TakingPhoto"),
        ("WalkDog_1", "WalkingDog"),
        ("WalkTogether", "WalkingTogether"),
        ("Sitting 2", "Sitting"),
    ],
)
def test_canonical_actions(name, action):
    assert human36m_files.canonical_action(name) == action
    with pytest.raises(ValueError, match="Unknown action 'Dancing'"):
        human36m_files.canonical_action("Dancing 1")


def write_mat(path):
    """The original's annotations.mat with one clip of two frames, as its loader reads it."""
    camera = cameras()["S9", IDS[1]]
    frames = [
        {"f": np.uint16(f), "w": np.uint8(80), "h": np.uint8(60), "pose3d": positions("x")[f - 1].T} for f in (1, 5)
    ]  # fmt: skip
    given = {
        "R": camera.rotation, "T": camera.center[:, None], "f": camera.focal, "c": camera.principal,
        "p": camera.tangential[::-1], "k": camera.radial,
    }  # fmt: skip
    structs = np.empty(2, dtype=[(key, object) for key in frames[0]])
    for place, frame in enumerate(frames):
        structs[place] = tuple(frame.values())
    clip = {"name": "a16_s09_e02_c02", "camera_parameters": given, "frames": structs}
    scipy.io.savemat(path, {"sequences_val": clip, "sequences_tr": clip})


def test_the_originals_annotations(tmp_path):
    write_mat(tmp_path / "annotations.mat")
    recordings = human36m.open_original(tmp_path / "annotations.mat")
    reader = human36m.Human36M(recordings, tmp_path, "pa17j", published=True)
    assert (len(reader), reader.action_of(1), reader.subject_of(1)) == (2, "WalkingTogether", "S9")
    path = tmp_path / "a16_s09_e02_c02" / "00005.jpg"
    path.parent.mkdir()
    Image.new("RGB", SIZE).save(path)
    expected = cameras()["S9", IDS[1]].world_to_uvd(positions("x")[4])
    np.testing.assert_allclose(reader.sample(1).pose_px[[0, 1, 16]], expected[[0, 12, 11]])
    (tmp_path / "half.mat").write_bytes((tmp_path / "annotations.mat").read_bytes()[:500])
    for name in ("half.mat", "absent.mat"):
        with pytest.raises(ValueError, match=name):
            human36m.open_original(tmp_path / name)
    with pytest.raises(ValueError, match="annotations.mat with sequences_te"):
        human36m_converted.read_original(tmp_path / "annotations.mat", "sequences_te")


def test_frames_are_extracted_from_videos(tmp_path, monkeypatch, capsys):
    """Frame k of the video, from 0, becomes picture k + 1, every fifth; the second run writes nothing."""
    pytest.importorskip("av", reason="video files need PyAV (the extra video)")
    from deephar.video import write_video

    human36m_files.write_metadata(tmp_path / "metadata.xml", cameras(), {("S1", 2, 1): "Directions 1"})
    shades = [np.full((60, 80, 3), 20 * k, dtype=np.uint8) for k in range(12)]
    path = tmp_path / "S1" / "Videos" / f"Directions 1.{IDS[0]}.mp4"
    path.parent.mkdir(parents=True)
    write_video(path, shades, 50)
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "datasets" / "prepare_human36m.py")
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    command = ["prepare", "--root", str(tmp_path), "--split", "train", "--subjects", "S1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match=f"1 videos could not be read:\nNo such video: .*Directions 1.{IDS[1]}.mp4"):
        prepare.main()
    folder = tmp_path / "S1" / "Images" / f"Directions 1.{IDS[0]}"
    assert sorted(p.name for p in folder.iterdir()) == ["000001.jpg", "000006.jpg", "000011.jpg"]
    assert np.asarray(Image.open(folder / "000006.jpg")).mean() == pytest.approx(100, abs=4)
    (folder / "000006.jpg").unlink()
    with pytest.raises(SystemExit):
        prepare.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["wrote 3 pictures of 1 videos", "wrote 1 pictures of 1 videos"]


ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.parametrize("case", ["valid_frame2", "train0_frame5", "train1_frame5"])
def test_crops_of_the_original(shared, case, tmp_path):
    """The original's whole path on one person (golden data.h36m): pixels and depth, its integer corners, the target."""
    with np.load(shared / "golden" / "units.npz") as file:
        golden = {key.removeprefix("data.h36m."): file[key] for key in file.files if key.startswith("data.h36m.")}
    draws = json.loads((shared / "golden" / "units.json").read_text())
    given = [golden[f"in.cam_{name}"] for name in ("R", "T", "f", "c", "p", "k")]
    recording = human36m_files.Recording(
        "golden", "S9", "Directions", "golden.png", np.arange(8), np.swapaxes(golden["in.pose3d"], 1, 2),
        Camera.from_original(*given, size=(210, 200)),
    )  # fmt: skip
    Image.new("RGB", (210, 200)).save(tmp_path / "golden.png")
    reader = human36m.Human36M([recording], tmp_path, "pa17j", published=True, down_px=1.0)
    index = int(case[-1])
    sample = reader.sample(index)
    published = dataclasses.replace(sample, window_px=sample.window_px * 210 / 1000)  # made for a width of 1000 pixels
    reader.sample = lambda _: published
    np.testing.assert_allclose(reader.pose_world(index), golden[f"{case}.out.pose_w"])
    np.testing.assert_allclose(sample.pose_px, golden[f"{case}.out.pose_uvd"], rtol=1e-6)
    draw = draws.get(f"data.h36m.{case.split('_')[0]}.draw", {"angle": 0, "scale": 1.0, "hflip": 0})
    variation = augment.Draw(draw["angle"], draw["scale"], flip=bool(draw["hflip"]))
    crop = crops.make_crop(reader, index, (64, 64), variation, truncate_corners=True)
    expected = golden[f"{case}.out.afmat"]
    np.testing.assert_allclose(np.linalg.inv(crop.px_to_crop), np.linalg.inv(expected), rtol=0, atol=1e-4)
    np.testing.assert_allclose(targets.pose_target(crop.pose_crop, dim=3), golden[f"{case}.out.pose"], atol=1e-6)


def test_mmpose_files(tmp_path):
    """A frame of two videos in mmpose's formats: positions in metres; without cameras pixels and depth stay."""
    poses, placed = [positions(name)[0][:17] for name in ("a", "bb")], [cameras()[s, IDS[0]] for s in ("S1", "S9")]
    names = [f"S1/S1_WalkDog_1.{IDS[0]}/S1_WalkDog_1.{IDS[0]}_000001.jpg", f"S9_Photo.{IDS[0]}_000065.jpg"]
    uvd = np.stack([camera.world_to_uvd(pose) for camera, pose in zip(placed, poses, strict=True)])
    local = [camera.to_camera(pose) / 1000 for camera, pose in zip(placed, poses, strict=True)]
    known = np.ones((2, 17, 1))
    np.savez(tmp_path / "x.npz", imgname=names, part=np.append(uvd[..., :2], known, -1), S=np.append(local, known, -1))
    entries = [{"image_id": i, "keypoints_3d": np.append(poses[i] / 1000, known[i], -1).tolist()} for i in (0, 1)]
    images = [{"id": i, "file_name": names[i]} for i in (0, 1)]
    (tmp_path / "x.json").write_text(json.dumps({"images": images, "annotations": entries}))
    human36m_files.write_metadata(tmp_path / "metadata.xml", cameras(), {})
    for file, given in (("x.npz", None), ("x.npz", "metadata.xml"), ("x.json", "metadata.xml")):
        recordings = human36m.open_mmpose(tmp_path / file, given and tmp_path / given)
        for (index, subject), action in zip(enumerate(("S1", "S9")), ("WalkingDog", "TakingPhoto"), strict=True):
            recording = recordings[index]
            path = tmp_path / recording.picture.format(recording.frames[0])
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", SIZE).save(path)
            reader = human36m.Human36M(recordings, tmp_path)
            sample = reader.sample(index)
            assert (reader.subject_of(index), reader.action_of(index)) == (subject, action)
            np.testing.assert_allclose(sample.pose_px, uvd[index], atol=1e-9)
            assert sample.root_mm == pytest.approx(uvd[index, 0, 2])
            if given:
                np.testing.assert_allclose(reader.pose_world(index), poses[index], atol=1e-9)
    blind = human36m.Human36M(human36m.open_mmpose(tmp_path / "x.npz"), tmp_path)
    center, window = geometry.person_window(geometry.points_box(uvd[1]))
    np.testing.assert_allclose([blind.sample(1).center_px, blind.sample(1).window_px], [center, window])
    with pytest.raises(ValueError, match="has no camera, so no world positions"):
        blind.pose_world(0)
    with pytest.raises(ValueError, match="no published mapping from h36m17 to pa17j"):
        human36m.Human36M(blind.recordings, tmp_path, "pa17j", published=True)
    with pytest.raises(ValueError, match=r"x.json has world positions, which need `cameras`"):
        human36m.open_mmpose(tmp_path / "x.json")


def test_bad_mmpose_files_are_named(tmp_path):
    (tmp_path / "a.json").write_text('{"images": []}')
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 not a zip")
    np.savez(tmp_path / "b.npz", imgname=["x.jpg"], part=np.zeros((1, 17, 3)), S=np.zeros((1, 17, 4)))
    np.savez(tmp_path / "c.npz", imgname=["S5_Photo.7_000001.jpg"], part=np.zeros((1, 17, 3)), S=np.zeros((1, 17, 4)))
    human36m_files.write_metadata(tmp_path / "metadata.xml", cameras(), {})
    for file, message in (
        ("a.json", r"images, and annotations with keypoints_3d in .*a.json"),
        ("a.npz", r"imgname, part and S in .*a.npz"),
        ("absent.npz", r"No such file: .*absent.npz"),
        ("b.npz", r"named like S1_Directions_1.54138969_000001.jpg in .*b.npz: 'x.jpg'"),
        ("c.npz", "The given cameras lack camera 7 of S5"),
    ):
        with pytest.raises(ValueError, match=message):
            human36m.open_mmpose(tmp_path / file, tmp_path / "metadata.xml")
    for file in ("a.json", "a.npz", "absent.json"):
        with pytest.raises(ValueError, match=f"cameras of Human3.6M|{file}"):
            human36m_converted.read_cameras(tmp_path / file)


def test_real_cameras_agree(shared):
    """The official metadata.xml, mmpose's two files and camera-parameters.json: 44 cameras, within 1e-6."""
    folder = shared / "data" / "human36m"
    official = human36m_files.read_metadata(folder / "official_metadata.xml")
    assert len(official.cameras) == 44 and len(official.names) == 11 * 15 * 2
    for file in ("mmpose/cameras_plain.npz", "mmpose/cameras_plain.json", "camera-parameters.json"):
        cameras = human36m_converted.read_cameras(folder / file)
        assert set(cameras) == set(official.cameras)
        for key, camera in cameras.items():
            close(camera, official.cameras[key], atol=1e-6)
    assert official.cameras["S7", "55011271"].size == (1000, 1002)
    assert official.cameras["S1", "55011271"].size == (1000, 1000)


def test_the_release_has_839_recordings(shared):
    """Of the seven subjects with poses; the names of the files lead to the canonical actions."""
    official = human36m_files.read_metadata(shared / "data" / "human36m" / "official_metadata.xml")
    takes = human36m.takes(official, (*human36m.SPLITS["train"][0], *human36m.SPLITS["test"][0]))
    assert len(takes) == len(set(takes)) == 839
    assert all(human36m_files.canonical_action(name) == action for _, action, name, _ in takes)
    assert ("S1", "TakingPhoto", "TakingPhoto 1", "54138969") in takes


def test_real_metadata_is_written_back(shared, tmp_path):
    official = human36m_files.read_metadata(shared / "data" / "human36m" / "official_metadata.xml")
    human36m_files.write_metadata(tmp_path / "metadata.xml", official.cameras, official.names)
    again = human36m_files.read_metadata(tmp_path / "metadata.xml")
    assert again.names == official.names
    for key, camera in official.cameras.items():
        close(camera, again.cameras[key])
        assert camera.size == again.cameras[key].size


def test_real_photographs(shared):
    """Four people from three kinds of file: stored pixels within 1e-3, crops that hold them, sides as they look."""
    folder = shared / "data" / "human36m"
    stored = np.load(folder / "mmpose" / "test_h36m_body3d.npz")["part"][..., :2]
    readers = [
        human36m.Human36M(human36m.open_mmpose(folder / "mmpose" / file, folder / cameras), folder / "images")
        for file, cameras in (
            ("test_h36m_body3d.npz", "official_metadata.xml"),
            ("h36m_coco.json", "mmpose/cameras_plain.npz"),
            ("h36m_coco.json", "camera-parameters.json"),
        )
    ]
    for index in range(4):
        for reader in readers:
            np.testing.assert_allclose(reader.sample(index).pose_px[:, :2], stored[index], atol=1e-3)
        np.testing.assert_allclose(readers[0].pose_world(index), readers[1].pose_world(index), atol=1e-3)
        crop = crops.make_crop(readers[0], index, (64, 64))
        assert np.nanmin(crop.pose_crop) > 0.05 and np.nanmax(crop.pose_crop) < 0.95
        np.testing.assert_allclose(crop.pose_crop[0], 0.5, atol=1e-9)
    assert [readers[0].action_of(i) for i in range(4)] == ["Directions", "SittingDown", "Greeting", "WalkingDog"]
    for index, facing in ((0, -1), (2, 1), (3, 1)):
        right, left = (readers[0].sample(index).pose_px[joint, 0] for joint in (1, 4))
        assert facing * (left - right) > 0
