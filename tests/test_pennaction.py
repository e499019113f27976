import io
import zipfile

import numpy as np
import pytest
import scipy.io
from PIL import Image

from deephar.data.readers import pennaction
from deephar.data.samples import clips


def label(action="squat", frames=3, train=1, size=(64, 48), **changes):
    """A label file as MATLAB writes it: whole numbers in small types."""
    generator = np.random.default_rng(0)
    height, width = size[1], size[0]
    stored = {
        "action": action, "pose": "front", "train": np.int32([[train]]),
        "x": generator.integers(5, 50, (frames, 13)).astype(np.uint8),
        "y": generator.uniform(5, 40, (frames, 13)),
        "visibility": np.ones((frames, 13), np.uint8), "bbox": np.ones((frames - 1, 4)),
        "dimensions": np.uint16([[height, width, frames]]), "nframes": np.uint8([[frames]]), **changes,
    }  # fmt: skip
    content = io.BytesIO()
    scipy.io.savemat(content, stored)
    return content.getvalue(), stored


def write(folder, labels, pictures=()):
    (folder / "labels").mkdir(parents=True)
    for number, content in enumerate(labels, start=1):
        (folder / "labels" / f"{number:04d}.mat").write_bytes(content)
    for number, frames in enumerate(pictures, start=1):
        (folder / "frames" / f"{number:04d}").mkdir(parents=True)
        for frame in frames:
            Image.new("RGB", (64, 48), (frame, 0, 0)).save(folder / "frames" / f"{number:04d}" / f"{frame:06d}.jpg")
    return folder


def test_labels_by_hand(tmp_path):
    """Pixels are counted from 1 in the file; an invisible joint and one far outside the frame are left out."""
    visible = np.ones((3, 13), np.uint8)
    visible[0, 4] = 0
    content, stored = label(visibility=visible)
    stored["x"][1, 2] = 90
    content, stored = label(visibility=visible, x=stored["x"])
    reader = pennaction.PennAction(write(tmp_path, [content]))
    video = reader.video(0)
    assert (video.name, reader.actions[video.action], video.size_px, len(video)) == ("0001", "squat", (64, 48), 3)
    expected = np.stack([stored["x"].astype(float), stored["y"]], axis=-1) - 0.5
    expected[0, 4], expected[1, 2] = np.nan, np.nan
    np.testing.assert_allclose(video.pose_px, expected)
    hidden = pennaction.PennAction(tmp_path, hidden=True).video(0).pose_px
    np.testing.assert_allclose(hidden[0, 4], [stored["x"][0, 4] - 0.5, stored["y"][0, 4] - 0.5])
    assert np.isnan(hidden[1, 2]).all()


def test_an_invisible_joint_that_nobody_placed_is_left_out(tmp_path):
    visible = np.ones((3, 13), np.uint8)
    visible[0, 4] = 0
    _, stored = label()
    x, y = stored["x"].astype(float), stored["y"]
    x[0, 4] = y[0, 4] = 0.75
    content, _ = label(x=x, y=y, visibility=visible)
    reader = pennaction.PennAction(write(tmp_path, [content]), hidden=True)
    assert np.isnan(reader.video(0).pose_px[0, 4]).all()


def test_splits(tmp_path):
    """train is +1 or -1; every fifth training video of a class chooses."""
    labels = [label(train=1)[0]] * 6 + [label(train=-1)[0]] + [label("bowl")[0]] * 4
    folder = write(tmp_path, labels)
    names = {split: pennaction.PennAction(folder, split=split).names for split in pennaction.SPLITS}
    assert names["test"] == ["0007"] and names["choose"] == ["0005"]
    assert sorted(names["learn"] + names["choose"]) == names["train"] and len(names["train"]) == 10


def test_a_zip_is_read_like_a_folder(tmp_path):
    content, _ = label()
    folder = write(tmp_path / "folder", [content])
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        archive.writestr("labels/0001.mat", content)
    a, b = (pennaction.PennAction(path).video(0).pose_px for path in (folder, tmp_path / "labels.zip"))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("pictures", "length"), [((1, 2, 3, 4, 5), 3), ((1, 2), 2), ((1, 3), 3)])
def test_the_shorter_of_labels_and_frames_counts(tmp_path, pictures, length):
    folder = write(tmp_path, [label()[0]], [pictures])
    assert len(pennaction.PennAction(folder / "labels", folder / "frames").video(0)) == length


def test_joints_follow_frames_that_were_resized(tmp_path):
    """By hand: labels of 128 x 96 pixels beside frames of 64 x 48."""
    content, stored = label(size=(128, 96))
    folder = write(tmp_path, [content], [(1, 2, 3)])
    video = pennaction.PennAction(folder / "labels", folder / "frames").video(0)
    assert video.size_px == (64, 48) and pennaction.PennAction(folder / "labels").video(0).size_px == (128, 96)
    expected = np.stack([stored["x"].astype(float), stored["y"]], axis=-1) - 0.5
    np.testing.assert_allclose(video.pose_px, expected / 2)


def test_frames(tmp_path):
    folder = write(tmp_path, [label()[0]], [(1, 3)])
    reader = pennaction.PennAction(folder / "labels", folder / "frames")
    video = reader.video(0)
    assert abs(np.asarray(video.frame(2))[0, 0, 0].astype(int) - 3) <= 2
    with pytest.raises(ValueError, match=r"No such photograph: .*000002\.jpg"):
        clips.make_clip(reader, 0, np.arange(3), (32, 32))
    with pytest.raises(ValueError, match="Only the labels of 0001 are available"):
        pennaction.PennAction(folder / "labels").video(0).frame(0)


def test_pictures_whose_suffix_is_spelt_otherwise(tmp_path):
    folder = write(tmp_path, [label()[0]] * 2, [(1, 2, 3), (1, 2)])
    for suffix, number in ((".JPG", "0001"), (".jpeg", "0002")):
        for picture in (folder / "frames" / number).iterdir():
            picture.rename(picture.with_suffix(suffix))
    reader = pennaction.PennAction(folder / "labels", folder / "frames")
    assert [len(reader.video(index)) for index in range(2)] == [3, 2]
    assert reader.video(1).frame(1).size == (64, 48)


def test_frames_that_show_anybody(tmp_path):
    """Told without pictures: of four frames the second shows no joint."""
    visible = np.ones((4, 13), np.uint8)
    visible[1], visible[2, 1:] = 0, 0
    reader = pennaction.PennAction(write(tmp_path, [label(frames=4, visibility=visible)[0]]))
    assert reader.labelled_frames(0).tolist() == [0, 2, 3]


def test_a_clip_longer_than_the_video_repeats_frames(tmp_path):
    folder = write(tmp_path, [label()[0]], [(1, 2, 3)])
    reader = pennaction.PennAction(folder / "labels", folder / "frames")
    clip = clips.make_clip(reader, 0, lambda length: clips.clip_frames(length, 8), (32, 32))
    assert clip.images.shape == (8, 32, 32, 3) and clip.pose_crop.shape == (8, 13, 2)


def test_a_video_in_which_nobody_is_visible_does_not_crash(tmp_path):
    folder = write(tmp_path, [label(visibility=np.zeros((3, 13), np.uint8))[0]], [(1, 2, 3)])
    reader = pennaction.PennAction(folder / "labels", folder / "frames")
    clip = clips.make_clip(reader, 0, np.arange(3), (32, 32))
    assert np.isnan(clip.pose_crop).all() and np.isfinite(clip.images).all()


def test_the_original_s_converted_labels(tmp_path):
    """Written as its loader reads them; the second frame of the test video is not listed."""

    def sequence(number, action, frames):
        listed = np.empty((1, len(frames)), dtype=[(key, object) for key in ("f", "w", "h", "pose", "visible")])
        for place, frame in enumerate(frames):
            pose = np.stack([np.arange(13.0) + frame, np.arange(13.0) + 20])
            listed[0, place] = (frame, 64, 48, pose, np.array([1] * 12 + [0]))
        return {"idx": number, "action_id": action, "frames": listed}

    stored = {"sequences_tr": sequence(7, 12, [1, 2, 3]), "sequences_te": sequence(3, 1, [1, 3])}
    scipy.io.savemat(tmp_path / "annotations.mat", stored)
    train, test = (pennaction.PennAction(tmp_path / "annotations.mat", split=split) for split in ("train", "test"))
    assert (train.names, test.names) == (["0007"], ["0003"])
    video = train.video(0)
    assert train.actions[video.action] == "squat" and video.size_px == (64, 48) and len(video) == 3
    np.testing.assert_allclose(video.pose_px[1, 4], [4 + 2 - 0.5, 24 - 0.5])
    assert np.isnan(video.pose_px[:, 12]).all()
    assert np.isnan(test.video(0).pose_px[1]).all() and np.isfinite(test.video(0).pose_px[2, 0]).all()
    (tmp_path / "annotations.mat").write_bytes(b"no")
    with pytest.raises(ValueError, match="the original's annotations.mat of Penn Action in"):
        pennaction.PennAction(tmp_path / "annotations.mat")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"Penn Action in .*0001\.mat"), (label()[0][:300], r"Penn Action in .*0001\.mat"),
        (label(x=np.ones((2, 13)))[0], r"\(2, 13\), \(3, 13\)"), (label("flying")[0], "unknown action 'flying'"),
        (label(action=[])[0], "a label file of Penn Action in"),
    ],
)  # fmt: skip
def test_damaged_labels_are_said(tmp_path, content, message):
    folder = write(tmp_path, [content])
    with pytest.raises(ValueError, match=message):
        pennaction.PennAction(folder)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(ValueError, match="Expected a folder or a zip of Penn Action's labels"):
        pennaction.PennAction(tmp_path / "absent")
    with pytest.raises(ValueError, match="there is none"):
        pennaction.PennAction(tmp_path)
    folder = write(tmp_path / "penn", [label()[0]])
    with pytest.raises(ValueError, match="split 'test'"):
        pennaction.PennAction(folder, split="test")
    with pytest.raises(ValueError, match="Received: 'all'"):
        pennaction.PennAction(folder, split="all")
    with pytest.raises(ValueError, match="folder of Penn Action's frames"):
        pennaction.PennAction(folder, folder / "frames")
    (folder / "frames" / "0001").mkdir(parents=True)
    with pytest.raises(ValueError, match="there are none"):
        pennaction.PennAction(folder, folder / "frames").video(0)


def test_the_official_labels(shared):
    """Counts of the official split, the four files with joints far outside, and sides by the faster wrist."""
    labels = shared / "data" / "pennaction" / "labels.zip"
    stored = pennaction.read_all(labels)
    assert len(stored) == 2326 and sum(entry.train for entry in stored.values()) == 1258
    assert {entry.action for entry in stored.values()} == set(pennaction.ACTIONS)
    reader = pennaction.PennAction(labels)
    for name in ("0979", "1021", "1024", "1032"):
        pose = reader.video(reader.names.index(name)).pose_px
        assert np.nanmax(pose[..., 0]) <= 482 and np.nanmax(pose[..., 1]) <= 395
    facing = [i for i, e in enumerate(reader.labels) if e.action == "jumping_jacks" and e.view == "front"]
    right, left = (reader.layout.index(f"{side}_shoulder") for side in "rl")
    shoulders = [np.nanmean(reader.video(i).pose_px[:, [right, left], 0], axis=0) for i in facing]
    assert np.mean([a < b for a, b in shoulders]) > 0.98
