import io

import numpy as np
import pytest
from PIL import Image

from deephar import geometry
from deephar.data import frames


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
