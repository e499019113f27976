"""One affine map and one colour power per sample, drawn from an explicit generator."""

import dataclasses

import numpy as np

from deephar import geometry
from deephar.data.samples import frames


@dataclasses.dataclass(frozen=True)
class Draw:
    """One draw of an `AugmentConfig`; the default changes nothing."""

    angle: float = 0.0
    scale: float = 1.0
    shift: tuple = (0.0, 0.0)
    shift_unit: str = "px"
    flip: bool = False
    power: tuple = (1.0, 1.0, 1.0)


def draw(config, generator):
    """Draw one variation.

    Args:
        config: `deephar.config.AugmentConfig`.
        generator: `numpy.random.Generator`.

    Returns:
        `Draw`.
    """
    return Draw(
        angle=config.angle.draw(generator),
        scale=config.scale.draw(generator),
        shift=(config.shift_x.draw(generator), config.shift_y.draw(generator)),
        shift_unit=config.shift_unit,
        flip=config.flip and bool(generator.integers(2)),
        power=tuple(config.power.draw(generator) for _ in range(3)),
    )


def px_to_crop(sample, variation=None, truncate_corners=False, size_px=None):
    """Map from source pixels to the crop of a person.

    Args:
        sample: `deephar.data.readers.base.Sample`.
        variation: `Draw`, or None for the plain crop.
        truncate_corners: cut at whole pixels as the original does (`geometry.truncated_window_to_crop`).
        size_px: (width, height) of the picture where the sample does not hold it.

    Returns:
        (3, 3) float64.
    """
    variation = variation or Draw()
    window = sample.window_px * variation.scale
    unit = {"px": variation.scale, "window": window, "mpii": sample.window_px / 200}[variation.shift_unit]
    center = sample.center_px + unit * np.asarray(variation.shift)
    if not truncate_corners:
        return geometry.window_to_crop(center, window, variation.angle, variation.flip)
    size = size_px or frames.upright_size(sample.image)
    return geometry.truncated_window_to_crop(center, window, size, variation.angle, variation.flip)[0]


def pose_to_crop(pose_px, matrix, flip, layout, root_mm=None, scale=1.0):
    """Joints to crop coordinates, sides exchanged where the crop is mirrored; a mirror leaves depth alone.

    Args:
        pose_px: (J, 2 or 3) source pixels and depth in mm, NaN where not located.
        matrix: `px_to_crop`.
        flip: whether it mirrors.
        layout: `deephar.layouts.PoseLayout`.
        root_mm: depth of the root joint, the middle of the crop's depth range; None leaves the third column in mm.
        scale: of the crop's window, and so of its depth range.

    Returns:
        float64 (J, 2 or 3) in crop coordinates, NaN where not located.
    """
    pose = geometry.transform_points(matrix, pose_px)
    if root_mm is not None and pose.shape[-1] > 2:
        pose[..., 2] = geometry.depth_to_crop(pose[..., 2], root_mm, scale)
    return pose[layout.flip] if flip else pose
