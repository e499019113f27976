"""Focal lengths, from what a photograph says of its camera, or from a field of view."""

import contextlib
import math

from PIL import ExifTags, Image

from deephar import checks
from deephar.typed import Size

DIAGONAL_MM = math.hypot(36.0, 24.0)
"""Of the film that "35 mm" stands for."""

_FOCAL_MM, _PER_UNIT = ExifTags.Base.FocalLength, ExifTags.Base.FocalPlaneXResolution

_TAKEN = ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight

_UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0}
"""What FocalPlaneResolutionUnit counts in: inches, centimetres, millimetres."""


def focal_px(image: Image.Image, size: Size) -> float:
    """Focal length by EXIF; NaN where it says nothing.

    By FocalLengthIn35mmFilm, which refers to the picture's diagonal; or else by FocalLength and FocalPlaneXResolution,
    the sensor's pixels in a unit of length, of a picture that was taken in PixelXDimension x PixelYDimension of them.

    Args:
        image: opened photograph with its EXIF data.
        size: (width, height) in pixels.
    """
    with contextlib.suppress(Exception):  # damaged EXIF data say nothing
        tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
        focal_mm = float(tags.get(ExifTags.Base.FocalLengthIn35mmFilm, 0))
        if 1 <= focal_mm <= 10_000:
            return focal_mm / DIAGONAL_MM * math.hypot(*size)
        focal_mm, per_unit = (float(tags[tag]) for tag in (_FOCAL_MM, _PER_UNIT))
        longer = max(float(tags.get(tag, 0)) for tag in _TAKEN) or max(size)
        focal = (
            focal_mm * per_unit / _UNITS_MM[tags.get(ExifTags.Base.FocalPlaneResolutionUnit, 2)] * max(size) / longer
        )
        if 0.1 * max(size) < focal < 1000 * max(size):
            return focal
    return math.nan


def focal_of_view(degrees: float, size: Size) -> float:
    """Focal length in pixels by the field of view along the longer side.

    Args:
        degrees: above 0, below 180.
        size: (width, height) in pixels.
    """
    checks.between("degrees", degrees, 1e-3, 179.0)
    return max(size) / 2 / math.tan(math.radians(degrees) / 2)
