"""Frames of videos as stills."""

import dataclasses

import numpy as np
import pytest
from drawn import DrawnVideos
from PIL import Image

from deephar import layouts
from deephar.data.batches import loader
from deephar.data.readers import ntu, ntu_files
from deephar.data.samples import clips


class Standing(DrawnVideos):
    """Videos whose person is from 40 to 60 across and from 20 to 70 down in frame 3, and a pixel further each frame."""

    layout = layouts.get("penn13")
    blank = ()

    def video(self, index):
        pose = np.tile(np.linspace((40.0, 20.0), (60.0, 70.0), 13), (8, 1, 1)) + np.arange(-3.0, 5.0)[:, None, None]
        pose[list(self.blank)] = np.nan
        return dataclasses.replace(super().video(index), pose_px=pose)


def test_a_still_by_hand():
    """Of every third of 8 frames, the second: the middle of the joints, and 1.25 times the longer side of their box."""
    stills = clips.VideoFrames(Standing(), every=3)
    assert len(stills) == 3 * 3
    sample = stills.sample(1)
    assert sample.name == "video0, frame 3" and sample.image.size == (160, 170)
    assert sample.center_px.tolist() == [50, 45] and sample.window_px.tolist() == [62.5, 62.5]
    assert stills.sample(4).center_px.tolist() == [50, 45] and stills.sample(5).center_px.tolist() == [53, 48]


def test_a_frame_that_shows_nobody_is_replaced_by_the_nearest():
    reader = Standing()
    reader.blank = (0, 1, 6, 7)
    stills = clips.VideoFrames(reader)
    names = [stills.sample(index).name for index in range(8)]
    assert [int(name[-1]) for name in names] == [2, 2, 2, 3, 4, 5, 5, 5]
    reader.blank = range(8)
    with pytest.raises(ValueError, match="No frame of video1 shows anybody"):
        stills.sample(8)


@pytest.fixture
def folder(tmp_path):
    """NTU RGB+D: clips of 6 labelled frames; the first has 4 pictures, the label file of the second is damaged."""
    for number, name in enumerate(("S001C001P001R001A001", "S001C001P001R001A002", "S001C001P001R001A003")):
        where = np.random.default_rng(number).uniform(400, 800, (6, 25, 2))
        state = np.full((6, 25), 2)
        body = ntu_files.Body(state[:, 0] > 0, state[..., None] * (0.0, 0.0, 1.5), where, where, state)
        ntu_files.write_skeleton(tmp_path / f"{name}.skeleton", ntu_files.Skeleton(6, {7: body}))
        (tmp_path / name).mkdir()
        for picture in range(1, 7 if number else 5):
            Image.new("RGB", (96, 54)).save(tmp_path / name / f"{picture:05d}.jpg")
    damaged = tmp_path / "S001C001P001R001A002.skeleton"
    damaged.write_bytes(b"six" + damaged.read_bytes()[1:])
    return tmp_path


def test_of_a_video_with_fewer_pictures_than_labels_the_last_is_taken(folder):
    reader = ntu.Ntu(folder, frames=folder, names=["S001C001P001R001A001"])
    stills = clips.VideoFrames(reader)
    assert len(stills) == 6 and not reader.truncated
    assert [stills.sample(index).name[-1] for index in range(6)] == list("012333")
    assert reader.truncated == {"S001C001P001R001A001": (6, 4)}


def test_damaged_labels_are_counted_when_they_are_drawn(folder):
    """One place stands for them: neither is the reader refused nor the damage overlooked."""
    stills = clips.VideoFrames(ntu.Ntu(folder, frames=folder))
    assert len(stills) == 6 + 1 + 6
    batches = loader.PoseLoader([(stills, 13)], (16, 16), "pose_visibility", on_broken="count")
    assert batches[0][0].shape == (13, 16, 16, 3)
    assert len(batches.broken) == 1 and "A002.skeleton: the number of frames must be" in next(iter(batches.broken))
