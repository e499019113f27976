"""A joint set of one's own, from its reader through training and evaluation to the command line."""

import dataclasses
import json

import numpy as np
import pytest
from drawn import DrawnVideos
from helpers import eagerly

from deephar import cli, config, files, layouts, models, training
from deephar.data.batches import clip_mixture, loader, mixture
from deephar.data.readers import lsp
from deephar.data.samples import augment, crops, video_clips
from deephar.evaluation import pose2d, report
from deephar.layouts import PoseLayout
from deephar.weights import loading

TRUNK = PoseLayout(
    "pa16j",  # the name of another set: nothing may look it up
    ["crown", "left_hip", "right_hip", "left_shoulder", "right_shoulder"],
    [("left_hip", "left_shoulder"), ("right_hip", "right_shoulder")],
)
IN_LSP, IN_PA17 = [13, 3, 2, 9, 8], [3, 11, 10, 5, 4]
"""Where its joints are; the crown is the head top, which has another name there."""

TINY = {"num_joints": 5, "input_shape": (64, 64, 3), "width": 32, "num_blocks": 1}


class Trunks:
    """A reader whose joint set the library does not know."""

    layout = TRUNK

    def __init__(self, folder):
        self.reader = lsp.LspExtended(folder)

    def __len__(self):
        return len(self.reader)

    def sample(self, index):
        whole = self.reader.sample(index)
        return dataclasses.replace(whole, pose_px=whole.pose_px[IN_LSP])


def test_crops_and_batches_of_stills(drawn):
    """Both ways between the own set and another; mirrored crops exchange its sides."""
    own, reader = Trunks(drawn), lsp.LspExtended(drawn)
    plain, mirrored = (crops.make_crop(own, 1, (64, 64), augment.Draw(flip=flip)) for flip in (False, True))
    np.testing.assert_allclose(mirrored.pose_crop, np.abs([1, 0] - plain.pose_crop)[[0, 2, 1, 4, 3]])
    there, back = crops.Crops(own, (64, 64), reader.layout)[1], crops.Crops(reader, (64, 64), TRUNK)[1]
    np.testing.assert_array_equal(there.pose_px[IN_LSP[1:]], plain.pose_px[1:])
    assert np.isnan(there.pose_px).all(axis=1).sum() == 10
    np.testing.assert_array_equal(back.pose_px[1:], plain.pose_px[1:])
    batches = mixture.Mixture([(own, 2), (reader, 2)], (64, 64), augmentation="lsp")
    target = batches.batch(0, 0).target
    assert batches.layout is TRUNK and target.shape == (4, 5, 3)
    assert np.all(target[::2, :, 2] == 1) and np.all(target[1::2, 1:, 2] == 1)
    assert np.all(target[1::2, 0] == config.MISSING)  # nothing is known of a crown in LSP


def test_clips():
    videos = DrawnVideos()
    batch = clip_mixture.ClipMixture([(videos, 1)], 4, (32, 32), layout=TRUNK).batch(0, 0)
    (judged,) = video_clips.VideoClips(videos, 4, (32, 32), layout=TRUNK)[0].clips
    (whole,) = video_clips.VideoClips(videos, 4, (32, 32))[0].clips
    assert batch.pose.shape == (1, 4, 5, 3)
    np.testing.assert_array_equal(judged.pose[:, 1:], whole.pose[:, IN_PA17[1:]])


@pytest.fixture(scope="module")
@eagerly()
def weights(drawn, tmp_path_factory):
    """A network trained for a moment, as a training script leaves it."""
    folder = tmp_path_factory.mktemp("run")
    model = models.build("lite-2d", concat_visibility=True, **TINY)
    training.compile_model(model, "sgd")
    batches = loader.PoseLoader([(Trunks(drawn), 4)], (64, 64), "pose_visibility", augmentation="lsp", steps=1)
    model.fit(batches, epochs=1, verbose=0)
    files.save_weights(model, folder / "best.weights.h5")
    report.save_json({"model": "lite-2d", "layout": TRUNK.to_json(), "overrides": TINY}, folder / "model.json")
    return folder / "best.weights.h5"


@pytest.mark.slow
def test_training_evaluation_and_prediction(weights, drawn, tmp_path, capsys):
    about = loading.describe(weights)
    assert about.layout == TRUNK
    model = models.build(about.preset, weights, concat_visibility=True, **about.overrides)
    scores = pose2d.pck_scores(pose2d.predict(model, crops.Crops(Trunks(drawn), (64, 64)), flip=True), about.layout)
    assert list(scores["per_joint"]) == list(TRUNK.names) and scores["people"] == 12
    with pytest.raises(ValueError, match="network's 5 joints cannot be those of layout pa16j, which has 16: pelvis, "):
        pose2d.predict(model, crops.Crops(lsp.LspExtended(drawn), (64, 64), layouts.get("pa16j")))
    out, photo = tmp_path / "out.json", drawn / "images" / "im00002.jpg"
    arguments = ["--weights", weights, "--flip", "--json", out, "--picture", tmp_path / "drawn.png"]
    assert cli.main(["predict", str(photo), "--one-person", *map(str, arguments)]) == 0, capsys.readouterr().err
    result = json.loads(out.read_text())
    assert result["joints"] == list(TRUNK.names) and np.shape(result["photos"][0]["people"][0]["pose"]) == (5, 2)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("pa99", "Unknown layout 'pa99'"),
        ({"name": "own", "names": ["nose", "r_eye"]}, "counterpart 'l_eye' is not among"),
        (["nose"], "Expected a layout's name, or its name, names and links"),
    ],
)
def test_layouts_of_model_json_are_checked(stored, message, weights, tmp_path):
    path = tmp_path / "best.weights.h5"
    path.write_bytes(b"")
    report.save_json({"model": "lite-2d", "layout": stored, "overrides": TINY}, tmp_path / "model.json")
    with pytest.raises(ValueError, match=message):
        loading.describe(path)
    report.save_json({"model": "h36m-3d", "layout": "pa17j", "overrides": {}}, tmp_path / "model.json")
    assert loading.describe(path).layout is layouts.get("pa17j")  # as older files have it
