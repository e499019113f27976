"""People as tapered capsules with depth, shaded and textured, drawn into a picture by vectorised numpy."""

import dataclasses

import numpy as np

from deephar.data.synthetic.body import INDEX

LIMBS = (
    ("pelvis", "thorax", 0.066, 0.070, "shirt"), ("thorax", "neck", 0.045, 0.033, "skin"),
    *(part for side in "rl" for part in (
        (f"{side}_shoulder", f"{side}_elbow", 0.036, 0.027, "sleeve"),
        (f"{side}_elbow", f"{side}_wrist", 0.026, 0.019, "skin"),
        (f"{side}_wrist", f"{side}_hand", 0.021, 0.017, "skin"),
        (f"{side}_hip", f"{side}_knee", 0.056, 0.037, "trousers"),
        (f"{side}_knee", f"{side}_ankle", 0.035, 0.024, "shin"),
        (f"{side}_ankle", f"{side}_foot", 0.026, 0.019, "shoe"),
    )),
)  # fmt: skip
"""Joints at both ends of a part, its radius there in heights, and what it is made of."""

HELD = {
    "ball": (0, 60, 55, 55), "bat": (-60, 760, 18, 34), "club": (-40, 950, 10, 26), "racket": (-60, 520, 16, 90),
    "cup": (-45, 75, 42, 48), "phone": (-80, 80, 28, 28),
}  # fmt: skip
"""Objects in a hand: where they begin and end along it and their radii there, mm."""


@dataclasses.dataclass(frozen=True)
class Look:
    """Colours of a person, RGB in [0, 1], by material; and a pattern of stripes on the clothes.

    Attributes:
        colours: material to (3,).
        stripes: (number along a part, around it, contrast) by material.
    """

    colours: dict
    stripes: dict


def draw_look(generator):
    """Skin, hair and clothes from a `numpy.random.Generator`."""
    skin = np.array([0.95, 0.76, 0.62]) * generator.uniform(0.35, 1.0) * generator.uniform(0.94, 1.06, 3)
    hair = np.array([0.85, 0.65, 0.4]) * generator.uniform(0.06, 0.9)
    clothes = {name: generator.uniform(0.04, 0.96, 3) for name in ("shirt", "trousers", "shoe", "object")}
    sleeves, shorts = generator.uniform(size=2) < (0.4, 0.3)
    colours = {
        "skin": skin, "hair": hair, **clothes,
        "sleeve": clothes["shirt"] if not sleeves or generator.uniform() < 0.6 else skin,
        "shin": skin if shorts else clothes["trousers"],
    }  # fmt: skip
    stripes = {
        name: (generator.integers(0, 9), generator.integers(0, 5), generator.choice([0.0, 0.0, 0.25, 0.5]))
        for name in ("shirt", "trousers")
    }
    return Look(colours, {**stripes, "sleeve": stripes["shirt"]})


def parts_of(joints, body, held=None, side="r"):
    """Capsules of one person in one frame.

    Args:
        joints: (joints, 3) mm.
        body: its `Body`.
        held: a key of `HELD`, or None.
        side: of the hand that holds it.

    Returns:
        list of (start (3,), end (3,), radius, radius, material), mm.
    """
    unit = body.height * body.girth

    def at(name):
        return joints[INDEX[name]]

    parts = [(at(a), at(b), ra * unit, rb * unit, material) for a, b, ra, rb, material in LIMBS]
    for s in "rl":
        chest = 0.72 * at(f"{s}_shoulder") + 0.28 * at("thorax")
        parts.append((at(f"{s}_hip"), chest, 0.058 * unit, 0.056 * unit, "shirt"))
    parts.append((at("r_hip"), at("l_hip"), 0.062 * unit, 0.062 * unit, "trousers"))
    skull = 0.055 * body.height
    up = at("head_top") - at("head")
    up /= np.linalg.norm(up)
    face = at("head") - at("neck") - 0.75 * (at("head_top") - at("neck"))
    face -= (face @ up) * up
    face /= max(np.linalg.norm(face), 1e-9)
    top = at("head_top") - skull * up
    parts.append((at("head") - 0.3 * skull * up, top, 0.92 * skull, skull, "skin"))
    parts.append((top - 0.35 * skull * face, top - 0.2 * skull * face, skull, 1.02 * skull, "hair"))
    parts.append((at("head") + 0.9 * skull * face, at("head") + 1.05 * skull * face, 0.2 * skull, 0.16 * skull, "skin"))
    if held:
        start, end, ra, rb = HELD[held]
        hand, along = at(f"{side}_hand"), at(f"{side}_hand") - at(f"{side}_wrist")
        along = along / np.linalg.norm(along)
        if held in ("cup", "phone"):  # held across the hand, upright as far as the hand allows
            along = np.array([0.0, 0.0, 1.0]) - 0.9 * along[2] * along
            along /= np.linalg.norm(along)
        parts.append((hand + start * along, hand + end * along, ra, rb, "object"))
    return parts


class Canvas:
    """A picture with depth that capsules are drawn into.

    Args:
        background: float (H, W, 3) in [0, 1].
        light: (3,) direction towards the light in camera axes, unit length.
        ambient: share of light from everywhere.
    """

    def __init__(self, background, light, ambient=0.45):
        self.colour = np.array(background, dtype=np.float32)
        self.depth = np.full(self.colour.shape[:2], np.inf, dtype=np.float32)
        self.light, self.ambient = np.asarray(light, dtype=np.float32), ambient

    def draw(self, parts, camera, look):
        """Draw capsules (start, end, radii, material) given in world mm."""
        ends = camera.world_to_uvd(np.array([part[:2] for part in parts]))
        radii = np.array([part[2:4] for part in parts]) * camera.focal.mean() / ends[..., 2]
        for (a, b), (ra, rb), part in zip(ends, radii, parts, strict=True):
            if np.isfinite(a).all() and np.isfinite(b).all():
                self._capsule(a, b, ra, rb, part[4], look, camera.focal.mean())

    def _capsule(self, a, b, ra, rb, material, look, focal):
        height, width = self.depth.shape
        x1, x2 = int(max(min(a[0] - ra, b[0] - rb), 0)), int(min(max(a[0] + ra, b[0] + rb) + 1, width))
        y1, y2 = int(max(min(a[1] - ra, b[1] - rb), 0)), int(min(max(a[1] + ra, b[1] + rb) + 1, height))
        if x1 >= x2 or y1 >= y2:
            return
        x = np.arange(x1, x2, dtype=np.float32) + (0.5 - a[0])
        y = np.arange(y1, y2, dtype=np.float32)[:, None] + (0.5 - a[1])
        bx, by = b[0] - a[0], b[1] - a[1]
        t = np.clip((x * bx + y * by) / max(bx * bx + by * by, 1e-6), 0, 1)
        dx, dy, radius = x - t * bx, y - t * by, ra + t * (rb - ra)
        inside = radius * radius - dx * dx - dy * dy
        bulge = np.sqrt(np.maximum(inside, 0))
        depth = a[2] + t * (b[2] - a[2])
        depth = depth - bulge * depth / focal
        seen = (inside > 0) & (depth < self.depth[y1:y2, x1:x2])
        if not seen.any():
            return
        t, dx, dy, bulge, radius = t[seen], dx[seen], dy[seen], bulge[seen], radius[seen]
        lit = (dx * self.light[0] + dy * self.light[1] - bulge * self.light[2]) / radius
        shade = self.ambient + (1 - self.ambient) * np.maximum(lit, 0)
        along, around, contrast = look.stripes.get(material, (0, 0, 0.0))
        if contrast:
            across = (dx * by - dy * bx) / (radius * max(np.hypot(bx, by), 1e-6))
            shade = shade * (1 + contrast * np.sign(np.sin(2 * np.pi * along * t + 3 * around * across)))
        self.colour[y1:y2, x1:x2][seen] = shade[:, None] * look.colours[material].astype(np.float32)
        self.depth[y1:y2, x1:x2][seen] = depth[seen]

    def hidden(self, points_world, camera, behind=0.0):
        """Whether something drawn is nearer than points (N, 3) by more than `behind` mm, or they are outside (N,)."""
        uvd = camera.world_to_uvd(points_world)
        height, width = self.depth.shape
        column, row = np.floor(uvd[:, 0]), np.floor(uvd[:, 1])
        outside = ~((column >= 0) & (column < width) & (row >= 0) & (row < height))
        column, row = (np.where(outside, 0, v).astype(int) for v in (column, row))
        return outside | (self.depth[row, column] < uvd[:, 2] - behind)

    def picture(self):
        """uint8 (H, W, 3)."""
        return (np.clip(self.colour, 0, 1) * 255 + 0.5).astype(np.uint8)
