import pickle
import unicodedata

import numpy as np
import pytest
import scipy.io
from PIL import Image

from deephar import layouts
from deephar.data.readers import jhmdb

CLIPS = {"catch/a@b_1": 5, "catch/c!d(2)_2": 4, "wave/hello [x]_1": 3}


def pos_img(frames):
    """x is 10 joint + frame, y is 100 + joint."""
    joint, frame = np.meshgrid(np.arange(15.0), np.arange(float(frames)), indexing="ij")
    return np.stack([10 * joint + frame, 100 + joint])


@pytest.fixture
def root(tmp_path):
    for name, frames in CLIPS.items():
        folder = tmp_path / "joint_positions" / name
        folder.mkdir(parents=True)
        scipy.io.savemat(folder / "joint_positions.mat", {"pos_img": pos_img(frames), "pos_world": pos_img(frames)})
        images = tmp_path / "Rename_Images" / name
        images.mkdir(parents=True)
        for number in range(1, frames + 1):
            Image.new("RGB", (64, 48), (number, 0, 0)).save(images / f"{number:05d}.png")
    return tmp_path


@pytest.fixture
def split(root):
    (root / "splits").mkdir()
    (root / "splits" / "catch_test_split2.txt").write_text("c!d(2)_2.avi 2 \r\na@b_1.avi 1\r\n\r\n")
    (root / "splits" / "wave_test_split2.txt").write_text("hello [x]_1.avi 1\nnobody_3.avi 1\n")
    (root / "splits" / "brush_hair_test_split2.txt").write_text("")
    return root


def test_a_clip_by_hand(root):
    """Pixel 1 of the file has its middle at 0.5."""
    reader = jhmdb.Jhmdb(root)
    assert reader.names == tuple(CLIPS) and reader.actions == ("catch", "wave") and len(reader) == 3
    clip = reader.video(2)
    assert (clip.name, clip.action, len(clip), clip.size_px) == ("wave/hello [x]_1", 1, 3, (64, 48))
    np.testing.assert_allclose(clip.pose_px[2, 3], [31.5, 102.5])
    np.testing.assert_allclose(jhmdb.Jhmdb(root, index_base=0.5).video(2).pose_px[2, 3], [32, 103])
    assert clip.frame(1).getpixel((0, 0)) == (2, 0, 0) and not reader.truncated


@pytest.mark.parametrize("listed", ["NFC", "NFD"])
def test_a_clip_with_accents_is_found_in_either_unicode_form(listed, split):
    """The split file has one form, the joints lie in the other, the pictures in the first again."""
    other = {"NFC": "NFD", "NFD": "NFC"}[listed]
    wanted, stored = (unicodedata.normalize(form, "Zoë_1") for form in (listed, other))
    (split / "joint_positions" / "catch" / "a@b_1").rename(split / "joint_positions" / "catch" / stored)
    (split / "Rename_Images" / "catch" / "a@b_1").rename(split / "Rename_Images" / "catch" / wanted)
    (split / "splits" / "catch_test_split2.txt").write_text(f"{wanted}.avi 1\n", encoding="utf-8-sig")
    reader = jhmdb.Jhmdb(split, 2)
    assert reader.names[0] == f"catch/{stored}" and reader.video(0).frame(0).size == (64, 48)


def test_splits(split):
    train, test = jhmdb.Jhmdb(split, 2), jhmdb.Jhmdb(split, 2, train=False)
    assert train.names == ("catch/a@b_1", "wave/hello [x]_1") and test.names == ("catch/c!d(2)_2",)
    assert train.actions == test.actions == ("brush_hair", "catch", "wave")
    assert train.video(1).action == 2 and test.video(0).action == 1
    assert train.left_out == {"no joint_positions.mat": ["wave/nobody_3"]} and not test.left_out


def test_fewer_or_more_pictures_than_labels(root):
    (root / "Rename_Images" / "catch" / "a@b_1" / "00005.png").unlink()
    Image.new("RGB", (64, 48)).save(root / "Rename_Images" / "wave" / "hello [x]_1" / "00004.png")
    reader = jhmdb.Jhmdb(root)
    assert [len(reader.video(index)) for index in range(3)] == [4, 4, 3]
    assert reader.truncated == {"catch/a@b_1": (5, 4), "wave/hello [x]_1": (3, 4)}


def test_pictures_whose_suffix_is_in_capital_letters(root):
    for picture in (root / "Rename_Images" / "catch" / "a@b_1").iterdir():
        picture.rename(picture.with_suffix(".PNG"))
    clip = jhmdb.Jhmdb(root).video(0)
    assert clip.size_px == (64, 48) and clip.frame(4).getpixel((0, 0)) == (5, 0, 0)


def test_frames_that_have_labels(root):
    assert [jhmdb.Jhmdb(root).labelled_frames(index).tolist()[-1] for index in range(3)] == [4, 3, 2]


def test_a_pickled_reader_reads_the_same(root):
    clip = pickle.loads(pickle.dumps(jhmdb.Jhmdb(root))).video(0)
    assert pickle.loads(pickle.dumps(clip)).frame(4).getpixel((0, 0)) == (5, 0, 0)


def test_labels_without_pictures(root, tmp_path):
    (root / "Rename_Images").rename(tmp_path / "elsewhere")
    clip = jhmdb.Jhmdb(root).video(0)
    assert len(clip) == 5 and clip.size_px == (320, 240)
    with pytest.raises(ValueError, match="Only the labels of catch/a@b_1 are available"):
        clip.frame(0)


def test_whole_numbers_of_a_small_type_are_made_float(root):
    path = root / "joint_positions" / "catch" / "a@b_1" / "joint_positions.mat"
    scipy.io.savemat(path, {"pos_img": pos_img(5).astype(np.uint8)})
    pose = jhmdb.Jhmdb(root).video(0).pose_px
    assert pose.dtype == np.float64 and pose[0, 0, 0] == -0.5


def test_what_cannot_be_read_is_named(split, tmp_path):
    for arguments, message in (
        ((tmp_path / "absent",), r"Expected JHMDB's root folder.*absent"),
        ((split, 4), r"splits of JHMDB are 1, 2 and 3. Received: 4"),
        ((split, 1), r"split files like splits/catch_test_split1.txt"),
    ):
        with pytest.raises(ValueError, match=message):
            jhmdb.Jhmdb(*arguments)
    (split / "splits" / "wave_test_split2.txt").write_text("hello [x]_1.avi train\n")
    with pytest.raises(ValueError, match=r"wave_test_split2.txt, line 1. Received: 'hello \[x\]_1.avi train'"):
        jhmdb.Jhmdb(split, 2)
    (split / "splits" / "wave_test_split2.txt").unlink()
    with pytest.raises(ValueError, match=r"list the classes brush_hair, catch. Received: wave/hello"):
        jhmdb.Jhmdb(split, 2)
    (tmp_path / "none" / "joint_positions").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"no clips of JHMDB"):
        jhmdb.Jhmdb(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a MATLAB file"),
        (b"text" * 99, "a MATLAB file"),
        ({"pos_world": pos_img(5)}, "a MATLAB file with pos_img in"),
        ({"pos_img": np.zeros((15, 2, 5))}, r"must be \(2, 15, frames\).*Received: \(15, 2, 5\)"),
        ({"pos_img": np.zeros((2, 15, 0))}, r"must be \(2, 15, frames\)"),
    ],
)
def test_damaged_joints_and_pictures(content, message, root):
    path = root / "joint_positions" / "catch" / "a@b_1" / "joint_positions.mat"
    scipy.io.savemat(path, content) if isinstance(content, dict) else path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        jhmdb.Jhmdb(root).video(0)
    reader = jhmdb.Jhmdb(root)
    (root / "Rename_Images" / "catch" / "c!d(2)_2" / "00002.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"00002.png is not a photograph"):
        reader.video(1).frame(1)


def test_real_clip(shared):
    """Numbers of the file; the keeper faces the camera, so her right is on the picture's left."""
    reader = jhmdb.Jhmdb(shared / "data" / "jhmdb")
    clip = reader.video(0)
    assert reader.names == ("catch/Goal_Keeping_Tips_catch_f_cm_np1_fr_med_2",)
    assert len(clip) == 20 and list(reader.truncated.values()) == [(40, 20)] and clip.size_px == (320, 240)
    np.testing.assert_allclose(clip.pose_px[0, [0, 2]], [[286.0, 106.0], [286.0, 90.0]])
    for joint in ("shoulder", "hip", "ankle"):
        right, left = (clip.pose_px[0, reader.layout.index(f"{side}_{joint}"), 0] for side in "rl")
        assert right < left
    assert layouts.rearrange(clip.pose_px, "jhmdb15", "pa16j").shape == (20, 16, 2)
    assert clip.frame(19).size == (320, 240)
