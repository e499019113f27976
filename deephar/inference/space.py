"""From a crop's coordinates to millimetres."""

import numpy as np

from deephar import geometry
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats


def weak_perspective(
    poses: Floats, sides_px: ArrayLike, layout: PoseLayout, crop_mm: float = geometry.WINDOW_MM
) -> Floats:
    """Pixels and depth to millimetres from the pelvis, when neither the camera nor the person's size is known.

    The square that the network saw is assumed to match the crops that it was trained on: `crop_mm` wide at the pelvis,
    with a depth range of 2 m. Nearer parts of a person are assumed not to look larger. So the pose is correct up to a
    common factor, the square's true width over `crop_mm`, and up to the perspective of a close camera.

    Args:
        poses: (N, J, 3) pixels, and depth in [0, 1] of the crop's range.
        sides_px: (N,) sides of the squares in pixels.
        layout: `deephar.layouts.PoseLayout` of the joints.
        crop_mm: see `deephar.weights.description.Description`.

    Returns:
        float64 (N, J, 3) mm, the pelvis at 0.

    Raises:
        ValueError: if the layout has no pelvis.
    """
    root = layout.index("pelvis")
    mm_per_px = crop_mm / np.asarray(sides_px, dtype=np.float64)[:, None, None]
    space = np.concatenate([poses[..., :2] * mm_per_px, geometry.crop_to_depth(poses[..., 2:], 0.0)], axis=-1)
    return space - space[:, root : root + 1]
