"""People cut out of their photographs and packed in one zip of small JPEG files: quick to read, easy to carry about.

The zip holds `labels.npz`, with `about`, JSON of the format's name and the joints' layout, and the fields of the
samples as arrays by person; and `00000.jpg` and so on, the square around each.
"""

import dataclasses
import io
import json
import pathlib
import zipfile

import numpy as np
from PIL import Image
from tqdm import tqdm

from deephar import layouts
from deephar.data.readers.archive import Archive
from deephar.data.readers.base import PoseDataset, Sample
from deephar.data.readers.reading import reading
from deephar.data.samples.frames import open_image
from deephar.data.samples.squares import square_around
from deephar.files import whole_file
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Path

FORMAT = "deephar-crops-1"
_LABELS = "labels.npz"
_NUMBERS = ("pose_px", "center_px", "window_px", "head_px", "root_mm", "window_mm")
"""Fields of a `Sample` that are numbers; the weights of joints beside them are NaN where there are none, and so are
`rough_px` (K, 2), which older files lack."""


def _picture(index: int) -> str:
    return f"{index:05d}.jpg"


def pack(
    reader: PoseDataset, path: Path, side: int = 172, windows: float = 1.4, quality: int = 60, progress: bool = False
) -> dict[int, str]:
    """Pack the people of a reader; cameras are left out.

    Args:
        reader: of stills.
        path: of the zip.
        side: of a picture in pixels, at most.
        windows: side of a picture, in windows of the person; what an augmented crop shows beyond it is black.
        quality: of the JPEG files, 1 to 95.
        progress: whether a bar shows it.

    Returns:
        dict of the positions of people who could not be read, and the reason of each.

    Raises:
        ValueError: if none can be read.
    """
    broken: dict[int, str] = {}
    samples: list[Sample] = []
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for index in tqdm(range(len(reader)), desc=pathlib.Path(path).name, unit="person", disable=not progress):
            try:
                sample = square_around(reader.sample(index), windows, side)
            except ValueError as error:
                broken[index] = str(error)
                continue
            archive.writestr(_picture(len(samples)), jpeg(sample.image, quality))
            samples.append(dataclasses.replace(sample, image=Image.Image()))  # only its numbers are needed
        if not samples:
            raise ValueError(f"None of {len(reader)} people can be read; the first fault: {broken.get(0, 'nobody')}")
        archive.writestr(_LABELS, _labels(samples, reader.layout))
    return broken


def jpeg(image: Image.Image, quality: int) -> bytes:
    """An RGB picture as a JPEG file of some quality, 1 to 95."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return content.getvalue()


def _labels(samples: list[Sample], layout: PoseLayout) -> bytes:
    nothing = np.full(len(layout), np.nan)
    arrays = {name: np.stack([getattr(sample, name) for sample in samples]) for name in _NUMBERS}
    arrays["joint_weight"] = np.stack([nothing if s.joint_weight is None else s.joint_weight for s in samples])
    arrays["rough_px"] = _stacked([sample.rough_px for sample in samples])
    content = io.BytesIO()
    about = json.dumps({"format": FORMAT, "layout": layout.to_json()})
    names = np.array([sample.name for sample in samples])
    np.savez_compressed(content, allow_pickle=False, about=np.array(about), name=names, **arrays)
    return content.getvalue()


def _stacked(points: list[Floats | None]) -> Floats:
    """Points (K, 2) of everybody, each of another K or None, as (N, largest K, 2) with NaN behind them."""
    stacked = np.full((len(points), max((len(p) for p in points if p is not None), default=0), 2), np.nan)
    for row, own in zip(stacked, points, strict=True):
        row[: 0 if own is None else len(own)] = np.nan if own is None else own
    return stacked


class Packed:
    """Reader of what `pack` has written.

    Args:
        path: the zip.

    Raises:
        ValueError: if it is missing, damaged, or something else.
    """

    def __init__(self, path: Path) -> None:
        self._files = Archive(path, "packed people")
        with reading(pathlib.Path(path), f"people packed as {FORMAT}"):
            with np.load(io.BytesIO(self._files.read(_LABELS)), allow_pickle=False) as file:
                self._labels = {name: file[name] for name in file.files}
            about = json.loads(str(self._labels["about"]))
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']}")
            self.layout: PoseLayout = layouts.from_json(about["layout"])
            count = len(self._labels["name"])
            self._labels.setdefault("rough_px", np.empty((count, 0, 2)))
            if any(len(self._labels[name]) != count for name in (*_NUMBERS, "joint_weight", "rough_px")):
                raise ValueError("its arrays have different lengths")
            if self._labels["pose_px"].shape[1:2] != (len(self.layout),):
                raise ValueError(f"its poses are not of layout {self.layout.name}")
            if self._labels["rough_px"].shape[2:] != (2,):
                raise ValueError("its rough_px are not (people, points, 2)")

    @property
    def names(self) -> list[str]:
        """Of the samples that were packed."""
        return self._labels["name"].tolist()

    def __len__(self) -> int:
        return len(self._labels["name"])

    def sample(self, index: int) -> Sample:
        """The person at a position: a `Sample` in pixels of the packed picture, without a camera."""
        name = str(self._labels["name"][index])
        weight, rough = (self._labels[field][index] for field in ("joint_weight", "rough_px"))
        image = open_image(self._files.read(_picture(index)), f"{name} in {self._files.path.name}")
        pose, center, window, head, root, width = (self._labels[field][index] for field in _NUMBERS)
        known = None if np.isnan(weight).any() else weight
        about = None if np.isnan(rough).all() else rough
        numbers = float(head), float(root), float(width)
        return Sample(name, image, pose, center, window, *numbers, joint_weight=known, rough_px=about)
