"""People packed in one zip: the same joints and nearly the same crops, and what is said of other files."""

import io
import json
import re
import zipfile

import numpy as np
import pytest

from deephar.data.batches.loader import PoseLoader
from deephar.data.readers import lsp, packed
from deephar.data.readers.base import Sample
from deephar.data.samples import augment, crops


class Known:
    """A reader of LSP-extended that also knows depths, weights and the size of heads; one photograph is broken."""

    def __init__(self, drawn):
        self.reader = lsp.LspExtended(drawn)
        self.layout = self.reader.layout

    def __len__(self):
        return 4

    def sample(self, index):
        if index == 2:
            raise ValueError("im00003.jpg is damaged")
        sample = self.reader.sample(index)
        pose = np.column_stack([sample.pose_px, np.linspace(-200, 200, 14)])
        weight = np.linspace(0, 1, 14) if index else None
        rough = np.vstack([sample.pose_px, sample.pose_px[:index] - 50]) if index else None
        return Sample(
            sample.name, sample.image, pose, sample.center_px, sample.window_px, 30.0, 0.0, 1500.0, None, weight, rough
        )


@pytest.fixture
def path(drawn, tmp_path):
    assert packed.pack(Known(drawn), tmp_path / "people.zip", 240, quality=95) == {2: "im00003.jpg is damaged"}
    return tmp_path / "people.zip"


@pytest.mark.parametrize(
    "variation",
    [augment.Draw(), augment.Draw(scale=0.8, angle=20.0, flip=True), augment.Draw(part=(90.0, 0.5), ends=True)],
)
def test_a_packed_person_gives_the_same_crop(variation, path, drawn):
    people = packed.Packed(path)
    assert len(people) == 3 and people.layout == Known(drawn).layout
    for index, source in enumerate((0, 1, 3)):
        one, other = (crops.make_crop(*a, (48, 48), variation) for a in ((people, index), (Known(drawn), source)))
        assert one.name == other.name
        np.testing.assert_allclose(one.pose_crop, other.pose_crop, atol=1e-9)
        assert np.abs(one.image - other.image).mean() < 0.03
        assert one.depth_scale == pytest.approx(other.depth_scale) and one.root_mm == 0.0
        sizes = [np.linalg.norm(crop.px_to_crop[:2, 0]) * crop.head_px for crop in (one, other)]
        assert sizes[0] == pytest.approx(sizes[1])
        if source:
            np.testing.assert_array_equal(one.joint_weight, other.joint_weight)
        else:
            assert one.joint_weight is None


def test_a_packed_person_is_known_to_reach_as_far(path, drawn):
    people, known = packed.Packed(path), Known(drawn)
    assert people.sample(0).rough_px is None
    for index, source in ((1, 1), (2, 3)):
        kept, sample = people.sample(index), known.sample(source)
        scale = kept.window_px / sample.window_px
        told = (sample.rough_px - sample.center_px) * scale + kept.center_px
        np.testing.assert_allclose(kept.rough_px[: 14 + source], told, atol=1e-9)
        assert np.isnan(kept.rough_px[14 + source :]).all()


def test_files_that_do_not_say_how_far_people_reach_are_read(path):
    relabelled(path, rough_px=np.empty((3, 0, 2)))
    assert packed.Packed(path).sample(1).rough_px is None
    relabelled(path, rough_px=None)
    assert packed.Packed(path).sample(1).rough_px is None


def test_packed_people_are_trained_on_by_processes(path):
    images, targets, weights = PoseLoader([(packed.Packed(path), 2)], (32, 32), "pose_visibility", processes=1)[0]
    assert images.shape == (2, 32, 32, 3) and targets[0].shape == (2, 14, 3) and np.isfinite(weights).all()


def test_nobody_to_pack_leaves_no_file(drawn, tmp_path):
    reader = Known(drawn)
    reader.sample = lambda index: Known(drawn).sample(2)
    with pytest.raises(ValueError, match="None of 4 people can be read; the first fault: im00003.jpg is damaged"):
        packed.pack(reader, tmp_path / "people.zip")
    assert not list(tmp_path.iterdir())


def relabelled(path, **changes):
    """The zip with other labels; None removes one."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    labels = dict(np.load(io.BytesIO(content["labels.npz"])))
    stream = io.BytesIO()
    np.savez(stream, **{name: array for name, array in {**labels, **changes}.items() if array is not None})
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**content, "labels.npz": stream.getvalue()}.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head_px": np.zeros(2)}, "its arrays have different lengths"),
        ({"pose_px": np.zeros((3, 13, 2))}, "its poses are not of layout lsp14"),
        ({"rough_px": np.zeros((3, 14, 3))}, r"its rough_px are not \(people, points, 2\)"),
        ({"about": json.dumps({"format": "deephar-crops-9"})}, "its format is deephar-crops-9"),
        ({"about": "nothing"}, "damaged or of the wrong kind"),
    ],
)
def test_other_labels_are_refused(changes, message, path):
    relabelled(path, **changes)
    with pytest.raises(ValueError, match=re.compile(f"packed as deephar-crops-1.*{message}")):
        packed.Packed(path)


def test_a_damaged_picture_is_named(path):
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data[:200] if name == "00001.jpg" else data)
    with pytest.raises(ValueError, match=r"im00002.jpg in people.zip"):
        crops.make_crop(packed.Packed(path), 1, (32, 32))
    with pytest.raises(ValueError, match="folder or a zip of packed people"):
        packed.Packed(path.with_name("none.zip"))
