"""EXIF orientation of photographs."""

import numpy as np
from PIL import ExifTags, Image

from deephar import geometry
from deephar.typed import ArrayLike, Floats, Size

UPRIGHT = 1

TRANSPOSITIONS: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transposition that makes a stored image upright, by EXIF orientation."""

_UNIT_MAPS = {
    1: [[1, 0, 0], [0, 1, 0]],
    2: [[-1, 0, 1], [0, 1, 0]],
    3: [[-1, 0, 1], [0, -1, 1]],
    4: [[1, 0, 0], [0, -1, 1]],
    5: [[0, 1, 0], [1, 0, 0]],
    6: [[0, -1, 1], [1, 0, 0]],
    7: [[0, -1, 1], [-1, 0, 1]],
    8: [[0, 1, 0], [-1, 0, 1]],
}
"""The same, as maps of the unit square."""


def of(image: Image.Image) -> int:
    """EXIF orientation of an image's stored pixels, 1 to 8; 1, upright, if it is missing or unknown.

    A TIFF is decoded: Pillow rotates it itself, and reports its orientation correctly only afterwards.
    """
    if image.format == "TIFF":
        image.load()
    turn = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    return turn if turn in _UNIT_MAPS else UPRIGHT


def upright_size(size: Size, turn: int) -> Size:
    """(width, height) of an image of a stored size after it is turned upright."""
    return (size[1], size[0]) if turn in (5, 6, 7, 8) else size


def to_upright(size: Size, turn: int) -> Floats:
    """Map (3, 3) from stored to upright pixels of an image.

    Args:
        size: (width, height) as stored.
        turn: EXIF orientation, 1 to 8.
    """
    unit_map = np.array([*_UNIT_MAPS[turn], [0, 0, 1]], dtype=np.float64)
    return geometry.scaling(*upright_size(size, turn)) @ unit_map @ geometry.scaling(1 / size[0], 1 / size[1])


def nearest(linear: ArrayLike) -> int:
    """The EXIF orientation closest to a linear map.

    Args:
        linear: (2, 2), maps stored points (x, y) to displayed ones, up to a shift, like a video's display matrix.

    Returns:
        1 to 8; 1, upright, for a map of zeros.
    """
    return max(_UNIT_MAPS, key=lambda turn: np.sum(np.multiply(linear, np.array(_UNIT_MAPS[turn])[:, :2])))
