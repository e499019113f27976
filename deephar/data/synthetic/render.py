"""Tapered capsules with depth, shaded and textured, drawn into the frames of a clip with vectorised numpy.

All capsules of several frames are drawn at once: first the pixel rows that each capsule covers, then the pixels of
these rows, then the nearest capsule at every pixel, and colours only for those.
"""

import functools

import numpy as np

from deephar.camera import Camera
from deephar.data.synthetic.figure import Look, Parts
from deephar.typed import ArrayLike, Bools, Floats, Ints, Pixels

CHUNK = 8
"""Frames drawn at once; their pixels fit into a CPU cache."""

_CAPSULE = ("ax", "ay", "az", "bx", "by", "bz", "ra", "rb")


class Canvas:
    """Frames with depth that people are drawn into.

    Args:
        background: uint8 (H, W, 3).
        frames: T.
        light: (3,) direction towards the light in camera axes, unit length.
        ambient: fraction of ambient light.
    """

    def __init__(self, background: Pixels, frames: int, light: ArrayLike, ambient: float = 0.45) -> None:
        self.colour: Pixels = np.repeat(np.asarray(background, dtype=np.uint8)[None], frames, axis=0)
        self.depth: Floats = np.full(self.colour.shape[:3], np.inf, dtype=np.float32)
        self.light: Floats = np.asarray(light, dtype=np.float32)
        self.ambient: np.float32 = np.float32(ambient)

    def draw(self, parts: Parts, camera: Camera, look: Look) -> None:
        """Draw `parts` (`deephar.data.synthetic.figure.Parts`) with the colours of `look`, as seen by a `Camera`."""
        colours = np.array([look.colours[material] for material in parts.materials], dtype=np.float32)
        stripes = np.array([look.stripes.get(m, (0, 0, 0.0)) for m in parts.materials], dtype=np.float32)
        focal = camera.focal.mean()
        for start in range(0, len(parts.ends), CHUNK):
            ends = camera.world_to_uvd(parts.ends[start : start + CHUNK])
            radii = parts.radii * focal / ends[..., 2]
            capsules = np.concatenate([ends[..., 0, :], ends[..., 1, :], radii], axis=-1)
            self._draw(start, capsules.reshape(-1, len(_CAPSULE)), colours, stripes, np.float32(focal))

    def _draw(self, start: int, capsules: Floats, colours: Floats, stripes: Floats, focal: np.float32) -> None:
        height, width = self.depth.shape[1:]
        number, x, y, values = _pixels(capsules, width, height)
        c = dict(zip(_CAPSULE, values, strict=True))
        bx, by = c["bx"] - c["ax"], c["by"] - c["ay"]
        dx = x.astype(np.float32) + (np.float32(0.5) - c["ax"])
        dy = y.astype(np.float32) + (np.float32(0.5) - c["ay"])
        t = np.clip((dx * bx + dy * by) / np.maximum(bx * bx + by * by, np.float32(1e-6)), 0, 1)
        dx -= t * bx
        dy -= t * by
        radius = c["ra"] + t * (c["rb"] - c["ra"])
        bulge = np.sqrt(np.maximum(radius * radius - dx * dx - dy * dy, 0))
        depth = (c["az"] + t * (c["bz"] - c["az"])) * (1 - bulge / focal)
        depth[bulge == 0] = np.inf
        place = ((start + number // len(colours)) * height + y) * width + x
        nearest = self.depth.reshape(-1)
        np.minimum.at(nearest, place, depth)
        seen = np.flatnonzero((depth == nearest[place]) & (depth < np.inf))
        part = number[seen] % len(colours)
        shade = self._shade(dx[seen], dy[seen], bulge[seen], radius[seen])
        if stripes[:, 2].any():
            shade *= _pattern(t[seen], dx[seen], dy[seen], bx[seen], by[seen], radius[seen], stripes[part].T)
        self.colour.reshape(-1, 3)[place[seen]] = np.minimum(shade[:, None] * (255 * colours)[part] + 0.5, 255)

    def _shade(self, dx: Floats, dy: Floats, bulge: Floats, radius: Floats) -> Floats:
        lit = (dx * self.light[0] + dy * self.light[1] - bulge * self.light[2]) / radius
        return self.ambient + (1 - self.ambient) * np.maximum(lit, 0)

    def hidden(self, points_world: Floats, camera: Camera, behind: float | Floats = 0.0) -> Bools:
        """Whether something drawn is nearer than points (T, N, 3) by more than `behind` mm; see `hidden`."""
        return hidden(self.depth, points_world, camera, behind)

    def pictures(self, noise: float, generator: np.random.Generator) -> Pixels:
        """The frames with sensor noise.

        Args:
            noise: standard deviation in [0, 1] of full brightness.
            generator: `numpy.random.Generator`.

        Returns:
            uint8 (T, H, W, 3).
        """
        if noise > 0:
            count = self.colour[0].size
            grain = (_grain(count) * np.float32(255 * noise)).astype(np.int16)
            for frame in self.colour:
                begin = generator.integers(len(grain) - count)
                noisy = frame + grain[begin : begin + count].reshape(frame.shape)
                frame[...] = np.clip(noisy, 0, 255, out=noisy)
        return self.colour


def hidden(depth: Floats, points_world: Floats, camera: Camera, behind: float | Floats = 0.0) -> Bools:
    """Whether something drawn is nearer than points by more than `behind` mm, or they are outside.

    Args:
        depth: (T, H, W) mm, inf where nothing is drawn.
        points_world: (T, N, 3) mm.
        camera: `deephar.camera.Camera`.
        behind: mm, number or (N,).

    Returns:
        bool (T, N).
    """
    uvd = camera.world_to_uvd(points_world)
    height, width = depth.shape[1:]
    column, row = np.floor(uvd[..., 0]), np.floor(uvd[..., 1])
    outside = ~((column >= 0) & (column < width) & (row >= 0) & (row < height))
    column, row = (np.where(outside, 0, v).astype(int) for v in (column, row))
    return outside | (depth[np.arange(len(uvd))[:, None], row, column] < uvd[..., 2] - behind)


@functools.lru_cache(maxsize=2)
def _grain(count: int) -> Floats:
    """Gaussian noise, of which every frame of `count` numbers takes a part."""
    return np.random.default_rng(0).standard_normal(count + 65536, dtype=np.float32)


def _pattern(t: Floats, dx: Floats, dy: Floats, bx: Floats, by: Floats, radius: Floats, stripes: Floats) -> Floats:
    along, around, contrast = stripes
    across = (dx * by - dy * bx) / (radius * np.maximum(np.hypot(bx, by), np.float32(1e-6)))
    return 1 + contrast * np.sign(np.sin(np.float32(2 * np.pi) * along * t + 3 * around * across))


def _pixels(capsules: Floats, width: int, height: int) -> tuple[Ints, Ints, Ints, Floats]:
    """Pixels that capsules may cover, row by row.

    Args:
        capsules: (N, 8) as `_CAPSULE`, pixels and mm; those with a NaN are skipped.

    Returns:
        (pixels,) number of the capsule, column and row; and float32 (8, pixels), the capsule's values.
    """
    _, ay, _, _, by, _, ra, rb = capsules.T
    with np.errstate(invalid="ignore"):
        top = np.ceil(np.clip(np.minimum(ay - ra, by - rb) - 0.5, 0, height))
        bottom = np.floor(np.clip(np.maximum(ay + ra, by + rb) + 0.5, 0, height))
        tall = np.where(np.isfinite(capsules).all(axis=1), np.maximum(bottom - top, 0), 0).astype(int)
    owner = np.repeat(np.arange(len(capsules)), tall)
    y = _count_up(tall) + np.nan_to_num(top).astype(int)[owner]
    left, right = _row_ends(y + 0.5, capsules[owner].T)
    left = np.ceil(np.clip(left - 0.5, 0, width)).astype(int)
    right = np.floor(np.clip(right + 0.5, 0, width)).astype(int)
    wide = np.maximum(right - left, 0)
    x = _count_up(wide) + np.repeat(left, wide)
    number = np.repeat(owner, wide)
    return number, x, np.repeat(y, wide), capsules.astype(np.float32).T[:, number]


def _count_up(lengths: Ints) -> Ints:
    """0, 1, ... length - 1 for every length, concatenated."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)


def _row_ends(y: Floats, capsules: Floats) -> tuple[Floats, Floats]:
    """Where horizontal lines enter and leave capsules, (rows,) each: the discs at both ends and the sides between."""
    ax, ay, _, bx, by, _, ra, rb = capsules
    length = np.maximum(np.hypot(bx - ax, by - ay), 1e-9)
    nx, ny = (ay - by) / length, (bx - ax) / length
    crossings = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for cx, cy, r in ((ax, ay, ra), (bx, by, rb)):
            half = np.sqrt(r**2 - (y - cy) ** 2)  # NaN beside the disc
            crossings += [cx - half, cx + half]
        for sign in (1, -1):
            px, py, qx, qy = ax + sign * ra * nx, ay + sign * ra * ny, bx + sign * rb * nx, by + sign * rb * ny
            s = (y - py) / (qy - py)
            crossings.append(np.where((s >= 0) & (s <= 1), px + s * (qx - px), np.nan))
    crossings = np.array(crossings)
    return np.fmin.reduce(crossings), np.fmax.reduce(crossings)
