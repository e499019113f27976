"""Photographs to crops: the single entry point for images, with one affine warp straight to the crop.

Whatever a decoder raises for a damaged image becomes a ValueError that names the image. Memory is bounded by Pillow's
limit, twice `Image.MAX_IMAGE_PIXELS`, or 179 million pixels of 4 bytes: a larger JPEG is decoded at a half, a quarter
or an eighth of its width and height, and any other format is refused. Decoding holds at most two images, or four with
transparency: 1.4 GB, or 2.9 GB.
"""

import contextlib
import importlib
import io
import math
import pathlib
import typing
from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from deephar import geometry
from deephar.data.readers import names
from deephar.data.samples import bit_depth, orientation
from deephar.typed import Array, ArrayLike, Floats, Path, Pixels, Size

Source: typing.TypeAlias = Path | bytes | Pixels | Image.Image
"""Anything that `open_image` accepts."""

SLIGHT_SHRINK = 1.2
"""Up to this many source pixels per crop pixel, bilinear interpolation needs no averaging."""

_LARGEST_SHRINK = 8
"""Largest reduction of a JPEG's sides in decoding."""

_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_AVIF = {b"avif", b"avis"}
""""Brands" at the start of a file, which tell the two apart (mif1 is of both); Pillow reads AVIF itself."""


def open_image(source: Source, name: str | None = None) -> Image.Image:
    """Open a photograph without decoding it yet.

    Args:
        source: path, whose accents and suffix may be spelt differently on disk (see `deephar.data.readers.names`);
            content of a file as bytes; uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); or a `PIL.Image.Image`.
        name: for messages; the path by default.

    Returns:
        `PIL.Image.Image`.

    Raises:
        ValueError: if it is missing, empty, not an image, too large, or an unsupported array; the message names it.
        ImportError: for HEIC without pillow-heif.
    """
    name = name or name_of(source)
    try:
        image = _opened(source)
        if not all(image.size):
            raise ValueError("it has no pixels")
        bit_depth.note(image)
        return image
    except FileNotFoundError:
        raise ValueError(f"No such photograph: {name}") from None
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not a photograph: its format is unknown") from None
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"{name} is not a readable photograph: {str(error).split(',')[0]}. Make it smaller, or save it "
            "as a non-progressive JPEG, which can be decoded at a reduced size"
        ) from None
    except ImportError as error:
        raise ImportError(f"{name}: {error}") from None
    except Exception as error:
        raise ValueError(f"{name} is not a readable photograph: {_reason(error)}") from None


def name_of(source: Source) -> str:
    """Name of a source of `open_image` for messages: its path, if it has one."""
    if isinstance(source, (str, pathlib.PurePath)):
        return str(source)
    return getattr(source, "filename", None) or "the photograph"


def _opened(source: Source) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, np.ndarray):
        return _of_array(source)
    if isinstance(source, bytes):
        content = source
    else:
        try:
            content = pathlib.Path(source).read_bytes()
        except FileNotFoundError:
            content = names.stored(source).read_bytes()
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if is_heif(content):
        _read_heif()
    return Image.open(io.BytesIO(content))


def is_heif(content: bytes) -> bool:
    """Whether a file begins like HEIC, which telephones write and Pillow does not read.

    Args:
        content: its first bytes, 256 are enough.
    """
    brands = {content[at : at + 4] for at in (8, *range(16, min(int.from_bytes(content[:4]), len(content), 256), 4))}
    return content[4:8] == b"ftyp" and bool(brands & _HEIF) and not brands & _AVIF


def _read_heif() -> None:
    """Have Pillow read HEIC; the decoder itself turns such a picture upright."""
    try:
        heif = importlib.import_module("pillow_heif")
    except ImportError:
        raise ImportError('HEIC photographs need pillow-heif; install it with: pip install "deephar[heic]"') from None
    heif.register_heif_opener()


def _jpeg(content: bytes) -> Image.Image:
    """Open a JPEG; Pillow's limit applies to its decoded size, see `_draft`."""
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(content))
    # A progressive one is held at full size while it is decoded, whatever the reduction.
    if image.width * image.height > _most_pixels() * (1 if "progressive" in image.info else _LARGEST_SHRINK**2):
        raise Image.DecompressionBombError(f"it has {image.width} x {image.height} pixels")
    return image


def _most_pixels() -> float:
    return 2 * Image.MAX_IMAGE_PIXELS if Image.MAX_IMAGE_PIXELS else math.inf


def _of_array(pixels: Array) -> Image.Image:
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4))):
        raise ValueError(
            "expected an array of uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). "
            f"Received: {pixels.dtype} {pixels.shape}"
        )
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Whatever a decoder raises becomes a ValueError that names the image."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{name} is truncated or damaged: {_reason(error)}") from None


def upright_size(image: Image.Image, name: str = "the photograph") -> Size:
    """(width, height) of a photograph in the file after applying its EXIF orientation.

    Args:
        image: from `open_image`, not decoded yet.
        name: for messages.

    Raises:
        ValueError: if its EXIF data are damaged.
    """
    with _decoding(name):
        turn = orientation.of(image)
    return orientation.upright_size(image.size, turn)


def to_rgb(image: Image.Image, name: str = "the photograph") -> Image.Image:
    """Decode to upright RGB: EXIF orientation applied, grey and palette expanded, transparency over black.

    Args:
        image: from `open_image`.
        name: for messages.

    Returns:
        `PIL.Image.Image` of mode RGB, without EXIF data; smaller than the image in the file if that is a JPEG beyond
        Pillow's limit.

    Raises:
        ValueError: if the data are truncated or damaged, or the values are invalid.
    """
    with _decoding(name):
        turn = orientation.of(image)
    stored, _ = _decoded(image, name)
    upright = stored.copy() if turn == orientation.UPRIGHT else stored.transpose(orientation.TRANSPOSITIONS[turn])
    profile = (
        image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    )  # for other colour spaces otherwise
    upright.info = {"icc_profile": profile} if profile else {}
    return upright


def _decoded(image: Image.Image, name: str, shrink: int = 1) -> tuple[Image.Image, float]:
    """The image as RGB, not turned upright, and the factor by which its sides are smaller than the file's."""
    with _decoding(name):
        smaller = _draft(image, shrink)
        image.load()
    image = bit_depth.to_eight_bits(image, name)
    with _decoding(name):
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        return image if image.mode == "RGB" else image.convert("RGB"), smaller


def _draft(image: Image.Image, shrink: int) -> float:
    """Set a JPEG to be decoded at a half, a quarter or an eighth: reduced by at most `shrink`, or more if too large.

    Returns:
        reduction factor of its sides: 1, 2, 4 or 8.
    """
    width, height = image.size
    too_large_by = math.sqrt(max(1, width * height / _most_pixels()))
    shrink = max(shrink, 2 ** math.ceil(math.log2(too_large_by)))
    drafted = shrink > 1 and image.draft(None, (max(1, width // shrink), max(1, height // shrink)))
    return width / drafted[1][2] if drafted else 1


def cut(image: Image.Image, px_to_crop: Floats, size: Size, name: str = "the photograph") -> Pixels:
    """Decode a photograph and crop it.

    A JPEG that the crop shows at half its size or less is decoded at a half, a quarter or an eighth, which is faster
    and averages pixels; such an image is closed afterwards.

    Args:
        image: from `open_image`, not decoded yet.
        px_to_crop, size: see `warp`.
        name: for messages.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: see `to_rgb`.
    """
    with _decoding(name):
        turn = orientation.of(image)
    to_upright = orientation.to_upright(image.size, turn)
    stored, smaller = _decoded(image, name, int(_shrink(px_to_crop, size)))
    crop = warp(stored, px_to_crop @ to_upright @ geometry.scaling(smaller, smaller), size)
    if smaller > 1:
        image.close()
    return crop


def warp(image: Image.Image, px_to_crop: Floats, size: Size) -> Pixels:
    """Crop a decoded photograph with one affine warp.

    Bilinear; if the crop shrinks the photograph, the mean of the source pixels that fall into each crop pixel.

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
    crop = image.transform(grid, Image.Transform.AFFINE, crop_to_px[:2].ravel().tolist(), resampling)
    return np.asarray(crop.reduce(samples))


def crops_of(jobs: Iterable[tuple[Image.Image, Size, Floats]], size: Size) -> Floats:
    """Parts of decoded photographs, whose pixels may be fewer than in the file, as a network takes them.

    Args:
        jobs: of every crop the photograph, RGB, (width, height) of the file, and (3, 3), pixels of the file to [0, 1]
            of the crop.
        size: (width, height) of the crops.

    Returns:
        float32 (N, H, W, 3) in [-1, 1].
    """
    scales = ((image, px_to_crop @ geometry.scaling(*np.divide(full, image.size))) for image, full, px_to_crop in jobs)
    return to_input(np.stack([warp(image, px_to_crop, size) for image, px_to_crop in scales]))


def _shrink(px_to_crop: Floats, size: Size) -> float:
    """Number of source pixels along one pixel of the crop."""
    return 1 / np.sqrt(abs(np.linalg.det((geometry.scaling(*size) @ px_to_crop)[:2, :2]))) + 1e-6


def to_input(pixels: Pixels, power: ArrayLike = (1.0, 1.0, 1.0)) -> Floats:
    """Pixels to the network's input: each channel raised to a power, then scaled to [-1, 1] (published preprocessing).

    Args:
        pixels: uint8 (..., 3).
        power: exponent of each channel.

    Returns:
        float32 (..., 3) in [-1, 1].
    """
    return to_inputs(pixels[None], np.asarray(power)[None])[0]


def to_inputs(pixels: Pixels, powers: ArrayLike) -> Floats:
    """Pixels of several pictures, each with exponents of its own, to a network's input, see `to_input`.

    Args:
        pixels: uint8 (N, ..., 3).
        powers: (N, 3).

    Returns:
        float32 (N, ..., 3) in [-1, 1].
    """
    values = np.empty(pixels.shape, np.float32)
    for one, power, value in zip(pixels, np.asarray(powers), values, strict=True):
        if np.all(power == 1):
            np.divide(one, np.float32(127.5), out=value)
            value -= 1
            continue
        table = ((np.linspace(0.0, 1.0, 256)[:, None] ** power) * 2.0 - 1.0).astype(np.float32).T
        if np.all(table == table[:1]):
            np.take(table[0], one, out=value, mode="clip")  # no value is outside; to check that takes time
            continue
        for channel, column in enumerate(table):
            value[..., channel] = np.take(column, one[..., channel], mode="clip")
    return values
