"""Pictures by which a network is quantised: synthetic people, or photographs of the user's."""

import hashlib

import numpy as np

from deephar.data.readers.archive import Archive
from deephar.data.readers.photographs import Photographs
from deephar.data.samples.crops import Crops
from deephar.data.synthetic.people import SyntheticPeople
from deephar.typed import Floats, Path, Size

COUNT = 160
"""Pictures that are used, at most."""

LEAST = 8
"""Photographs that are needed."""

SEED = 18
"""Of the synthetic people."""


def pictures(size: Size, photographs: Path | None = None) -> Floats:
    """Pictures as a network takes them.

    Args:
        size: (height, width) of the network's input.
        photographs: folder or zip of photographs, each of one person, and shown whole; if there are more than `COUNT`,
            that many from beginning to end. None for synthetic people, always the same.

    Returns:
        float32 (N, height, width, 3) in [-1, 1], N at most `COUNT`.

    Raises:
        ValueError: if there are fewer than `LEAST`, or one cannot be read.
    """
    if photographs is None:
        return _cropped(Crops(SyntheticPeople(COUNT, (size[1], size[0]), seed=SEED), size))
    return _cropped(Crops(_chosen(photographs), size))


def fingerprint(photographs: Path | None = None) -> str:
    """A text that differs for other pictures, see `pictures`."""
    if photographs is None:
        return f"drawn {COUNT} {SEED}"
    archive = Archive(photographs, "photographs")
    return " ".join(hashlib.sha256(archive.read(name)).hexdigest() for name in _chosen(photographs).names)


def _chosen(path: Path) -> Photographs:
    found = Photographs(path)
    if len(found) < LEAST:
        raise ValueError(f"Calibration takes {LEAST} photographs or more. Received: {len(found)} in {path}")
    return Photographs(path, slice(None, None, -(-len(found) // COUNT)))


def _cropped(crops: Crops) -> Floats:
    return np.stack([crops[index].image for index in range(len(crops))])
