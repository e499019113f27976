"""How far 3D poses agree with what another network sees in photographs, of which nobody knows the truth."""

import typing

import numpy as np

from deephar import geometry, layouts, metrics3d
from deephar.evaluation import pose2d
from deephar.layouts import PoseLayout
from deephar.typed import Array, Floats, Network

AGREEING = 6
"""Joints of a person, at least."""


class MetricPoses(typing.Protocol):
    """Joints (J, 3) in mm by the name of a photograph, see `deephar.data.readers.space_files.SpaceFile`."""

    layout: PoseLayout

    def pose_mm(self, name: str) -> Floats: ...


class Agreement(typing.TypedDict):
    """See `agreement`."""

    pa_mpjpe: float
    people: int
    joints: int


def agreement(
    model: Network, crops: pose2d.Crops, file: MetricPoses, *, flip: bool = False, on_broken: str = "raise"
) -> Agreement:
    """PA-MPJPE of poses on photographs against the metric joints that another network sees there: no truth.

    Args:
        model: a pose network of 3 coordinates.
        crops: see `deephar.evaluation.pose2d.predict`; they need neither depth nor cameras.
        file: `deephar.data.readers.space_files.SpaceFile`; joints are matched by name.
        flip: average with the mirrored crop.
        on_broken: see `deephar.evaluation.pose2d.predict`.

    Returns:
        dict: `pa_mpjpe` in mm, of `joints` joints of `people` people: of whom the file knows at least `AGREEING`, as of
        a few joints any pose can be turned to fit.
    """

    def gather(batch: list[pose2d.Crop], poses: Floats, _: Floats) -> tuple[tuple[Floats], tuple[Array]]:
        return (poses,), (np.array([crop.name for crop in batch], dtype=object),)

    (poses,), (names,), broken = pose2d.over_batches(model, crops, gather, flip=flip, on_broken=on_broken)
    rows = [row for row in range(len(names)) if row not in broken]
    seen = np.stack([layouts.rearrange(file.pose_mm(names[row]), file.layout, crops.layout) for row in rows])
    known = np.isfinite(seen).all(axis=-1)
    known &= known.sum(axis=1, keepdims=True) >= AGREEING
    depth = 2 * geometry.DEPTH_HALF_RANGE_MM
    found = poses[-1, rows] * [geometry.WINDOW_MM, geometry.WINDOW_MM, depth]
    error = metrics3d.pa_mpjpe(seen, found, known)
    return {"pa_mpjpe": error, "people": int(known.any(axis=1).sum()), "joints": int(known.sum())}
