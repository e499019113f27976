import itertools
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from deephar import layouts, video
from deephar.data.readers import ntu, ntu_files

ROOT = pathlib.Path(__file__).parents[1]
NAME = "S001C002P003R002A013"
ID = 72057594037931648  # above 2^53: as floats, this and the next are equal
NEXT = ID + 4


def joint_line(joint, x=0.0, state=2):
    """A joint of a person 0.4 m wide and 1.2 m high; colour u is 100 (joint + 1) + x, v is 500 + joint."""
    side = 0.2 if joint % 2 else -0.2
    xyz = f"{x + side} {0.05 * joint - 0.6:.2f} {3 + 0.001 * joint:.3f}"
    return f"{xyz} {joint + 0.5} {joint + 0.25} {100 * (joint + 1) + x} {500 + joint} 1 0 0 0 {state}"


def body_lines(number, lines):
    return [f"{number} 0 1 1 1 1 0 -0.1159187 0.1413209 2", "25", *lines]


def person(number, x=0.0):
    return body_lines(number, [joint_line(joint, x) for joint in range(25)])


def chair(number):
    """Wider than high, and far away, so of a large variance."""
    return body_lines(number, [f"{joint} {joint / 2} {joint} 1 2 3 4 0 0 0 0 1" for joint in range(25)])


def write(path, frames, end="\r\n"):
    """A .skeleton of frames, each a list of bodies."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines += [str(len(bodies)), *(line for body in bodies for line in body)]
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def walk(number, frames, speed=0.1):
    return [[person(number, speed * frame)] for frame in range(frames)]


@pytest.fixture
def folder(tmp_path):
    """Two clips of 4 frames."""
    (tmp_path / "skeletons").mkdir()
    for name in (NAME, "S001C002P003R002A014"):
        write(tmp_path / "skeletons" / f"{name}.skeleton", walk(ID, 4))
    return tmp_path


def pictures(folder, count, size=(96, 54)):
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        Image.new("RGB", size, (20 * number, 0, 0)).save(folder / f"{number:05d}.jpg")


def test_a_file_by_hand(tmp_path):
    """Ids four apart, one that vanishes and comes back, another order, a frame without a body; CRLF and LF alike."""
    frames = [[person(ID), person(NEXT, 1.0)], [person(NEXT, 1.1)], [], [person(NEXT, 1.3), person(ID, 0.3)]]
    for end in ("\r\n", "\n"):
        skeleton = ntu_files.read_skeleton(write(tmp_path / "a.skeleton", frames, end))
        assert skeleton.frames == 4 and list(skeleton.bodies) == [ID, NEXT]
        first, second = skeleton.bodies.values()
        assert first.present.tolist() == [True, False, False, True]
        assert second.present.tolist() == [True, True, False, True]
        np.testing.assert_allclose(first.xyz_m[3, 7], [0.5, -0.25, 3.007])
        np.testing.assert_allclose(second.color_px[:, 2, 0], [301, 301.1, np.nan, 301.3])
        np.testing.assert_allclose(second.depth_px[1, 3], [3.5, 3.25])
        assert np.isnan(first.xyz_m[1:3]).all() and first.state[:, 0].tolist() == [2, 0, 0, 2]


@pytest.mark.parametrize("word", ["NaN", "nan", "-nan(ind)", "-1.#IND"])
def test_what_is_not_a_number_is_nan(word, tmp_path):
    lines = [joint_line(joint).replace("3.005", word).replace("600.0 505", f"{word} 505") for joint in range(25)]
    skeleton = ntu_files.read_skeleton(write(tmp_path / "a.skeleton", [[body_lines(7, lines)]]))
    body = skeleton.bodies[7]
    assert np.argwhere(np.isnan(body.xyz_m)).tolist() == [[0, 5, 2]]
    assert np.argwhere(np.isnan(body.color_px)).tolist() == [[0, 5, 0]]
    assert ntu_files.main_body(skeleton) == [7]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: b"", r"bad.skeleton ends early"),
        (lambda text: text[: len(text) // 2], r"bad.skeleton ends early"),
        (lambda text: text[:-5], r"bad.skeleton ends early"),
        (lambda text: b"\x89PNG\r\n\x1a\n" + bytes(99), r"in .*bad.skeleton: the number of frames must be an integer"),
        (lambda text: b"name,x,y\n" + text, r"the number of frames must be an integer. Received: b'name,x,y'"),
        (lambda text: b"0\r\n", r"the number of frames must be at least 1. Received: 0"),
        (lambda text: text.replace(b"\r\n25\r\n", b"\r\n20\r\n", 1), r"25 joints.*Received: 20 joints in frame 1"),
        (lambda text: text.replace(str(ID).encode(), b"7.2e16", 1), r"a body id in frame 1 must be an integer"),
        (lambda text: text.replace(b"3.005", b"right", 1), r"a joint has 12 numbers. Received: b'right'"),
    ],
)
def test_other_and_damaged_files_are_named(change, message, tmp_path):
    text = write(tmp_path / "good.skeleton", walk(ID, 2)).read_bytes()
    (tmp_path / "bad.skeleton").write_bytes(change(text))
    with pytest.raises(ValueError, match=message):
        ntu_files.read_skeleton(tmp_path / "bad.skeleton")


def test_a_missing_file_and_a_body_twice_in_a_frame(tmp_path):
    with pytest.raises(ValueError, match=r"Expected a .skeleton file.*absent.skeleton"):
        ntu_files.read_skeleton(tmp_path / "absent.skeleton")
    with pytest.raises(ValueError, match=r"once per frame"):
        ntu_files.read_skeleton(write(tmp_path / "a.skeleton", [[person(ID), person(ID)]]))


def random_skeleton(seed=0, frames=6):
    generator = np.random.default_rng(seed)
    bodies = {}
    for number in (ID, NEXT):
        present = generator.random(frames) < 0.7
        arrays = [
            np.where(present[:, None, None], generator.uniform(0, top, (frames, 25, size)), np.nan)
            for top, size in ((4, 3), (1920, 2), (512, 2))
        ]
        bodies[number] = ntu_files.Body(present, *arrays, generator.integers(0, 3, (frames, 25)) * present[:, None])
    return ntu_files.Skeleton(frames, bodies)


def test_written_files_are_read_back(tmp_path):
    skeleton = random_skeleton()
    ntu_files.write_skeleton(tmp_path / "a.skeleton", skeleton)
    again = ntu_files.read_skeleton(tmp_path / "a.skeleton")
    assert again.frames == skeleton.frames and set(again.bodies) == set(skeleton.bodies)
    for number, body in skeleton.bodies.items():
        for field in ("present", "xyz_m", "color_px", "depth_px", "state"):
            np.testing.assert_allclose(
                getattr(again.bodies[number], field), getattr(body, field), rtol=0, atol=1e-6, err_msg=field
            )
    lines = (tmp_path / "a.skeleton").read_bytes().split(b"\r\n")
    assert lines[-1] == b"" and b"\n" not in b"".join(lines)
    assert {len(line.split()) for line in lines[:-1]} == {1, 10, 12}


def test_the_main_actor_moves_and_is_no_furniture(tmp_path):
    def main(frames, count=1):
        return ntu_files.main_body(ntu_files.read_skeleton(write(tmp_path / "a.skeleton", frames)), count)

    together = [[person(1, 0.01 * frame), chair(2), person(3, 0.1 * frame)] for frame in range(4)]
    assert main(together, count=3) == [3, 1] and main(together) == [3]
    assert main([[chair(2)], [chair(2)]]) == [2]  # nothing better
    assert main([[], []]) == []
    brief = [[person(1, 0.01 * frame)] for frame in range(30)]
    for frame in (4, 5):
        brief[frame].append(person(9, 5.0 * frame))
    assert main(brief, count=2) == [1]
    brief[6].append(person(9, 30.0))  # in three frames of thirty
    assert main(brief, count=2) == [9, 1]


def names_of(folder, **settings):
    return [name[4:] for name in ntu.Ntu(folder, **settings).names]


def test_splits(folder, tmp_path):
    content = (folder / "skeletons" / f"{NAME}.skeleton").read_bytes()
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("C001P001", "C001P003", "C002P002", "C003P040"):
        (clips / f"S001{name}R001A001.skeleton").write_bytes(content)
    assert [name[:8] for name in names_of(clips, split="cross_subject")] == ["C001P001", "C002P002"]
    assert [name[:8] for name in names_of(clips, split="cross_subject", train=False)] == ["C001P003", "C003P040"]
    assert [name[:8] for name in names_of(clips, split="cross_view")] == ["C002P002", "C003P040"]
    assert [name[:8] for name in names_of(clips, split="cross_view", train=False)] == ["C001P001", "C001P003"]
    for name in ("S018C001P001R001A061", "S020C001P103R001A120", "S018C001P106R001A007"):
        (clips / f"{name}.skeleton").write_bytes(content)
    reader = ntu.Ntu(clips)
    assert len(reader) == 4 and len(reader.actions) == 60
    assert [len(found) for found in reader.left_out.values()] == [3]
    assert len(ntu.Ntu(clips, classes=120)) == 7 and len(ntu.Ntu(clips, classes=120).actions) == 120
    train = ntu.Ntu(clips, "cross_subject", classes=120).names
    assert [name[:12] for name in train if name > "S018"] == ["S018C001P001", "S020C001P103"]
    assert ntu.Ntu(clips, "cross_setup", classes=120).names == ("S018C001P001R001A061",) + (
        "S018C001P106R001A007",
        "S020C001P103R001A120",
    )
    for split, classes in (("cross_view", 120), ("cross_setup", 60), ("subject", 60)):
        with pytest.raises(ValueError, match=rf"The splits are .*Received: {split} for {classes}"):
            ntu.Ntu(clips, split, classes=classes)


def test_clips_that_are_left_out_are_counted(folder):
    skeletons = folder / "skeletons"
    write(skeletons / "S001C001P001R001A001.skeleton", [[]] * 300)
    (skeletons / "notes.txt").write_text("x")
    (folder / "missing.txt").write_text(f"1 of the samples has no skeleton.\nPlease ignore it.\n\n{NAME}\n")
    reader = ntu.Ntu(skeletons, missing=folder / "missing.txt")
    assert reader.names == ("S001C002P003R002A014",)
    assert reader.left_out == {"no body": ["S001C001P001R001A001"], "on the missing list": [NAME]}
    (folder / "empty.txt").write_text("")
    assert len(ntu.Ntu(skeletons, missing=[folder / "empty.txt"])) == 2
    with pytest.raises(ValueError, match=r"no clips .*'no body': 1"):
        ntu.Ntu(skeletons, names=["S001C001P001R001A001"])


def test_a_pose_by_hand(folder):
    """Sides of the Kinect exchanged, depth in mm; only labels at hand."""
    reader = ntu.Ntu(folder / "skeletons", names=[NAME])
    clip = reader.video(0)
    assert (clip.name, clip.action, len(clip), clip.size_px) == (NAME, 12, 4, (1920, 1080))
    assert reader.actions[clip.action] == "tear up paper"
    layout = reader.layout
    np.testing.assert_allclose(clip.pose_px[2, layout.index("r_shoulder")], [500.2, 504, 3004])  # the Kinect's joint 4
    np.testing.assert_allclose(clip.pose_px[2, layout.index("l_foot")], [2000.2, 519, 3019])  # 19
    np.testing.assert_allclose(clip.pose_px[0, layout.index("head")], [400, 503, 3003])
    with pytest.raises(ValueError, match=f"Only the labels of {NAME} are available"):
        clip.frame(0)


def test_names_lead_to_the_joints_of_the_published_map(folder):
    """The published map exchanges the sides of the files' order; here they are exchanged already. Not the head."""
    reader = ntu.Ntu(folder / "skeletons", names=[NAME])
    as_in_file = ntu_files.read_skeleton(folder / "skeletons" / f"{NAME}.skeleton").bodies[ID].color_px
    published = as_in_file[:, layouts.published_map("ntu25", "pa20j")]
    by_name = layouts.rearrange(reader.video(0).pose_px, reader.layout.name, "pa20j")[..., :2]
    others = [joint for joint in range(20) if joint != 3]
    np.testing.assert_array_equal(by_name[:, others], published[:, others])


def test_joints_that_are_not_located(tmp_path):
    lines = [joint_line(joint) for joint in range(25)]
    lines[0] = joint_line(0, state=0)
    lines[1] = joint_line(1, state=1)
    lines[2] = lines[2].replace("300.0 502", "0 0")
    lines[3] = lines[3].replace("400.0 503", "-inf 503")
    lines[20] = lines[20].replace("3.020", "0")
    write(tmp_path / f"{NAME}.skeleton", [[body_lines(ID, lines)], []] * 2)
    pose = ntu.Ntu(tmp_path).video(0).pose_px
    assert pose.shape == (4, 25, 3) and np.isnan(pose[1::2]).all()
    assert np.flatnonzero(np.isnan(pose[0, :, 0])).tolist() == [0, 2, 3]
    assert np.flatnonzero(np.isnan(pose[0, :, 2])).tolist() == [0, 2, 3, 20]


def test_frames_of_any_size(folder):
    pictures(folder / "frames" / NAME, 3, (960, 540))
    pictures(folder / "frames" / "S001C002P003R002A014", 6, (480, 1080))
    reader = ntu.Ntu(folder / "skeletons", frames=folder / "frames")
    clip, other = reader.video(0), reader.video(1)
    assert (len(clip), clip.size_px) == (3, (960, 540)) and (len(other), other.size_px) == (4, (480, 1080))
    np.testing.assert_allclose(clip.pose_px[1, 0], [50.05, 250, 3000])
    np.testing.assert_allclose(other.pose_px[1, 0], [25.025, 500, 3000])
    assert reader.truncated == {NAME: (4, 3), "S001C002P003R002A014": (4, 6)}
    assert [round(clip.frame(index).getpixel((0, 0))[0] / 20) for index in range(3)] == [1, 2, 3]
    for index in (3, -1):
        with pytest.raises(ValueError, match=rf"Expected a frame from 0 to 2.*Received: {index}"):
            clip.frame(index)
    (folder / "frames" / NAME / "00002.jpg").unlink()
    with pytest.raises(ValueError, match=r"No such photograph: .*00002.jpg"):
        clip.frame(1)


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg"])
def test_folders_within_folders(suffix, folder, monkeypatch):
    """As unpacked, a folder for each setup, one linked from elsewhere, with a link back; suffixes spelt otherwise."""
    listed, scandir = itertools.count(), os.scandir

    def scandir_a_few_times(path):
        assert next(listed) < 60, "the link back is followed again and again"
        return scandir(path)

    parts = folder / "parts"
    for name, part in ((NAME, "s001"), ("S001C002P003R002A014", "s002/nturgb+d_skeletons")):
        (parts / part).mkdir(parents=True)
        (folder / "skeletons" / f"{name}.skeleton").rename(
            parts / part / f"{name}{'.SKELETON' if part == 's001' else '.skeleton'}"
        )
        pictures(folder / "elsewhere" / part / name, 4)
        for picture in (folder / "elsewhere" / part / name).iterdir():
            picture.rename(picture.with_suffix(suffix))
    (folder / "frames").mkdir()
    (folder / "frames" / "linked").symlink_to(folder / "elsewhere")
    (folder / "elsewhere" / "back").symlink_to(folder / "frames")
    monkeypatch.setattr(os, "scandir", scandir_a_few_times)
    reader = ntu.Ntu(parts, frames=folder / "frames")
    assert reader.names == (NAME, "S001C002P003R002A014")
    for index in range(2):
        clip = reader.video(index)
        assert len(clip) == 4 and [round(clip.frame(k).getpixel((0, 0))[0] / 20) for k in range(4)] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="lacks the .* of 1 requested clips"):
        ntu.Ntu(parts, names=[NAME, "S001C001P001R001A001"])


def test_videos_in_folders_within_the_folder(folder):
    pytest.importorskip("av")
    video.write_video(folder / "rgb" / "s001" / f"{NAME}_rgb.avi", [np.zeros((54, 96, 3), np.uint8)] * 4, 30)
    (folder / "rgb" / "s001" / f"{NAME}_rgb.avi").rename(folder / "rgb" / "s001" / f"{NAME}_RGB.AVI")
    reader = ntu.Ntu(folder / "skeletons", videos=folder / "rgb")
    assert reader.video(0).frame(3).size == (96, 54)
    with pytest.raises(ValueError, match=r"No such video: .*rgb/S001C002P003R002A014_rgb.avi"):
        reader.video(1)


def test_frames_that_have_labels(folder):
    """As many as the file says at once; a damaged one is named, also where it is small enough to be searched early."""
    reader = ntu.Ntu(folder / "skeletons")
    assert reader.labelled_frames(0).tolist() == [0, 1, 2, 3]
    for content in (b"", b"four\r\n", b"0\r\n", b"99999999999\r\n1\r\n"):
        (folder / "skeletons" / f"{NAME}.skeleton").write_bytes(content)
        assert ntu.Ntu(folder / "skeletons").names == reader.names
        for read in (reader.labelled_frames, reader.video):
            with pytest.raises(ValueError, match=rf"{NAME}.skeleton"):
                read(0)
    (folder / "converted").mkdir()
    np.save(folder / "converted" / f"{NAME}.npy", converted(3, [1, 3, 5]))
    assert ntu.Ntu(folder / "converted").labelled_frames(0).tolist() == [0, 1, 2]


def test_a_pickled_reader_reads_the_same(folder):
    pictures(folder / "frames" / NAME, 4)
    reader = ntu.Ntu(folder / "skeletons", frames=folder / "frames", names=[NAME])
    clip, again = reader.video(0), pickle.loads(pickle.dumps(reader)).video(0)
    np.testing.assert_array_equal(clip.pose_px, again.pose_px)
    assert pickle.loads(pickle.dumps(again)).frame(2).size == (96, 54)


def test_frames_straight_from_videos(folder):
    pytest.importorskip("av")
    (folder / "rgb").mkdir()
    shades = [np.full((54, 96, 3), 20 * number, np.uint8) for number in range(1, 6)]
    video.write_video(folder / "rgb" / f"{NAME}_rgb.avi", shades, 30)
    (folder / "rgb" / "S001C002P003R002A014_rgb.avi").write_bytes(b"RIFF" + bytes(99))
    reader = ntu.Ntu(folder / "skeletons", videos=folder / "rgb")
    clip = pickle.loads(pickle.dumps(reader.video(0)))
    assert (len(clip), clip.size_px, reader.truncated) == (4, (96, 54), {NAME: (4, 5)})
    assert [round(np.asarray(clip.frame(index)).mean() / 20) for index in (0, 3, 1)] == [1, 4, 2]
    with pytest.raises(ValueError, match=r"S001C002P003R002A014_rgb.avi is not a readable video"):
        reader.video(1)
    (folder / "rgb" / f"{NAME}_rgb.avi").unlink()
    with pytest.raises(ValueError, match=rf"No such video: .*{NAME}_rgb.avi"):
        reader.video(0)


def test_what_cannot_be_read_is_named(folder, tmp_path):
    skeletons = folder / "skeletons"
    for settings, message in (
        ({"skeletons": tmp_path / "absent"}, r"folder of the .skeleton files.*absent"),
        ({"frames": tmp_path / "absent"}, r"folder of the clips' frames.*absent"),
        ({"videos": tmp_path / "absent"}, r"folder of the .avi files.*absent"),
        ({"videos": skeletons, "frames": skeletons}, r"Received: both"),
        ({"names": [NAME, "S001C001P001R001A001"]}, r"lacks the .* of 1 requested clips: S001C001P001R001A001"),
        ({"missing": tmp_path / "absent"}, r"Expected a list of clips.*absent"),
        ({"missing": skeletons / f"{NAME}.skeleton"}, r"Expected a list of clips, one name"),
        ({"classes": 61}, r"must be 60 or 120. Received: 61"),
        ({"split": "cross_subject"}, r"There are no clips"),
    ):
        with pytest.raises(ValueError, match=message):
            ntu.Ntu(**{"skeletons": skeletons, **settings})
    (skeletons / f"{NAME}.skeleton").write_bytes((skeletons / f"{NAME}.skeleton").read_bytes()[:5000])
    reader = ntu.Ntu(skeletons)
    with pytest.raises(ValueError, match=rf"{NAME}.skeleton ends early"):
        reader.video(0)


def converted(rows, numbers):
    """The original's table: u is 10 joint + 1, v is 5, depth 3000 + joint; joint 2 of the first row is missing."""
    columns = [numbers, *np.zeros((75, rows))]
    columns += [np.full(rows, 10.0 * joint + 1) for joint in range(25)]
    columns += [np.full(rows, 5.0) for _ in range(25)]
    columns += [np.full(rows, 3000.0 + joint) for joint in range(25)]
    columns[1 + 75 + 2][0] = 0
    return np.stack(columns, axis=1)


def test_the_originals_converted_files(tmp_path):
    """Half-size pictures of every second frame, named by the number in the first column."""
    np.save(tmp_path / f"{NAME}.npy", converted(3, [1, 3, 5]))
    for number in (1, 3):
        (tmp_path / "images-small" / NAME).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (960, 540), (30 * number, 0, 0)).save(tmp_path / "images-small" / NAME / f"{number:05d}.jpg")
    reader = ntu.Ntu(tmp_path, frames=tmp_path / "images-small")
    clip = reader.video(0)
    assert (len(clip), reader.truncated) == (2, {NAME: (5, 3)})
    np.testing.assert_allclose(clip.pose_px[1, reader.layout.index("r_shoulder")], [20.5, 2.5, 3004])
    assert np.isnan(clip.pose_px[0, 2]).all() and np.isfinite(clip.pose_px[1]).all()
    assert round(clip.frame(1).getpixel((0, 0))[0] / 30) == 3


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((3, 150)), r"rows of 151 numbers .*Received: shape \(3, 150\)"),
        (np.zeros((0, 151)), r"Received: shape \(0, 151\)"),
        (converted(2, [0, 1]), r"increasing frame numbers from 1"),
        (converted(2, [2, 2]), r"increasing frame numbers from 1"),
        (np.array([{}]), r"not a readable .npy of numbers"),
    ],
)
def test_other_converted_files_are_refused(table, message, tmp_path):
    np.save(tmp_path / "a.npy", table)
    with pytest.raises(ValueError, match=message):
        ntu_files.read_converted(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:50])
    with pytest.raises(ValueError, match="not a readable .npy of numbers"):
        ntu_files.read_converted(tmp_path / "a.npy")


def test_frames_are_extracted_once_and_failures_listed(tmp_path):
    pytest.importorskip("av")
    shades = [np.full((54, 96, 3), 40 * number, np.uint8) for number in range(1, 4)]
    video.write_video(tmp_path / "rgb" / "s001" / f"{NAME}_rgb.avi", shades, 30)
    (tmp_path / "rgb" / "S001C002P003R002A014_rgb.avi").write_bytes(b"RIFF" + bytes(99))
    out = tmp_path / "frames"
    (out / f".partial.{NAME}").mkdir(parents=True)
    (out / f".partial.{NAME}" / "00009.jpg").write_text("of an interrupted run")
    script = [sys.executable, str(ROOT / "datasets" / "prepare_ntu.py"), "--videos", tmp_path / "rgb", "--out", out]
    done = subprocess.run(script, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0 and "1 of 2 videos" in done.stdout, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [NAME, "failed.txt"]
    assert (out / "failed.txt").read_text() == "S001C002P003R002A014\n"
    folder = video.PictureFolder(out / NAME)
    assert (len(folder), folder.size) == (3, (48, 27))
    assert [round(np.asarray(folder.frame(index)).mean() / 40) for index in range(3)] == [1, 2, 3]


def test_real_skeletons(shared):
    """Tokens of the first joint as the file has them; a camera's projection; sides as in a photograph."""
    files = shared / "data" / "ntu"
    reader = ntu.Ntu(files / "nturgb+d_skeletons", missing=files / "NTU_RGBD_samples_with_missing_skeletons.txt")
    assert [len(reader.video(index)) for index in range(3)] == [82, 100, 124] and not reader.left_out
    assert [reader.video(index).action + 1 for index in range(3)] == [11, 3, 17]
    np.testing.assert_array_equal(reader.video(0).pose_px[0, 0], [1032.328, 514.0889, 3810.989])
    right, left = (reader.layout.index(f"{side}_shoulder") for side in "rl")
    for index in range(3):
        pose = reader.video(index).pose_px
        assert np.isfinite(pose).all() and np.all(pose[:, right, 0] < pose[:, left, 0])
    skeleton = ntu_files.read_skeleton(files / "nturgb+d_skeletons" / "S001C001P001R001A011.skeleton")
    (body,) = skeleton.bodies.values()
    x, y, z = np.moveaxis(body.xyz_m, 2, 0)
    projected = np.stack([366.5 * x / z + 256.3, -366.9 * y / z + 208.5], axis=-1)
    assert np.abs(projected - body.depth_px).max() < 0.5
    assert np.bincount(body.state.ravel()).tolist() == [0, 113, 1937]
    assert list(skeleton.bodies) == [72057594037931648]
    assert len(ntu.Ntu(files / "nturgb+d_skeletons", "cross_subject")) == 1


def test_real_video(shared, tmp_path):
    """The skeleton of another clip of the same person and place stands in for that of the video at hand."""
    pytest.importorskip("av")
    files = shared / "data" / "ntu"
    content = (files / "nturgb+d_skeletons" / "S001C001P001R001A011.skeleton").read_bytes()
    (tmp_path / "S001C001P001R001A001.skeleton").write_bytes(content)
    reader = ntu.Ntu(tmp_path, videos=files / "nturgb+d_rgb")
    clip = reader.video(0)
    assert reader.truncated == {"S001C001P001R001A001": (82, 103)} and clip.size_px == (1920, 1080)
    pixels = np.asarray(clip.frame(0)).astype(int)
    u, v = clip.pose_px[0, reader.layout.index("spine"), :2].astype(int)
    assert pixels[v, u].max() < 60 and pixels[v, u - 200].min() > 150  # a black shirt before a white wall
