"""A skeleton of named joints: bone lengths of a person, joint angles, and where the joints are, in numpy.

The body's axes are x forward, y to the person's left, z up; the world's z is up too. Lengths are millimetres, angles
degrees. Standing upright with arms hanging, all angles are 0.
"""

import dataclasses

import numpy as np

JOINTS = (
    "pelvis", "spine", "thorax", "neck", "head", "head_top",
    *(f"{side}_{joint}" for side in "rl"
      for joint in ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle", "foot")),
)  # fmt: skip
INDEX = {name: place for place, name in enumerate(JOINTS)}

LIMITS = {
    "bend": (-30, 80), "lean": (-35, 35), "turn": (-60, 60), "nod": (-40, 50), "look": (-70, 70),
    "raise": (0, 180), "plane": (-60, 180), "roll": (-90, 90), "elbow": (0, 150),
    "hip": (0, 130), "hip_plane": (-20, 180), "hip_roll": (-45, 45), "knee": (0, 150), "ankle": (-30, 50),
}  # fmt: skip
"""Degrees of every angle: of the trunk forward, sideways and about itself; of the head down and sideways; of an upper
arm from hanging, towards `plane` (0 forward, 90 outward, 180 backward), about itself, of its elbow; a leg likewise."""


@dataclasses.dataclass(frozen=True)
class Body:
    """A person's size and shape.

    Attributes:
        height: mm.
        bones: length of every bone in heights, by the name of its far end (both sides alike); `hip` and `shoulder` are
            half widths.
        girth: factor on the thickness of all parts.
    """

    height: float
    bones: dict
    girth: float


_BONES = {
    "hip": 0.052, "knee": 0.245, "ankle": 0.246, "foot": 0.105, "spine": 0.120, "thorax": 0.165, "neck": 0.050,
    "head": 0.065, "head_top": 0.075, "shoulder": 0.112, "elbow": 0.172, "wrist": 0.152, "hand": 0.085,
}  # fmt: skip
ANKLE_HEIGHT = 0.039
"""Heights from the sole to the ankle."""


def draw_body(generator):
    """A person of either sex: height, proportions and girth, from a `numpy.random.Generator`."""
    female = bool(generator.integers(2))
    height = generator.normal(1640 if female else 1770, 65)
    bones = {name: length * generator.normal(1, 0.03) for name, length in _BONES.items()}
    bones["hip"] *= 1.06 if female else 0.97
    bones["shoulder"] *= 0.94 if female else 1.05
    return Body(float(np.clip(height, 1400, 2050)), bones, float(np.clip(generator.normal(1, 0.12), 0.75, 1.4)))


def rotation(axis, degrees):
    """Rotations (T, 3, 3) about x, y or z, right-handed."""
    angle = np.deg2rad(np.asarray(degrees, dtype=np.float64))
    cos, sin, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = {
        "x": ((one, zero, zero), (zero, cos, -sin), (zero, sin, cos)),
        "y": ((cos, zero, sin), (zero, one, zero), (-sin, zero, cos)),
        "z": ((cos, -sin, zero), (sin, cos, zero), (zero, zero, one)),
    }[axis]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _swing(raise_, plane, roll):
    """Rotation that takes a hanging limb up by `raise_` towards `plane`, without twist but `roll` about itself."""
    return rotation("z", plane) @ rotation("y", -raise_) @ rotation("z", roll - plane)


def pose_body(body, angles):
    """Where the joints are: forward kinematics.

    Args:
        body: `Body`.
        angles: name to (T,) degrees; trunk angles as in `LIMITS`, those of limbs with `r_` or `l_`, and of the whole
            body `yaw`, `pitch` (forward), `roll`. Angles beyond the limits are cut.

    Returns:
        float64 (T, joints, 3) mm, pelvis at the origin.
    """
    length = len(next(iter(angles.values())))
    zero = np.zeros(length)

    def angle(name, side=""):
        low, high = LIMITS.get(name, (-np.inf, np.inf))
        return np.clip(angles.get(side + name, zero), low, high)

    bones = {name: fraction * body.height for name, fraction in body.bones.items()}
    joints = np.zeros((length, len(JOINTS), 3))

    def grow(name, parent, frame, offset):
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
        thigh = root @ _swing(angle("hip", side), sign * angle("hip_plane", side), sign * angle("hip_roll", side))
        shin = thigh @ rotation("y", angle("knee", side))
        foot = shin @ rotation("y", angle("ankle", side))
        grow(f"{side}hip", "pelvis", root, (0, sign * bones["hip"], 0))
        grow(f"{side}knee", f"{side}hip", thigh, (0, 0, -bones["knee"]))
        grow(f"{side}ankle", f"{side}knee", shin, (0, 0, -bones["ankle"]))
        grow(f"{side}foot", f"{side}ankle", foot, (bones["foot"], 0, -0.7 * ANKLE_HEIGHT * body.height))
    return joints
