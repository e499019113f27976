"""Which frames, which window and which crops make a clip; batches of clips with partial labels."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
from drawn import DrawnVideos
from helpers import GOLDEN

from deephar import config, layouts
from deephar.data.batches import clip_mixture, loader
from deephar.data.readers import lsp
from deephar.data.readers.base import Video
from deephar.data.samples import augment, clips, targets, video_clips
from deephar.data.samples.targets import pose_target
from deephar.data.synthetic.empty import EmptyScenes

PA16 = layouts.get("pa16j")


@functools.cache
def golden():
    """Numbers of the original for clips, see tests/golden/README.md."""
    return dict(np.load(GOLDEN / "clips.npz")), json.loads((GOLDEN / "clips.json").read_text())


def test_the_clip_in_the_middle_is_the_original_s():
    cases = golden()[1]["clip_index"]
    assert len(cases) > 50
    for case in cases:
        found = clips.clip_frames(case["size"], case["frames"], case["subsample"])
        assert found.tolist() == case["index"], case


def test_every_start_that_the_original_draws_can_be_drawn():
    for case in golden()[1]["clip_index_random_seed11"]:
        draws = {
            tuple(clips.clip_frames(case["size"], case["frames"], case["subsample"], np.random.default_rng(seed)))
            for seed in range(400)
        }
        assert tuple(case["index"]) in draws
        assert all(0 <= numbers[0] and numbers[-1] < case["size"] for numbers in draws)


def test_clips_judged_together_are_the_original_s_where_it_has_any():
    for length, expected in golden()[1]["penn_multiclip_index_clip16_sub2"].items():
        found = clips.multi_clip_frames(int(length), 16, 2, "published")
        if expected:
            assert found.tolist() == expected
        else:  # the original then counts the video as right; here it is judged by one clip
            assert found.tolist() == [clips.clip_frames(int(length), 16, 2).tolist()]


def test_clips_of_the_paper_lie_half_a_clip_apart_by_hand():
    assert clips.multi_clip_frames(12, 4, 2)[:, 0].tolist() == [0, 4]
    assert clips.multi_clip_frames(12, 4, 2)[1].tolist() == [4, 6, 8, 10]
    with pytest.raises(ValueError, match="spacing.*Received: 'even'"):
        clips.multi_clip_frames(12, 4, 2, "even")
    with pytest.raises(ValueError, match="at least one frame"):
        clips.clip_frames(0, 4)


@pytest.mark.parametrize(
    ("case", "scale", "frames"), [("clip_scale1", 1.0, 6), ("clip_scale07", 0.7, 6), ("one_frame", 1.0, 1)]
)
def test_windows_are_the_original_s(case, scale, frames):
    data, _ = golden()
    pose = np.where(data["bbox.gt.in.visible"][..., None] > 0, data["bbox.gt.in.pose"], np.nan)[:frames]
    center, window = clips.joints_window(pose, (1, 1), scale, square=False)
    expected = data[f"bbox.gt.out.{case}"]
    np.testing.assert_allclose([*(center - scale * window / 2), *(center + scale * window / 2)], expected, atol=1e-3)


class GoldenPenn:
    """The original's video of Penn Action."""

    layout, actions = layouts.get("penn13"), ("a",)

    def __len__(self):
        return 1

    def video(self, index):
        data, _ = golden()
        pose = data["data.penn.in.pose13"].transpose(0, 2, 1)
        pose = np.where(data["data.penn.in.visible13"][..., None] > 0, pose, np.nan)
        return Video("golden", 0, pose, (128, 96), lambda number: keras.utils.array_to_img(np.zeros((96, 128, 3))))


@pytest.mark.parametrize(
    ("case", "step", "given"),
    [
        ("test_gtbbox", 1, None), ("test_fullframe", 1, [[0, -16, 128, 112]]), ("train0", 2, None),
        ("test_bbox_given", 2, [[10, 5, 100, 95]]), ("test_bbox_given_hflip", 2, [[10, 5, 100, 95]]),
    ],
)  # fmt: skip
def test_crops_and_targets_are_the_original_s(case, step, given):
    """The same frames, the same map and the same targets, also for a drawn, turned and mirrored clip."""
    data, values = golden()
    expected = {key: data[f"data.penn.{case}.out.{key}"] for key in ("frame_list", "afmat", "pose")}
    several = "bbox_given" in case
    numbers = clips.multi_clip_frames(10, 4, step, "published")[0] if several else clips.clip_frames(10, 4, step)
    if case != "train0":
        np.testing.assert_array_equal(numbers, expected["frame_list"])
    drawn = augment.Draw(flip="hflip" in case)
    if case == "train0":
        draw = values["data.penn.train0.draw"]
        drawn = augment.Draw(draw["angle"], draw["scale"], (draw["transx"], draw["transy"]), "px", bool(draw["hflip"]))
    reader = GoldenPenn()
    clip = clips.make_clip(
        reader, 0, expected["frame_list"].astype(int), (64, 64), drawn, given, square=False, truncate_corners=True
    )
    np.testing.assert_allclose(clip.px_to_crop, expected["afmat"], atol=1e-6)
    target = targets.layout_target(clip.pose_crop, reader.layout, reader.layout, 2)
    np.testing.assert_allclose(target, expected["pose"][:, 3:16], rtol=1e-5, atol=1e-5)


def test_a_clip_without_any_joint_shows_the_whole_picture():
    center, window = clips.joints_window(np.full((4, 13, 2), np.nan), (100, 60))
    assert center.tolist() == [50, 30] and window.tolist() == [100, 100]
    video = dataclasses.replace(GoldenPenn().video(0), pose_px=np.full((4, 13, 2), np.nan))
    assert clips.extent_boxes(video, [0, 1]).tolist() == [[0, 0, 128, 96]]


def test_the_box_around_all_frames_by_hand():
    pose = np.full((3, 2, 2), np.nan)
    pose[0, 0], pose[1, 1] = (10, 10), (30, 20)
    video = dataclasses.replace(GoldenPenn().video(0), pose_px=pose)
    assert clips.extent_boxes(video, np.arange(3)).tolist() == [[7.5, 8.75, 32.5, 21.25]]


def test_a_narrow_person_keeps_the_whole_window():
    """A box of 20 x 90 becomes 90 x 90; without squares the published rule takes the smallest window both ways."""
    box = np.array([[40.0, 5.0, 60.0, 95.0]])
    assert [value.tolist() for value in clips.boxes_window(box)] == [[50, 50], [90, 90]]
    assert clips.boxes_window(box, square=False)[1].tolist() == [32, 32]
    assert clips.boxes_window(box / 4)[1].tolist() == [32, 32]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return DrawnVideos()


def test_depth_is_measured_from_the_root(videos):
    """The pelvis, 4 m away, is in the middle; half a metre nearer is a quarter of the range nearer; scale widens it."""
    for scale in (1.0, 2.0):
        clip = clips.make_clip(videos, 0, np.arange(4), variation=augment.Draw(scale=scale))
        assert clip.root_mm == pytest.approx(4000)
        depth = clip.pose_crop[:, [videos.layout.index(n) for n in ("pelvis", "r_wrist")], 2]
        np.testing.assert_allclose(depth, [[0.5, 0.5 - 0.25 / scale]] * 4)


def test_frames_as_stills(videos):
    stills = clips.VideoFrames(videos, every=3)
    assert len(stills) == len(videos) * 3  # of 8 frames
    sample = stills.sample(1)
    assert sample.name == "video0, frame 3" and sample.root_mm == pytest.approx(4000)
    np.testing.assert_array_equal(sample.pose_px, videos.video(0).pose_px[3])


def test_a_frame_with_a_single_joint_is_named():
    class OneJoint(DrawnVideos):
        def video(self, index):
            video = super().video(index)
            video.pose_px[:, 1:] = np.nan
            return video

    with pytest.raises(ValueError, match="video1, frame 0: A crop needs"):
        clips.VideoFrames(OneJoint()).sample(8)


def test_frames_spread_over_a_share_of_a_video():
    """By hand: half of 61 frames is 30 steps; clips of half the video start at 0, 15 and 30."""
    assert clips.spread_frames(61, 4).tolist() == [0, 20, 40, 60]
    assert clips.spread_frames(61, 4, 0.5).tolist() == [15, 25, 35, 45]
    assert clips.spread_frames(3, 5).tolist() == [0, 0, 1, 2, 2]
    many = clips.multi_spread_frames(61, 4, 0.5)
    assert many[:, 0].tolist() == [0, 15, 30] and many[:, -1].tolist() == [30, 45, 60]
    assert clips.multi_spread_frames(61, 4, 1.0).tolist() == [[0, 20, 40, 60]]
    with pytest.raises(ValueError, match="0 < share <= 1"):
        clips.spread_frames(61, 4, 1.5)
    with pytest.raises(ValueError, match="0 < share <= 1"):
        clips.multi_spread_frames(61, 4, 0.0)


def mixture(videos, folder, **options):
    sources = [(videos, 2), (lsp.LspExtended(folder), 1)]
    return clip_mixture.ClipMixture(sources, 4, (32, 32), **{"layout": layouts.get("pa16j"), "dim": 3, **options})


def test_stills_and_clips_with_partial_labels(videos, drawn):
    """Videos have depth and an action; stills have neither, and four unrelated ones make a clip."""
    batch = mixture(videos, drawn).batch(0, 0)
    assert batch.images.shape == (3, 4, 32, 32, 3) and batch.pose.shape == (3, 4, 16, 4)
    np.testing.assert_array_equal(batch.action_weights[:, 0], [1, 0, 1])
    np.testing.assert_array_equal(batch.action.sum(axis=1), [1, 0, 1])
    np.testing.assert_array_equal(batch.pose_weights, 1)
    depth = batch.pose[..., 2]
    assert np.all(depth[1] == config.MISSING) and np.any(depth[0] > 0)
    assert np.any(batch.pose[1, :, :, 0] > 0)
    assert len({frame.tobytes() for frame in batch.images[1]}) == 4


def test_an_action_of_another_set_is_unknown(videos, drawn):
    batches = [mixture(videos, drawn, actions=("kick", "nothing else")).batch(0, index) for index in range(3)]
    known = np.concatenate([batch.action_weights[::2, 0] for batch in batches])
    assert set(known) == {0.0, 1.0} and sum(batch.action[:, 0].sum() for batch in batches) == known.sum()
    assert not any(batch.action[:, 1].any() for batch in batches)


def test_batches_depend_on_the_seed_alone(videos, drawn):
    one, two, other = (mixture(videos, drawn, seed=seed, augmentation="penn-action").batch(1, 2) for seed in (3, 3, 4))
    assert one.images.tobytes() == two.images.tobytes() != other.images.tobytes()


def test_an_epoch_of_any_number_of_batches(videos, drawn):
    """The queues are endless: an epoch may be shorter or longer than its readers."""
    plain, longer = mixture(videos, drawn), mixture(videos, drawn, steps=50)
    assert len(longer) == 50 > len(plain)
    assert longer.batch(0, 0).pose.tobytes() == plain.batch(0, 0).pose.tobytes()
    assert longer.batch(0, 49).pose.shape == plain.batch(0, 0).pose.shape
    with pytest.raises(ValueError, match="steps=0"):
        mixture(videos, drawn, steps=0)


def test_clips_spread_over_videos(videos):
    """Two frames spread over a whole video of 8 are its first and its last, drawn or judged."""
    batch = clip_mixture.ClipMixture([(videos, 1)], 2, None, spread=(1.0, 1.0)).batch(0, 0)
    ends = [pose_target(clips.make_clip(videos, index, [0, 7]).pose_crop) for index in range(len(videos))]
    assert any(np.array_equal(batch.pose[0], end) for end in ends)
    judged = video_clips.VideoClips(videos, 2, None, "multi", shares=(1.0, 0.5), given=True)
    assert len(list(judged[0].clips)) == 4 and not judged[0].short
    single = video_clips.VideoClips(videos, 2, None, shares=(1.0,), given=True)
    (whole,) = single[0].clips
    assert any(np.array_equal(whole.inputs[0], clip.inputs[0]) for clip in judged[0].clips)


def test_noise_on_given_poses():
    """A tenth of the joints left out of whole clips; the others moved by noise of at most the deviation."""
    pose, noise = np.full((16, 13, 2), 0.5), config.PoseNoise(jitter=0.02, dropout=0.1)
    drawn = np.stack([clip_mixture.with_noise(pose, noise, np.random.default_rng(n)) for n in range(300)])
    gone = np.isnan(drawn)
    assert np.all(gone == gone[:, :1, :, :1]) and np.mean(gone) == pytest.approx(0.1, abs=0.02)
    assert np.std(drawn[~gone]) == pytest.approx(0.02 / 3**0.5, abs=1e-3)  # deviations drawn evenly up to 0.02
    blind = clip_mixture.ClipMixture([(DrawnVideos(), 1)], 4, None, noise=config.PoseNoise(dropout=1.0)).batch(0, 0)
    assert not blind.pose[..., -1].any() and blind.action.sum() == 1
    with pytest.raises(ValueError, match="not for pose labels"):
        loader.ClipLoader([(DrawnVideos(), 1)], 4, None, "pose_visibility", given=True, noise=noise)


def test_given_poses_are_zero_where_nothing_is_known():
    pose = np.array([[[0.2, 0.3, 1.0], [config.MISSING, config.MISSING, 0.0], [config.MISSING] * 3]], "float32")
    np.testing.assert_allclose(targets.as_given(pose), [[[0.2, 0.3, 1], [0, 0, 0], [0, 0, 0]]])


def test_the_loader_gives_every_output_its_target(videos):
    batches = loader.ClipLoader([(videos, 2)], 4, (32, 32), ("pose_visibility", "action", "action"), given=True)
    inputs, targets, weights = batches[0]
    assert [x.shape for x in inputs] == [(2, 4, 32, 32, 3), (2, 4, 17, 3)]
    assert [y.shape for y in targets] == [(2, 4, 17, 3), (2, 2), (2, 2)]
    assert [w.shape for w in weights] == [(2, 1)] * 3


def test_a_frame_that_is_missing_is_raised_or_counted(drawn):
    broken = DrawnVideos(missing=(0, 3))
    with pytest.raises(ValueError, match="video0, frame 3 is missing"):
        clips.make_clip(broken, 0, np.arange(4), (32, 32))
    batches = loader.ClipLoader([(broken, 2)], 8, (32, 32), ("action",), on_broken="count")
    for index in range(len(batches)):
        batches[index]
    assert list(batches.broken) == ["video0, frame 3 is missing"]


def test_videos_for_evaluation(videos):
    single = video_clips.VideoClips(videos, 4, (32, 32))
    (clip,) = single[0].clips
    assert clip.inputs[0].shape == (4, 32, 32, 3) and not single[0].short
    multi = video_clips.VideoClips(videos, 4, None, "multi", flip=True, given=True)
    given = np.stack([clip.inputs[0] for clip in multi[0].clips])
    assert given.shape == (6, 4, 17, 3)  # starts 0, 2, 4, each mirrored
    mirrored = given[0][:, videos.layout.flip]
    np.testing.assert_allclose(given[1][..., 0], np.where(mirrored[..., 2] > 0, 1 - mirrored[..., 0], 0), atol=1e-6)
    assert video_clips.VideoClips(videos, 16, None, given=True)[0].short
    with pytest.raises(ValueError, match="protocol.*Received: 'all'"):
        video_clips.VideoClips(videos, 4, None, "all")


class Unsure(lsp.LspExtended):
    """Stills whose knees are half certain and whose ankles are unknown."""

    def sample(self, index):
        sample = super().sample(index)
        weight = np.ones(14)
        weight[[1, 4]], weight[[0, 5]] = 0.5, 0
        return dataclasses.replace(sample, joint_weight=weight)


def test_stills_bring_the_weights_of_their_joints(videos, drawn):
    """All joints of clips are certain; ankles and knees lie at 0 and 5, 1 and 4 of both layouts."""
    batch = clip_mixture.ClipMixture([(videos, 1), (Unsure(drawn), 1)], 4, (32, 32), layout=PA16).batch(0, 0)
    assert batch.pose_weights.shape == (2, 4, 16) and np.all(batch.pose_weights[0] == 1)
    weights = batch.pose_weights[1]
    for name, value in {"knee": 0.5, "ankle": 0, "hip": 1, "wrist": 1}.items():
        assert np.all(weights[:, [PA16.index(f"{side}_{name}") for side in "lr"]] == value), name


def test_stills_of_nobody_teach_that_nobody_is_there(videos):
    nobody = EmptyScenes(8, (32, 32), seed=1)
    batch = clip_mixture.ClipMixture([(videos, 1), (nobody, 1)], 4, (32, 32), layout=PA16).batch(0, 0)
    assert np.all(batch.pose_weights[1] == 1) and np.all(batch.pose[1, ..., -1] == 0)


def test_a_frame_without_depth_shows_somebody():
    class Flat(DrawnVideos):
        def video(self, index):
            video = super().video(index)
            video.pose_px[..., 2] = np.nan
            return video

    assert np.isfinite(clips.VideoFrames(Flat(), every=3).sample(1).pose_px[:, :2]).any()
