"""Files of every release are read by this version, and give what they gave; see docs/stability.md."""

import json
import pathlib

import numpy as np
import pytest
from scripts import loaded

import deephar
from deephar import cli
from deephar.data.samples import box_file

RELEASES = pathlib.Path(__file__).parent / "releases"
make = loaded("tests/releases/make.py")
VERSIONS = sorted(path.name for path in RELEASES.iterdir() if path.is_dir() and path.name[0].isdigit())


def test_there_is_one_of_every_release():
    """What is not released yet calls itself a development version."""
    changes = (RELEASES.parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [line.split() for line in changes.splitlines() if line.startswith("## ")]
    assert sorted(version for _, version, when in headings if when != "(unreleased)") == VERSIONS
    _, newest, when = headings[0]
    assert deephar.__version__ == (f"{newest}.dev0" if when == "(unreleased)" else newest)


@pytest.mark.parametrize("version", VERSIONS)
def test_weights_give_what_they_gave(version):
    expected = np.load(RELEASES / version / "expected.npz")
    pose, visibility = deephar.load(RELEASES / version / "small.weights.h5").predict(make.image(), verbose=0)
    np.testing.assert_allclose(pose, expected["pose"], atol=1e-5)
    np.testing.assert_allclose(visibility, expected["visibility"], atol=1e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_boxes_are_read_and_joints_have_the_fields_they_had(version, capsys):
    folder = RELEASES / version
    boxes = box_file.read(folder / "boxes.json").photograph(["picture.png"], (48, 40))
    np.testing.assert_allclose(boxes, [[1.0, 2.0, 31.0, 37.0]])
    weights = ("--weights", str(folder / "small.weights.h5"))
    assert cli.main(["predict", str(folder / "picture.png"), "--one-person", *weights]) == 0
    now, then = json.loads(capsys.readouterr().out), json.loads((folder / "poses.json").read_bytes())
    assert set(then) <= set(now) and set(then["photos"][0]["people"][0]) <= set(now["photos"][0]["people"][0])
    if now["format"] == then["format"]:
        people = [result["photos"][0]["people"][0] for result in (now, then)]
        np.testing.assert_allclose(people[0]["pose"], people[1]["pose"], atol=1e-2)
