"""Predicted people."""

import dataclasses

import numpy as np

from deephar.typed import Floats


@dataclasses.dataclass(frozen=True)
class Person:
    """One predicted person.

    Attributes:
        box_px: (4,) x1, y1, x2, y2, given or estimated, before the margin.
        pose_px: (J, 2) in pixels of the upright photograph.
        confidence: (J,) in [0, 1], how sure the network is that the joint lies inside the crop.
        pose_3d_mm: (J, 3) from the pelvis, x to the photograph's right, y down, z away from the camera, see
            `weak_perspective`; None from a network without depth.
        track: number of the person in a video, from 1, see `deephar.inference.tracks.Tracker`; None if not tracked.
    """

    box_px: Floats
    pose_px: Floats
    confidence: Floats
    pose_3d_mm: Floats | None = None
    track: int | None = None

    @property
    def score(self) -> float:
        """Mean confidence of the joints in [0, 1]: how sure the network is that it sees a whole person."""
        return float(np.mean(self.confidence))
