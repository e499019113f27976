"""Weights on the Hub: names, what is downloaded and what is said when it cannot be; folders to upload."""

import json
import pathlib
import shutil
import sys
import types

import numpy as np
import pytest

import deephar
from deephar.inference import PosePredictor
from deephar.weights import catalogue, description, hub

RELEASE = pathlib.Path(__file__).parent / "releases" / "0.2.0"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A local folder that stands for the repository somebody/small, and the files that were asked of it."""
    folder, asked = tmp_path / "repository", []
    hub.write_folder(
        RELEASE / "small.weights.h5", folder, "A small network", "Knows *nothing*.", "mit", datasets=["none"]
    )

    def download(repo, file, revision=None):
        asked.append((repo, file, revision))
        if not (folder / file).is_file():
            raise OSError(f"404: {file}")
        (tmp_path / "cache").mkdir(exist_ok=True)
        return str(shutil.copy(folder / file, tmp_path / "cache" / pathlib.Path(file).name))

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(hf_hub_download=download))
    return folder, asked


def test_a_network_by_its_name_on_the_hub(repository):
    loaded, direct = deephar.load("hf://somebody/small"), deephar.load(RELEASE / "small.weights.h5")
    for one, other in zip(loaded.get_weights(), direct.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    predictor = PosePredictor.from_weights("hf://somebody/small@v1/model.weights.h5")
    assert predictor.layout == deephar.weights.loading.describe(RELEASE / "small.weights.h5").layout
    assert set(repository[1]) == {
        ("somebody/small", file, revision) for file in ("model.json", hub.FILE) for revision in (None, "v1")
    }


def test_the_card_says_what_the_hub_asks(repository):
    _, head, text = (repository[0] / "README.md").read_text(encoding="utf-8").split("---\n")
    fields = {name: json.loads(value) for name, value in (line.split(": ", 1) for line in head.strip().splitlines())}
    assert fields == {
        "library_name": "keras", "pipeline_tag": "keypoint-detection", "license": "mit", "tags": ["deephar"],
        "datasets": ["none"],
    }  # fmt: skip
    assert text.startswith("\n# A small network\n\nKnows *nothing*.") and "hf://OWNER/NAME" in text
    with pytest.raises(ValueError, match="Expected model.json"):
        hub.write_folder(repository[0] / "other" / "none.weights.h5", repository[0] / "new", "", "", "mit")
    assert not (repository[0] / "new").exists()


def test_weights_that_come_with_deephar_make_a_folder(tmp_path):
    """Nothing lies beside them that says what they are for."""
    file = catalogue.shipped_file("photo-lite-2d")
    with pytest.raises(ValueError, match='photo-lite-2d.weights.h5 is for research use only: licence "other"'):
        hub.write_folder(file, tmp_path, "Photographs", "Joints.", "mit")
    hub.write_folder("drawn-lite-3d", tmp_path / "free", "Synthetic people", "Joints.", "mit")
    with pytest.raises(ValueError, match='needs a name for the Hub: license_name="..."'):
        hub.write_folder(file, tmp_path, "Photographs", "Joints.", "other")
    for weights in (file, "photo-lite-2d"):
        hub.write_folder(weights, tmp_path, "Photographs", "Joints.", "other", license_name="of the photographs")
    told, expected = description.read(tmp_path / "model.json"), catalogue.SHIPPED["photo-lite-2d"].about
    assert (told.network, told.layout, told.score) == (expected.network, expected.layout, expected.score)
    assert (tmp_path / hub.FILE).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", ["hf://", "hf://somebody", "hf://some body/small", "hf://somebody/small@"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=r"Expected hf://OWNER/NAME, .*Received: hf://"):
        deephar.load(name)


def test_what_cannot_be_had_is_said(repository, monkeypatch):
    with pytest.raises(ValueError, match="hf://somebody/small/other.weights.h5 cannot be downloaded: 404: other"):
        deephar.load("hf://somebody/small/other.weights.h5")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r'pip install "deephar\[hub\]"'):
        deephar.load("hf://somebody/small")
