"""Where a pose network is good and where it is not: by posture, by how much is seen, and by how sure it says it is."""

import typing

import numpy as np

from deephar import checks
from deephar.evaluation import pose2d
from deephar.layouts import PoseLayout
from deephar.typed import Bools, Floats, Ints

POSTURES = ("upright", "leaning", "lying", "upside down")
TURNS = (30.0, 60.0, 120.0)
"""Of the trunk away from the vertical, in degrees, where one posture ends and the next begins."""

STRETCHED = 150.0
"""Angle at the knee, in degrees, from which a leg is straight."""

LEGS = ("straight legs", "one leg bent", "both legs bent")


class Share(typing.NamedTuple):
    """How many joints of a group of people are found.

    Attributes:
        percent: correct joints; NaN if there are none.
        people: in the group.
    """

    percent: float
    people: int


class Calibration(typing.TypedDict):
    """How often joints are found, by their confidence; see `calibration`."""

    confidence: list[float]
    found: list[float]
    joints: list[int]
    error: float


def turns(pose: Floats, layout: PoseLayout) -> Floats:
    """Angles of trunks away from the upright, in degrees.

    Args:
        pose: (N, J, 2 or more), x to the right and y down, NaN where not located.
        layout: of the joints; has shoulders and hips.

    Returns:
        float64 (N,) in [0, 180]: 0 with the shoulders' middle above the hips', 180 upside down; NaN without these.
    """
    up = _middle(pose, layout, "shoulder") - _middle(pose, layout, "hip")
    return np.degrees(np.arctan2(np.abs(up[:, 0]), -up[:, 1]))


def knees(pose: Floats, layout: PoseLayout) -> Floats:
    """Angles at the right and the left knee in the picture, in degrees: (N, 2), 180 if straight, NaN if unknown."""
    hip, knee, ankle = (
        np.stack([pose[:, layout.index(f"{side}_{joint}"), :2] for side in "rl"], axis=1)
        for joint in ("hip", "knee", "ankle")
    )
    thigh, shin = hip - knee, ankle - knee
    cosine = np.sum(thigh * shin, axis=-1) / np.maximum(np.linalg.norm(thigh, axis=-1), 1e-9)
    return np.degrees(np.arccos(np.clip(cosine / np.maximum(np.linalg.norm(shin, axis=-1), 1e-9), -1, 1)))


def by_posture(predictions: pose2d.Predictions, layout: PoseLayout, threshold: float = 0.2) -> dict[str, Share]:
    """PCK of the torso for people in each posture (`POSTURES`), and with straight and bent legs (`LEGS`).

    Args:
        predictions: `deephar.evaluation.pose2d.Predictions`; the annotated pose decides on the group.
        layout: of their joints.
        threshold: in torso sizes.
    """
    true = predictions.true_px[..., :2]
    angle, bent = turns(true, layout), (knees(true, layout) < STRETCHED).sum(axis=1)
    hits, counted = _hits(predictions, layout, threshold)
    known = np.isfinite(knees(true, layout)).all(axis=1)
    groups: dict[str, Bools] = {
        name: np.isfinite(angle) & (np.digitize(angle, TURNS) == number) for number, name in enumerate(POSTURES)
    }
    groups |= {name: known & (bent == number) for number, name in enumerate(LEGS)}
    return {name: _share(hits, counted & chosen[:, None]) for name, chosen in groups.items()}


def within_crop(predictions: pose2d.Predictions, layout: PoseLayout, threshold: float = 0.2) -> Share:
    """PCK of the torso, of the joints that the crop shows alone: for crops of parts of people.

    Args:
        predictions, layout, threshold: see `by_posture`.
    """
    hits, counted = _hits(predictions, layout, threshold)
    return _share(hits, counted & predictions.inside)


def calibration(
    predictions: pose2d.Predictions, layout: PoseLayout, threshold: float = 0.2, bins: int = 10
) -> Calibration:
    """How often joints are found, by the confidence that the network gives them.

    Args:
        predictions, layout, threshold: see `by_posture`.
        bins: of equal width in [0, 1].

    Returns:
        dict: `confidence` (mean) and `found` (share within the threshold) of the joints in every bin that is not
        empty, `joints` (their number), and `error`, the expected calibration error: the mean difference between the
        two, weighted by the joints.
    """
    bins = checks.whole("bins", bins)
    hits, counted = _hits(predictions, layout, threshold)
    confidence = predictions.visibility[-1]
    place: Ints = np.minimum((confidence * bins).astype(int), bins - 1)
    chosen = [counted & (place == number) for number in range(bins)]
    rows = [(float(confidence[c].mean()), float(hits[c].mean()), int(c.sum())) for c in chosen if c.any()]
    confidences, found, joints = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    gaps = np.abs(np.subtract(confidences, found))
    error = float(np.average(gaps, weights=joints)) if rows else float("nan")
    return {"confidence": confidences, "found": found, "joints": joints, "error": error}


def _hits(predictions: pose2d.Predictions, layout: PoseLayout, threshold: float) -> tuple[Bools, Bools]:
    """Which joints (N, J) are within the threshold, and which count."""
    distance = np.linalg.norm(pose2d.errors(predictions, layout), axis=-1)
    counted = np.isfinite(distance)
    return counted & (distance <= threshold), counted


def _share(hits: Bools, counted: Bools) -> Share:
    percent = 100 * float(hits[counted].mean()) if counted.any() else float("nan")
    return Share(percent, int(counted.any(axis=1).sum()))


def _middle(pose: Floats, layout: PoseLayout, joint: str) -> Floats:
    return (pose[:, layout.index(f"r_{joint}"), :2] + pose[:, layout.index(f"l_{joint}"), :2]) / 2
