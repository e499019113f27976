"""Focal lengths, from what a photograph says of its camera, or from a field of view."""

import contextlib
import math

from PIL import ExifTags, Image

from deephar import checks
from deephar.typed import Size

DIAGONAL_MM = math.hypot(36.0, 24.0)
"""Of the film that "35 mm" stands for."""


def focal_px(image: Image.Image, size: Size) -> float:
    """Focal length by EXIF's FocalLengthIn35mmFilm, which refers to the picture's diagonal; NaN where it says nothing.

    Args:
        image: opened photograph with its EXIF data.
        size: (width, height) in pixels.
    """
    with contextlib.suppress(Exception):  # damaged EXIF data say nothing
        focal_mm = float(image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm, 0))
        if 1 <= focal_mm <= 10_000:
            return focal_mm / DIAGONAL_MM * math.hypot(*size)
    return math.nan


def focal_of_view(degrees: float, size: Size) -> float:
    """Focal length in pixels by the field of view along the longer side.

    Args:
        degrees: above 0, below 180.
        size: (width, height) in pixels.
    """
    checks.between("degrees", degrees, 1e-3, 179.0)
    return max(size) / 2 / math.tan(math.radians(degrees) / 2)
