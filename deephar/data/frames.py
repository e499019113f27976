"""Photographs to crops: decoding, one affine warp straight to the crop, values for the network."""

import io
import pathlib

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from deephar import geometry

SLIGHT_SHRINK = 1.2
"""Up to this many source pixels per crop pixel, bilinear interpolation does not need averaging."""


def open_image(source, name=None):
    """Open a photograph without decoding it yet.

    Args:
        source: path or bytes.
        name: for messages; the path by default.

    Returns:
        `PIL.Image.Image`.

    Raises:
        ValueError: if it is missing, empty or no image; the message names it.
    """
    name = name or str(source)
    try:
        content = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
        return Image.open(io.BytesIO(content))
    except FileNotFoundError:
        raise ValueError(f"No such photograph: {name}") from None
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not a photograph: its format is unknown") from None
    except (Image.DecompressionBombError, OSError) as error:
        raise ValueError(f"{name} is not a photograph that can be read: {error}") from None


def upright_size(image):
    """(width, height) of a photograph once its EXIF orientation is applied, without decoding it."""
    return image.size[::-1] if _orientation(image) in (5, 6, 7, 8) else image.size


def _orientation(image):
    return image.getexif().get(ExifTags.Base.Orientation, 1)


def to_rgb(image, name="the photograph"):
    """Decode to upright RGB: EXIF orientation applied, grey and palette expanded, transparency over black.

    Args:
        image: from `open_image`.
        name: for messages.

    Returns:
        `PIL.Image.Image` of mode RGB.

    Raises:
        ValueError: if the data are truncated or damaged.
    """
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith(("I", "F")):
            image = _sixteen_bit_to_grey(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        return image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{name} is truncated or damaged: {error}") from None


def _sixteen_bit_to_grey(image):
    values = np.asarray(image, dtype=np.float64)
    return Image.fromarray(np.clip(values / 257.0, 0, 255).round().astype(np.uint8))


def cut(image, px_to_crop, size, name="the photograph"):
    """Decode a photograph and cut a crop out of it.

    An upright JPEG that the crop shows at half its size or less is decoded at a half, a quarter or an eighth, which is
    faster and averages pixels; such an image is closed afterwards.

    Args:
        image: from `open_image`, not decoded yet.
        px_to_crop, size: see `warp`.
        name: for messages.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: if the data are truncated or damaged.
    """
    shrink, full_width = int(_shrink(px_to_crop, size)), image.width
    drafted = None
    if shrink > 1 and _orientation(image) == 1:
        drafted = image.draft(None, (max(1, image.width // shrink), max(1, image.height // shrink)))
    if not drafted:
        return warp(to_rgb(image, name), px_to_crop, size)
    with image:
        scale = full_width / drafted[1][2]
        return warp(to_rgb(image, name), px_to_crop @ geometry.scaling(scale, scale), size)


def warp(image, px_to_crop, size):
    """Cut a crop out of a decoded photograph by one affine warp.

    Bilinear; where the crop shrinks the photograph, the mean of the pixels that fall into one of the crop's.

    Args:
        image: RGB `PIL.Image.Image`.
        px_to_crop: (3, 3), source pixels to [0, 1] of the crop, see `deephar.geometry.window_to_crop`.
        size: (width, height) of the crop in pixels.

    Returns:
        uint8 (height, width, 3); black outside the photograph.
    """
    shrink = _shrink(px_to_crop, size)
    if shrink >= 2:
        factor = int(min(shrink, max(image.size)))
        image = image.reduce(factor)
        px_to_crop = px_to_crop @ geometry.scaling(factor, factor)
        shrink /= factor
    samples, resampling = (2, Image.Resampling.NEAREST) if shrink > SLIGHT_SHRINK else (1, Image.Resampling.BILINEAR)
    grid = samples * size[0], samples * size[1]
    crop_to_px = np.linalg.inv(geometry.scaling(*grid) @ px_to_crop)
    crop = image.transform(grid, Image.Transform.AFFINE, crop_to_px[:2].ravel(), resampling)
    return np.asarray(crop.reduce(samples))


def _shrink(px_to_crop, size):
    """Source pixels along one pixel of the crop."""
    return 1 / np.sqrt(abs(np.linalg.det((geometry.scaling(*size) @ px_to_crop)[:2, :2]))) + 1e-6


def to_input(pixels, power=(1.0, 1.0, 1.0)):
    """Pixels to the network's input: each channel to a power, then [-1, 1] (published preprocessing).

    Args:
        pixels: uint8 (..., 3).
        power: exponent of each channel.

    Returns:
        float32 (..., 3) in [-1, 1].
    """
    table = (np.linspace(0.0, 1.0, 256)[:, None] ** np.asarray(power)) * 2.0 - 1.0
    return table.astype(np.float32)[pixels, np.arange(3)]
