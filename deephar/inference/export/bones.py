"""A layout's joints as a hierarchy of bones with rotations, for formats that hold rotations instead of positions.

Axes are x to the person's left, y up, z forward, for somebody who stands and faces z; the arms hang.
"""

import dataclasses
import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from deephar import sides
from deephar.layouts import PoseLayout
from deephar.typed import Floats

ROOT = "pelvis"

_OUTLINE = {frozenset(pair) for pair in (("shoulder", "hip"), ("shoulder", "shoulder"), ("hip", "hip"))}
"""Links of a drawing that are no bones."""

_GIRDLES = {"hip": (ROOT,), "shoulder": ("thorax", "neck")}
"""What joints hang on that links do not join to the pelvis: the first of these that a layout has."""

_REST = {
    **dict.fromkeys(("elbow", "wrist", "hand", "knee", "ankle"), (0.0, -1.0, 0.0)),
    "foot": (0.0, 0.0, 1.0),
    "hip": (1.0, 0.0, 0.0),
    "shoulder": (1.0, 0.0, 0.0),
}
"""Directions of bones at rest by the joint at their far end; hips and shoulders are the left ones. Others point up."""

_NOWHERE = 1e-9
"""Vectors of at most this length have no direction."""


@dataclasses.dataclass(frozen=True)
class Bones:
    """The hierarchy.

    Attributes:
        order: joints, parents before their children, the pelvis first.
        parents: of every joint but the pelvis.
        rest: (J, 3) unit vector of the bone that ends in each joint at rest, in the order of the layout.
    """

    order: list[int]
    parents: dict[int, int]
    rest: Floats

    def children(self, joint: int) -> list[int]:
        """Joints at the far ends of a joint's bones."""
        return [child for child in self.order if self.parents.get(child) == joint]


def hierarchy(layout: PoseLayout) -> Bones:
    """The bones of a layout: its links, without those that outline the trunk, and hips and shoulders upon the trunk.

    Raises:
        ValueError: if the layout has no pelvis, a joint is joined to it by no links, or links form a ring.
    """
    root = layout.places.get(ROOT)
    if root is None:
        raise ValueError(f"Rotations need a layout with a {ROOT}. {layout.name} has {', '.join(layout.names)}")
    bones = {frozenset(pair) for pair in layout.link_indices if _parts(layout, *pair) not in _OUTLINE}
    joined = _grow(root, bones)
    for joint, place in layout.places.items():
        trunk = [layout.places[name] for name in _GIRDLES.get(sides.split(joint)[1], ()) if name in layout.places]
        if trunk and place not in joined:
            bones.add(frozenset((place, trunk[0])))
    parents = _grow(root, bones)
    apart = [name for place, name in enumerate(layout.names) if place not in parents]
    if apart:
        raise ValueError(
            f"Rotations need links from the {ROOT} to all joints. {layout.name} has none to {', '.join(apart)}"
        )
    if len(bones) >= len(layout):
        raise ValueError(
            f"Rotations need links without a ring. {layout.name} has {len(bones)} for {len(layout)} joints"
        )
    order = list(parents)
    del parents[root]
    return Bones(order, parents, np.array([_rest(name) for name in layout.names]))


def _parts(layout: PoseLayout, *places: int) -> frozenset[str]:
    return frozenset(sides.split(layout.names[place])[1] for place in places)


def _grow(root: int, bones: set[frozenset[int]]) -> dict[int, int]:
    """Parent of every joint that can be reached from the root, which is its own, in the order of reaching them."""
    parents, queue = {root: root}, [root]
    for joint in queue:
        others = sorted(other for bone in bones if joint in bone for other in bone if other not in parents)
        parents.update(dict.fromkeys(others, joint))
        queue += others
    return parents


def _rest(name: str) -> Floats:
    side, part = sides.split(name)
    direction = np.array(_REST.get(part, (0.0, 1.0, 0.0)))
    return direction * [-1, 1, 1] if side == "r" else direction


def lengths(points: Floats, bones: Bones) -> Floats:
    """Median length (J,) of the bone that ends in each joint, 0 for the pelvis, from points (F, J, 3)."""
    found = np.zeros(points.shape[1])
    for joint, parent in bones.parents.items():
        found[joint] = np.median(np.linalg.norm(points[:, joint] - points[:, parent], axis=-1))
    return found


def facing(points: Floats, bones: Bones, joint: int, inherited: Rotation) -> Rotation:
    """How the girdle of a joint is turned: its x along the line between two children, its y towards a third.

    Args:
        points: (F, J, 3).
        bones: of the layout.
        joint: where several bones begin.
        inherited: (F,) how the bone that ends there is turned.

    Returns:
        (F,) rotations from rest; the inherited ones for a joint without such children, and in frames in which they
        lie on a line.
    """
    children = bones.children(joint)
    middle = [child for child in children if bones.rest[child][1] > 0]
    pair = [child for want in (-1, 1) for child in children if bones.rest[child][0] == want]
    if len(middle) != 1 or len(pair) != 2:
        return inherited
    right, left = pair
    x, x_length = _unit(points[:, left] - points[:, right])
    y = points[:, middle[0]] - points[:, joint]
    y, y_length = _unit(y - np.sum(x * y, axis=-1, keepdims=True) * x)
    clear = (x_length > _NOWHERE) & (y_length > _NOWHERE)
    matrices = inherited.as_matrix()
    matrices[clear] = np.stack([x, y, np.cross(x, y)], axis=-1)[clear]
    return Rotation.from_matrix(matrices)


def swing(rotation: Rotation, rest: Floats, toward: Floats) -> Rotation:
    """Rotations turned the shortest way so that a bone points where it should.

    Args:
        rotation: (F,) what the bone inherits.
        rest: (3,) unit vector of the bone at rest.
        toward: (F, 3) where it should point; a zero vector leaves it as it is.

    Returns:
        (F,) rotations that take `rest` to the directions of `toward`.
    """
    start: Floats = rotation.apply(rest)
    end, _ = _unit(toward)
    across, sines = _unit(np.cross(start, end))
    aside, _ = _unit(np.cross(start, np.eye(3)[np.argmin(np.abs(start), axis=-1)]))  # any axis, for half a turn
    axes = np.where(sines[:, None] > _NOWHERE, across, aside)
    angles = np.arctan2(sines, np.sum(start * end, axis=-1))
    return Rotation.from_rotvec(axes * angles[:, None]) * rotation


def _unit(vectors: Floats) -> tuple[Floats, Floats]:
    """Vectors (F, 3) of length 1, zero where there is none, and the lengths (F,) that they had."""
    found = np.linalg.norm(vectors, axis=-1)
    return vectors / np.maximum(found, _NOWHERE)[:, None], found


def euler(rotation: Rotation) -> Floats:
    """Angles (F, 3) in degrees about z, x, y, in this order of multiplication, that jump as little as possible."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Gimbal lock")  # then the last angle is 0, and the rotation is right
        return np.unwrap(rotation.as_euler("ZXY", degrees=True), period=360, axis=0)
