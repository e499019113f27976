"""Clips of videos without labels: cut out of the whole picture, judged like others, counted where they are damaged."""

import numpy as np
import pytest

from deephar import models, video
from deephar.data.readers.video_files import VideoFiles
from deephar.data.samples import clips, frames, video_clips
from deephar.evaluation import action

ACTIONS = ("wave", "kick")


@pytest.fixture
def folder(tmp_path):
    """Three videos in nested folders; the third is cut off before its first picture."""
    generator = np.random.default_rng(0)
    (tmp_path / "a").mkdir()
    for name in ("a/one.MP4", "two.avi", "three.avi"):
        video.write_video(tmp_path / name, generator.integers(0, 255, (6, 48, 64, 3), dtype=np.uint8), 25)
    (tmp_path / "three.avi").write_bytes((tmp_path / "three.avi").read_bytes()[:300])
    (tmp_path / "notes.txt").write_text("no video")
    return tmp_path


def test_a_clip_shows_the_whole_picture(folder):
    reader = VideoFiles(folder)
    assert [path.name for path in reader.paths] == ["one.MP4", "three.avi", "two.avi"]
    with reader.video(0) as one:
        assert (len(one), one.action, one.size_px) == (6, -1, (64, 48)) and np.isnan(one.pose_px).all()
        clip = clips.make_clip(reader, 0, [1, 4], (32, 32))
        corners = np.linalg.inv(clip.px_to_crop) @ np.array([[0, 1], [0, 1], [1, 1]])
        np.testing.assert_allclose(corners[:2], [[0, 64], [-8, 56]])  # the square around it
        shown = frames.to_input(frames.warp(one.frame(4), clip.px_to_crop, (32, 32)))
        np.testing.assert_array_equal(clip.images[1], shown)
    assert len(reader.labelled_frames(0)) == 0


def test_a_network_judges_them(folder):
    small = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "frames": 4, "num_action_blocks": 1}
    model = models.build("lite-merge", num_actions=2, **small)
    videos = video_clips.VideoClips(VideoFiles([folder / "two.avi", folder / "three.avi"], ACTIONS), 4, (32, 32))
    found = action.predict(model, videos, on_broken="skip")
    np.testing.assert_allclose(found.scores["m"][0].sum(), 1, rtol=1e-5)
    assert list(found.broken) == [1] and "three.avi" in found.broken[1] and found.truth.tolist() == [-1, -1]
    assert action.action_scores(found, ACTIONS)["videos"] == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("absent", "Expected a folder of videos"),
        ("a/b", "No videos"),
        (["x.mp4"], "No such video: x.mp4"),
        ([], "none"),
    ],
)
def test_what_is_missing_is_said(source, message, folder):
    (folder / "a" / "b").mkdir()
    with pytest.raises(ValueError, match=message):
        VideoFiles(folder / source if isinstance(source, str) else source)
