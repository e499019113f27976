"""Videos cost what they must: each frame is decoded once a walk, files close, memory holds a batch of clips."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
from PIL import Image
from watched import open_files

from deephar import layouts, video
from deephar.data.batches import clip_mixture, loader
from deephar.data.readers import ntu, ntu_files
from deephar.data.readers.base import Video
from deephar.data.samples import augment, clips, targets, video_clips
from deephar.evaluation import action

LENGTHS = (12, 3, 9)


def name_of(number):
    return f"S001C001P001R001A{number + 1:03d}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three clips of NTU RGB+D of `LENGTHS` frames, as label files and videos; frame k has the shade 20 k + 20."""
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("ntu")
    for number, frames in enumerate(LENGTHS):
        where = np.random.default_rng(number).uniform(400, 800, (frames, 25, 2))
        ones = np.ones((frames, 25))
        body = ntu_files.Body(ones[:, 0] > 0, ones[..., None] * (0, 0, 3), where, where, 2 * ones.astype(int))
        ntu_files.write_skeleton(folder / f"{name_of(number)}.skeleton", ntu_files.Skeleton(frames, {7: body}))
        shades = [np.full((54, 96, 3), 20 * k + 20, np.uint8) for k in range(frames)]
        video.write_video(folder / f"{name_of(number)}_rgb.avi", shades, 30)
    return folder


@pytest.fixture
def videos(folder):
    return ntu.Ntu(folder, videos=folder)


def shades(images):
    """Numbers of the frames of clips (..., T, H, W, 3) in [-1, 1], by the brightest pixel of each."""
    return np.rint((np.asarray(images).max(axis=(-3, -2, -1)) + 1) * 255 / 2 / 20).astype(int) - 1


def test_all_clips_of_a_video_decode_each_frame_once(videos, watch):
    """Several subsamplings, overlapping, each mirrored too. One opening counts the frames, one reads them."""
    judged = video_clips.VideoClips(videos, 4, (16, 16), "multi", (1, 2), flip=True)
    for index, frames in enumerate(LENGTHS):
        watch.opened = watch.decoded = 0
        found = [clip.inputs[0] for clip in judged[index].clips]
        cost = watch.opened, watch.decoded
        expected = [
            clips.make_clip(videos, index, numbers, (16, 16), augment.Draw(flip=flip))
            for step in (1, 2)
            for numbers in clips.multi_clip_frames(frames, 4, step)
            for flip in (False, True)
        ]
        assert cost == (2, 1 + max(clip.numbers.max() for clip in expected))
        assert sorted(images.tobytes() for images in found) == sorted(clip.images.tobytes() for clip in expected)


def test_a_clip_longer_than_its_video_decodes_it_once(videos, watch):
    clip = clips.make_clip(videos, 1, lambda length: clips.clip_frames(length, 8), (16, 16))
    assert (watch.opened, watch.decoded) == (2, 3)
    assert shades(clip.images).tolist() == clip.numbers.tolist() == sorted(clip.numbers) and len(clip.numbers) == 8


def test_frames_in_any_order_are_decoded_once_and_land_in_their_places(videos, watch):
    clip = clips.make_clip(videos, 0, [5, 2, 9, 2], (16, 16))
    assert shades(clip.images).tolist() == [5, 2, 9, 2] and watch.decoded == 10


def test_nothing_stays_open(videos):
    """After batches to train from, by two threads, stills of videos, and videos whose clips nobody asked for."""
    gc.collect()
    gc.disable()
    try:
        before = open_files()
        batches = loader.ClipLoader([(videos, 2)], 4, (16, 16), ("action",), steps=6)
        for index in range(6):
            batches[index]
        stills = clips.VideoFrames(videos)
        for index in range(len(stills)):
            stills.sample(index)
        judged = video_clips.VideoClips(videos, 4, (16, 16), "multi")
        for index in range(3):
            judged[index]
            next(judged[index].clips)
        assert open_files() == before
    finally:
        gc.enable()


def test_no_video_is_opened_before_it_is_asked_for(videos, watch, monkeypatch):
    """However many there are: neither opened, nor their labels read."""

    def never(*_):
        raise AssertionError("too early")

    monkeypatch.setattr(ntu_files, "read_skeleton", never)
    stills = clips.VideoFrames(videos, every=2)
    loader.PoseLoader([(stills, 2)], (16, 16), "pose_visibility")
    loader.ClipLoader([(videos, 2)], 4, (16, 16), ("action",))
    video_clips.VideoClips(videos, 4, (16, 16))
    assert len(stills) == 6 + 2 + 5 and watch.opened == 0


class Still:
    """Reader of one video of noise, of any length, that watches how many of its pictures are kept."""

    layout, actions = layouts.get("penn13"), ("a",)

    def __init__(self, frames):
        self.frames, self.given, self.kept = frames, [], 0

    def __len__(self):
        return 1

    def frame(self, number):
        self.kept = max(self.kept, sum(ref() is not None for ref in self.given))
        picture = Image.fromarray(np.random.default_rng(number).integers(0, 255, (48, 48, 3), np.uint8))
        self.given.append(weakref.ref(picture))
        return picture

    def video(self, index):
        pose = np.random.default_rng(0).uniform(8, 40, (self.frames, 13, 2))
        return Video("noise", 0, pose, (48, 48), self.frame)


class Network:
    """Scores by the brightness of a clip."""

    output_names = ("m",)

    def predict_on_batch(self, images):
        return np.asarray(images).mean(axis=(1, 2, 3, 4))[:, None]


def peak_of(frames):
    """Most bytes at a time while a video is judged by overlapping clips, and the number of these."""
    videos = video_clips.VideoClips(Still(frames), 4, (48, 48), "multi", (1, 2), flip=True)
    tracemalloc.start()
    try:
        found = action.predict(Network(), videos, batch_size=2)
        return tracemalloc.get_traced_memory()[1], found.clips[0]
    finally:
        tracemalloc.stop()


def test_memory_is_that_of_a_batch():
    """A batch of two clips, the same as one array, and a clip in the making; those that overlap are bytes, not floats.

    Starts lie 2 frames apart, and 4 at every second frame: (60 - 4) / 2 + 1 = 29 and (60 - 8) / 4 + 1 = 14, each twice.
    """
    clip = 4 * 48 * 48 * 3 * 4
    peak_of(8)  # whatever is imported then
    peak, judged = peak_of(60)
    assert judged == 2 * (29 + 14) and peak < 10 * clip


def test_of_a_frame_nothing_but_its_crops_is_kept():
    reader = Still(40)
    clips.make_clip(reader, 0, np.arange(40), (16, 16))
    list(video_clips.VideoClips(reader, 4, (16, 16), "multi", flip=True)[0].clips)
    assert len(reader.given) == 80 and reader.kept <= 1


def test_a_video_that_breaks_midway_is_not_judged_by_its_first_clips():
    """The last frame is missing; the first clips were judged before that was seen."""

    class Broken(Still):
        def __len__(self):
            return 2

        def video(self, index):
            self.index = index
            return super().video(index)

        def frame(self, number):
            if (self.index, number) == (0, 11):
                raise ValueError("noise, frame 11 is missing")
            return super().frame(number)

    videos = video_clips.VideoClips(Broken(12), 4, (16, 16), "multi")
    found = action.predict(Network(), videos, batch_size=2, on_broken="skip")
    assert found.broken == {0: "noise, frame 11 is missing"} and found.clips.tolist() == [0, 5]
    assert np.isnan(found.scores["m"][0]).all() and np.isfinite(found.scores["m"][1]).all()
    alone = np.stack([clip.inputs[0] for clip in videos[1].clips])
    np.testing.assert_allclose(found.scores["m"][1], Network().predict_on_batch(alone).mean(axis=0), rtol=1e-6)


def test_a_fault_of_the_network_is_no_broken_video():
    class Faulty(Network):
        def predict_on_batch(self, images):
            raise ValueError("another shape")

    with pytest.raises(ValueError, match="another shape"):
        action.predict(Faulty(), video_clips.VideoClips(Still(12), 4, (16, 16)), on_broken="skip")


def test_clips_are_drawn_at_every_subsampling_that_is_given(folder):
    """Of twelve frames four that lie 1, 2 or 3 apart: each is among twenty clips, and nothing else."""
    reader = ntu.Ntu(folder, names=[name_of(0)])
    mixture = clip_mixture.ClipMixture([(reader, 1)], 4, subsampling=(1, 2, 3))
    steps_of = {}
    for step in (1, 2, 3):
        for start in range(12 - 3 * step):
            clip = clips.make_clip(reader, 0, start + step * np.arange(4))
            steps_of[targets.pose_target(clip.pose_crop).tobytes()] = step
    assert {steps_of[mixture.batch(epoch, 0).pose[0].tobytes()] for epoch in range(20)} == {1, 2, 3}
