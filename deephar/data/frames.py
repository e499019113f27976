"""Photographs to crops: decoding, one affine warp straight to the crop, values for the network."""

import io
import pathlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from deephar import geometry


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
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else pathlib.Path(source))
    except FileNotFoundError:
        raise ValueError(f"No such photograph: {name}") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError) as error:
        raise ValueError(f"{name} is not a photograph that can be read: {error}") from None


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


def warp(image, px_to_crop, size):
    """Cut a crop out of a photograph by one affine warp, bilinear, averaged first where it shrinks to half or less.

    Args:
        image: RGB `PIL.Image.Image`.
        px_to_crop: (3, 3), source pixels to [0, 1] of the crop, see `deephar.geometry.window_to_crop`.
        size: (width, height) of the crop in pixels.

    Returns:
        uint8 (height, width, 3); black outside the photograph.
    """
    crop_to_px = np.linalg.inv(geometry.scaling(*size) @ px_to_crop)
    shrink = int(np.sqrt(abs(np.linalg.det(crop_to_px[:2, :2]))) + 1e-6)
    if shrink > 1:
        image = image.reduce(shrink)
        crop_to_px = geometry.scaling(1 / shrink, 1 / shrink) @ crop_to_px
    crop = image.transform(size, Image.Transform.AFFINE, crop_to_px[:2].ravel(), Image.Resampling.BILINEAR)
    return np.asarray(crop)


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
