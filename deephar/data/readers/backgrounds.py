"""Windows beside the people in photographs: negatives, in which a network must learn to find nobody."""

import numpy as np
from PIL import Image

from deephar import geometry
from deephar.data.readers.base import PoseDataset, Sample
from deephar.data.samples.frames import to_rgb, upright_size, warp
from deephar.layouts import PoseLayout
from deephar.typed import Floats

LEAST_PX, MOST_PX = 24, 4096
"""Side of the smallest window, and of the largest picture of one."""

MARGIN = 0.12
"""Gap between the outermost joint, certain or not, and the nearest window, as a fraction of the person's height."""

LEAST_JOINTS = 10
"""Fewest located joints for a person's extent to be known."""


class Backgrounds:
    """Square windows to either side of a standing person; photographs without room there are skipped.

    Args:
        reader: reader of stills that show one standing person and nobody else.
        seed: the same seed and position give the same window.

    Raises:
        ValueError: if there is no room beside anybody.
    """

    def __init__(self, reader: PoseDataset, seed: int = 0) -> None:
        self.reader = reader
        self.seed = seed
        self.layout: PoseLayout = reader.layout
        self._places: list[tuple[int, list[tuple[float, float]]]] = []
        fault = "nobody is located, or there is no room"
        for index in range(len(reader)):
            try:
                strips = _free(reader.sample(index))
            except ValueError as error:
                fault = str(error)
                continue
            if strips:
                self._places.append((index, strips))
        if not self._places:
            raise ValueError(
                f"None of {len(reader)} photographs has {LEAST_PX} pixels of background beside a person: {fault}"
            )

    def __len__(self) -> int:
        return len(self._places)

    def sample(self, index: int) -> Sample:
        """A window at a position: a `Sample` whose joints are all known to be absent."""
        place, strips = self._places[index]
        sample = self.reader.sample(place)
        generator = np.random.default_rng([self.seed, index])
        left, right = strips[generator.integers(len(strips))]
        height = upright_size(sample.image, sample.name)[1]
        side = generator.uniform(LEAST_PX, min(right - left, height))
        corner = generator.uniform((left, 0.0), (right - side, height - side))
        name = f"{sample.name}, beside the person"
        return nobody(name, sample.image, corner + side / 2, np.full(2, side), self.layout)


def picture(sample: Sample, most: int | None = None) -> Image.Image:
    """The square window of a sample as a picture of as many pixels, or of `most` a side at most."""
    side = min(round(float(sample.window_px[0])), most or MOST_PX)
    window = geometry.window_to_crop(sample.center_px, sample.window_px)
    return Image.fromarray(warp(to_rgb(sample.image, sample.name), window, (side, side)))


def nobody(name: str, image: Image.Image, center_px: Floats, window_px: Floats, layout: PoseLayout) -> Sample:
    """A `Sample` of a window that is known to show nobody."""
    joints = len(layout)
    return Sample(
        name, image, np.full((joints, 2), np.nan), center_px, window_px, joint_weight=np.ones(joints)
    )  # fmt: skip


def _free(sample: Sample) -> list[tuple[float, float]]:
    """Left and right edges of the strips beside a person that are wide enough."""
    width, height = upright_size(sample.image, sample.name)
    if np.isfinite(sample.pose_px[:, :2]).all(axis=1).sum() < LEAST_JOINTS or height < LEAST_PX:
        return []
    x1, y1, x2, y2 = geometry.points_box(sample.extent_px)
    spare = MARGIN * (y2 - y1)
    strips = [(0.0, min(x1 - spare, float(width))), (max(x2 + spare, 0.0), float(width))]
    return [(left, right) for left, right in strips if right - left >= LEAST_PX]
