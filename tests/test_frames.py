import io
import struct
import subprocess
import sys
import unicodedata
import zlib

import numpy as np
import pytest
from PIL import Image

from deephar import geometry
from deephar.data.samples import frames


def picture(mode="RGB", size=(40, 30)):
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_every_kind_of_picture_becomes_rgb(mode):
    kind = "TIFF" if mode == "CMYK" else "PNG"
    rgb = frames.to_rgb(frames.open_image(encoded(picture(mode), kind)))
    assert rgb.mode == "RGB" and rgb.size == (40, 30)


def test_transparency_lies_over_black():
    pixels = np.array([[[200, 100, 50, 0], [200, 100, 50, 255], [200, 100, 50, 128]]], dtype=np.uint8)
    rgb = np.asarray(frames.to_rgb(frames.open_image(encoded(Image.fromarray(pixels), "PNG"))))
    np.testing.assert_array_equal(rgb[0], [[0, 0, 0], [200, 100, 50], [100, 50, 25]])


def test_sixteen_bit_grey_keeps_its_range():
    values = np.array([[0, 257 * 10, 65535]], dtype=np.uint16)
    rgb = frames.to_rgb(frames.open_image(encoded(Image.fromarray(values), "PNG")))
    np.testing.assert_array_equal(np.asarray(rgb)[0, :, 0], [0, 10, 255])


def test_exif_orientation_is_applied():
    image = picture()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    rgb = frames.to_rgb(frames.open_image(encoded(image, "PNG", exif=exif)))
    np.testing.assert_array_equal(np.asarray(rgb), np.rot90(np.asarray(image), -1))


def test_damaged_pictures_are_named():
    whole = encoded(picture(size=(400, 300)), "JPEG")
    with pytest.raises(ValueError, match="me.jpg is truncated or damaged"):
        frames.to_rgb(frames.open_image(whole[: len(whole) // 2], "me.jpg"), "me.jpg")
    with pytest.raises(ValueError, match="me.jpg is not a photograph"):
        frames.open_image(b"", "me.jpg")
    with pytest.raises(ValueError, match=r"No such photograph: .*absent.jpg"):
        frames.open_image("absent.jpg")


def test_warp_of_a_whole_window_copies_pixels():
    image = picture()
    crop = frames.warp(image, geometry.window_to_crop((20, 15), (20, 10)), (20, 10))
    np.testing.assert_array_equal(crop, np.asarray(image)[10:20, 10:30])


def test_warp_is_black_outside():
    assert frames.warp(picture(), geometry.window_to_crop((-50, -50), (20, 20)), (8, 8)).max() == 0


def test_warp_averages_where_it_shrinks():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = Image.fromarray(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8))
    crop = frames.warp(image, geometry.window_to_crop((32, 32), (64, 64)), (16, 16))
    assert np.abs(crop.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("angle", [0, 30, -120])
@pytest.mark.parametrize("flip", [False, True])
def test_the_warp_and_the_joints_agree(angle, flip):
    """A bright disc lands where the map sends its centre, within a quarter of a pixel."""
    x, y = np.meshgrid(np.arange(200) + 0.5, np.arange(160) + 0.5)
    disc = 255 * np.clip(6 - np.hypot(x - 130.3, y - 70.8), 0, 1)
    image = Image.fromarray(np.repeat(disc[..., None], 3, axis=2).astype(np.uint8))
    matrix = geometry.window_to_crop((120, 75), (90, 90), angle, flip)
    crop = frames.warp(image, matrix, (128, 128))[..., 0].astype(float)
    centre = [(crop.sum(axis=axis) * (np.arange(128) + 0.5)).sum() / crop.sum() for axis in (0, 1)]
    expected = geometry.transform_points(matrix, [[130.3, 70.8]])[0] * 128
    np.testing.assert_allclose(centre, expected, atol=0.25)


def test_input_values_by_hand():
    pixels = np.array([[[0, 51, 255]]], dtype=np.uint8)
    np.testing.assert_allclose(frames.to_input(pixels), [[[-1, -0.6, 1]]], atol=1e-6)
    np.testing.assert_allclose(frames.to_input(pixels, (1, 2, 1)), [[[-1, 2 * 0.04 - 1, 1]]], atol=1e-6)


def test_pictures_with_powers_of_their_own():
    """Every value of every channel, to the last bit; the second picture has one power for all."""
    pixels = np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1), 3, axis=3).repeat(2, axis=0)
    powers = [(0.9, 1.0, 1.1), (1.2, 1.2, 1.2)]
    grey = np.linspace(0.0, 1.0, 256).reshape(16, 16, 1)
    expected = [(grey**power * 2.0 - 1.0).astype(np.float32) for power in powers]
    np.testing.assert_array_equal(frames.to_inputs(pixels, powers), expected)
    np.testing.assert_array_equal(frames.to_input(pixels[0], powers[0]), expected[0])


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("shrink", [1.4, 2, 4.5, 9])
@pytest.mark.parametrize("full", [(1003, 805), (97, 1000), (1200, 41)])
def test_a_jpeg_decoded_small_shows_the_same_crop(full, shrink, orientation):
    """A bright disc lands where the map sends it, whatever the size, the draft and the EXIF orientation."""
    x, y = np.meshgrid(np.arange(full[0]) + 0.5, np.arange(full[1]) + 0.5)
    at = np.array(full) * [0.45, 0.52]
    disc = 255 * np.clip(min(3 * shrink, 0.4 * min(full)) + 1 - np.hypot(x - at[0], y - at[1]), 0, 1)
    stored = Image.fromarray(np.repeat(disc[..., None], 3, axis=2).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    backward = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    if backward[orientation] is not None:
        stored = stored.transpose(backward[orientation])
    photo = frames.open_image(encoded(stored, "JPEG", quality=95, exif=exif), "photo")
    assert frames.upright_size(photo) == full
    matrix = geometry.window_to_crop(at + [2.0, -3.0], (64 * shrink, 64 * shrink), 20)
    crop = frames.cut(photo, matrix, (64, 64), "photo")[..., 0].astype(float)
    crop[crop < 40] = 0  # ringing of the JPEG
    centre = [(crop.sum(axis=axis) * (np.arange(64) + 0.5)).sum() / crop.sum() for axis in (0, 1)]
    np.testing.assert_allclose(centre, geometry.transform_points(matrix, [at])[0] * 64, atol=0.25)


def turned(upright, orientation):
    """What a camera stores of a picture that is upright when turned by an EXIF orientation."""
    undone = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    return upright.transpose(undone[orientation]) if orientation in undone else upright, exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_every_orientation_is_turned_once(kind, options, orientation):
    """Size, decoded picture and crop are those of the upright picture, though formats differ in who turns it."""
    upright = picture()
    stored, exif = turned(upright, orientation)
    content = encoded(stored, kind, exif=exif, **options)
    photo = frames.open_image(content)
    assert frames.upright_size(photo) == upright.size
    rgb = frames.to_rgb(photo)
    np.testing.assert_array_equal(np.asarray(rgb), np.asarray(upright))
    np.testing.assert_array_equal(np.asarray(frames.to_rgb(rgb)), np.asarray(upright))  # not turned again
    window = geometry.window_to_crop((20, 15), (20, 10))
    np.testing.assert_array_equal(
        frames.cut(frames.open_image(content), window, (20, 10)), np.asarray(upright)[10:20, 10:30]
    )


@pytest.mark.parametrize(
    ("kind", "bits"), [*(("PNG", bits) for bits in (8, 10, 12, 14, 16)), *(("TIFF", bits) for bits in (12, 16, 24, 31))]
)
def test_grey_of_many_bits_keeps_its_range(kind, bits):
    """Half of white is half of white, whether 12 bits fill a file of 16 or 31 one of 32."""
    white = 2**bits - 1
    values = np.array([[0, white // 2, white]], dtype=np.uint16 if bits <= 16 else np.int32)
    rgb = frames.to_rgb(frames.open_image(encoded(Image.fromarray(values), kind)))
    np.testing.assert_array_equal(np.asarray(rgb)[0], [[0] * 3, [127] * 3, [255] * 3])


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0])
def test_float_pictures_keep_their_range(white):
    values = np.array([[0, 0.2, 1]], dtype=np.float32) * white
    rgb = frames.to_rgb(frames.open_image(encoded(Image.fromarray(values), "TIFF")))
    np.testing.assert_array_equal(np.asarray(rgb)[0, :, 1], [0, 51, 255])


@pytest.mark.parametrize("odd", [-0.5, np.nan, np.inf, 1e12])
def test_values_of_no_picture_are_refused(odd):
    values = np.array([[0, 0.2, odd]], dtype=np.float32)
    photo = frames.open_image(encoded(Image.fromarray(values), "TIFF"), "map.tif")
    with pytest.raises(ValueError, match="map.tif has values from .* Expected those of an image"):
        frames.to_rgb(photo, "map.tif")


def colours_of_sixteen_bits(values):
    """A PNG of 16-bit colours, which Pillow does not write: (H, W, 3)."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(rows),
        b"IEND": b"",
    }
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks.items()]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_colours_of_sixteen_bits():
    """The full range is read; of 12 bits in 16, Pillow would leave black."""
    values = np.random.default_rng(0).integers(0, 2**16, (4, 5, 3), dtype=np.uint16)
    values[0, 0] = 2**16 - 1
    rgb = frames.to_rgb(frames.open_image(colours_of_sixteen_bits(values)))
    np.testing.assert_array_equal(np.asarray(rgb), values >> 8)
    photo = frames.open_image(colours_of_sixteen_bits(values >> 4), "dark.png")
    assert frames.upright_size(photo) == (5, 4)
    with pytest.raises(ValueError, match="dark.png stores 16-bit colours but uses only the lower 12"):
        frames.to_rgb(photo, "dark.png")


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_beyond_the_limit_is_decoded_smaller(orientation, monkeypatch):
    """400 x 300 pixels where 2 x 8,000 are allowed: decoded at a quarter, 100 x 75; a crop shows what it did."""
    upright = picture(size=(40, 30)).resize((400, 300), Image.Resampling.BICUBIC)
    stored, exif = turned(upright, orientation)
    content = encoded(stored, "JPEG", exif=exif, quality=95)
    window = geometry.window_to_crop((250, 120), (200, 100))
    whole = frames.cut(frames.open_image(content), window, (50, 25))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 8_000)
    photo = frames.open_image(content)
    assert frames.upright_size(photo) == (400, 300)
    assert frames.to_rgb(photo).size == (100, 75)
    bounded = frames.cut(frames.open_image(content), window, (50, 25))
    assert np.abs(bounded.astype(int) - whole).mean() < 4
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert frames.to_rgb(frames.open_image(content)).size == (400, 300)


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("JPEG", {"progressive": True})])
def test_what_cannot_be_decoded_smaller_is_refused(kind, options, monkeypatch):
    content = encoded(picture(size=(400, 300)), kind, **options)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 8_000)
    with pytest.raises(ValueError, match="big.x is not a readable photograph: .* Make it smaller, or save it"):
        frames.open_image(content, "big.x")


MEASURED = """
import io, resource, sys
from PIL import Image
from deephar import geometry
from deephar.data.samples import frames
photo = frames.open_image(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size = frames.upright_size(photo)
rgb = frames.to_rgb(photo)
print(*size, *rgb.size, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_memory_for_a_photograph_of_200_megapixels(tmp_path):
    """A JPEG of 16,320 x 12,240 pixels, stored lying: 50 of 200 megapixels are decoded, in 0.5 GiB."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16_320, 12_240), (90, 120, 60)).save(tmp_path / "big.jpg", exif=exif)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, tmp_path / "big.jpg"], capture_output=True, text=True, check=True
    )
    *sizes, mebibytes = map(int, done.stdout.split())
    assert sizes == [12_240, 16_320, 6_120, 8_160] and mebibytes < 512


def test_arrays_and_pillows_images_enter_by_the_same_door():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    for given, expected in [
        (pixels, pixels[..., :3]),
        (pixels[..., :3], pixels[..., :3]),
        (pixels[..., 0], pixels[..., [0, 0, 0]]),
        (pixels[..., :1], pixels[..., [0, 0, 0]]),
        (Image.fromarray(pixels), pixels[..., :3]),
    ]:
        np.testing.assert_array_equal(np.asarray(frames.to_rgb(frames.open_image(given))), expected)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), r"expected an array of uint8 .* Received: float32 \(4, 4, 3\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"Received: uint8 \(2, 4, 4, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), "it has no pixels|cannot"),
        (Image.new("RGB", (0, 3)), "it has no pixels"),
        (3, "the photograph is not a readable photograph"),
    ],
)
def test_what_is_no_photograph_is_refused(odd, message):
    with pytest.raises(ValueError, match=message):
        frames.open_image(odd)


def test_a_colour_profile_stays_with_colours_only():
    """Drawn pictures keep the profile of an RGB photograph; that of a grey or printed one would not fit them."""
    for mode, kept in (("RGB", b"profile"), ("CMYK", None), ("L", None)):
        photo = frames.open_image(encoded(picture(mode), "JPEG", icc_profile=b"profile"))
        assert frames.to_rgb(photo).info.get("icc_profile") == kept


def test_damaged_exif_is_named():
    content = encoded(picture(), "WEBP", exif=b"Exif\0\0damage")

    def cut(image, name):
        return frames.cut(image, geometry.window_to_crop((20, 15), (20, 10)), (4, 2), name)

    for use in (frames.upright_size, frames.to_rgb, cut):
        with pytest.raises(ValueError, match="me.jpg is truncated or damaged"):
            use(frames.open_image(content), "me.jpg")


def test_what_is_not_the_files_fault_passes(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        frames.open_image(b"GIF89a")


@pytest.mark.parametrize("listed", ["NFC", "NFD"])
def test_names_are_found_in_either_unicode_form_and_in_capitals(listed, tmp_path):
    other = {"NFC": "NFD", "NFD": "NFC"}[listed]
    folder, name = unicodedata.normalize(other, "Zoë"), unicodedata.normalize(other, "frühstück")
    (tmp_path / folder).mkdir()
    picture().save(tmp_path / folder / f"{name}.JPG", "JPEG")
    assert frames.open_image(tmp_path / unicodedata.normalize(listed, "Zoë/frühstück.jpg")).size == (40, 30)
    with pytest.raises(ValueError, match=r"No such photograph: .*käse.jpg"):
        frames.open_image(tmp_path / folder / "käse.jpg")
