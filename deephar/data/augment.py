"""One affine map and one colour power per sample, drawn from an explicit generator."""

import dataclasses

import numpy as np

from deephar import geometry

MARGIN = 1.25
"""Window of a person: the box made square and enlarged by this factor."""


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


def px_to_crop(box_px, variation=None):
    """Map from source pixels to the crop of a person.

    Args:
        box_px: (4,) the person's box; its square, enlarged by `MARGIN`, is the window.
        variation: `Draw`, or None for the plain crop.

    Returns:
        (3, 3) float64.
    """
    variation = variation or Draw()
    center, window = geometry.box_to_window(geometry.enlarge_box(box_px, MARGIN, square=True))
    window = window * variation.scale
    unit = window if variation.shift_unit == "window" else variation.scale
    center = center + unit * np.asarray(variation.shift)
    return geometry.window_to_crop(center, window, variation.angle, variation.flip)


def pose_to_crop(pose_px, matrix, flip, layout):
    """Joints to crop coordinates, sides exchanged where the crop is mirrored.

    Args:
        pose_px: (J, 2) source pixels, NaN where not located.
        matrix: `px_to_crop`.
        flip: whether it mirrors.
        layout: `deephar.layouts.PoseLayout`.

    Returns:
        float64 (J, 2) in crop coordinates, NaN where not located.
    """
    pose = geometry.transform_points(matrix, pose_px)
    return pose[layout.flip] if flip else pose
