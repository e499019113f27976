"""Photographs of people without joint labels, and joints from external annotations or predictions."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from deephar import geometry, layouts
from deephar.data.readers.archive import Archive
from deephar.data.readers.base import PoseDataset, Sample
from deephar.data.readers.pose_files import PoseFile
from deephar.data.samples.consensus import TOLERANCE, consensus
from deephar.data.samples.frames import open_image, upright_size
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Path

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")

ABOVE_SHOULDERS = 0.6
"""Height of the crown of an upright head above the shoulders, as a fraction of the distance from hips to shoulders."""


class Photographs:
    """Reader of all photographs in a folder or zip, without any labels.

    Args:
        path: folder or zip.
        part: slice of the photographs, sorted by name; all by default.
        layout: of the joints to be added from elsewhere, a `PoseLayout` or a name.

    Raises:
        ValueError: if there is no such folder or zip, or no photograph in it.
    """

    def __init__(self, path: Path, part: slice = slice(None), layout: PoseLayout | str = "lsp14") -> None:
        self._files = Archive(path, "photographs")
        self.layout: PoseLayout = layouts.get(layout)
        self.names: list[str] = [name for name in self._files.names if _is_photograph(name)][part]
        if not self.names:
            raise ValueError(f"No photographs ({', '.join(SUFFIXES)}) in {path}")

    def __len__(self) -> int:
        return len(self.names)

    def sample(self, index: int) -> Sample:
        """The photograph at a position: a `Sample` with no joint located, whose window is the whole photograph."""
        name = self.names[index]
        image = open_image(self._files.read(name), name)
        size = np.array(upright_size(image, name), dtype=np.float64)
        nothing = np.full((len(self.layout), 2), np.nan)
        return Sample(name, image, nothing, size / 2, np.full(2, size.max()), joint_weight=np.zeros(len(nothing)))


def _is_photograph(name: str) -> bool:
    """By its suffix; the "._a.jpg" files that macOS puts beside others do not count."""
    return name.lower().endswith(SUFFIXES) and not name.split("/")[-1].startswith("._")


class SeenByOthers:
    """A reader whose poses are fused with those from files, joint by joint (`deephar.data.samples.consensus`).

    Args:
        reader: of stills, with or without its own joints; without depth.
        files: list of `deephar.data.readers.pose_files.PoseFile`.
        tolerance: see `consensus`.
    """

    def __init__(self, reader: PoseDataset, files: Iterable[PoseFile], tolerance: float = TOLERANCE) -> None:
        self.reader = reader
        self.files: list[PoseFile] = list(files)
        self.tolerance = tolerance
        self.layout: PoseLayout = reader.layout
        self._fused: dict[int, dict[str, Floats]] = {}

    def __len__(self) -> int:
        return len(self.reader)

    def sample(self, index: int) -> Sample:
        """The person at a position: the reader's `Sample` with the fused pose, its window and the joints' weights.

        The window, and `Sample.rough_px`, are also of joints on which the sources disagree: of the median of these.
        """
        sample = self.reader.sample(index)
        if index not in self._fused:
            self._fused[index] = self._fuse(sample)
        return dataclasses.replace(sample, **{name: field.copy() for name, field in self._fused[index].items()})

    def _fuse(self, sample: Sample) -> dict[str, Floats]:
        """The fields of a `Sample` that fusion changes."""
        others = [layouts.rearrange(f.pose_px(sample.name), f.layout, self.layout) for f in self.files]
        poses = np.stack([sample.pose_px, *others])
        try:
            pose, weights = consensus(poses, self.layout, self.tolerance)
            extent = _with_crown(np.where(np.isfinite(pose), pose, _medians(poses)), self.layout)
            center, window = geometry.person_window(geometry.points_box(extent))
        except ValueError as error:
            raise ValueError(f"{sample.name}: {error}") from None
        fused = {"pose_px": pose, "center_px": center, "window_px": window}
        return fused | {"joint_weight": weights, "rough_px": extent}


def _medians(poses: Floats) -> Floats:
    """Medians (J, 2) of poses (S, J, 2), NaN where no source has the joint."""
    located = np.ma.masked_invalid(poses)
    return np.ma.median(located, axis=0).filled(np.nan)


def _with_crown(pose: Floats, layout: PoseLayout) -> Floats:
    """A pose (J, 2) and, if its head top is not located, a point where the crown should be: (J or J + 1, 2)."""
    if "head_top" in layout.places and np.isfinite(pose[layout.index("head_top")]).all():
        return pose
    ends = [pose[[layout.index(f"{side}_{joint}") for side in "rl"]] for joint in ("shoulder", "hip")]
    shoulders, hips = (_middle(end) for end in ends)
    return np.concatenate([pose, [shoulders + ABOVE_SHOULDERS * (shoulders - hips)]])


def _middle(points: Floats) -> Floats:
    located = np.isfinite(points).all(axis=-1)
    return points[located].mean(axis=0) if located.any() else np.full(2, np.nan)
