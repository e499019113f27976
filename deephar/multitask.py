"""Scores of one network on several tasks: poses of stills in 2D and 3D, and actions of every set it knows."""

import functools
import typing
from collections.abc import Mapping

import keras

from deephar.data.readers.base import VideoDataset
from deephar.data.samples import crops, video_clips
from deephar.data.samples.boxes import Chooser
from deephar.evaluation import action, judges, pose2d, pose3d, stills
from deephar.models import settings, splitting
from deephar.models.action.config import ActionConfig
from deephar.models.spnet.config import SpnetConfig
from deephar.training.recipe import Recipe
from deephar.typed import Network, Path
from deephar.weights import loading
from deephar.weights.description import Description

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model

CLIP_BATCH = 4
"""Clips in a batch, where they are scored."""


def load(weights: Path) -> "Model":
    """The network that some weights are for, with its poses among the outputs.

    Args:
        weights: see `deephar.weights.loading.load`.

    Raises:
        ValueError: if there are no such weights, or the network that they are for is unknown.
    """
    fields = settings.flat(loading.describe(weights).settings)
    hides = fields.get("export_poses") == "none" and fields.get("poses") == "estimated"
    return loading.load(weights, **({"export_poses": "last"} if hides else {}))


def of_stills(model: typing.Any) -> Network:
    """What predicts poses of stills: a clip network's pose part, or a pose network itself.

    Args:
        model: a network of Keras.
    """
    takes_clips = len(model.input_shape) == 5
    return stills.PoseOfStills(splitting.pose_network(model)) if takes_clips else model


def pckh(model: keras.Model, about: Description, people: typing.Any) -> pose2d.PckhScores:
    """PCKh of MPII's people, one crop each; see `deephar.evaluation.pose2d.pckh_scores`.

    Args:
        model: a pose network, or a clip network with poses.
        about: its description.
        people: `deephar.data.readers.mpii.Mpii`.
    """
    cuts = crops.Crops(people, about.network.input_shape[:2], about.layout)
    predictions = pose2d.predict(of_stills(model), cuts, progress=True, on_broken="skip")
    return pose2d.pckh_scores(predictions, about.layout)


def errors3d(model: keras.Model, about: Description, people: typing.Any) -> pose3d.Scores3D:
    """Errors in mm of Human3.6M's people, one crop each, root depth given; see `deephar.evaluation.pose3d.scores`.

    Args:
        model, about: see `pckh`.
        people: `deephar.data.readers.human36m.Human36M`.
    """
    cuts = crops.Crops(people, about.network.input_shape[:2])
    predictions = pose3d.predict(of_stills(model), cuts, progress=True, on_broken="skip")
    actions = [people.action_of(index) for index in range(len(people))]
    return pose3d.scores(predictions, about.layout, people.joint_set, actions)


def accuracy(
    model: keras.Model,
    about: Description,
    videos: VideoDataset,
    actions: str | None = None,
    stride: int = 2,
    multi_clip: bool = False,
    cut: Chooser | None = None,
) -> action.ActionScores:
    """Accuracy on videos; see `deephar.evaluation.action.action_scores`.

    Args:
        model, about: see `pckh`.
        videos: reader.
        actions: name of the set in the network's outputs; None if it has one.
        stride: frame stride of a clip.
        multi_clip: several clips a video instead of the one in the middle.
        cut: how windows are chosen; None: around the annotated joints.
    """
    clips = video_clips.as_benchmarked(
        videos, typing.cast(ActionConfig | SpnetConfig, about.settings), about.layout, cut, stride, multi_clip
    )
    network = splitting.action_network(model, actions)
    predictions = action.predict(network, clips, batch_size=CLIP_BATCH, progress=True, on_broken="skip")
    return action.action_scores(predictions, clips.actions)


def judge(recipe: Recipe, readers: Mapping[str, typing.Any], stride: int = 2) -> judges.Judge:
    """The mean of the scores of all tasks: PCKh@0.5, joints within 150 mm, and the accuracy of every set, in percent.

    Args:
        recipe: of the network.
        readers: of what chooses the epoch, by the names of `deephar.data.readers.arguments.DATASETS`.
        stride: frame stride of a clip.
    """
    found = [_judge_of(recipe, name, reader, stride) for name, reader in readers.items()]
    return found[0] if len(found) == 1 else judges.mean_of(found)


def _judge_of(recipe: Recipe, name: str, reader: typing.Any, stride: int) -> judges.Judge:
    where = f"the validation split of {name}"
    if name == "mpii":
        cuts = crops.Crops(reader, recipe.size, recipe.pose_layout)
        return judges.of_part(judges.pckh(cuts, where), of_stills)
    if name == "h36m":
        cuts = crops.Crops(reader, recipe.size)
        return judges.of_part(judges.pck3d(cuts, reader.joint_set, where), of_stills)
    settings = typing.cast(ActionConfig | SpnetConfig, recipe.settings)
    clips = video_clips.as_benchmarked(reader, settings, recipe.pose_layout, None, stride)
    sets = list(recipe.joint.sets) if recipe.joint else []
    own = f"set{sets.index(name) + 1}" if len(sets) > 1 else None
    return judges.of_part(judges.accuracy(clips, where), functools.partial(splitting.action_network, actions=own))
