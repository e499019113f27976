"""Depth of people in photographs: the scale, what fits, and what is left unknown."""

import re

import numpy as np
import pytest
from drawn import TEMPLATE
from PIL import Image

from deephar import geometry, layouts
from deephar.data.readers.base import Sample
from deephar.data.readers.space_files import SpaceFile, WithDepth
from deephar.data.samples import augment, crops

LSP = layouts.get("lsp14")
DEPTH = np.linspace(-300, 300, 14)
WORLD = np.column_stack([10 * (TEMPLATE - TEMPLATE[2:4].mean(axis=0)), DEPTH, np.full(14, 40.0)])
"""The template 10 mm a pixel, seen from the front."""


class OnePerson:
    """The template in a photograph of 160 x 170 pixels."""

    layout = LSP

    def __init__(self, pose=TEMPLATE):
        self.pose = pose + [80, 40]

    def __len__(self):
        return 1

    def sample(self, index):
        window = geometry.person_window(geometry.points_box(TEMPLATE + [80, 40]))
        return Sample("folder/one.jpg", Image.new("RGB", (160, 170)), self.pose, *window)


def with_depth(folder, world=WORLD, pose=TEMPLATE, **options):
    np.savez(folder / "space.npz", name=["one.jpg"], pose_mm=world[None])
    return WithDepth(OnePerson(pose), SpaceFile(folder / "space.npz", LSP, **options))


def test_the_window_is_as_wide_as_the_photograph_says(tmp_path):
    """10 mm a pixel: a depth of 100 mm is as far as 100 mm to the side, but for the range's own 2 to 2.25."""
    reader = with_depth(tmp_path)
    sample = reader.sample(0)
    assert sample.window_mm == pytest.approx(10 * sample.window_px[0])
    np.testing.assert_allclose(sample.pose_px, np.column_stack([TEMPLATE + [80, 40], DEPTH]))
    for variation in (augment.Draw(), augment.Draw(scale=0.8, flip=True), augment.Draw(part=(90.0, 0.5))):
        crop = crops.make_crop(reader, 0, (32, 32), variation)
        pose = crop.pose_crop[LSP.flip] if variation.flip else crop.pose_crop
        across = np.linalg.norm(pose[0, :2] - pose[1, :2]) / np.linalg.norm(TEMPLATE[0] - TEMPLATE[1])  # of a pixel
        np.testing.assert_allclose(pose[:, 2] - 0.5, DEPTH * across / 10 * 2250 / 2000, rtol=1e-6)


def test_what_does_not_fit_or_is_doubtful_has_no_depth(tmp_path):
    world = WORLD.copy()
    world[LSP.index("r_wrist"), 0] += 500
    world[LSP.index("l_knee"), 3] = 151
    depth = with_depth(tmp_path, world).sample(0).pose_px[:, 2]
    assert np.flatnonzero(np.isnan(depth)).tolist() == [LSP.index("l_knee"), LSP.index("r_wrist")]
    doubtful = with_depth(tmp_path, world, most=200).sample(0)
    assert np.isfinite(doubtful.pose_px[LSP.index("l_knee"), 2])
    assert np.isfinite(with_depth(tmp_path, world, doubt=None).sample(0).pose_px[LSP.index("l_knee"), 2])
    assert np.isfinite(doubtful.pose_px[:, :2]).all()


@pytest.mark.parametrize("fault", ["mirrored", "few joints", "another name"])
def test_a_person_who_does_not_fit_has_no_depth(fault, tmp_path):
    world, pose = WORLD.copy(), TEMPLATE.copy()
    if fault == "mirrored":
        world[:, :2] *= -1
    if fault == "few joints":
        world[5:] = np.nan
    reader = with_depth(tmp_path, world, pose)
    if fault == "another name":
        np.savez(tmp_path / "space.npz", name=["two.jpg"], pose_mm=WORLD[None])
        reader = WithDepth(OnePerson(), SpaceFile(tmp_path / "space.npz", LSP))
    sample = reader.sample(0)
    assert np.isnan(sample.pose_px[:, 2]).all() and np.isfinite(sample.pose_px[:, :2]).all()
    assert sample.window_mm == geometry.WINDOW_MM


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "an .npz with `name` and `pose_mm`.*damaged"),
        ({"name": ["a"], "pose_mm": np.zeros((1, 13, 4))}, r"\(N, 14, 3 or more\) joints of lsp14 for its 1"),
        ({"name": ["a"], "pose_mm": np.zeros((1, 14, 2))}, "3 or more"),
        ({"name": ["a", "b/A"], "pose_mm": np.zeros((2, 14, 4))}, "has a twice"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    path = tmp_path / "space.npz"
    path.write_bytes(content) if isinstance(content, bytes) else np.savez(path, **content)
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        SpaceFile(path, LSP)
    with pytest.raises(ValueError, match="`most` must be"):
        SpaceFile(path, LSP, most=0)
