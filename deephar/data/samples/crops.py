"""A cropped sample: the network's input, the joints in crop coordinates, and the map back to the photograph."""

import dataclasses
import math

import numpy as np

from deephar import layouts
from deephar.camera import Camera
from deephar.data.readers.base import PoseDataset
from deephar.data.samples import augment, frames, parts
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Pixels, Size


@dataclasses.dataclass(frozen=True)
class Crop:
    """One person, ready for the network.

    Attributes:
        name: of the sample.
        pixels: uint8 (H, W, 3).
        power: exponents of their channels, see `deephar.data.samples.frames.to_input`.
        px_to_crop: (3, 3), source pixels to [0, 1] of the crop.
        pose_px: (J, D) in source pixels, NaN where not located; a third column is the depth in mm.
        pose_crop: (J, D) in crop coordinates, sides swapped if mirrored, NaN also where the photograph was cut off;
            depth as in `geometry.depth_to_crop`.
        head_px: head size for PCKh in source pixels, NaN if there is none.
        root_mm: depth of the root joint, NaN without depth.
        depth_scale: of the crop's depth range, see `augment.depth_scale`.
        camera: see `deephar.data.readers.base.Sample`.
        joint_weight: likewise, sides swapped if mirrored.
    """

    name: str
    pixels: Pixels
    power: tuple[float, ...]
    px_to_crop: Floats
    pose_px: Floats
    pose_crop: Floats
    head_px: float = math.nan
    root_mm: float = math.nan
    depth_scale: float = 1.0
    camera: Camera | None = None
    joint_weight: Floats | None = None

    @property
    def image(self) -> Floats:
        """The network's input, float32 (H, W, 3) in [-1, 1], computed anew."""
        return frames.to_input(self.pixels, self.power)

    @property
    def shows_nobody(self) -> bool:
        """Whether all joints are known to be absent."""
        weight = self.joint_weight
        return weight is not None and bool(np.all(weight == 1) and np.isnan(self.pose_crop).all())


def make_crop(
    dataset: PoseDataset, index: int, size: Size, variation: augment.Draw | None = None, truncate_corners: bool = False
) -> Crop:
    """Crop one person from a photograph.

    Args:
        dataset: a reader, see `deephar.data.readers.base.PoseDataset`.
        index: position in it.
        size: (height, width) of the crop in pixels.
        variation: `deephar.data.samples.augment.Draw`, or None for the unaugmented crop.
        truncate_corners: see `deephar.data.samples.augment.px_to_crop`.

    Returns:
        `Crop`.

    Raises:
        ValueError: if the photograph cannot be read; the message names it.
    """
    sample = dataset.sample(index)
    variation = variation or augment.Draw()
    try:
        px_to_crop = augment.px_to_crop(sample, variation, truncate_corners)
    except ValueError as error:
        raise ValueError(f"{sample.name}: {error}") from None
    end = augment.edge(sample.extent_px, variation)
    pixels = frames.cut(sample.image, px_to_crop, (size[1], size[0]), sample.name)
    pixels = augment.cover(parts.blacken(pixels, end, px_to_crop), variation.patches)
    scale = augment.depth_scale(sample, variation)
    pose_px = parts.within(sample.pose_px, end)
    pose_crop = augment.pose_to_crop(pose_px, px_to_crop, variation.flip, dataset.layout, sample.root_mm, scale)
    weight = sample.joint_weight
    if weight is not None and variation.flip:
        weight = weight[dataset.layout.flip]
    return Crop(
        sample.name, pixels, variation.power, px_to_crop, sample.pose_px, pose_crop, sample.head_px, sample.root_mm,
        scale, sample.camera, weight,
    )  # fmt: skip


def rearranged_weight(weight: Floats | None, source: PoseLayout, target: PoseLayout) -> Floats | None:
    """Weights of joints (J,) of one layout in the order of another, 0 for joints that it lacks; None stays None."""
    if weight is None:
        return None
    return np.nan_to_num(layouts.rearrange(weight[:, None], source, target)[:, 0])


class Crops:
    """The crops of a reader, one by one, for evaluation.

    Args:
        dataset: a reader.
        size: (height, width) of the crops in pixels.
        layout: of the poses; the reader's by default. Joints are matched by name.
        variation: `deephar.data.samples.augment.Draw`, the same for every crop; None for the unaugmented crop.
        truncate_corners: see `deephar.data.samples.augment.px_to_crop`.
    """

    def __init__(
        self,
        dataset: PoseDataset,
        size: Size,
        layout: PoseLayout | None = None,
        variation: augment.Draw | None = None,
        truncate_corners: bool = False,
    ) -> None:
        self.dataset = dataset
        self.size: Size = (size[0], size[1])
        self.layout: PoseLayout = layout or dataset.layout
        self.variation = variation
        self.truncate_corners = truncate_corners

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Crop:
        if not 0 <= index < len(self):
            raise IndexError(index)
        crop = make_crop(self.dataset, index, self.size, self.variation, self.truncate_corners)
        return dataclasses.replace(
            crop,
            pose_px=layouts.rearrange(crop.pose_px, self.dataset.layout, self.layout),
            pose_crop=layouts.rearrange(crop.pose_crop, self.dataset.layout, self.layout),
            joint_weight=rearranged_weight(crop.joint_weight, self.dataset.layout, self.layout),
        )


DISPLACEMENTS = ((0.0, 0.0), (0.02, 0.02), (0.02, -0.02), (-0.02, 0.02), (-0.02, -0.02))
"""Shifts for multi-crop evaluation, in window sizes. The paper uses 5 crops; it does not state the shifts."""


def displaced_crops(dataset: PoseDataset, size: Size, layout: PoseLayout | None = None) -> list[Crops]:
    """The crops of a reader once for each of `DISPLACEMENTS`, as a list of `Crops`."""
    draws = [augment.Draw(shift=shift, shift_unit="window") for shift in DISPLACEMENTS]
    return [Crops(dataset, size, layout, draw) for draw in draws]
