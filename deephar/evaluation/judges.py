"""The scores that choose the best epoch of a training run, on held-out samples."""

import dataclasses
import typing
from collections.abc import Callable

from deephar.evaluation import action, pose2d, pose3d
from deephar.typed import Network

_Predictions = typing.TypeVar("_Predictions", pose2d.Predictions, pose3d.Predictions3D, action.ActionPredictions)


@dataclasses.dataclass(frozen=True)
class Judge:
    """A score of a network; larger is better.

    Attributes:
        log: its name in the logs.
        text: its description.
        unit: of its absolute value.
        score: function of a network that returns a number.
        broken: samples that could not be read, by position, and the reason; filled while scoring.
    """

    log: str
    text: str
    unit: str
    score: Callable[[Network], float]
    broken: dict[int, str] = dataclasses.field(default_factory=dict)


def pckh(crops: pose2d.Crops, where: str) -> Judge:
    """PCKh@0.5 on `deephar.data.samples.crops.Crops`, described by `where`."""

    def score(predictions: pose2d.Predictions) -> float:
        return pose2d.pckh_scores(predictions, crops.layout)["pckh@0.5"]

    return _judge("val_pckh", f"PCKh@0.5 on {where}", "%", pose2d.predict, crops, score)


def pck(crops: pose2d.Crops, where: str) -> Judge:
    """PCK@0.2 of the torso on `deephar.data.samples.crops.Crops`, described by `where`."""

    def score(predictions: pose2d.Predictions) -> float:
        return pose2d.pck_scores(predictions, crops.layout)["total"]

    return _judge("val_pck", f"PCK@0.2 on {where}", "%", pose2d.predict, crops, score)


def mpjpe(crops: pose2d.Crops, joint_set: str, where: str) -> Judge:
    """Negative MPJPE on `deephar.data.samples.crops.Crops` with cameras, root depth given; described by `where`."""

    def score(predictions: pose3d.Predictions3D) -> float:
        return -pose3d.scores(predictions, crops.layout, joint_set)["mpjpe"]

    text = f"MPJPE on {where}, root depth given, {joint_set}"
    return _judge("val_minus_mpjpe", text, "mm", pose3d.predict, crops, score)


def accuracy(videos: action.Videos, where: str) -> Judge:
    """Accuracy of the last output on `deephar.data.samples.video_clips.VideoClips`, described by `where`."""

    def score(predictions: action.ActionPredictions) -> float:
        return action.action_scores(predictions, videos.actions)["accuracy"]

    return _judge("val_accuracy", f"accuracy on {where}", "%", action.predict, videos, score)


def _judge(
    log: str,
    text: str,
    unit: str,
    predict: Callable[..., _Predictions],
    samples: pose2d.Crops | action.Videos,
    score: Callable[[_Predictions], float],
) -> Judge:
    """A `Judge` that scores the predictions for samples; those that cannot be read are skipped and recorded."""
    broken: dict[int, str] = {}

    def judged(model: Network) -> float:
        predictions = predict(model, samples, on_broken="skip")
        broken.update(predictions.broken)
        return score(predictions)

    return Judge(log, text, unit, judged, broken)
