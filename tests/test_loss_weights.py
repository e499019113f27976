"""What counts how much in training: samples by the loaders' weights, losses by theirs."""

import keras
import numpy as np
import pytest
from drawn import DrawnVideos
from helpers import outputs_of

from deephar import layouts, losses, models, training
from deephar.config import MISSING
from deephar.data.batches import loader
from deephar.data.readers import lsp

POSES = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "concat_visibility": True}
CLIPS = {
    "input_shape": (32, 32, 3), "num_blocks": 1, "width": 16, "frames": 4, "appearance_width": 16, "num_actions": 2,
    "num_action_blocks": 1, "export_poses": "last", "concat_visibility": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def clip_network():
    return models.build("penn-merge", **CLIPS)


class HalfLocated(lsp.LspExtended):
    """Two people, one of them without any located joint."""

    def __init__(self, folder):
        super().__init__(folder, [1, 2])

    def sample(self, index):
        sample = super().sample(index)
        sample.pose_px[:] = np.nan if index == 0 else sample.pose_px
        return sample


class FirstUnlocated(DrawnVideos):
    """Three videos; nobody is located in the first, and the third shows an action that nobody asked for."""

    actions = ("wave", "kick", "fall")

    def video(self, index):
        video = super().video(index)
        video.pose_px[:] = np.nan if index == 0 else video.pose_px
        return type(video)(video.name, index, video.pose_px, video.size_px, video.frame)


def clips(drawn):
    """A batch of three videos, of which one has no pose and one no action, and a clip of stills, without action."""
    sources = [(FirstUnlocated(), 3), (lsp.LspExtended(drawn), 1)]
    kinds = ("pose_visibility", "action", "action", "action")
    return loader.ClipLoader(sources, 4, (32, 32), kinds, layout=layouts.get("pa16j"), actions=("wave", "kick"))[0]


def total(model, targets, outputs, weights=None):
    return float(
        model.compute_loss(y=targets, y_pred=[keras.ops.convert_to_tensor(y) for y in outputs], sample_weight=weights)
    )


def test_weights_of_poses_are_zero_where_nobody_is_located(drawn):
    _, targets, weights = loader.PoseLoader([(HalfLocated(drawn), 2)], (32, 32), ["pose_visibility"] * 3)[0]
    assert len(weights) == 3
    for target, weight in zip(targets, weights, strict=True):
        np.testing.assert_array_equal(weight[:, 0], [np.any(pose[:, :2] > MISSING) for pose in target])
        assert sorted(weight[:, 0]) == [0, 1]


def test_weights_of_clips_are_zero_where_a_pose_or_an_action_is_unknown(drawn):
    _, targets, weights = clips(drawn)
    located = [np.any(pose[..., :2] > MISSING) for pose in targets[0]]
    np.testing.assert_array_equal(weights[0][:, 0], located)
    assert sorted(located) == [0, 1, 1, 1]
    for target, weight in zip(targets[1:], weights[1:], strict=True):
        np.testing.assert_array_equal(weight, target.sum(axis=1, keepdims=True))
        assert sorted(weight[:, 0]) == [0, 0, 1, 1]


def test_a_sample_without_labels_adds_no_loss(drawn):
    """The loss is half of the other sample's, whatever is predicted; unweighted, the visibilities would train."""
    images, targets, weights = loader.PoseLoader([(HalfLocated(drawn), 2)], (32, 32), "pose_visibility")[0]
    model = models.build("lite-2d", **POSES)
    training.compile_model(model, "sgd")
    (pose,) = outputs_of(model, images)
    empty = int(np.argmin(weights[0]))
    other = pose.copy()
    other[empty] = 0.9
    found = total(model, targets, [pose], weights)
    assert found == total(model, targets, [other], weights)
    assert found == pytest.approx(total(model, [targets[0][[1 - empty]]], [pose[[1 - empty]]]) / 2)
    assert abs(total(model, targets, [pose]) - total(model, targets, [other])) > 1e-4
    other[1 - empty] = 0.9
    assert abs(found - total(model, targets, [other], weights)) > 1e-3


def test_an_unknown_action_adds_no_loss(drawn, clip_network):
    images, targets, weights = clips(drawn)
    training.compile_model(clip_network, "sgd", label_smoothing=0.1)
    outputs = outputs_of(clip_network, images)
    found = total(clip_network, targets, outputs, weights)
    for row, known in enumerate(weights[1][:, 0]):
        others = [outputs[0], *(np.where(np.arange(4)[:, None] == row, [[0.9, 0.1]], scores) for scores in outputs[1:])]
        changed = total(clip_network, targets, others, weights) != found
        assert changed == bool(known)


@pytest.mark.parametrize(("pose_weight", "smoothing"), [(1.0, 0.0), (3.0, 0.0), (0.0, 0.2), (0.25, 0.2)])
def test_pose_weight_and_label_smoothing_by_hand(pose_weight, smoothing, clip_network):
    """One pose loss times its weight, and three cross-entropies of smoothed labels."""
    generator = np.random.default_rng(0)
    poses = generator.uniform(0.1, 0.9, (2, 2, 4, 16, 3)).astype("float32")
    scores = generator.dirichlet([1, 1], (3, 2)).astype("float32")
    actions = np.eye(2, dtype="float32")
    training.compile_model(clip_network, "sgd", pose_weight, label_smoothing=smoothing)
    found = total(clip_network, [poses[0], *[actions] * 3], [poses[1], *scores])
    smoothed = actions * (1 - smoothing) + smoothing / 2
    entropies = -np.sum(smoothed * np.log(scores), axis=-1).mean(axis=1)
    pose = float(losses.PoseLoss("elastic_net_bce_mean")(*poses))
    assert found == pytest.approx(pose_weight * pose + entropies.sum(), rel=1e-5)


def test_every_block_has_the_loss_that_was_asked_for():
    """Poses by the form, heat maps by theirs, none of them twice or not at all."""
    model = models.build("lite-2d", **{**POSES, "num_blocks": 2}, export_heatmaps=True)
    generator = np.random.default_rng(0)
    targets = generator.uniform(0.1, 0.9, (2, 14, 3)).astype("float32")
    outputs = [generator.uniform(0.1, 0.9, (2, *y.shape[1:])).astype("float32") for y in model.outputs]
    assert [y.ndim for y in outputs] == [3, 4, 3, 4]
    for form in ("elastic_net_bce_mean", "l1_mean"):
        training.compile_model(model, "sgd", form=form)
        by_hand = [(losses.HeatmapLoss() if y.ndim == 4 else losses.PoseLoss(form))(targets, y) for y in outputs]
        assert total(model, [targets] * 4, outputs) == pytest.approx(sum(map(float, by_hand)), rel=1e-5)
    training.compile_model(model, "sgd")
    assert total(model, [targets] * 4, outputs) != pytest.approx(sum(map(float, by_hand)), rel=1e-3)
