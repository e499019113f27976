"""What the options of a mixture do to its batches, against the functions that they stand for."""

import dataclasses
import pickle

import numpy as np
import pytest
from drawn import DrawnVideos

from deephar import config, geometry, layouts
from deephar.data.batches import clip_mixture, mixture
from deephar.data.readers import lsp
from deephar.data.samples import clips, crops, frames, targets
from deephar.data.samples.augment import Draw

PA17, LSP = layouts.get("pa17j"), layouts.get("lsp14")


def still(folder, **options):
    """The one row of a batch of one photograph."""
    return mixture.Mixture([(lsp.LspExtended(folder, [3]), 1)], (32, 32), **options).batch(0, 0)


def video_batch(videos, frames=4, count=3, **options):
    return clip_mixture.ClipMixture([(videos, count)], frames, None, **options).batch(0, 0)


def same_rows(found, expected):
    """Whether two lists hold the same arrays in any order."""
    return sorted(row.tobytes() for row in found) == sorted(np.asarray(row, "float32").tobytes() for row in expected)


def test_a_still_is_the_plain_crop_unless_said(drawn):
    """Not augmented, two coordinates, in the reader's own joints, all of them labelled or outside."""
    batch, crop = still(drawn), crops.make_crop(lsp.LspExtended(drawn, [3]), 0, (32, 32))
    np.testing.assert_array_equal(batch.images[0], crop.image)
    np.testing.assert_array_equal(batch.target[0], targets.pose_target(crop.pose_crop))
    assert (batch.images.shape, batch.target.shape, batch.weights.tolist()) == ((1, 32, 32, 3), (1, 14, 3), [[1.0]])
    assert batch.broken == () and batch.weights.dtype == np.float32


def test_batches_are_sent_as_bytes_and_become_numbers_where_they_are_used(drawn):
    """A quarter of what float32 takes; the colours' powers differ from row to row and frame to frame."""
    stills = [(lsp.LspExtended(drawn), 3)]
    of_clips = clip_mixture.ClipMixture([(DrawnVideos(), 1), *stills], 4, (32, 32), augmentation="mpii").batch(0, 0)
    for batch in (mixture.Mixture(stills, (32, 32), augmentation="mpii").batch(0, 0), of_clips):
        sent = pickle.dumps(batch)
        assert len(sent) < 1.3 * batch.images.size and batch.pixels.dtype == np.uint8
        received = pickle.loads(sent)
        np.testing.assert_array_equal(received.images, batch.images)
        rows = zip(batch.pixels, batch.powers.reshape(len(batch.pixels), -1, 3), batch.images, strict=True)
        for pixels, powers, images in rows:
            pictures = pixels.reshape(-1, 32, 32, 3)
            expected = [frames.to_input(*pair) for pair in zip(pictures, powers, strict=True)]
            np.testing.assert_array_equal(images.reshape(pictures.shape), expected)
    assert sorted((np.ptp(of_clips.powers[:, :, 0], axis=1) > 0).tolist()) == [False, True, True, True]


def test_a_still_cut_at_whole_pixels(drawn):
    reader = lsp.LspExtended(drawn, [3])
    batch = still(drawn, truncate_corners=True)
    np.testing.assert_array_equal(batch.images[0], crops.make_crop(reader, 0, (32, 32), truncate_corners=True).image)
    assert not np.array_equal(batch.images, still(drawn).images)


def test_the_seed_of_a_mixture_is_0_and_its_epochs_differ(drawn):
    def images(epoch=0, **options):
        sources = [(lsp.LspExtended(drawn), 4)]
        return mixture.Mixture(sources, (16, 16), augmentation="lsp", **options).batch(epoch, 0).images

    np.testing.assert_array_equal(images(), images(seed=0))
    assert not np.array_equal(images(), images(seed=1)) and not np.array_equal(images(), images(1))


def test_joints_that_a_reader_lacks_are_unknown_and_depth_without_label_is_missing():
    """From three joints of a layout to another of 17, in 3D."""
    pose = np.full((2, 14, 2), 0.5)
    pose[1, LSP.index("neck")] = (1.5, 0.5)
    target = targets.layout_target(pose, LSP, PA17, 3)
    assert target.shape == (2, 17, 4) and target.dtype == np.float32
    neck, pelvis = PA17.index("neck"), PA17.index("pelvis")
    missing = np.float32(config.MISSING)
    np.testing.assert_array_equal(target[0, neck], [0.5, 0.5, missing, 1])
    np.testing.assert_array_equal(target[1, neck], [missing, missing, missing, 0])
    assert np.all(target[:, pelvis] == missing)


def test_a_target_is_labelled_if_any_coordinate_of_any_frame_is():
    target = np.full((3, 4, 5, 3), config.MISSING)
    target[..., 2] = 0
    target[1, 3, 2, 1] = 0.25
    weights = targets.labelled(target)
    assert weights.tolist() == [[0], [1], [0]] and weights.dtype == np.float32
    assert targets.labelled(target[:, 0]).tolist() == [[0], [0], [0]]


@dataclasses.dataclass
class Unknown:
    """Videos, of which some show an action that nobody named."""

    videos: DrawnVideos
    actions: tuple = ("wave", "kick")

    @property
    def layout(self):
        return self.videos.layout

    def __len__(self):
        return len(self.videos)

    def video(self, index):
        return dataclasses.replace(self.videos.video(index), action=index - 1)


def test_an_action_without_a_number_is_unknown():
    """Of numbers -1, 0 and 1, the first is no class, least of all the last one."""
    batch = video_batch(Unknown(DrawnVideos()))
    assert sorted(batch.action.tolist()) == [[0, 0], [0, 1], [1, 0]]
    np.testing.assert_array_equal(batch.action_weights, batch.action.sum(axis=1, keepdims=True))


def test_classes_are_in_the_order_that_is_asked_for():
    plain, turned = (video_batch(DrawnVideos(), **options) for options in ({}, {"actions": ("kick", "wave")}))
    np.testing.assert_array_equal(plain.action, turned.action[:, ::-1])
    assert plain.action.sum(axis=0).tolist() == [2, 1] and plain.images is None


@pytest.mark.parametrize("square", [True, False])
def test_windows_and_boxes_are_those_that_were_asked_for(square):
    """Clips of all 8 frames have no start to draw."""
    videos, options = DrawnVideos(), {"square": square}

    def boxes(video, numbers):
        return np.array([[5.0, 10.0, 85.0, 60.0 + len(numbers)]])

    for given in ({}, {"boxes": boxes}):
        found = video_batch(videos, 8, **options, **given).pose
        plain = [clips.make_clip(videos, index, np.arange(8), **options, **given).pose_crop for index in range(3)]
        assert same_rows(found, [targets.pose_target(pose) for pose in plain])
        other = [clips.make_clip(videos, i, np.arange(8), square=not square, **given).pose_crop for i in range(3)]
        assert not same_rows(found, [targets.pose_target(pose) for pose in other])


class Numbered(DrawnVideos):
    """Videos of somebody who stands still and moves a wrist 100 mm nearer in every frame."""

    def video(self, index):
        video = super().video(index)
        pose = np.repeat(video.pose_px[:1], 8, axis=0)
        pose[:, PA17.index("r_wrist"), 2] -= 100 * np.arange(8) - 500
        return dataclasses.replace(video, pose_px=pose)


def frames_of(**options):
    """The numbers of the two frames of 90 clips, read off the depth of the wrist."""
    one = clip_mixture.ClipMixture([(Numbered(), 3)], 2, None, dim=3, **options)
    depth = np.concatenate([one.batch(0, index).pose for index in range(30)])[:, :, PA17.index("r_wrist"), 2]
    return np.rint((0.5 - depth) / 0.05).astype(int).T


def test_every_subsampling_that_is_given_is_drawn():
    """One, two or three apart, each about as often, from any frame that has room behind it."""
    first, last = frames_of(subsampling=(1, 2, 3))
    apart = (last - first).tolist()
    assert set(apart) == {1, 2, 3} and min(map(apart.count, (1, 2, 3))) > 15
    assert first.min() == 0 and last.max() == 7
    first, last = frames_of()
    assert np.all(last - first == 1)


def test_a_clip_is_spread_over_a_share_that_is_drawn():
    """Between a half and the whole of 8 frames, which is 3.5 to 7 steps, from the first frame to the last."""
    first, last = frames_of(spread=(0.5, 1.0))
    assert {4, 5, 6} < set(last - first) <= {3, 4, 5, 6, 7}
    assert first.min() == 0 and last.max() == 7 and first.max() > 2


def test_noise_of_nothing_changes_nothing():
    pose = np.random.default_rng(0).uniform(size=(4, 5, 2))
    assert clip_mixture.with_noise(pose, config.PoseNoise(), np.random.default_rng(0)) is pose
    gone = clip_mixture.with_noise(pose, config.PoseNoise(dropout=1.0), np.random.default_rng(0))
    assert np.isnan(gone).all()
    moved = clip_mixture.with_noise(pose, config.PoseNoise(jitter=0.1), np.random.default_rng(0))
    assert moved.shape == pose.shape and 0 < np.abs(moved - pose).max() < 1 and np.isfinite(moved).all()


def test_stills_need_a_size(drawn):
    with pytest.raises(ValueError, match="Stills need a crop `size`.*Received: size=None"):
        clip_mixture.ClipMixture([(DrawnVideos(), 1), (lsp.LspExtended(drawn), 1)], 4, None)


def test_the_last_stills_of_a_clip_are_not_those_of_the_next(drawn):
    """Twelve photographs make three clips of four, without any photograph twice."""
    one = clip_mixture.ClipMixture([(lsp.LspExtended(drawn), 1)], 4, (16, 16))
    frames = [frame.tobytes() for index in range(3) for frame in one.batch(0, index).images[0]]
    assert len(set(frames)) == 12 and len(one) == 3


def test_windows_of_frames_as_stills_are_1_25_times_the_person():
    """As of any still; those of clips are 1.5 times."""
    videos = DrawnVideos()
    sample = clips.VideoFrames(videos).sample(0)
    extent = np.ptp(sample.pose_px[np.isfinite(sample.pose_px).all(axis=1), :2], axis=0).max()
    np.testing.assert_allclose(sample.window_px, 1.25 * extent)
    assert geometry.MARGIN == 1.25
    _, window = clips.joints_window(sample.pose_px[None], (200, 200))
    np.testing.assert_allclose(window, 1.5 * extent)


def test_short_videos_and_short_clips_by_hand():
    """A video of one frame; clips of one and of two frames judged together."""
    assert clips.spread_frames(1, 3).tolist() == [0, 0, 0]
    assert clips.multi_spread_frames(1, 3, 0.5).tolist() == [[0, 0, 0]] * 3
    assert clips.multi_clip_frames(3, 1).tolist() == [[0], [1], [2]]
    assert clips.multi_clip_frames(4, 2).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert clips.multi_clip_frames(5, 1, 2).tolist() == [[0], [1], [2], [3]]
    assert clips.clip_frames(1, 2).tolist() == [0, 0] and clips.clip_frames(1, 1).tolist() == [0]


def test_a_drawn_window_is_not_scaled_twice():
    """Joints' boxes grow with the drawn scale before the window is divided by it; given boxes stay as they are."""
    videos, numbers = DrawnVideos(), np.arange(4)
    wide = clips.make_clip(videos, 0, numbers, variation=Draw(scale=2.0))
    plain = clips.make_clip(videos, 0, numbers)
    assert wide.px_to_crop[0, 0] < plain.px_to_crop[0, 0]
    box = [[10.0, 10.0, 70.0, 70.0]]
    given = clips.make_clip(videos, 0, numbers, variation=Draw(scale=2.0), boxes=box)
    np.testing.assert_allclose(given.px_to_crop[0, 0], 1 / 120)


def test_colours_of_a_clip_are_drawn_channel_by_channel():
    """Red to the power of 2, on a scale from 0 to 1; green and blue as they were."""
    videos, numbers = DrawnVideos(), np.arange(3)
    plain, dark = (
        clips.make_clip(videos, 0, numbers, (16, 16), Draw(power=(power, 1.0, 1.0))).images for power in (1.0, 2.0)
    )
    np.testing.assert_allclose((dark[..., 0] + 1) / 2, ((plain[..., 0] + 1) / 2) ** 2, atol=1e-6)
    np.testing.assert_allclose(dark[..., 1:], plain[..., 1:], atol=1e-7)
    assert np.ptp(plain[..., 0]) > 0.5


def test_flat_videos_have_no_depth_of_a_root():
    """Without a third column, or with none that is known, the middle of the depth range is not a number."""

    class Flat(DrawnVideos):
        def video(self, index):
            video = super().video(index)
            pose = video.pose_px[..., :2] if index == 0 else np.where([True, True, False], video.pose_px, np.nan)
            return dataclasses.replace(video, pose_px=pose)

    for index in (0, 1):
        assert np.isnan(clips.make_clip(Flat(), index, np.arange(3)).root_mm)
    assert np.isnan(clips.VideoFrames(Flat()).sample(0).root_mm)


def test_actions_are_one_hot_or_nothing():
    target, weights = targets.one_hot(np.array([2, -1, 0]), 3)
    np.testing.assert_array_equal(target, [[0, 0, 1], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(weights, [[1], [0], [1]])
    assert target.dtype == weights.dtype == np.float32


def test_every_kind_of_output_has_its_part_of_the_target():
    pose, pose_weights = np.arange(24, dtype="float32").reshape(2, 3, 4), np.ones((2, 1))
    action, action_weights = np.eye(2), np.zeros((2, 1))
    kinds = ("pose", "visibility", "pose_visibility", "heatmaps", "action")
    found, weights = targets.of_outputs(kinds, pose, pose_weights, action, action_weights)
    for got, expected in zip(found, (pose[..., :3], pose[..., 3:], pose, pose, action), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert [w is action_weights for w in weights] == [False] * 4 + [True]
    assert targets.of_outputs(("pose",), pose, pose_weights)[1] is pose_weights
