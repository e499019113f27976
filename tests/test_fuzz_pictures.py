"""Damaged pictures of every format that Pillow writes: each is decoded or refused by name, and nothing else happens."""

import collections
import io
import struct

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from deephar import geometry
from deephar.data.samples import frames

Image.init()
MUTANTS = 300
FORMATS = sorted(Image.SAVE)
MODES = ("RGB", "L", "RGBA", "P", "1", "I;16", "F", "CMYK")
HEADERS = {
    "BUFR": b"BUFR" + bytes(60),
    "GRIB": b"GRIB" + bytes(3) + b"\1" + bytes(60),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(60),
    "WMF": b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hH", 0, 0, 24, 18, 72) + bytes(6) + b"\1\0\t\0" + bytes(60),
}
"""Of formats for which Pillow knows how to write, but needs somebody's plug-in to do so."""
UNREADABLE = {*HEADERS, "EPS", "PALM", "PDF"}
"""Formats that Pillow recognises or writes and does not decode; EPS would take another program."""


def exif():
    data = Image.Exif()
    data[0x0112], data[0x010F] = 6, "Maker"
    data.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    return data


def small_picture(mode, size=(24, 18)):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    kinds = {"I;16": np.uint16, "F": np.float32}
    if mode in kinds:
        return Image.fromarray(pixels[..., 0].astype(kinds[mode]))
    return Image.fromarray(pixels).convert(mode)


def whole_files(kind, size=(24, 18), modes=MODES):
    """Undamaged files of a format: of every mode that it takes, without and with EXIF data."""
    if kind in HEADERS:
        return [HEADERS[kind]]
    if kind == "ICNS":  # Pillow enlarges to 1024 pixels; here is its container with a small picture
        return [
            b"icns" + struct.pack(">I", 16 + len(png)) + b"icp4" + struct.pack(">I", 8 + len(png)) + png
            for png in whole_files("PNG", (16, 16), ("RGB", "RGBA"))
        ]
    files = []
    for mode in modes:
        for options in ({}, {"exif": exif()}):
            file = io.BytesIO()
            try:
                small_picture(mode, size).save(file, kind, **options)
            except (OSError, ValueError, KeyError):
                continue  # not a mode of this format
            files.append(file.getvalue())
    return files


def mutant(content, generator):
    """Some bytes changed, anywhere or near the front; or the end cut off; or a piece left out or repeated."""
    damaged, way = bytearray(content), generator.integers(5)
    if way < 3:
        reach = len(damaged) if way < 2 else min(len(damaged), 64)
        for place in generator.integers(reach, size=generator.integers(1, 9)):
            damaged[place] = generator.integers(256)
    elif way == 3:
        del damaged[generator.integers(1, len(damaged)) :]
    else:
        first, last = sorted(generator.integers(len(damaged), size=2))
        damaged[first:last] = bytes(damaged[first:last]) * int(generator.choice([0, 2]))
    return bytes(damaged)


def outcome(content, name, cut):
    try:
        image = frames.open_image(content, name)
        width, height = frames.upright_size(image, name)
        if cut:
            window = geometry.window_to_crop((width / 2, height / 2), (width, height))
            assert frames.cut(image, window, (8, 6), name).shape == (6, 8, 3)
        else:
            assert np.all(np.array(frames.to_rgb(image, name).size) <= (width, height))
    except ValueError as error:
        assert name in str(error)
        return "refused"
    return "decoded"


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.filterwarnings("ignore")  # decoders warn of damage, and go on
def test_mutants_are_decoded_or_refused_by_name(kind, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500_000)  # damaged headers promise many pixels, which take long
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", False)
    files, generator = whole_files(kind), np.random.default_rng(11)
    found = collections.Counter(
        outcome(mutant(files[number % len(files)], generator), f"a.{kind}", number % 3 == 0)
        for number in range(MUTANTS)
    )
    print(f"{kind}: {MUTANTS} mutants of {len(files)} files, {found['decoded']} decoded, {found['refused']} refused")
    assert found.total() == MUTANTS and found["refused"]
    assert bool(found["decoded"]) == (kind not in UNREADABLE)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # formats that Pillow will give up
def test_whole_files_are_decoded():
    """What the mutants are made from is sound, in every format that can be read."""
    for kind in FORMATS:
        if kind not in UNREADABLE:
            assert {outcome(content, kind, False) for content in whole_files(kind)} == {"decoded"}, kind
