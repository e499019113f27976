"""From poses about the pelvis to places in front of a camera, whose focal length is known."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from deephar import anatomy, checks
from deephar.inference import optics
from deephar.inference.lens import Lens
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.layouts import PoseLayout
from deephar.typed import Floats

MEASURED = ("knee", "ankle", "elbow", "wrist")
"""Bones by whose lengths a person's size is told, by the names of their far ends; both sides."""

ABOVE = {"knee": "hip", "ankle": "knee", "elbow": "shoulder", "wrist": "elbow"}

BONES = [(f"{side}_{ABOVE[end]}", f"{side}_{end}") for side in "rl" for end in MEASURED]
"""Their near and far ends."""


class Place:
    """Gives people their place before the camera: `PosePredictor.stream(video, then=[Place(fov_degrees=60)])`.

    A picture does not say how large somebody is: everybody is taken to be of the same height, by the lengths of arms
    and legs, and 3D poses are scaled to it. Who is a tenth taller than that comes out a tenth too near.
    The place is the one from which the pose's joints project nearest to where they are seen.

    Args:
        focal_px: focal length in pixels; by default what `fov_degrees`, or else the photograph's EXIF data say. Where
            nothing does, results stay as they are.
        fov_degrees: field of view along the longer side.
        principal_px: (x, y) where the optical axis meets the picture; its middle by default.
        height_mm: of the people.
        lens: of a calibrated camera, in place of the first three; distortion is undone.

    Raises:
        ValueError: for numbers that are out of range, and a lens beside others of them.
    """

    def __init__(
        self,
        focal_px: float | None = None,
        fov_degrees: float | None = None,
        principal_px: Sequence[float] | None = None,
        height_mm: float = anatomy.HEIGHT_MM,
        lens: Lens | None = None,
    ) -> None:
        if lens is not None and any(one is not None for one in (focal_px, fov_degrees, principal_px)):
            raise ValueError("`lens` says what `focal_px`, `fov_degrees` and `principal_px` would. Received: both")
        if focal_px is not None:
            checks.between("focal_px", focal_px, 0, low_included=False)
        if fov_degrees is not None:
            checks.between("fov_degrees", fov_degrees, 1e-3, 179.0)
        self.focal_px: float | None = focal_px
        self.fov_degrees: float | None = fov_degrees
        self.principal_px: Sequence[float] | None = principal_px
        self.height_mm: float = checks.between("height_mm", height_mm, 0, low_included=False)
        self.lens: Lens | None = lens

    def __call__(self, result: Result) -> Result:
        """A result whose people with 3D poses have `position_mm`, where the focal length is known."""
        lens = self.lens or self._simple(result)
        if lens is None:
            return result
        return dataclasses.replace(result, people=[self._placed(person, result, lens) for person in result.people])

    def _simple(self, result: Result) -> Lens | None:
        """A lens without distortion; None where the focal length is not known."""
        focal = self._focal(result)
        if math.isnan(focal):
            return None
        x, y = np.divide(result.size, 2) if self.principal_px is None else self.principal_px
        return Lens((focal, focal), (float(x), float(y)))

    def _focal(self, result: Result) -> float:
        if self.focal_px is not None:
            return self.focal_px
        if self.fov_degrees is None and not {end for bone in BONES for end in bone} <= set(result.layout.names):
            return math.nan  # nobody asked for a place, which these joints do not tell
        return result.focal_px if self.fov_degrees is None else optics.focal_of_view(self.fov_degrees, result.size)

    def _placed(self, person: Person, result: Result, lens: Lens) -> Person:
        if person.pose_3d_mm is None:
            return person
        space = person.pose_3d_mm * (self.height_mm / height_of(person.pose_3d_mm, result.layout))
        position = place(space, lens.slopes(person.pose_px, result.size), person.confidence)
        return person if position is None else dataclasses.replace(person, pose_3d_mm=space, position_mm=position)


def height_of(pose_mm: Floats, layout: PoseLayout) -> float:
    """Height in mm of a person with arms and legs of such lengths, by `deephar.anatomy.BONES`.

    Args:
        pose_mm: (J, 3).
        layout: of the joints.
    """
    lengths = np.linalg.norm([pose_mm[layout.index(far)] - pose_mm[layout.index(near)] for near, far in BONES], axis=1)
    return float(max(lengths.sum(), 1.0) / (2 * sum(anatomy.BONES[end] for end in MEASURED)))


def place(pose_mm: Floats, slopes: Floats, weights: Floats) -> Floats | None:
    """Where a pose is whose joints are seen in such places, by weighted least squares.

    Args:
        pose_mm: (J, 3) about the pelvis, in the axes of the camera.
        slopes: (J, 2), x / z and y / z at which they are seen; NaN where that is unknown.
        weights: (J,) of the joints.

    Returns:
        (3,) mm of the pelvis in the axes of the camera; None if that is not before the camera.
    """
    known = np.isfinite(slopes).all(axis=1)
    if not known.any():
        return None
    pose_mm, slope, weights = pose_mm[known], slopes[known], weights[known]
    rows = np.zeros((len(pose_mm), 2, 3))
    rows[:, 0, 0] = rows[:, 1, 1] = 1.0
    rows[:, :, 2] = -slope
    right = slope * pose_mm[:, 2:] - pose_mm[:, :2]
    root = np.sqrt(np.maximum(weights, 1e-6))[:, None]
    rows, right = rows * root[..., None], right * root
    position = np.linalg.lstsq(rows.reshape(-1, 3), right.ravel(), rcond=None)[0]
    return position if position[2] > 0 else None
