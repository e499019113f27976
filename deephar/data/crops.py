"""A sample, cut out: the network's input, the joints in crop coordinates, and the way back to the photograph."""

import dataclasses

import numpy as np

from deephar.config import MISSING
from deephar.data import augment, frames


@dataclasses.dataclass(frozen=True)
class Crop:
    """One person, ready for the network.

    Attributes:
        name: of the sample.
        image: float32 (H, W, 3) in [-1, 1].
        px_to_crop: (3, 3), source pixels to [0, 1] of the crop.
        pose_px: (J, D) in source pixels, NaN where not located.
        pose_crop: (J, D) in crop coordinates, sides exchanged if mirrored.
    """

    name: str
    image: np.ndarray
    px_to_crop: np.ndarray
    pose_px: np.ndarray
    pose_crop: np.ndarray


def make_crop(dataset, index, size, variation=None):
    """Cut one person out of a photograph.

    Args:
        dataset: a reader, see `deephar.data.base.PoseDataset`.
        index: position in it.
        size: (height, width) of the crop in pixels.
        variation: `deephar.data.augment.Draw`, or None for the plain crop.

    Returns:
        `Crop`.

    Raises:
        ValueError: if the photograph cannot be read; the message names it.
    """
    sample = dataset.sample(index)
    variation = variation or augment.Draw()
    try:
        px_to_crop = augment.px_to_crop(sample.box_px, variation)
    except ValueError as error:
        raise ValueError(f"{sample.name}: {error}") from None
    pixels = frames.warp(frames.to_rgb(sample.image, sample.name), px_to_crop, size[::-1])
    pose_crop = augment.pose_to_crop(sample.pose_px, px_to_crop, variation.flip, dataset.layout)
    return Crop(sample.name, frames.to_input(pixels, variation.power), px_to_crop, sample.pose_px, pose_crop)


class Crops:
    """The plain crops of a reader, one by one, for evaluation.

    Args:
        dataset: a reader.
        size: (height, width) of the crops in pixels.
    """

    def __init__(self, dataset, size):
        self.dataset, self.size, self.layout = dataset, tuple(size), dataset.layout

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        return make_crop(self.dataset, index, self.size)


def pose_target(pose_crop, dim=2):
    """Joints in crop coordinates to the training target [coordinates, visibility] (published preprocessing).

    A joint counts as visible if it lies strictly inside the crop; any other, and any joint without a label, has
    visibility 0 and `MISSING` in all coordinates. A depth without a label is `MISSING` alone.

    Args:
        pose_crop: (..., J, 2 or 3) in [0, 1], NaN where not located.
        dim: coordinates of the target; a 2D pose in a 3D target has no depth label.

    Returns:
        float32 (..., J, dim + 1).
    """
    pose = np.full((*pose_crop.shape[:-1], dim), np.nan)
    known = min(dim, pose_crop.shape[-1])
    pose[..., :known] = pose_crop[..., :known]
    visible = np.all((pose[..., :2] > 0.0) & (pose[..., :2] < 1.0), axis=-1, keepdims=True)
    coordinates = np.where(visible & np.isfinite(pose), pose, MISSING)
    return np.concatenate([coordinates, visible], axis=-1).astype(np.float32)
