"""The side of a photograph that a camera notes as up (EXIF)."""

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
"""What makes a stored picture upright, by EXIF orientation."""

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
"""The same as maps of the unit square."""


def of(image: Image.Image) -> int:
    """EXIF orientation of a picture's stored pixels, 1 to 8; 1, upright, where there is none or one that is not known.

    A TIFF is decoded: Pillow turns it itself, and only then tells the truth about it.
    """
    if image.format == "TIFF":
        image.load()
    turn = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    return turn if turn in _UNIT_MAPS else UPRIGHT


def upright_size(size: Size, turn: int) -> Size:
    """(width, height) once a picture of a stored size is turned upright."""
    return (size[1], size[0]) if turn in (5, 6, 7, 8) else size


def to_upright(size: Size, turn: int) -> Floats:
    """Map (3, 3) from stored to upright pixels of a picture.

    Args:
        size: (width, height) as stored.
        turn: EXIF orientation, 1 to 8.
    """
    unit_map = np.array([*_UNIT_MAPS[turn], [0, 0, 1]], dtype=np.float64)
    return geometry.scaling(*upright_size(size, turn)) @ unit_map @ geometry.scaling(1 / size[0], 1 / size[1])


def nearest(linear: ArrayLike) -> int:
    """The EXIF orientation that turns most nearly like a linear map.

    Args:
        linear: (2, 2), by which stored points (x, y) are shown, but for a shift, like a video's display matrix.

    Returns:
        1 to 8; 1, upright, for a map of zeros.
    """
    return max(_UNIT_MAPS, key=lambda turn: np.sum(np.multiply(linear, np.array(_UNIT_MAPS[turn])[:, :2])))
