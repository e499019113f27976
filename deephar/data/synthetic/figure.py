"""The parts of a person: skin, hair, clothes, objects in the hands, and a chair, as tapered capsules."""

import dataclasses
import typing
from collections.abc import Callable, Sequence

import numpy as np

from deephar.data.synthetic.body import INDEX, JOINTS, Body, draw_body, unit
from deephar.typed import Floats

LIMBS: tuple[tuple[str, str, float, float, str], ...] = (
    ("spine", "thorax", 0.066, 0.070, "shirt"), ("thorax", "neck", 0.040, 0.033, "skin"),
    ("r_shoulder", "l_shoulder", 0.041, 0.041, "shirt"), ("r_hip", "l_hip", 0.063, 0.063, "trousers"),
    *(part for side in "rl" for part in (
        (f"{side}_shoulder", f"{side}_elbow", 0.036, 0.027, "sleeve"),
        (f"{side}_elbow", f"{side}_wrist", 0.026, 0.018, "skin"),
        (f"{side}_wrist", f"{side}_hand", 0.017, 0.024, "skin"),
        (f"{side}_hand", f"{side}_hand_tip", 0.022, 0.012, "skin"),
        (f"{side}_thumb", f"{side}_thumb_end", 0.011, 0.009, "skin"),
        (f"{side}_hip", f"{side}_knee", 0.056, 0.037, "trousers"),
        (f"{side}_knee", f"{side}_ankle", 0.035, 0.024, "shin"),
        (f"{side}_ankle", f"{side}_foot", 0.027, 0.024, "shoe"),
        (f"{side}_foot", f"{side}_toe_end", 0.024, 0.016, "shoe"),
    )),
)  # fmt: skip
"""Joints at both ends of a part, its radii there as fractions of the height, and its material."""


Point: typing.TypeAlias = tuple[float, float, float]
Capsule: typing.TypeAlias = tuple[Point, Point, float, float]
"""Its two ends and the radii there."""

_Add: typing.TypeAlias = Callable[[Sequence[Capsule], Floats, Floats, str], None]


def _ring(middle: float, half_along: float, half_across: float, radius: float, pieces: int = 10) -> list[Capsule]:
    angle = np.linspace(0, 2 * np.pi, pieces + 1)
    points = np.stack([middle + half_along * np.cos(angle), half_across * np.sin(angle), 0 * angle], axis=-1)
    return [(a, b, radius, radius) for a, b in zip(points[:-1].tolist(), points[1:].tolist(), strict=True)]


HELD: dict[str, list[Capsule]] = {
    "ball": [((40, 0, 0), (40, 0, 0), 50, 50)],
    "bowling_ball": [((60, 0, 0), (60, 0, 0), 108, 108)],
    "bat": [((-40, -100, 0), (330, 640, 0), 18, 36)],
    "club": [((-60, 0, 0), (780, 0, 0), 12, 12), ((780, -10, 0), (800, 80, 0), 22, 22)],
    "racket": [((-60, 0, 0), (270, 0, 0), 15, 13), *_ring(420, 165, 130, 13),
               ((270, 0, 0), (560, 0, 0), 5, 5), ((420, -110, 0), (420, 110, 0), 5, 5)],
    "cup": [((30, -60, 15), (30, 100, 15), 42, 52)],
    "phone": [((-50, 0, 22), (110, 0, 22), 24, 24)],
}  # fmt: skip
"""Capsules (start, end, radii, mm) of an object in a hand; axes: along the hand, towards its thumb, and across both."""

_SEAT: list[Capsule] = [((x, -190, -22), (x, 190, -22), 22, 22) for x in (-170, -85, 0, 85, 170)]
_BACK: list[Capsule] = [((-190, y, -40), (-230, y, 440), 18, 18) for y in (-170, 170)]
_SLATS: list[Capsule] = [((-215, -170, z), (-215, 170, z), 24, 24) for z in (250, 340, 430)]
CHAIR: list[Capsule] = [*_SEAT, *_BACK, *_SLATS]
"""Capsules of a chair without legs; axes: forward, left and up from the middle of its seat, mm."""
_LEGS = [(x, y) for x in (-170, 170) for y in (-170, 170)]


@dataclasses.dataclass(frozen=True)
class Look:
    """Colours of a person, RGB in [0, 1], by material; and a pattern of stripes on the clothes.

    Attributes:
        colours: material to (3,).
        stripes: (number along a part, around it, contrast) by material.
        long_hair: whether hair hangs down to the shoulders.
    """

    colours: dict[str, Floats]
    stripes: dict[str, tuple[int, int, float]]
    long_hair: bool = False


@dataclasses.dataclass(frozen=True)
class Parts:
    """Capsules of one person in T frames.

    Attributes:
        ends: (T, parts, 2, 3) mm.
        radii: (parts, 2) mm.
        materials: a name per part.
    """

    ends: Floats
    radii: Floats
    materials: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Person:
    """A person: body and appearance."""

    body: Body
    look: Look


def draw_person(generator: np.random.Generator) -> Person:
    """Sample a person from a `numpy.random.Generator`."""
    return Person(draw_body(generator), draw_look(generator))


def draw_look(generator: np.random.Generator) -> Look:
    """Sample skin, hair and clothes from a `numpy.random.Generator`."""
    skin = np.array([0.95, 0.76, 0.62]) * generator.uniform(0.35, 1.0) * generator.uniform(0.94, 1.06, 3)
    hair = np.array([0.85, 0.65, 0.4]) * generator.uniform(0.06, 0.9)
    clothes = {name: draw_colour(generator) for name in ("shirt", "trousers", "shoe", "object", "chair")}
    sleeves, shorts = generator.uniform(size=2) < (0.4, 0.3)
    colours = {
        "skin": skin, "hair": hair, "eye": np.full(3, 0.05), "lips": skin * (0.75, 0.5, 0.5), **clothes,
        "sleeve": clothes["shirt"] if not sleeves or generator.uniform() < 0.6 else skin,
        "shin": skin if shorts else clothes["trousers"],
    }  # fmt: skip
    stripes = {
        name: (
            int(generator.integers(0, 9)),
            int(generator.integers(0, 5)),
            float(generator.choice([0.0, 0.0, 0.25, 0.5])),
        )
        for name in ("shirt", "trousers")
    }
    return Look(colours, {**stripes, "sleeve": stripes["shirt"]}, bool(generator.uniform() < 0.35))


def draw_colour(generator: np.random.Generator) -> Floats:
    """Sample a colour (3,) in [0.04, 0.96], from grey to saturated."""
    strength, colour = generator.uniform() ** 1.5, generator.uniform(0.04, 0.96, 3)
    return strength * colour + (1 - strength) * colour.mean()


def parts_of(
    joints: Floats, person: Person, held: str | None = None, side: str = "r", seat: Floats | None = None
) -> Parts:
    """Capsules of one person.

    Args:
        joints: (T, joints, 3) mm.
        person: `Person`.
        held: a key of `HELD`, or None.
        side: of the hand that holds it.
        seat: (joints, 3) mm of the person when seated, if there is a chair; else None.

    Returns:
        `Parts`.
    """
    height, around = person.body.height, person.body.height * person.body.girth
    limbs = [[INDEX[a], INDEX[b]] for a, b, *_ in LIMBS]
    ends = [joints[:, limbs]]
    radii = [(ra * around, rb * around) for _, _, ra, rb, _ in LIMBS]
    materials = [material for *_, material in LIMBS]

    def add(capsules: Sequence[Capsule], origin: Floats, axes: Floats, material: str) -> None:
        """Add capsules with ends given in axes (T, 3, 3), as rows, about an origin (T, 3)."""
        local = np.array([capsule[:2] for capsule in capsules], dtype=np.float64)
        ends.append(origin[:, None, None] + np.einsum("pek,tkd->tped", local, axes))
        radii.extend(capsule[2:4] for capsule in capsules)
        materials.extend([material] * len(capsules))

    for s in "rl":
        chest = 0.72 * joints[:, INDEX[f"{s}_shoulder"]] + 0.28 * joints[:, INDEX["thorax"]]
        waist = 0.8 * joints[:, INDEX[f"{s}_hip"]] + 0.2 * chest
        ends.append(np.stack([waist, chest], axis=1)[:, None])
        radii.append((0.060 * around, 0.056 * around))
        materials.append("shirt")
        _add_heel(add, joints, s, around)
    _add_head(add, joints, height, person.look.long_hair)
    if held:
        hand, wrist = joints[:, INDEX[f"{side}_hand"]], joints[:, INDEX[f"{side}_wrist"]]
        along = unit(hand - wrist)
        thumb = joints[:, INDEX[f"{side}_thumb_end"]] - wrist
        across = unit(thumb - np.sum(thumb * along, axis=-1, keepdims=True) * along)
        add(HELD[held], hand, np.stack([along, across, np.cross(along, across)], axis=1), "object")
    if seat is not None:
        _add_chair(add, seat, around, len(joints))
    return Parts(np.concatenate(ends, axis=1), np.array(radii, dtype=np.float64), tuple(materials))


def _add_heel(add: _Add, joints: Floats, side: str, around: float) -> None:
    ankle, foot, toe = (joints[:, INDEX[f"{side}_{name}"]] for name in ("ankle", "foot", "toe_end"))
    sole = unit(toe - foot)
    down = foot - ankle - np.sum((foot - ankle) * sole, axis=-1, keepdims=True) * sole
    axes = np.stack([sole, unit(down), sole], axis=1)
    drop, radius = 0.018 * around, 0.022 * around
    add([((-0.6 * radius, drop, 0), (1.4 * radius, drop, 0), radius, radius)], ankle, axes, "shoe")


def _add_head(add: _Add, joints: Floats, height: float, long_hair: bool) -> None:
    """A skull with a face in front and hair above and behind."""
    size = 0.052 * height
    head, top, neck = (joints[:, INDEX[name]] for name in ("head", "head_top", "neck"))
    up = unit(top - neck)
    ahead = unit(head - neck - np.sum((head - neck) * up, axis=-1, keepdims=True) * up)
    axes = size * np.stack([ahead, np.cross(up, ahead), up], axis=1)
    middle = top - size * up
    shapes: dict[str, list[Capsule]] = {
        "skin": [((0.05, 0, 0), (0.22, 0, -0.9), 0.98, 0.66), ((0.95, 0, -0.25), (1.08, 0, -0.5), 0.13, 0.18)],
        "hair": [((-0.12, 0, 0.12), (-0.45, 0, -0.45), 1.0, 0.85)],
        "eye": [((0.86, y, -0.12), (0.86, y, -0.1), 0.14, 0.14) for y in (-0.38, 0.38)],
        "lips": [((0.80, -0.2, -0.95), (0.80, 0.2, -0.95), 0.13, 0.13)],
    }
    if long_hair:
        shapes["hair"] += [((-0.5, 0, -0.3), (-0.75, 0, -2.0), 0.85, 0.6)]
    for material, capsules in shapes.items():
        scaled = [(a, b, ra * size, rb * size) for a, b, ra, rb in capsules]
        add(scaled, middle, axes, material)


def _add_chair(add: _Add, joints: Floats, around: float, frames: int) -> None:
    pelvis = joints[INDEX["pelvis"]]
    left = unit((joints[INDEX["l_hip"]] - joints[INDEX["r_hip"]]) * [1, 1, 0])
    axes = np.stack([np.cross(left, [0, 0, 1]), left, [0, 0, 1]])
    origin = pelvis - [0, 0, 0.058 * around]
    legs = [((x, y, -22), (x, y, 20 - origin[2]), 18, 18) for x, y in _LEGS]
    add([*CHAIR, *legs], np.tile(origin, (frames, 1)), np.tile(axes, (frames, 1, 1)), "chair")


def thickness(person: Person) -> Floats:
    """Depth of each joint inside the body, mm (joints,), with a tolerance."""
    depth = {"pelvis": 0.09, "spine": 0.09, "thorax": 0.09, "neck": 0.06, "head": 0.075, "head_top": 0.06,
             "shoulder": 0.075, "hip": 0.09, "knee": 0.05}  # fmt: skip
    around = person.body.height * person.body.girth
    return around * np.array([depth.get(name.split("_", 1)[-1] if name[1] == "_" else name, 0.04) for name in JOINTS])
