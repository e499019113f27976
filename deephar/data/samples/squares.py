"""The square around a person, cut out of a photograph: all that augmented crops of it may show, and no more."""

import dataclasses

import numpy as np
from PIL import Image

from deephar import geometry
from deephar.data.readers.base import Sample
from deephar.data.samples import frames


def square_around(sample: Sample, windows: float, side: int) -> Sample:
    """A sample reduced to the square around its person.

    Args:
        sample: `deephar.data.readers.base.Sample`.
        windows: side of the square, in windows of the person.
        side: of the result in pixels, at most; it is not enlarged.

    Returns:
        `Sample` in pixels of the square, without a camera.

    Raises:
        ValueError: if the photograph cannot be read or the window has no size; the message names it.
    """
    width = windows * float(max(sample.window_px))
    side = int(max(1, min(side, width)))
    try:
        px_to_unit = geometry.window_to_crop(sample.center_px, (width, width))
    except ValueError as error:
        raise ValueError(f"{sample.name}: {error}") from None
    pixels = frames.cut(sample.image, px_to_unit, (side, side), sample.name)
    px_to_square = geometry.scaling(side, side) @ px_to_unit
    return dataclasses.replace(
        sample,
        image=Image.fromarray(pixels),
        pose_px=geometry.transform_points(px_to_square, sample.pose_px),
        center_px=np.full(2, side / 2),
        window_px=sample.window_px * side / width,
        head_px=sample.head_px * side / width,
        camera=None,
        rough_px=None if sample.rough_px is None else geometry.transform_points(px_to_square, sample.rough_px),
    )
