"""Predicted people."""

import dataclasses
import typing
from collections.abc import Mapping

import numpy as np

from deephar.typed import Floats


@dataclasses.dataclass(frozen=True)
class Person:
    """One predicted person.

    Attributes:
        box_px: (4,) x1, y1, x2, y2, given, found or estimated, before the margin.
        pose_px: (J, 2) in pixels of the upright photograph.
        confidence: (J,) in [0, 1], how sure the network is that the joint lies inside the crop.
        pose_3d_mm: (J, 3) from the pelvis, x to the photograph's right, y down, z away from the camera, see
            `weak_perspective`; None from a network without depth.
        track: number of the person in a video, from 1, see `deephar.inference.tracks.Tracker`; None if not tracked.
        actions: probability of every action by its name, the most probable first; None where none are judged, or not
            yet.
        position_mm: (3,) of the pelvis in the axes of the camera; None without a camera, or without depth.
    """

    box_px: Floats
    pose_px: Floats
    confidence: Floats
    pose_3d_mm: Floats | None = None
    track: int | None = None
    actions: dict[str, float] | None = None
    position_mm: Floats | None = None

    @property
    def score(self) -> float:
        """Mean confidence of the joints in [0, 1]: how sure the network is that it sees a whole person."""
        return float(np.mean(self.confidence))

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
    def from_dict(cls, stored: Mapping[str, typing.Any]) -> "Person":
        """The person that `to_dict` described.

        Raises:
            ValueError: for a dict that is none.
        """
        try:
            x, y, width, height = np.asarray(stored["box"], dtype=np.float64)
            pose, confidence = (np.asarray(stored[name], dtype=np.float64) for name in ("pose", "confidence"))
            space, position = (
                np.asarray(stored[name], dtype=np.float64) if name in stored else None
                for name in ("pose_3d", "position")
            )
            if pose.shape != (len(confidence), 2) or (space is not None and space.shape != (len(pose), 3)):
                raise ValueError(f"pose {pose.shape} of {len(confidence)} joints")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"Expected a person as deephar writes it. Received: {error}") from None
        box = np.array([x, y, x + width, y + height])
        return cls(box, pose, confidence, space, stored.get("track"), stored.get("actions"), position)
