"""What every reader of still images gives: samples, one person in one photograph."""

import dataclasses
import typing

import numpy as np
from PIL import Image

from deephar.layouts import PoseLayout


@dataclasses.dataclass(frozen=True)
class Sample:
    """One person in one photograph.

    Attributes:
        name: where it comes from, for messages.
        image: opened, not yet decoded photograph.
        pose_px: (J, D) float64 in source pixels, NaN where not located.
        box_px: (4,) float64, the person's box before any margin.
    """

    name: str
    image: Image.Image
    pose_px: np.ndarray
    box_px: np.ndarray


class PoseDataset(typing.Protocol):
    """The protocol of a reader: a layout, a length, a sample by position."""

    layout: PoseLayout

    def __len__(self) -> int: ...

    def sample(self, index: int) -> Sample: ...
