import numpy as np
import pytest

from deephar import config, geometry, layouts
from deephar.data.readers import lsp
from deephar.data.readers.base import Sample
from deephar.data.samples import augment, crops, targets

LSP = layouts.get("lsp14")


def test_draws_follow_the_generator_and_the_ranges():
    paper = config.AUGMENT["paper"]
    one, two = (augment.draw(paper, np.random.default_rng(7)) for _ in range(2))
    assert one == two
    draws = [augment.draw(paper, np.random.default_rng(seed)) for seed in range(200)]
    assert all(-45 <= d.angle <= 45 and 0.7 <= d.scale <= 1.3 and max(map(abs, d.shift)) <= 40 for d in draws)
    assert 60 < sum(d.flip for d in draws) < 140
    mpii = {augment.draw(config.AUGMENT["mpii"], np.random.default_rng(seed)).scale for seed in range(100)}
    assert mpii == {0.7, 1.0, 1.3}
    assert augment.draw(config.AUGMENT["none"], np.random.default_rng(0)) == augment.Draw()


@pytest.mark.parametrize("name", config.AUGMENT)
def test_a_named_augmentation_means_the_same_in_a_photograph_of_any_size(name):
    """The joints of a person lie at the same places of the crop, however many pixels the person has."""
    pose = np.random.default_rng(0).uniform(100, 200, (16, 2))
    for seed in range(5):
        variation = augment.draw(config.AUGMENT[name], np.random.default_rng(seed))
        places = [
            geometry.transform_points(
                augment.px_to_crop(Sample("", None, size * pose, np.full(2, 150.0 * size), np.full(2, 130.0 * size)),
                                   variation),
                size * pose,
            )
            for size in (1.0, 0.5, 4.0)
        ]  # fmt: skip
        np.testing.assert_allclose(places[1:], [places[0]] * 2, atol=1e-9)


def test_published_shifts_by_hand():
    """40 of the 633 pixels that a person's window has in the videos of NTU RGB+D."""
    assert max(config.AUGMENT["ntu-action"].shift_x.values) == pytest.approx(40 / 633)
    assert len(config.AUGMENT["penn"].shift_x.values) == 17


def test_a_mirrored_crop_exchanges_sides(drawn):
    reader = lsp.LspExtended(drawn)
    plain = crops.make_crop(reader, 1, (64, 64))
    mirrored = crops.make_crop(reader, 1, (64, 64), augment.Draw(flip=True))
    right, left = LSP.index("r_wrist"), LSP.index("l_wrist")
    np.testing.assert_allclose(mirrored.pose_crop[left], [1 - plain.pose_crop[right, 0], plain.pose_crop[right, 1]])
    assert plain.pose_crop[right, 0] < plain.pose_crop[left, 0] and mirrored.pose_crop[right, 0] < 0.5
    np.testing.assert_allclose(mirrored.image, plain.image[:, ::-1], atol=0.02)


def test_the_plain_crop_is_the_square_extent_and_a_margin(drawn):
    crop = crops.make_crop(lsp.LspExtended(drawn), 1, (64, 64))
    low, high = np.nanmin(crop.pose_crop, axis=0), np.nanmax(crop.pose_crop, axis=0)
    np.testing.assert_allclose((low + high) / 2, 0.5, atol=1e-9)
    assert (high - low).max() == pytest.approx(1 / 1.25)


def test_target_by_hand():
    pose = np.array([[0.5, 0.25], [0.0, 0.5], [1.2, 0.5], [np.nan, np.nan]])
    target = targets.pose_target(pose, dim=3)
    np.testing.assert_allclose(target[0], [0.5, 0.25, config.MISSING, 1])
    np.testing.assert_allclose(target[1:], [[config.MISSING] * 3 + [0]] * 3)
    deep = np.array([[0.5, 0.25, depth] for depth in (0.75, -0.1, 0.0, 1.0, 1.3, np.nan)])
    expected = [0.75, *[config.MISSING] * 5]  # what soft-argmax cannot give has no label
    np.testing.assert_allclose(targets.pose_target(deep, dim=3), [[0.5, 0.25, depth, 1] for depth in expected])
