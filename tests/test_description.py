"""model.json: one writer, one reader, every version."""

import contextlib
import dataclasses
import json

import pytest

from deephar import layouts
from deephar.models import registry
from deephar.models.action import streaming
from deephar.weights import catalogue, description, loading
from deephar.weights.description import Description

TINY = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "num_actions": 2, "num_joints": 3}
OWN = layouts.PoseLayout("own", ["nose", "left_hip", "right_hip"], [("nose", "left_hip")])
ABOUT = Description(
    preset="penn-merge", overrides=TINY, layout=OWN, joints="published", actions=("wave", "kick"), window_margin=1.5,
    training={"sources": "h36m"}, score="PCK@0.2 = 50",
)  # fmt: skip


def test_what_is_written_is_read(tmp_path):
    ABOUT.write(tmp_path / "new" / "model.json")
    found = description.read(tmp_path / "new" / "model.json")
    assert found == Description(**{**vars(ABOUT), "overrides": {**TINY, "input_shape": [32, 32, 3]}})
    assert registry.settings(found.preset, **found.overrides) == registry.settings("penn-merge", **TINY)
    assert found.judges_actions and found.network.width == 16
    assert not Description(preset="lite-2d", overrides={}, layout=OWN).judges_actions


@pytest.mark.parametrize(
    ("preset", "overrides", "parts"),
    [
        ("lite-merge", {}, True),
        ("lite-merge", {"branches": "appearance", "export_poses": "none"}, False),
        ("lite-merge", {"branches": "appearance", "export_poses": "last"}, True),
        ("penn-pose-only", {}, False),
        ("spnet-lite", {}, False),
        ("lite-2d", {}, False),
    ],
)
def test_which_networks_have_two_parts(preset, overrides, parts):
    about = Description(preset=preset, overrides=overrides, layout=OWN)
    assert about.has_parts == parts
    if about.judges_actions:
        model = registry.build(preset, **overrides)
        with contextlib.nullcontext() if parts else pytest.raises(ValueError, match="Expected a clip network"):
            streaming.split(model)


def test_files_of_version_0_1_are_read(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"model": "h36m-3d", "layout": "pa17j", "overrides": {}, "joints": "published"}))
    expected = Description(preset="h36m-3d", overrides={}, layout=layouts.get("pa17j"), joints="published")
    assert description.read(path) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "Expected model.json with preset, layout and overrides"),
        ("[1]", "Expected model.json"),
        ("{", "Expected model.json"),
        ("[" * 100_000, "Expected model.json"),
        ('{"model": "lite-2d", "layout": "lsp14"}', "overrides"),
        (
            '{"model": "lite-2d", "layout": "mpii16", "overrides": {"num_joints": 14}}',
            "14 joints, layout mpii16 has 16",
        ),
        ('{"model": "lite-2d", "layout": "pa16j", "overrides": {"name": "x"}}', "Unknown override name"),
        ('{"model": "lite-2d", "layout": "pa16j", "overrides": {}, "joints": 7}', "`joints` must be"),
        ('{"model": "lite-2d", "layout": "pa16j", "overrides": {}, "actions": "abc"}', "must be a list of names"),
        ('{"format": "deephar-model-9"}', "has the format 'deephar-model-9'; this version of deephar reads .*Update"),
    ],
)
def test_what_is_no_description_is_said(text, message, tmp_path):
    if text:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        description.read(tmp_path / "model.json")


def test_the_classes_of_every_set():
    """Two classes, then three; a network with one set has no name for it, and unknown names are of no set."""
    own = {"preset": "spnet-lite", "layout": layouts.get("pa17j")}
    names = ("one/a", "one/b", "two/a", "two/b", "two/c")
    about = description.Description(overrides={"num_actions": (2, 3)}, actions=names, **own)
    assert about.sets == {"set1": names[:2], "set2": names[2:]}
    single = description.Description(overrides={"num_actions": (2,)}, actions=("a", "b"), **own)
    assert single.sets == {"": ("a", "b")}
    assert description.Description(overrides={"num_actions": (2, 3)}, **own).sets == {}


def test_what_lies_beside_weights_says_what_they_are_for(tmp_path):
    """Also if they are named like weights that come with deephar."""
    own = loading.describe("photo-lite-2d")
    file = tmp_path / "photo-lite-2d.weights.h5"
    file.write_bytes(catalogue.shipped_file("photo-lite-2d").read_bytes())
    assert loading.describe(file).preset == own.preset
    dataclasses.replace(own, preset="base-2d").write(tmp_path / "model.json")
    assert loading.describe(file).preset == "base-2d"
