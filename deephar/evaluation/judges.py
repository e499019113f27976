"""The scores that choose the best epoch of a training run, on held-out samples."""

import dataclasses
import typing
from collections.abc import Callable, Hashable, Sequence

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
    broken: dict[Hashable, str] = dataclasses.field(default_factory=dict)


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


def pck3d(crops: pose2d.Crops, joint_set: str, where: str) -> Judge:
    """Joints within 150 mm, relative to the root whose depth is given, as with `mpjpe`; described by `where`."""

    def score(predictions: pose3d.Predictions3D) -> float:
        return pose3d.scores(predictions, crops.layout, joint_set)["pck3d@150"]

    return _judge("val_pck3d", f"joints within 150 mm on {where}", "%", pose3d.predict, crops, score)


def accuracy(videos: action.Videos, where: str) -> Judge:
    """Accuracy of the last output on `deephar.data.samples.video_clips.VideoClips`, described by `where`."""

    def score(predictions: action.ActionPredictions) -> float:
        return action.action_scores(predictions, videos.actions)["accuracy"]

    return _judge("val_accuracy", f"accuracy on {where}", "%", action.predict, videos, score)


def mean_of(judges: Sequence[Judge]) -> Judge:
    """The mean of several scores with the same unit, for a network that learns several tasks."""
    broken: dict[Hashable, str] = {}

    def score(model: Network) -> float:
        scores = [judge.score(model) for judge in judges]
        for number, judge in enumerate(judges):
            broken.update({(number, place): reason for place, reason in judge.broken.items()})
        return sum(scores) / len(scores)

    text = f"mean of {', '.join(judge.text for judge in judges)}"
    return Judge("val_mean", text, judges[0].unit, score, broken)


def of_part(judge: Judge, part: Callable[[typing.Any], Network]) -> Judge:
    """A judge of a part of the network.

    Args:
        judge: of the part.
        part: function of the network that returns it, as in `deephar.models.splitting`; called once for a network.
    """
    made: list[tuple[Network, Network]] = []

    def score(model: Network) -> float:
        if not made or made[0][0] is not model:
            made[:] = [(model, part(model))]
        return judge.score(made[0][1])

    return dataclasses.replace(judge, score=score)


def _judge(
    log: str,
    text: str,
    unit: str,
    predict: Callable[..., _Predictions],
    samples: pose2d.Crops | action.Videos,
    score: Callable[[_Predictions], float],
) -> Judge:
    """A `Judge` that scores the predictions for samples; those that cannot be read are skipped and recorded."""
    broken: dict[Hashable, str] = {}

    def judged(model: Network) -> float:
        predictions = predict(model, samples, on_broken="skip")
        broken.update({**predictions.broken})
        return score(predictions)

    return Judge(log, text, unit, judged, broken)
