"""What every reader of still images gives: samples, one person in one photograph."""

import dataclasses
import math
import typing

import numpy as np
from PIL import Image

from deephar.layouts import PoseLayout


@dataclasses.dataclass(frozen=True)
class Sample:
    """One person in one photograph.

    Attributes:
        name: where it comes from, for messages.
        image: opened, not yet decoded photograph; to be decoded once.
        pose_px: (J, D) float64 in source pixels, NaN where not located.
        center_px, window_px: (2,) float64, centre and size of the plain crop, margin included.
        head_px: head size for PCKh in source pixels; NaN where the dataset has none.
    """

    name: str
    image: Image.Image
    pose_px: np.ndarray
    center_px: np.ndarray
    window_px: np.ndarray
    head_px: float = math.nan


class PoseDataset(typing.Protocol):
    """The protocol of a reader: a layout, a length, a sample by position."""

    layout: PoseLayout

    def __len__(self) -> int: ...

    def sample(self, index: int) -> Sample: ...
