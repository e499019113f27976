"""Predicted people."""

import dataclasses
import math
import typing
from collections.abc import Mapping

import numpy as np

from deephar import checks
from deephar.typed import ArrayLike, Floats


class StoredPerson(typing.TypedDict):
    """What `Person.to_dict` gives."""

    box: list[float]
    score: float
    pose: list[list[float]]
    confidence: list[float]
    pose_3d: typing.NotRequired[list[list[float]]]
    position: typing.NotRequired[list[float]]
    track: typing.NotRequired[int]
    actions: typing.NotRequired[dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Person:
    """One predicted person.

    Attributes:
        box_px: (4,) x1, y1, x2, y2, before the margin: given, estimated, or, of who was found, halfway between the box
            that was looked at and the joints' own.
        pose_px: (J, 2) in pixels of the upright photograph.
        confidence: (J,) in [0, 1], how sure the network is that the joint lies inside the crop.
        pose_3d_mm: (J, 3) from the pelvis, x to the photograph's right, y down, z away from the camera, see
            `weak_perspective`; None from a network without depth.
        track: number of the person in a video, from 1, see `deephar.inference.tracks.Tracker`; None if not tracked.
        actions: probability of every action by its name, the most probable first; None where none are judged, or not
            yet.
        position_mm: (3,) of the pelvis in the axes of the camera; None without a camera, or without depth.
        score: how sure it is that there is a person, in [0, 1]: `deephar.inference.certainty.certainty` of people who
            are found; by default the mean of `confidence`, as where boxes are given.
    """

    box_px: Floats
    pose_px: Floats
    confidence: Floats
    pose_3d_mm: Floats | None = None
    track: int | None = None
    actions: dict[str, float] | None = None
    position_mm: Floats | None = None
    score: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.score):
            object.__setattr__(self, "score", float(np.mean(self.confidence)))

    def to_dict(self) -> dict[str, object]:
        """For JSON, as docs/predict.md describes it; what is None is left out."""
        x1, y1, x2, y2 = self.box_px.tolist()
        optional = {
            "pose_3d": None if self.pose_3d_mm is None else self.pose_3d_mm.tolist(),
            "position": None if self.position_mm is None else self.position_mm.tolist(),
            "track": self.track,
            "actions": self.actions,
        }
        return {
            "box": [x1, y1, x2 - x1, y2 - y1],
            "score": self.score,
            "pose": self.pose_px.tolist(),
            "confidence": self.confidence.tolist(),
            **{name: value for name, value in optional.items() if value is not None},
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, object]) -> "Person":
        """The person that `to_dict` described; null stands for NaN.

        Raises:
            ValueError: for a dict that is none.
        """
        given = typing.cast(StoredPerson, stored)
        try:
            box, pose, confidence = _floats(given["box"]), _floats(given["pose"]), _floats(given["confidence"])
            space = _floats(given["pose_3d"]) if "pose_3d" in given else None
            position = _floats(given["position"]) if "position" in given else None
            track = checks.whole("track", given["track"]) if "track" in given else None
            actions = _probabilities(given["actions"]) if "actions" in given else None
            score = math.nan if given.get("score") is None else float(given["score"])
            joints = len(pose)
            for name, values, shape in (
                ("box", box, (4,)),
                ("pose", pose, (joints, 2)),
                ("confidence", confidence, (joints,)),
                ("pose_3d", space, (joints, 3)),
                ("position", position, (3,)),
            ):
                if values is not None and values.shape != shape:
                    raise ValueError(f"{name} of shape {values.shape}, not {shape}")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(f"Expected a person as deephar writes it. Received: {error}") from None
        corners = np.concatenate([box[:2], box[:2] + box[2:]])
        return cls(corners, pose, confidence, space, track, actions, position, score)


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _probabilities(actions: Mapping[str, float | None]) -> dict[str, float]:
    return {str(name): math.nan if value is None else float(value) for name, value in actions.items()}
