"""Backgrounds of synthetic people: a plain room, or random colours, textures and clutter."""

import numpy as np
from PIL import Image, ImageDraw

from deephar.data.synthetic.figure import draw_colour
from deephar.typed import Pixels, Size


def room(generator: np.random.Generator, size: Size) -> Pixels:
    """A wall and a floor in plain colours with a soft gradient, uint8 (H, W, 3) for a size (width, height)."""
    width, height = size
    wall, floor = generator.uniform(0.55, 0.85, 3), generator.uniform(0.3, 0.6, 3)
    rows = np.arange(height)[:, None, None] / height
    picture = np.where(rows < 0.55, wall, floor) * (255 - 38 * rows)
    return np.repeat(picture.astype(np.uint8), width, axis=1)


def anywhere(generator: np.random.Generator, size: Size) -> Pixels:
    """Multi-scale noise between two colours above and two below a horizon, and clutter; uint8 (H, W, 3)."""
    _, height = size
    texture = _texture(generator, size, generator.uniform(0.8, 1.8))
    shade = np.linspace(0, 1, 256)[:, None]
    horizon = int(generator.uniform(0.2, 0.8) * height)
    regions = []
    for region in (texture[:horizon], texture[horizon:]):
        a, b = draw_colour(generator), draw_colour(generator)
        regions.append((255 * (a + (b - a) * shade)).astype(np.uint8)[region])
    picture = Image.fromarray(np.concatenate(regions))
    pen = ImageDraw.Draw(picture)
    for _ in range(generator.integers(0, 14)):
        pen.polygon(_shape(generator, size), tuple((255 * draw_colour(generator)).astype(int).tolist()))
    return np.asarray(picture)


def _shape(generator: np.random.Generator, size: Size) -> list[float]:
    """Corners of a rotated rectangle or ellipse, as a flat list."""
    center, half = generator.uniform(0, 1, 2) * size, generator.uniform(0.02, 0.3, 2) * size
    angle, corners = generator.uniform(0, np.pi), [4, 24][generator.integers(2)]
    around = 2 * np.pi * (np.arange(corners) + 0.5) / corners
    x, y = half[:, None] * np.array([np.cos(around), np.sin(around)])
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([center[0] + x * cos - y * sin, center[1] + x * sin + y * cos], axis=-1).ravel().tolist()


def _texture(generator: np.random.Generator, size: Size, roughness: float) -> Pixels:
    """Noise uint8 (H, W) over the full range, whose contrast decreases by octave according to `roughness`."""
    total = np.zeros((2, 2), dtype=np.float32)
    for octave in range(6):
        cells = 2 ** (octave + 1)
        total = np.asarray(Image.fromarray(total).resize((cells, cells), Image.Resampling.BICUBIC))
        total = total + np.float32(2.0 ** (-roughness * octave)) * generator.random((cells, cells), dtype=np.float32)
    total = np.asarray(Image.fromarray(total).resize(size, Image.Resampling.BICUBIC))
    low, high = total.min(), total.max()
    return ((total - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
