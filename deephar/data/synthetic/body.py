"""A skeleton of named joints: a person's bone lengths, joint angles and joint positions, in numpy.

The body's axes are x forward, y to the person's left, z up; the world's z is up too. Lengths are millimetres, angles
degrees. Standing upright with arms hanging, all angles are 0.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from deephar import anatomy
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats

HAND = ("hand", "hand_tip", "thumb", "thumb_end")
JOINTS: tuple[str, ...] = (
    "pelvis", "spine", "thorax", "neck", "head", "head_top",
    *(f"{side}_{joint}" for side in "rl"
      for joint in ("shoulder", "elbow", "wrist", *HAND, "hip", "knee", "ankle", "foot", "toe_end")),
)  # fmt: skip
INDEX = {name: place for place, name in enumerate(JOINTS)}

SAME_PLACE = {
    "spine_base": "pelvis", "r_shoulder_base": "thorax", "l_shoulder_base": "thorax",
    "r_hand_end": "r_hand_tip", "l_hand_end": "l_hand_tip",
}  # fmt: skip
"""Joints of some layouts that coincide with one of `JOINTS`."""

LIMITS: dict[str, tuple[float, float]] = {
    "bend": (-30, 80), "lean": (-35, 35), "turn": (-60, 60), "nod": (-40, 50), "look": (-70, 70),
    "raise": (0, 180), "plane": (-60, 180), "roll": (-90, 90), "elbow": (0, 150),
    "hip": (0, 130), "hip_plane": (-20, 180), "hip_roll": (-45, 45), "knee": (0, 150), "ankle": (-30, 50),
}  # fmt: skip
"""Range of every angle in degrees: of the trunk forward, sideways and about its axis; of the head down and sideways; of
an upper arm from hanging, towards `plane` (0 forward, 90 outward, 180 backward), about its axis, of its elbow; of a leg
likewise."""


@dataclasses.dataclass(frozen=True)
class Body:
    """A person's size and shape.

    Attributes:
        height: mm.
        bones: length of every bone as a fraction of the height, by the name of its far end (both sides alike); `hip`
            and `shoulder` are half widths.
        girth: factor on the thickness of all parts.
    """

    height: float
    bones: dict[str, float]
    girth: float


ANKLE_HEIGHT = 0.039
"""Height of the ankle above the sole, as a fraction of the body height."""


def order(layout: PoseLayout) -> list[int]:
    """Positions in `JOINTS` of the joints of a `deephar.layouts.PoseLayout`, as a list.

    Raises:
        ValueError: if a synthetic person lacks one of them.
    """
    places = [INDEX.get(SAME_PLACE.get(name, name)) for name in layout.places]
    if None in places:
        lacking = layout.names[places.index(None)]
        raise ValueError(f"Layout {layout.name} has {lacking!r}, but synthetic people only {', '.join(JOINTS)}")
    return [place for place in places if place is not None]


def draw_body(generator: np.random.Generator) -> Body:
    """Sample a person of either sex: height, proportions and girth, from a `numpy.random.Generator`."""
    female = bool(generator.integers(2))
    height = generator.normal(1640 if female else 1770, 65)
    bones = {name: length * generator.normal(1, 0.03) for name, length in anatomy.BONES.items()}
    bones["hip"] *= 1.06 if female else 0.97
    bones["shoulder"] *= 0.94 if female else 1.05
    return Body(float(np.clip(height, 1400, 2050)), bones, float(np.clip(generator.normal(1, 0.12), 0.75, 1.4)))


def rotation(axis: str, degrees: ArrayLike) -> Floats:
    """Rotations (T, 3, 3) about x, y or z, right-handed."""
    angle = np.deg2rad(np.asarray(degrees, dtype=np.float64))
    result = np.zeros((*angle.shape, 3, 3))
    i, j, k = {"x": (0, 1, 2), "y": (1, 2, 0), "z": (2, 0, 1)}[axis]
    result[..., i, i], result[..., j, j], result[..., k, k] = 1, np.cos(angle), np.cos(angle)
    result[..., k, j] = np.sin(angle)
    result[..., j, k] = -result[..., k, j]
    return result


def _swing(raise_: Floats, plane: Floats, roll: Floats) -> Floats:
    """Rotation that raises a hanging limb by `raise_` towards `plane`, with no twist except `roll` about its axis."""
    return rotation("z", plane) @ rotation("y", -raise_) @ rotation("z", roll - plane)


def pose_body(body: Body, angles: Mapping[str, Floats]) -> Floats:
    """Joint positions by forward kinematics.

    Args:
        body: `Body`.
        angles: name to (T,) degrees; trunk angles as in `LIMITS`, those of limbs with `r_` or `l_`, and of the whole
            body `yaw`, `pitch` (forward), `roll`. Angles are clipped to the limits.

    Returns:
        float64 (T, joints, 3) mm, pelvis at the origin.
    """
    length = len(next(iter(angles.values())))
    zero = np.zeros(length)

    def angle(name: str, side: str = "") -> Floats:
        low, high = LIMITS.get(name, (-np.inf, np.inf))
        return np.clip(angles.get(side + name, zero), low, high)

    bones = {name: fraction * body.height for name, fraction in body.bones.items()}
    joints = np.zeros((length, len(JOINTS), 3))

    def grow(name: str, parent: str, frame: Floats, offset: ArrayLike) -> None:
        joints[:, INDEX[name]] = joints[:, INDEX[parent]] + frame @ np.asarray(offset, dtype=np.float64)

    root = rotation("z", angle("yaw")) @ rotation("y", angle("pitch")) @ rotation("x", angle("roll"))
    half = rotation("z", angle("turn") / 2) @ rotation("x", angle("lean") / 2) @ rotation("y", angle("bend") / 2)
    lumbar = root @ half
    chest = lumbar @ half
    skull = chest @ rotation("z", angle("look")) @ rotation("y", angle("nod"))
    grow("spine", "pelvis", lumbar, (0, 0, bones["spine"]))
    grow("thorax", "spine", chest, (0, 0, bones["thorax"]))
    grow("neck", "thorax", chest, (0, 0, bones["neck"]))
    grow("head", "neck", skull, (0.02 * body.height, 0, bones["head"]))
    grow("head_top", "head", skull, (-0.02 * body.height, 0, bones["head_top"]))
    for side, sign in (("r_", -1), ("l_", 1)):
        arm = chest @ _swing(angle("raise", side), sign * angle("plane", side), sign * angle("roll", side))
        forearm = arm @ rotation("y", -angle("elbow", side))
        grow(f"{side}shoulder", "thorax", chest, (0, sign * bones["shoulder"], -0.01 * body.height))
        grow(f"{side}elbow", f"{side}shoulder", arm, (0, 0, -bones["elbow"]))
        grow(f"{side}wrist", f"{side}elbow", forearm, (0, 0, -bones["wrist"]))
        grow(f"{side}hand", f"{side}wrist", forearm, (0, 0, -bones["hand"]))
        grow(f"{side}hand_tip", f"{side}hand", forearm, (0, 0, -0.9 * bones["hand"]))
        grow(f"{side}thumb", f"{side}wrist", forearm, (0.5 * bones["hand"], 0, -0.45 * bones["hand"]))
        grow(f"{side}thumb_end", f"{side}thumb", forearm, (0.25 * bones["hand"], 0, -0.55 * bones["hand"]))
        thigh = root @ _swing(angle("hip", side), sign * angle("hip_plane", side), sign * angle("hip_roll", side))
        shin = thigh @ rotation("y", angle("knee", side))
        foot = shin @ rotation("y", angle("ankle", side))
        grow(f"{side}hip", "pelvis", root, (0, sign * bones["hip"], 0))
        grow(f"{side}knee", f"{side}hip", thigh, (0, 0, -bones["knee"]))
        grow(f"{side}ankle", f"{side}knee", shin, (0, 0, -bones["ankle"]))
        grow(f"{side}foot", f"{side}ankle", foot, (bones["foot"], 0, -0.7 * ANKLE_HEIGHT * body.height))
        grow(f"{side}toe_end", f"{side}foot", foot, (0.5 * bones["foot"], 0, 0))
    return joints


def reach(joints: Floats, side: str, target: Floats) -> Floats:
    """Joints with one arm moved so that its wrist is at a target, or as close as the arm's length allows.

    The bones keep their lengths, and the elbow the direction in which it points; the hand rotates with the forearm.

    Args:
        joints: (T, joints, 3) mm.
        side: "r" or "l".
        target: (T, 3) mm.

    Returns:
        (T, joints, 3).
    """
    shoulder, elbow, wrist = (joints[:, INDEX[f"{side}_{name}"]] for name in ("shoulder", "elbow", "wrist"))
    upper, lower = np.linalg.norm(elbow - shoulder, axis=-1), np.linalg.norm(wrist - elbow, axis=-1)
    toward = target - shoulder
    distance = np.clip(np.linalg.norm(toward, axis=-1), np.abs(upper - lower) + 1, 0.999 * (upper + lower))
    toward = unit(toward)
    out = elbow - shoulder
    out = unit(out - np.sum(out * toward, axis=-1, keepdims=True) * toward)
    cos = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1, 1)
    new_elbow = shoulder + upper[:, None] * (cos[:, None] * toward + np.sqrt(1 - cos**2)[:, None] * out)
    new_wrist = shoulder + distance[:, None] * toward
    turn = _turn_between(unit(wrist - elbow), unit(new_wrist - new_elbow))
    moved = joints.copy()
    moved[:, INDEX[f"{side}_elbow"]], moved[:, INDEX[f"{side}_wrist"]] = new_elbow, new_wrist
    hand = [INDEX[f"{side}_{name}"] for name in HAND]
    moved[:, hand] = new_wrist[:, None] + (joints[:, hand] - wrist[:, None]) @ np.swapaxes(turn, -1, -2)
    return moved


def unit(vectors: Floats) -> Floats:
    """Vectors (..., 3) scaled to length 1; zero vectors stay unchanged."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _turn_between(a: Floats, b: Floats) -> Floats:
    """The smallest rotations (T, 3, 3) that take unit vectors (T, 3) to others, which must not be their opposites."""
    cross = np.zeros((len(a), 3, 3))
    x, y, z = np.cross(a, b).T
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
    cross -= np.swapaxes(cross, -1, -2)
    cos = np.sum(a * b, axis=-1)[:, None, None]
    return np.eye(3) + cross + cross @ cross / np.maximum(1 + cos, 1e-6)
