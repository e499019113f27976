"""Learning all tasks in one step: whose labels count, what is shared, and how the tasks' losses are weighted."""

import functools

import keras
import numpy as np
import pytest
from drawn import DrawnVideos, Noise
from helpers import eagerly, outputs_of, value_and_gradients
from scripts import hiding, printed

from deephar import distribution, models
from deephar.data.batches.clip_mixture import ClipMixture
from deephar.data.batches.joint import JointLoader, JointMixture, OfSet, classes, even
from deephar.models import outputs, splitting, surgery
from deephar.models.parts import pose_layers
from deephar.training import ClipSampling, Joint, Recipe, Stage, trainer
from deephar.training.compiling import losses_of
from deephar.training.joint import JointNetwork, tasks_of

SETS = {"home": ("kick", "wave"), "sport": ("wave", "kick", "jump")}
SIZE, FRAMES = (32, 32), 4
TINY = {
    "num_joints": 17, "input_shape": (*SIZE, 3), "width": 8, "num_blocks": 1, "frames": FRAMES, "num_actions": 2,
    "appearance_width": 8, "num_action_blocks": 1, "export_poses": "all", "concat_visibility": True,
}  # fmt: skip


def network():
    keras.utils.set_random_seed(0)
    return models.build("lite-merge", **TINY)


@functools.cache
def untrained():
    return network()


def mixture(sources, sets=None, seed=0, steps=2):
    actions = classes(sets) if sets else ("wave", "kick")
    return ClipMixture(sources, FRAMES, SIZE, actions, DrawnVideos.layout, seed=seed, steps=steps)


ONE = {"all": ("wave", "kick")}


def batches(model, steps=2):
    stills = mixture([(Noise(0, 250), 2)], steps=steps)
    pair = JointMixture(stills, mixture([(OfSet(DrawnVideos(), "all"), 2)], ONE, steps=steps))
    return JointLoader(pair, outputs.kinds(model), ONE)


@functools.cache
def batch():
    """Two rows of stills and two clips, with their labels, for `network`."""
    return batches(untrained())[0]


def test_a_clip_has_the_labels_of_its_own_set():
    sources = [(OfSet(DrawnVideos(), "home"), 2), (OfSet(DrawnVideos(), "sport"), 1), (Noise(0, 9), 1)]
    pair = JointMixture(mixture([(Noise(0, 9), 4)]), mixture(sources, SETS))
    (stills, clips), labels, weights = JointLoader(pair, ["pose_visibility", "action", "action"], SETS)[0]
    assert stills.shape == clips.shape == (4, FRAMES, *SIZE, 3)
    assert [label.shape for label in labels] == [(4, FRAMES, 17, 3)] * 2 + [(4, 2), (4, 3)]
    rows = [number for number, _ in pair.clips.rows(0)]
    home, sport = labels[2:]
    for row, source in enumerate(rows):
        assert (home[row].sum(), sport[row].sum()) == {0: (1, 0), 1: (0, 1), 2: (0, 0)}[source]
    np.testing.assert_array_equal(weights[2][:, 0], [2.0 if source == 0 else 0.0 for source in rows])
    np.testing.assert_array_equal(weights[3][:, 0], [4.0 if source == 1 else 0.0 for source in rows])


def test_classes_are_told_apart_by_their_sets():
    assert classes(SETS) == ("home/kick", "home/wave", "sport/wave", "sport/kick", "sport/jump")
    sport = OfSet(DrawnVideos(), "sport")
    assert sport.actions == ("sport/wave", "sport/kick") and len(sport) == 3
    assert sport.video(1).name == "video1" and len(sport.labelled_frames(0)) == 8
    pair = JointMixture(mixture([(Noise(0, 9), 1)]), mixture([(sport, 1)]))
    with pytest.raises(ValueError, match="must be those of the sets, home/kick"):
        JointLoader(pair, ["action"], SETS)


def test_weights_are_a_mean_over_what_has_a_label():
    np.testing.assert_array_equal(even(np.array([[1.0], [0.0], [1.0], [0.0]])), [[2.0], [0.0], [2.0], [0.0]])
    np.testing.assert_array_equal(even(np.zeros((3, 1))), np.zeros((3, 1)))


def test_rows_of_both_must_agree():
    with pytest.raises(ValueError, match="same batch_size. Received: 1 and 2"):
        JointMixture(mixture([(Noise(0, 9), 1)]), mixture([(DrawnVideos(), 2)]))


def test_parts_share_the_weights():
    whole = untrained()
    (_, clips), *_ = batch()
    pose, action = splitting.pose_network(whole), splitting.action_network(whole)
    together = outputs_of(whole, clips)
    for one, other in zip(together, [*outputs_of(pose, clips), *outputs_of(action, clips)], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert {id(v) for v in pose.variables} | {id(v) for v in action.variables} == {id(v) for v in whole.variables}
    assert len(pose.variables) < len(action.variables)
    with pytest.raises(ValueError, match="with action outputs; it is a pose network"):
        splitting.action_network(pose)
    with pytest.raises(ValueError, match="export_poses='all'"):
        splitting.pose_network(models.build("lite-merge", **{**TINY, "export_poses": "none"}))


@pytest.mark.parametrize("task", ["stills", "clips", pytest.param("actions", marks=pytest.mark.backend)])
def test_with_the_others_at_zero_it_is_training_for_one_task(task):
    """With batch norms in inference mode, gradients are those of the part alone on its own inputs."""
    joint = JointNetwork(untrained(), {name: float(name == task) for name in ("stills", "clips", "actions")})
    inputs, labels, weights = batch()
    variables = joint.network.trainable_variables

    def loss(y):
        return joint.compute_loss(y=labels, y_pred=y, sample_weight=weights)

    value, gradients = value_and_gradients(joint, variables, loss, inputs, training=False)
    places = joint.tasks[task]
    part = splitting.action_network(joint.network) if task == "actions" else joint.pose_network

    def own(y):
        y = y if isinstance(y, (list, tuple)) else [y]
        triples = zip(losses_of(part), places, y, strict=True)
        return sum(w * loss(labels[at], one, weights[at]) for (loss, w), at, one in triples)

    touched = part.trainable_variables
    alone, expected = value_and_gradients(part, touched, own, inputs[0 if task == "stills" else 1], training=False)
    assert value == pytest.approx(alone, rel=1e-6)
    known = dict(zip(map(id, touched), expected, strict=True))
    for variable, gradient in zip(variables, gradients, strict=True):
        np.testing.assert_allclose(gradient, known.get(id(variable), 0 * gradient), atol=1e-6)


@eagerly()
def test_stills_leave_the_statistics_of_the_action_part_alone():
    def moved(stills):
        joint = JointNetwork(network())
        joint.compile(keras.optimizers.SGD(0.0))
        (_, clips), labels, weights = batch()
        joint.train_on_batch((stills, clips), labels, weights)
        pose = {layer.name for layer in pose_layers(joint.network)}
        return [(layer.name in pose, w.numpy()) for layer in joint.network.layers for w in layer.non_trainable_weights]

    one, other = moved(batch()[0][0]), moved(0 * batch()[0][0] - 1)
    assert any(not np.array_equal(a, b) for (pose, a), (_, b) in zip(one, other, strict=True) if pose)
    assert all(np.array_equal(a, b) for (pose, a), (_, b) in zip(one, other, strict=True) if not pose)


@pytest.mark.backend
@pytest.mark.parametrize(
    "weighting",
    [
        "fixed",
        pytest.param("uncertainty", marks=pytest.mark.slow_on("jax")),
        pytest.param("alternating", marks=pytest.mark.slow_on("jax")),
    ],
)
@eagerly()
def test_fit_logs_every_task(weighting):
    joint = JointNetwork(network(), {"actions": 0.5}, weighting)
    joint.compile(keras.optimizers.SGD(0.1))
    before = keras.ops.convert_to_numpy(joint.log_scales)
    history = joint.fit(batches(joint.network), verbose=0, shuffle=False).history
    log = {name: values[0] for name, values in history.items()}
    names = ("stills", "clips", "actions")
    assert set(log) == {"loss", "actions_accuracy", *(f"{n}_{what}" for n in names for what in ("loss", "weight"))}
    assert all(np.isfinite(value) for value in log.values()) and 0 <= log["actions_accuracy"] <= 1
    factors = [log[f"{name}_weight"] for name in names]
    moved = keras.ops.convert_to_numpy(joint.log_scales) - before
    if weighting == "uncertainty":
        assert not np.allclose(moved, 0)
    else:
        np.testing.assert_allclose(factors, [1, 1, 0.5] if weighting == "fixed" else [0.5, 0.5, 0.25])
        np.testing.assert_array_equal(moved, 0)


def test_scales_settle_where_they_are_the_losses():
    """The derivative of w L / s + log s with respect to log s is 1 - w L / s; a task that is left out has no scale."""
    joint = JointNetwork(untrained(), {"stills": 3.0, "clips": 0.0}, "uncertainty")
    at_one, losses = slope(joint, np.zeros(3), batch())
    np.testing.assert_allclose(at_one, [1 - 3 * losses[0], 0, 1 - losses[2]], rtol=1e-5)
    settled, _ = slope(joint, np.log([3 * losses[0], 1, losses[2]]), batch())
    np.testing.assert_allclose(settled, 0, atol=1e-6)


def slope(joint, scales, given):
    """The gradient of the loss by the logarithms of the scales, and the losses of the tasks."""
    inputs, labels, weights = given
    joint.log_scales.assign(scales)
    joint.reset_metrics()
    _, (found,) = value_and_gradients(
        joint,
        [joint.log_scales],
        lambda y: joint.compute_loss(y=labels, y_pred=y, sample_weight=weights),
        inputs,
        False,
    )
    return found, np.array([float(joint.loss_of[name].result()) for name in joint.tasks])


def test_a_task_without_labels_leaves_its_scale_alone():
    """Clips without poses: nothing would hold the scale, which would fall without end."""
    joint = JointNetwork(untrained(), weighting="uncertainty")
    inputs, labels, weights = batch()
    unlabelled = [0 * one if place == 1 else one for place, one in enumerate(weights)]
    at_one, losses = slope(joint, np.zeros(3), (inputs, labels, unlabelled))
    np.testing.assert_allclose(at_one, [1 - losses[0], 0, 1 - losses[2]], rtol=1e-5)


@eagerly()
def test_alternating_steps_are_for_poses_and_for_actions():
    joint = JointNetwork(network(), weighting="alternating")
    joint.compile(keras.optimizers.SGD(0.1))
    pose = {id(w) for layer in pose_layers(joint.network) for w in layer.trainable_weights}
    action = [w for w in joint.network.trainable_weights if id(w) not in pose]

    def changed():
        before = [w.numpy() for w in action]
        joint.train_on_batch(*batch())
        return any(not np.array_equal(old, w.numpy()) for old, w in zip(before, action, strict=True))

    assert [changed(), changed(), changed()] == [False, True, False]
    surgery.freeze_pose(joint.network)
    joint.compile(keras.optimizers.SGD(0.1))
    assert all([changed(), changed()])  # while poses are frozen, every step is of actions


def test_tasks_are_known_by_name():
    assert tasks_of(untrained()) == {"stills": [0], "clips": [1], "actions": [2, 3, 4]}
    with pytest.raises(ValueError, match="actions"):
        JointNetwork(untrained(), {"action": 1.0})
    with pytest.raises(ValueError, match="uncertainty"):
        JointNetwork(untrained(), weighting="gradnorm")


def test_the_trainer_makes_the_part_of_a_process(monkeypatch):
    """Of every batch, joint or not, one of two processes that train together makes its half: rows and labels."""
    plain = Recipe(
        preset="lite-merge", network=TINY, layout="pa17j", mixture={"videos": 1, "stills": 1}, batch_size=4,
        stages=(Stage("all", 1, rate=0.1),), clips=ClipSampling(), steps=2,
    )  # fmt: skip
    readers = {"videos": DrawnVideos(), "stills": Noise(0, 250)}
    for recipe in (plain, plain.replaced(joint=Joint({"videos": "all"}))):
        model = trainer.in_training(recipe, untrained())
        whole = trainer.make_loader(recipe, model, readers, 0, 0)[1]
        halves = []
        for number in range(2):
            monkeypatch.setattr(distribution, "part", lambda model, number=number: (number, 2))
            halves.append(trainer.make_loader(recipe, model, readers, 0, 0)[1])
        monkeypatch.undo()
        for one, *parts in zip(*(keras.tree.flatten(batch[:2]) for batch in (whole, *halves)), strict=True):
            assert len(one) == 4 and [len(part) for part in parts] == [2, 2]
            np.testing.assert_array_equal(one, np.concatenate(parts))


MIRRORED = """
import contextlib, keras, numpy as np
from unittest import mock
from helpers import eagerly
from test_joint import batches, network
from deephar import distribution, training
from deephar.training.joint import JointNetwork
from deephar.training import fitting

def trained(strategy, logical_cpus=0):
    with distribution.scope(strategy, logical_cpus):
        joint = JointNetwork(network(), weighting="uncertainty")
        joint.compile(keras.optimizers.SGD(0.001))
    before = flat(joint.network)
    with mock.patch.object(fitting, "fused", contextlib.nullcontext):
        log = training.fit(joint, batches(joint.network, steps=1), verbose=0).history
    return flat(joint.network) - before, joint.log_scales.numpy(), np.ravel([log[name] for name in sorted(log)])

def flat(model):
    return np.concatenate([np.ravel(array) for array in model.get_weights()])

together = trained("mirrored", 2)
with eagerly():
    alone = trained("none")
print(*(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(together, alone)), len(alone[-1]))
"""


@pytest.mark.slow
def test_two_copies_learn_all_tasks_as_one_does():
    """One step moves the network and the scales of the tasks, whose penalty is no loss of Keras', alike; so is the log.

    The tolerance of the first is wider: rounding moves the maxima of a tiny network's pooling on drawn pictures.
    """
    weights, scales, log, logged = map(float, printed(hiding() + MIRRORED, timeout=600)[-1].split())
    assert weights < 1e-3 and scales < 1e-4 and log < 1e-4 and logged == 8
