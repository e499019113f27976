"""Pictures with more than 8 bits a value, to 8 bits."""

import numpy as np
from PIL import Image

WHITE: tuple[int, ...] = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16, 24, 31, 32))
"""White of integer pictures: of the depths that cameras and files know, the least that holds a picture's values."""

_LOW_BITS = 2**4 - 1
"""Pillow keeps the upper 8 of 16 bits; a picture whose values fill 12 bits at most is left with these."""


def note(image: Image.Image) -> None:
    """Note in `info` of an opened picture that Pillow will drop the lower half of its 16 bits of each colour."""
    if any(";16" in str(tile[3]) for tile in getattr(image, "tile", ())) and not image.mode.startswith(("I", "F")):
        image.info["bits"] = 16


def to_eight_bits(image: Image.Image, name: str) -> Image.Image:
    """A decoded picture with 8 bits a value.

    Grey integers are scaled so that white is the least of `WHITE` that holds them, floats alike or, up to 1, by 1.

    Args:
        image: `PIL.Image.Image` of any mode; `note` has seen it before it was decoded.
        name: for messages.

    Returns:
        `PIL.Image.Image`; the same if it has 8 bits already.

    Raises:
        ValueError: for values that no picture has: negative, not finite, or beyond 32 bits; and for colours of 16 bits
            that fill 12 at most, of which Pillow keeps next to nothing.
    """
    if image.mode.startswith(("I", "F")):
        return _grey(np.asarray(image), name)
    wide = image.info.get("bits") == 16 and image.mode.startswith("RGB")
    if wide and np.max(image.getextrema()[:3]) <= _LOW_BITS:
        raise ValueError(
            f"{name} stores colours of 16 bits and uses the lower 12 at most, which would be read as black. "
            "Scale its values to the full range, or save it with 8 bits"
        )
    return image


def _grey(values: np.ndarray, name: str) -> Image.Image:
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= WHITE[-1]):
        raise ValueError(
            f"{name} has values from {low:g} to {high:g}. Expected those of a picture: finite, 0 or more, 32 bits at "
            "most; scale them to 0 to 255"
        )
    scales = (1.0, *WHITE) if values.dtype.kind == "f" else WHITE
    white = next(scale for scale in scales if high <= scale)
    return Image.fromarray(np.rint(values * np.float32(255 / white)).astype(np.uint8))
