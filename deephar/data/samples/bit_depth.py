"""Converts images with more than 8 bits per value to 8 bits."""

import numpy as np
from PIL import Image

WHITE: tuple[int, ...] = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16, 24, 31, 32))
"""White of integer images: for the bit depths of cameras and files, the smallest that holds an image's values."""

_LOW_BITS = 2**4 - 1
"""Pillow keeps the upper 8 of 16 bits; an image whose values fill at most 12 bits is reduced to these."""


def note(image: Image.Image) -> None:
    """Record in `info` of an opened image that Pillow will drop the lower half of its 16 bits per colour."""
    if any(";16" in str(tile[3]) for tile in getattr(image, "tile", ())) and not image.mode.startswith(("I", "F")):
        image.info["bits"] = 16


def to_eight_bits(image: Image.Image, name: str) -> Image.Image:
    """A decoded image with 8 bits per value.

    Grey integers are scaled so that white is the smallest of `WHITE` that holds them; floats too or, up to 1, by 1.

    Args:
        image: `PIL.Image.Image` of any mode; `note` must have been called before it was decoded.
        name: for messages.

    Returns:
        `PIL.Image.Image`; the same if it has 8 bits already.

    Raises:
        ValueError: for invalid pixel values: negative, not finite, or beyond 32 bits; and for 16-bit colours that fill
            at most 12 bits, of which Pillow would keep almost nothing.
    """
    if image.mode.startswith(("I", "F")):
        return _grey(np.asarray(image), name)
    wide = image.info.get("bits") == 16 and image.mode.startswith("RGB")
    if wide and np.max(image.getextrema()[:3]) <= _LOW_BITS:
        raise ValueError(
            f"{name} stores 16-bit colours but uses only the lower 12 bits, which would be read as black. "
            "Scale its values to the full range, or save it with 8 bits"
        )
    return image


def _grey(values: np.ndarray, name: str) -> Image.Image:
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= WHITE[-1]):
        raise ValueError(
            f"{name} has values from {low:g} to {high:g}. Expected those of an image: finite, 0 or more, at most "
            "32 bits; scale them to 0 to 255"
        )
    scales = (1.0, *WHITE) if values.dtype.kind == "f" else WHITE
    white = next(scale for scale in scales if high <= scale)
    return Image.fromarray(np.rint(values * np.float32(255 / white)).astype(np.uint8))
