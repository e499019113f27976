"""Videos packed in large files: the same clips for training, resumed where packing was ended, and named faults."""

import io
import json
import pathlib
import sys
import tarfile

import numpy as np
import pytest
from drawn import DrawnVideos
from PIL import Image
from scripts import loaded, refused, run

from deephar import geometry
from deephar.data.batches import clip_mixture, loader
from deephar.data.readers import clip_packing, packed_clips
from deephar.data.readers.base import Video
from deephar.data.readers.clip_packing import About, Packing, pack_clips
from deephar.data.readers.packed_clips import PackedClips
from deephar.data.samples import clips
from deephar.data.synthetic import write_ntu, write_penn
from deephar.data.synthetic.writing import Settings

CORNER = (270, 220)
WHOLE = Packing(windows=2.2, side=1000, quality=95, clips=2)


class Videos(DrawnVideos):
    """Somebody is in every frame, away from its edges; what is read is noted."""

    def __init__(self, missing=None, stop=None):
        super().__init__(missing)
        self.stop, self.read = stop, []

    def video(self, index):
        if index == self.stop:
            raise KeyboardInterrupt
        self.read.append(index)
        video = super().video(index)
        pose = np.concatenate([video.pose_px[:7], video.pose_px[6:7]]) + [*CORNER, 0]

        def frame(number):
            picture = Image.new("RGB", (700, 650), "grey")
            picture.paste(video.frame(min(number, 6)), CORNER)
            return picture

        return Video(video.name, video.action, pose, (700, 650), frame)


@pytest.fixture
def folder(tmp_path):
    known = About(subjects=[5, 6, 5], splits=["learn", "choose", "learn"])
    assert pack_clips(Videos(), tmp_path / "packed", WHOLE, known) == {}
    return tmp_path / "packed"


def batch_of(reader, **options):
    settings = {"size": (64, 64), "dim": 3, "subsampling": (1, 2), "seed": 3, **options}
    return clip_mixture.ClipMixture([(reader, 3)], 4, **settings).batch(0, 0)


@pytest.mark.parametrize("augmentation", ["none", "ntu-action", "penn-action"])
def test_a_training_s_batch_is_that_of_the_originals(augmentation, folder):
    """Of frames that are cut out, as far as augmented windows reach."""
    one, other = (batch_of(reader, augmentation=augmentation) for reader in (PackedClips(folder), Videos()))
    np.testing.assert_allclose(one.pose, other.pose, atol=1e-4)
    np.testing.assert_array_equal(one.action, other.action)
    np.testing.assert_array_equal(one.pose_weights, other.pose_weights)
    assert np.abs(one.images - other.images).mean() < 0.02 and other.images.std() > 0.2


def test_smaller_frames_give_the_same_poses(tmp_path):
    pack_clips(Videos(), tmp_path, Packing(windows=2.2, side=80, quality=95))
    one, other = (batch_of(reader, augmentation="ntu-action") for reader in (PackedClips(tmp_path), Videos()))
    np.testing.assert_allclose(one.pose, other.pose, atol=1e-4)
    assert np.abs(one.images - other.images).mean() < 0.1
    width, height = PackedClips(tmp_path).video(0).size_px
    assert max(width, height) < max(Videos().video(0).size_px)


def test_a_region_by_hand():
    """Joints from (400, 300) to (500, 400): a window of 150 px about (450, 350), of which 1.5 are 225: 337 to 563
    and 237 to 463, at half the size."""
    pose = np.full((2, 3, 2), np.nan)
    pose[0, :2] = [[400, 300], [500, 400]]
    px_to_unit, size = clip_packing.region(Video("a", 0, pose, (1920, 1080), Image.new), Packing(1.5, 75))
    assert size == (113, 113)
    np.testing.assert_allclose(geometry.transform_points(px_to_unit, [[337, 237], [563, 463]]), [[0, 0], [1, 1]])
    nobody = Video("b", 0, pose[1:], (1920, 1080), Image.new)
    assert clip_packing.region(nobody, Packing(1.5, 256))[1] == (384, 216)


def test_what_is_known_of_clips(folder):
    packed, plain = PackedClips(folder), Videos()
    assert packed.names == ("video0", "video1", "video2") and packed.actions == plain.actions
    assert packed.layout == plain.layout and packed.subjects.tolist() == [5, 6, 5]
    assert packed.labelled_frames(1).tolist() == [*range(8)]
    assert PackedClips(folder, splits=["learn"]).names == ("video0", "video2")
    chosen = PackedClips(folder, ["video2", "video0"])
    assert chosen.names == ("video2", "video0") and chosen.video(0).name == "video2"
    assert not list(folder.glob("clips-*.npz"))
    with tarfile.open(folder / "clips-00001.tar") as archive:
        assert archive.getnames() == [f"video2/{number:05d}.jpg" for number in range(8)]
        stored = archive.extractfile("video2/00003.jpg").read()
    frame = packed.video(2).frame(3)
    np.testing.assert_array_equal(np.asarray(frame), np.asarray(Image.open(io.BytesIO(stored))))


def test_loaders_with_processes_read_it(folder):
    """Clips, and single frames as stills."""
    images, pose = loader.ClipLoader([(PackedClips(folder), 2)], 4, (32, 32), "pose_visibility", processes=1)[0][:2]
    assert images.shape == (2, 4, 32, 32, 3) and np.isfinite(pose[0]).all()
    frames = clips.VideoFrames(PackedClips(folder), 4)
    assert len(frames) == 6
    one, other = frames.sample(3), clips.VideoFrames(Videos(), 4).sample(3)
    assert one.name == other.name == "video1, frame 4"
    np.testing.assert_allclose(one.window_px, other.window_px, rtol=1e-5)
    assert one.root_mm == pytest.approx(other.root_mm)


def test_packing_that_was_ended_goes_on(tmp_path):
    """What was whole is not read again, and the folder is byte for byte that of an uninterrupted run."""
    one_each = Packing(clips=1)
    pack_clips(Videos(), tmp_path / "whole", one_each)
    with pytest.raises(KeyboardInterrupt):
        pack_clips(Videos(stop=1), tmp_path / "ended", one_each)
    with pytest.raises(ValueError, match="Expected a folder of packed clips with index.npz"):
        PackedClips(tmp_path / "ended")
    again = Videos()
    pack_clips(again, tmp_path / "ended", one_each)
    assert again.read == [1, 2]
    whole, ended = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("whole", "ended"))
    for name in set(whole) - {"index.npz"}:
        assert whole[name] == ended[name], name
    assert set(whole) == set(ended)
    pack_clips(again, tmp_path / "ended", one_each)
    assert again.read == [1, 2]
    with pytest.raises(ValueError, match="was created with other settings: windows=1.5, not 2.0"):
        pack_clips(Videos(), tmp_path / "ended", Packing(2.0, clips=1))


def test_two_processes_pack_the_same(folder, tmp_path):
    pack_clips(DrawnVideos(), tmp_path / "one", WHOLE)
    pack_clips(DrawnVideos(), tmp_path / "two", WHOLE, processes=2)
    for path in (tmp_path / "one").glob("clips-*.tar"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_clips_that_cannot_be_packed_are_left_out(tmp_path):
    left_out = {"1": "video1, frame 3 is missing"}
    assert pack_clips(Videos(missing=(1, 3)), tmp_path / "a", WHOLE, About(splits=["x", "y", "z"])) == left_out
    packed = PackedClips(tmp_path / "a")
    assert packed.names == ("video0", "video2") and packed.left_out == left_out
    assert PackedClips(tmp_path / "a", splits="z").names == ("video2",)
    none = Videos()
    none.video = lambda index: Videos(missing=(0, 0)).video(0)
    with pytest.raises(ValueError, match="None of 3 clips can be packed; the first fault: video0, frame 0 is missing"):
        pack_clips(none, tmp_path / "b", WHOLE)
    assert not (tmp_path / "b" / "index.npz").exists()


def changed(folder, **changes):
    stored = dict(np.load(folder / "index.npz"))
    np.savez(folder / "index.npz", **{**stored, **changes})


def test_other_and_damaged_files_are_named(folder):
    with pytest.raises(ValueError, match="lacks 1 of 2 clips: video9"):
        PackedClips(folder, ["video1", "video9"])
    with pytest.raises(ValueError, match=r"no clip of the splits \['test'\]; its splits are choose, learn"):
        PackedClips(folder, splits=["test"])
    with pytest.raises(ValueError, match="Expected a frame from 0 to 7 of video0. Received: 8"):
        PackedClips(folder).video(0).frame(8)
    content = (folder / "clips-00000.tar").read_bytes()
    (folder / "clips-00000.tar").write_bytes(content[:600])
    with pytest.raises(ValueError, match="frame 5 of video1 in clips-00000.tar"):
        PackedClips(folder).video(1).frame(5)
    pathlib.Path(folder / "clips-00000.tar").unlink()
    with pytest.raises(ValueError, match="clips-00000.tar cannot be read: No such file"):
        PackedClips(folder).video(1).frame(5)
    changed(folder, count=np.array([8, 8, 9]))
    with pytest.raises(ValueError, match="it has 24 frames, and the index 25"):
        PackedClips(folder)
    changed(folder, about=json.dumps({"format": "deephar-clips-9"}))
    with pytest.raises(ValueError, match="its format is deephar-clips-9"):
        PackedClips(folder)
    (folder / packed_clips.INDEX).write_bytes(b"nothing")
    with pytest.raises(ValueError, match="damaged or of the wrong kind"):
        PackedClips(folder)


def sources_of(path, monkeypatch, *arguments):
    """The readers of a training script, which does not train."""
    script, given = loaded(path), {}
    monkeypatch.setattr(sys, "argv", ["train", *map(str, arguments)])
    monkeypatch.setattr(script, "train", lambda args, sources, judge, *_, **__: given.update(sources, judge=judge))
    monkeypatch.setattr(script.judges, "accuracy", lambda clips, where: clips.reader)
    script.main()
    return given


def assert_same_videos(one, other):
    assert tuple(one.names) == tuple(other.names) and one.actions == other.actions
    for index in range(len(one)):
        packed, plain = one.video(index), other.video(index)
        assert (packed.name, packed.action, len(packed)) == (plain.name, plain.action, len(plain))
        np.testing.assert_array_equal(np.isnan(packed.pose_px), np.isnan(plain.pose_px))


@pytest.mark.parametrize("dataset", ["ntu", "penn"])
def test_training_scripts_take_packed_clips(dataset, tmp_path, monkeypatch, capsys):
    """They train on and choose by the clips that they would read without."""
    out = tmp_path / "packed"
    if dataset == "ntu":
        write_ntu.write(
            Settings("ntu", (96, 54), "laboratory", ("drink", "wave"), (3, 5), frames_only=True), tmp_path, 8
        )
        path, more = "exp/ntu/train_ntu_ar_pe_merge.py", ()
        files = ("--skeletons", tmp_path / "nturgb+d_skeletons", "--frames", tmp_path / "frames")
    else:
        settings = Settings("penn", (48, 48), "laboratory", ("squat", "wave"), length=(3, 5), test_share=0.2)
        write_penn.write(settings, tmp_path, 16)
        path, more = "exp/pennaction/train_penn_ar_pe_merge.py", ("--classes", "found")
        files = ("--labels", tmp_path / "labels", "--frames", tmp_path / "frames")
    printed = run("datasets/pack.py", monkeypatch, capsys, dataset, *files, *more, "--out", out, "--clips", 5)
    assert "clips, 0.0 GB; could not be packed: 0" in printed
    run_folder = ("--out", tmp_path / "run")
    packed = sources_of(path, monkeypatch, "--packed", out, *run_folder, "--smoke")
    plain = sources_of(path, monkeypatch, *files, *more, *run_folder, "--smoke")
    assert_same_videos(packed[dataset], plain[dataset])
    assert_same_videos(packed["judge"], plain["judge"])
    assert "need" in refused(path, monkeypatch, capsys, *files[2:], *run_folder)


def test_frames_without_depth_are_packed_as_shown(tmp_path):
    class Flat(DrawnVideos):
        def video(self, index):
            video = super().video(index)
            video.pose_px[..., 2] = np.nan
            return video

    pack_clips(Flat(), tmp_path / "flat", WHOLE)
    pack_clips(DrawnVideos(), tmp_path / "deep", WHOLE)
    flat, deep = (PackedClips(tmp_path / name).labelled_frames(0) for name in ("flat", "deep"))
    np.testing.assert_array_equal(flat, deep)
    assert len(flat)
