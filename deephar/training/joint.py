"""Learning several tasks in one step: poses of stills, and poses and actions of clips, with weights that are shared."""

import typing
from collections.abc import Mapping

import keras
from keras import ops

from deephar import checks, distribution
from deephar.models import outputs, splitting
from deephar.models.outputs import Kind, Output
from deephar.training.compiling import losses_of
from deephar.training.recipe import WEIGHTINGS
from deephar.typed import Tensor

STILLS, CLIPS, ACTIONS = "stills", "clips", "actions"
"""The tasks: poses of stills, poses of clips, actions of clips; with several sets, `actions_` and a set's name."""


class JointNetwork(keras.Model):
    """A clip network that Keras' `fit` trains on rows of stills and on clips at once, on any backend.

    Stills pass through the pose part alone, as if T of them were a clip, so that the action part, with its batch
    normalization, sees clips only. The network itself is trained in place: save, judge and freeze that.

    Logged are, for every task, its loss before it is weighted, and what it is multiplied by, `NAME_weight`; and for
    every set of actions the accuracy of the last prediction.

    Args:
        network: clip network with the poses of all blocks among its outputs, from `deephar.models.build`.
        weights: of the tasks' losses, by name (`tasks_of`); 1 where none is given, 0 to leave a task out.
        weighting: "fixed"; "uncertainty", which divides every loss L by its own scale s, learnt with the rest as L / s
            + log s (Kendall, Gal and Cipolla, CVPR 2018, for a Laplace distribution), so that tasks of any unit weigh
            alike; or "alternating", a step for poses and a step for actions in turn, as the original trained; by one
            optimizer for both, and only of actions while the poses are frozen.
        form, label_smoothing: see `deephar.training.compile_model`.

    Call arguments:
        inputs: pair of stills and clips, each (B, T, H, W, 3) in [-1, 1].

    Raises:
        ValueError: for an unknown task or weighting, or a network without poses or actions.
    """

    def __init__(
        self,
        network: keras.Model,
        weights: Mapping[str, float] | None = None,
        weighting: str = "fixed",
        form: str = "elastic_net_bce_mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(name=f"{network.name}_joint")
        self.network: keras.Model = network
        self.pose_network: keras.Model = splitting.pose_network(network)
        self.weighting: str = checks.one_of("weighting", weighting, WEIGHTINGS)
        self.tasks: dict[str, list[int]] = tasks_of(network)
        given = dict(weights or {})
        for name, weight in given.items():
            checks.one_of("weights", name, tuple(self.tasks))
            checks.between(name, weight, 0)
        self.fixed: list[float] = [given.get(name, 1.0) for name in self.tasks]
        self.output_losses: list[tuple[keras.losses.Loss, float]] = [
            pair
            for part in (self.pose_network, network)
            for pair in losses_of(part, form=form, label_smoothing=label_smoothing)
        ]
        self.loss_of: dict[str, keras.metrics.Mean] = {n: keras.metrics.Mean(f"{n}_loss") for n in self.tasks}
        self.weight_of: dict[str, keras.metrics.Mean] = {n: keras.metrics.Mean(f"{n}_weight") for n in self.tasks}
        self.accuracy_of: dict[str, keras.metrics.Mean] = {
            name: keras.metrics.Mean(f"{name}_accuracy") for name in self.tasks if name.startswith(ACTIONS)
        }
        shape, options = (len(self.tasks),), {"initializer": "zeros", "dtype": "float32"}
        self.log_scales: typing.Any = self.add_weight(
            shape=shape, name="log_scales", trainable=weighting == "uncertainty", **options
        )
        self.steps: typing.Any = self.add_weight(
            shape=(), name="steps", trainable=False, aggregation="only_first_replica", **options
        )
        self.built: bool = True  # every variable is there

    def call(self, inputs: tuple[Tensor, Tensor], training: bool | None = None) -> list[Tensor]:
        stills, clips = inputs
        parts = self.pose_network(stills, training=training), self.network(clips, training=training)
        return [output for part in parts for output in (part if isinstance(part, (list, tuple)) else [part])]

    def compute_loss(
        self,
        x: object = None,
        y: object = None,
        y_pred: object = None,
        sample_weight: object = None,
        training: bool = True,
    ) -> Tensor:
        """The weighted sum of the tasks' losses; their means are kept for the log."""
        del x
        labels, weights = typing.cast("list[Tensor]", y), typing.cast("list[Tensor]", sample_weight)
        predicted = typing.cast("list[Tensor]", y_pred)
        losses = [self._task_loss(places, labels, predicted, weights) for places in self.tasks.values()]
        labelled = [self._has_labels(places, weights) for places in self.tasks.values()]
        factors, penalty = self._factors(training, labelled)
        share = distribution.share_of_loss()
        for number, name in enumerate(self.tasks):
            self.loss_of[name].update_state(losses[number] / share)
            self.weight_of[name].update_state(factors[number])
        for name, metric in self.accuracy_of.items():
            last = self.tasks[name][-1]
            hits = ops.equal(ops.argmax(labels[last], axis=-1), ops.argmax(predicted[last], axis=-1))
            metric.update_state(ops.cast(hits, "float32"), ops.reshape(weights[last], (-1,)))
        return ops.sum(factors * ops.stack(losses)) + penalty * share

    def _task_loss(self, places, labels, predicted, weights):
        """The sum of the losses of a task's outputs, as they are weighted among themselves."""
        terms = [
            weight * loss(labels[place], predicted[place], weights[place])
            for place in places
            for loss, weight in [self.output_losses[place]]
        ]
        return ops.cast(sum(terms), "float32")

    @staticmethod
    def _has_labels(places, weights):
        """1 for a task of which something in the batch counts, otherwise 0."""
        counts = [ops.any(ops.convert_to_tensor(weights[place]) > 0) for place in places]
        return ops.cast(ops.any(ops.stack(counts)), "float32")

    def _factors(self, training, labelled):
        """What every task's loss is multiplied by, (tasks,), and what is added to the sum."""
        fixed = ops.convert_to_tensor(self.fixed, dtype="float32")
        if self.weighting == "uncertainty":
            scales = ops.convert_to_tensor(self.log_scales)
            asked = ops.cast(fixed > 0, "float32") * ops.stack(labelled)  # others have no loss to hold them
            return fixed * ops.exp(-scales), ops.sum(asked * scales)
        if self.weighting == "alternating":
            acts = ops.convert_to_tensor([name.startswith(ACTIONS) for name in self.tasks], dtype="float32")
            learns_poses = bool(self.pose_network.trainable_weights)  # else every step is of actions
            turn = ops.mod(ops.convert_to_tensor(self.steps), 2.0) if learns_poses else 1.0
            if training:
                self.steps.assign_add(1.0)
            return fixed * (turn * acts + (1 - turn) * (1 - acts)), 0.0
        return fixed, 0.0


def tasks_of(network: keras.Model) -> dict[str, list[int]]:
    """The tasks of a clip network, by name, and the positions of their outputs in a `JointNetwork`.

    Args:
        network: clip network with pose and action outputs.

    Raises:
        ValueError: if it has no poses or no actions.
    """
    described = outputs.describe(network)
    stills = len(splitting.pose_network(network).outputs)
    splitting.action_network(network)
    found: dict[str, list[int]] = {STILLS: list(range(stills)), CLIPS: []}
    for place, output in enumerate(described, start=stills):
        found.setdefault(_task(output), []).append(place)
    return found


def _task(output: Output) -> str:
    if output.kind != Kind.ACTION:
        return CLIPS
    return f"{ACTIONS}_{output.actions}" if output.actions else ACTIONS


def network_of(model: keras.Model) -> keras.Model:
    """The network that a `JointNetwork` trains; any other model itself."""
    return model.network if isinstance(model, JointNetwork) else model
