"""What an output is, is told by its description alone: no order, form or copy of a network changes what is done."""

import ast
import pathlib

import keras
import numpy as np
import pytest
from drawn import DrawnVideos
from helpers import eagerly

import deephar
from deephar import inference, layouts, models, training
from deephar.data.batches import loader
from deephar.data.readers import lsp
from deephar.data.samples import crops, video_clips
from deephar.evaluation import action, pose2d
from deephar.models import outputs, surgery
from deephar.models.outputs import Kind, Output

SIZE = {"input_shape": (32, 32, 3), "width": 16}
STILLS = {**SIZE, "num_joints": 14, "num_blocks": 2}
CLIPS = {**SIZE, "num_blocks": 2, "frames": 4, "appearance_width": 16, "num_action_blocks": 2, "num_actions": 2}


def forms(name, **options):
    """A network and its equal: poses joined with visibility, and outputs in another order."""
    keras.utils.set_random_seed(0)
    apart, joined = (models.build(name, concat_visibility=joined, **options) for joined in (False, True))
    joined.set_weights(apart.get_weights())
    order = np.random.default_rng(0).permutation(len(joined.outputs))
    return apart, keras.Model(joined.input, [joined.outputs[i] for i in order])


def test_every_output_of_a_pose_network_is_described():
    model = models.build("lite-2d", export_heatmaps=True, export_features=1, **STILLS)
    parts = [("pose", Kind.POSE), ("visibility", Kind.VISIBILITY), ("joint_maps", Kind.HEATMAPS)]
    blocks = [Output(f"block{block}_{name}", kind, block) for block in (1, 2) for name, kind in parts]
    assert outputs.describe(model) == [*blocks, Output("block1", Kind.FEATURES, 1)]


@pytest.mark.parametrize("name", ["lite-2d", "h36m-3d"])
@pytest.mark.parametrize("context", [0, 1])
def test_poses_have_one_name_whatever_computes_them(name, context):
    model = models.build(name, **STILLS, num_context=context if name == "lite-2d" else 0, depth_maps=4)
    assert model.output_names == ["block1_pose", "block1_visibility", "block2_pose", "block2_visibility"]
    joined = models.build(name, **STILLS, concat_visibility=True, num_context=0, depth_maps=4)
    assert outputs.kinds(joined) == (Kind.POSE_VISIBILITY,) * 2


def test_every_output_of_a_clip_network_is_described():
    model = models.build("penn-merge", export_poses="last", **CLIPS)
    branches = {"p1": "pose", "p2": "pose", "v1": "appearance", "v2": "appearance", "m": "aggregated"}
    expected = [Output("pose2", Kind.POSE, 2), Output("visibility2", Kind.VISIBILITY, 2)]
    expected += [Output(n, Kind.ACTION, int(n[1:] or 0), branch) for n, branch in branches.items()]
    for same in (model, keras.models.clone_model(model), surgery.replace_actions(model, 3)):
        assert outputs.describe(same) == expected
    assert outputs.of_name("ntu_p3") == Output("ntu_p3", Kind.ACTION, 3, "pose", "ntu")


def test_a_name_that_says_nothing_is_refused():
    image = keras.Input((4,))
    users = keras.Model(image, keras.layers.Dense(2, name="scores_of_mine")(image))
    for read in (outputs.describe, lambda model: training.compile_model(model, "sgd")):
        with pytest.raises(
            ValueError, match="output 'scores_of_mine' does not say what it is. Known names: block1_pose"
        ):
            read(users)
    features = models.build("lite-2d", export_features=1, **STILLS)
    with pytest.raises(ValueError, match="Features have no labels"):
        training.compile_model(features, "sgd")
    for kinds in (2, "features", ("pose", "scores"), ()):
        with pytest.raises(
            ValueError, match="kind of every output, one of pose, visibility, pose_visibility, heatmaps"
        ):
            loader.PoseLoader([], (32, 32), kinds)


def test_networks_of_users_that_end_with_one_of_ours():
    network = models.build("lite-2d", **STILLS)
    image = keras.Input((32, 32, 3))
    both = keras.Sequential([image, models.build("lite-2d", **{**STILLS, "num_blocks": 1}, concat_visibility=True)])
    assert outputs.kinds(both) == (Kind.POSE_VISIBILITY,)
    pose = keras.Model(network.input, network.outputs[0])
    with pytest.raises(ValueError, match="Block 1 outputs a pose without its visibility"):
        outputs.poses(pose, np.zeros((1, 14, 2)))
    for wrong in ([np.zeros((1, 14, 2))], {"block1_pose": np.zeros((1, 14, 2))}):
        with pytest.raises(ValueError, match="Expected the values of block1_pose, block1_visibility, block2_pose"):
            outputs.poses(network, wrong)


def losses_after(model, batches):
    training.compile_model(model, keras.optimizers.SGD(0.01))
    return model.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]


@eagerly()
def test_both_forms_of_a_pose_network_train_and_predict_alike(drawn):
    """Losses, then poses of crops, and of a photograph."""
    reader, found = lsp.LspExtended(drawn), []
    for model in forms("lite-2d", export_heatmaps=True, **STILLS):
        losses = losses_after(model, loader.PoseLoader([(reader, 6)], (32, 32), outputs.kinds(model), steps=1))
        crop = pose2d.predict(model, crops.Crops(reader, (32, 32)), flip=True)
        photo = drawn / "images" / "im00001.jpg"
        (person,) = inference.PosePredictor(model, reader.layout)(photo, [[20, 0, 140, 170]])
        found.append([losses, crop.pose_px, crop.visibility, person.pose_px, person.confidence])
    assert found[0][0][0] != found[0][0][1]
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3)


@pytest.mark.slow
@eagerly()
def test_both_forms_of_a_clip_network_train_and_judge_alike():
    videos, layout, found = DrawnVideos(), layouts.get("pa16j"), []
    for model in forms("penn-merge", export_poses="last", **{**CLIPS, "num_blocks": 1}):
        batches = loader.ClipLoader([(videos, 3)], 4, (32, 32), outputs.kinds(model), layout=layout, steps=1)
        losses = losses_after(model, batches)
        predictions = action.predict(model, video_clips.VideoClips(videos, 4, (32, 32), layout=layout))
        scores = action.action_scores(predictions, videos.actions)
        assert list(predictions.scores) == ["p1", "p2", "v1", "v2", "m"] and scores["output"] == "m"
        assert list(scores["per_class_of"]) == ["p2", "v2", "m"]
        found.append([losses, *predictions.scores.values()])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3)


def test_the_former_way_still_reads_both_forms():
    pose, visibility = np.random.default_rng(0).uniform(size=(2, 2, 5, 1))
    pose = np.repeat(pose, 2, axis=-1)
    for values in ([pose, visibility], np.append(pose, visibility, axis=-1)):
        with pytest.warns(DeprecationWarning, match=r"use models.outputs.poses\(model, values\)"):
            found = pose2d.split_blocks(values)
        np.testing.assert_array_equal(found[0], pose[None])
        np.testing.assert_array_equal(found[1], visibility[None, ..., 0])


def test_nobody_else_looks_at_outputs():
    """Outside `deephar.models` no code reads a network's outputs, their names or their shapes."""
    package, hidden = pathlib.Path(deephar.__file__).parent, {"outputs", "output", "output_names", "output_shape"}
    library = [path for path in package.rglob("*.py") if not path.is_relative_to(package / "models")]
    for path in [*library, *(package.parent / "exp").rglob("*.py")]:
        attributes = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Attribute)]
        read = [
            a for a in attributes if a.attr in hidden and ast.unparse(a.value) in ("model", "network", "self.model")
        ]
        assert not read, f"{path}:{read[0].lineno}"
