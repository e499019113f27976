"""Depth of people in photographs, as another network sees it: metric joints, brought to the scale of the photograph."""

import dataclasses
import pathlib

import numpy as np

from deephar import checks, layouts, metrics
from deephar.data.readers.base import PoseDataset, Sample
from deephar.data.readers.pose_files import by_name, key, read_npz
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Path

LEAST_JOINTS = 6
"""Of a person, for its scale to be known."""

TOLERANCE = 0.3
"""In torsos, between a joint in the photograph and the metric one in the same view; beyond, its depth is masked."""


class SpaceFile:
    """Metric joints by the name of the photograph, out of an .npz.

    It holds `name` (N,), file names, and an array (N, J, 3 or more): x to the right, y down and z away from the camera
    in mm, about the middle of the hips, then what is not read but for one column of doubt in mm.

    Args:
        path: of the file.
        layout: of the joints, a `PoseLayout` or a name.
        array: name of the array.
        doubt: column of how far off a joint may be, e.g. from what the network sees in the mirrored photograph; None
            where there is none.
        most: joints of a greater doubt, in mm, are not located.

    Raises:
        ValueError: if the file is missing, damaged, or its joints are not those of the layout.
    """

    def __init__(
        self, path: Path, layout: PoseLayout | str, array: str = "pose_mm", doubt: int | None = 3, most: float = 150.0
    ) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self.layout: PoseLayout = layouts.get(layout)
        checks.between("most", most, 0, low_included=False)
        names, stored, _ = read_npz(self.path, array)
        if stored.ndim != 3 or stored.shape[:2] != (len(names), len(self.layout)) or stored.shape[2] < 3:
            raise ValueError(
                f"{self.path} must have (N, {len(self.layout)}, 3 or more) joints of {self.layout.name} for its "
                f"{len(names)} names. Received: {stored.shape}"
            )
        pose_mm = stored[..., :3].copy()
        pose_mm[~np.isfinite(pose_mm).all(axis=-1)] = np.nan
        if doubt is not None and stored.shape[2] > doubt:
            pose_mm[~(stored[..., doubt] <= most)] = np.nan
        self._poses = by_name(self.path, names, pose_mm)

    def __len__(self) -> int:
        return len(self._poses)

    def pose_mm(self, name: str) -> Floats:
        """Joints (J, 3) of a photograph by its name; all NaN where the file has none of it."""
        found = self._poses.get(key(name))
        return np.full((len(self.layout), 3), np.nan) if found is None else found.copy()


class WithDepth:
    """A reader of photographs whose poses are given the depth that a file knows; the x and y stay the reader's.

    Args:
        reader: of stills, without depth; its layout has shoulders and hips.
        file: `SpaceFile`.
        tolerance: see `TOLERANCE`.
    """

    def __init__(self, reader: PoseDataset, file: SpaceFile, tolerance: float = TOLERANCE) -> None:
        self.reader = reader
        self.file = file
        self.tolerance = tolerance
        self.layout: PoseLayout = reader.layout

    def __len__(self) -> int:
        return len(self.reader)

    def sample(self, index: int) -> Sample:
        """The person at a position: the reader's `Sample`, a depth where it is known, and the window's width in mm."""
        sample = self.reader.sample(index)
        pose_mm = layouts.rearrange(self.file.pose_mm(sample.name), self.file.layout, self.layout)
        depth, px_per_mm = seen_depth(sample.pose_px[:, :2], pose_mm, self.layout, self.tolerance)
        pose_px = np.concatenate([sample.pose_px[:, :2], depth[:, None]], axis=1)
        width = {"window_mm": float(sample.window_px[0] / px_per_mm)} if np.isfinite(px_per_mm) else {}
        return dataclasses.replace(sample, pose_px=pose_px, root_mm=0.0, **width)


def seen_depth(pose_px: Floats, pose_mm: Floats, layout: PoseLayout, tolerance: float) -> tuple[Floats, float]:
    """Depth of joints that fit what the photograph shows, and the scale: weak perspective, by least squares.

    Args:
        pose_px: (J, 2) in the photograph, NaN where not located.
        pose_mm: (J, 3) x to the right, y down, z away from the camera, NaN where not located.
        layout: of both.
        tolerance: in torsos, see `TOLERANCE`.

    Returns:
        (J,) mm about the origin of `pose_mm`, NaN where not known; and pixels per mm, NaN if no scale fits.
    """
    nothing = np.full(len(pose_px), np.nan), np.nan
    torso, both = metrics.torso_size(pose_px[None], layout)[0], np.isfinite(pose_px[:, 0]) & np.isfinite(pose_mm[:, 0])
    if both.sum() < LEAST_JOINTS or not np.isfinite(torso):
        return nothing
    flat, shown = pose_mm[both, :2] - pose_mm[both, :2].mean(axis=0), pose_px[both] - pose_px[both].mean(axis=0)
    px_per_mm = float(np.sum(flat * shown) / np.sum(flat**2))
    if px_per_mm <= 0:
        return nothing
    off = np.full(len(pose_px), np.inf)
    off[both] = np.linalg.norm(px_per_mm * flat - shown, axis=1)
    return np.where(off <= tolerance * torso, pose_mm[:, 2], np.nan), px_per_mm
