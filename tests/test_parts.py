"""Crops that show a part of a person, in photographs that go on or end there, and crops that are covered in parts."""

import dataclasses
import math

import numpy as np
import pytest
from drawn import DrawnVideos

from deephar import config, geometry, layouts
from deephar.data.readers import lsp
from deephar.data.samples import augment, clips, crops, targets

LSP = layouts.get("lsp14")


class One:
    """A reader of one sample."""

    layout = LSP

    def __init__(self, sample):
        self._sample = sample

    def __len__(self):
        return 1

    def sample(self, index):
        return dataclasses.replace(self._sample, image=self._sample.image.copy())


def test_a_half_body_is_the_window_of_the_joints_on_one_side(drawn):
    reader = lsp.LspExtended(drawn, [2])
    sample = reader.sample(0)
    upper = crops.make_crop(reader, 0, (32, 32), augment.Draw(part=(90.0, 0.5)))
    pose, y = upper.pose_crop, sample.pose_px[:, 1]
    kept = y <= y.min() + 0.5 * np.ptp(y)
    assert 4 < kept.sum() < 12
    np.testing.assert_allclose(pose[kept].max(axis=0).max() - pose[kept].min(axis=0).min(), 0.8, atol=1e-9)
    assert np.all((pose[kept] > 0.09) & (pose[kept] < 0.91)) and np.any(pose[~kept] > 1)
    assert 1 / 3 <= upper.depth_scale < 1


@pytest.mark.parametrize("flip", [False, True])
def test_a_photograph_ends_where_half_a_body_does(drawn, flip):
    """The joints beyond are known not to be seen, and everything there is black; the others stay where they were."""
    reader = lsp.LspExtended(drawn, [2])
    sample = dataclasses.replace(reader.sample(0), joint_weight=np.ones(14))
    turned = {"part": (90.0, 0.5), "angle": 20.0, "flip": flip}
    draws = (augment.Draw(**turned, ends=ends) for ends in (False, True))
    plain, cut = (crops.make_crop(One(sample), 0, (64, 64), draw) for draw in draws)
    y = sample.pose_px[:, 1]
    limit = y.min() + 0.5 * np.ptp(y)
    seen = (y <= limit)[LSP.flip] if flip else y <= limit
    assert 4 < seen.sum() < 12
    np.testing.assert_array_equal(cut.pose_crop[seen], plain.pose_crop[seen])
    assert np.isnan(cut.pose_crop[~seen]).all() and not cut.shows_nobody
    np.testing.assert_array_equal(cut.pose_px, sample.pose_px)
    target = targets.pose_target(cut.pose_crop)
    assert not target[~seen, 2].any() and target[seen, 2].all()
    to_px = np.linalg.inv(cut.px_to_crop)
    centers = np.stack(np.meshgrid(*[(np.arange(64) + 0.5) / 64] * 2), axis=-1)
    beyond = geometry.transform_points(to_px, centers)[..., 1] > limit
    assert 200 < beyond.sum() < 3000 and not cut.pixels[beyond].any() and plain.pixels[beyond].any()
    np.testing.assert_array_equal(cut.pixels[~beyond], plain.pixels[~beyond])


def test_half_a_body_has_its_head(drawn):
    """Where the joints end below the head, the window of what is above reaches up to where it should be."""
    sample = lsp.LspExtended(drawn, [2]).sample(0)
    top = np.nanmin(sample.pose_px[:, 1])
    crown = np.array([sample.center_px[0], top - 40])
    sample = dataclasses.replace(sample, rough_px=np.vstack([sample.pose_px, crown]))
    for ends in (False, True):
        upper = crops.make_crop(One(sample), 0, (32, 32), augment.Draw(part=(90.0, 0.5), ends=ends))
        assert geometry.transform_points(upper.px_to_crop, crown)[1] == pytest.approx(0.1)
    seen = sample.pose_px[:, 1] <= (crown[1] + sample.pose_px[:, 1].max()) / 2
    assert 2 < seen.sum() < 12
    np.testing.assert_array_equal(np.isfinite(upper.pose_crop).all(axis=1), seen)


def test_depth_ends_with_the_photograph(drawn):
    """A joint beyond has no depth; the others have that of half a body whose photograph goes on."""
    sample = lsp.LspExtended(drawn, [2]).sample(0)
    deep = dataclasses.replace(sample, pose_px=np.column_stack([sample.pose_px, np.linspace(-200, 200, 14)]), root_mm=0)
    plain, cut = (
        crops.make_crop(One(deep), 0, (32, 32), augment.Draw(part=(270.0, 0.5), ends=ends)) for ends in (False, True)
    )
    seen = np.isfinite(cut.pose_crop).all(axis=1)
    assert 2 < seen.sum() < 12 and np.isnan(cut.pose_crop[~seen]).all() and cut.depth_scale == plain.depth_scale
    np.testing.assert_array_equal(cut.pose_crop[seen], plain.pose_crop[seen])


def test_nothing_ends_where_too_few_joints_are_known(drawn):
    sample = lsp.LspExtended(drawn, [2]).sample(0)
    few = np.where(np.arange(14)[:, None] < 2, sample.pose_px, np.nan)
    sample = dataclasses.replace(sample, pose_px=few)
    cut = crops.make_crop(One(sample), 0, (32, 32), augment.Draw(part=(90.0, 0.5), ends=True))
    np.testing.assert_array_equal(cut.pixels, crops.make_crop(One(sample), 0, (32, 32)).pixels)


def test_a_clip_shows_half_a_body_and_patches_in_every_frame():
    """The window of the joints of all frames on one side; its depth range is as much smaller."""
    videos, half = DrawnVideos(), augment.Draw(part=(90.0, 0.5), patches=(((0.0, 0.0, 0.5, 0.5), (1, 2, 3)),))
    whole, clip = (clips.make_clip(videos, 0, range(4), (32, 32), draw) for draw in (augment.Draw(), half))
    y = whole.pose_px[..., 1]
    kept = y <= np.nanmin(y) + 0.5 * (np.nanmax(y) - np.nanmin(y))
    assert 8 < kept.sum() < kept.size - 8
    inside = clip.pose_crop[kept][:, :2]
    np.testing.assert_allclose(np.ptp(inside, axis=0).max(), 0.8, atol=1e-9)
    assert np.all(clip.pixels[:, :16, :16] == [1, 2, 3]) and np.any(clip.pixels[:, 16:] != [1, 2, 3])
    across, _, along = (np.nanmax(clip.pose_crop, (0, 1)) - np.nanmin(clip.pose_crop, (0, 1))) / (
        np.nanmax(whole.pose_crop, (0, 1)) - np.nanmin(whole.pose_crop, (0, 1))
    )
    assert across > 1.2
    np.testing.assert_allclose(along, across)


def test_a_clip_ends_where_half_a_body_does():
    """At the same line in every frame: that of the joints of all frames."""
    videos, half = DrawnVideos(), augment.Draw(part=(90.0, 0.5), ends=True)
    whole, clip = (clips.make_clip(videos, 0, range(4), (32, 32), draw) for draw in (augment.Draw(), half))
    y = whole.pose_px[..., 1]
    limit = np.nanmin(y) + 0.5 * (np.nanmax(y) - np.nanmin(y))
    assert np.isfinite(clip.pose_crop[y <= limit]).all() and np.isnan(clip.pose_crop[~(y <= limit)]).all()
    end = geometry.transform_points(clip.px_to_crop, np.array([0.0, limit]))[1] * 32
    assert 16 < end < 31
    assert not clip.pixels[:, math.ceil(end) :].any() and clip.pixels[:, math.floor(end) - 1].any(axis=-1).all()


def test_patches_cover_what_they_say_and_nothing_else():
    pixels = np.full((20, 40, 3), 9, np.uint8)
    covered = augment.cover(pixels, (((0.25, 0.5, 0.5, 1.0), (1, 2, 3)),))
    assert np.all(covered[10:, 10:20] == [1, 2, 3]) and (covered != 9).any(axis=-1).sum() == 100
    assert np.all(pixels == 9) and augment.cover(pixels, ()) is pixels


def test_halves_and_patches_are_as_frequent_as_said():
    generator = np.random.default_rng(0)
    draws = [augment.draw(config.AUGMENT["photographs"], generator) for _ in range(2000)]
    halves = [d for d in draws if d.part is not None]
    assert 0.37 < len(halves) / 2000 < 0.43 and 0.46 < np.mean([d.ends for d in halves]) < 0.54
    assert 0.55 < np.mean([abs(d.part[0] - 90) < 30 for d in halves]) < 0.65  # what is above, and 1 in 6 of the others
    assert all(0.25 <= d.part[1] <= 0.7 for d in halves) and not any(d.ends for d in draws if d.part is None)
    assert 0.17 < np.mean([bool(d.patches) for d in draws]) < 0.23
    plain = [augment.draw(config.AUGMENT["lsp"], generator) for _ in range(50)]
    assert not any(d.part or d.patches for d in plain)
    with pytest.raises(ValueError, match="`half_body` must be"):
        config.AugmentConfig(half_body=1.5)
