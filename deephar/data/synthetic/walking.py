"""People who walk somewhere: the action "walk", which stays in its place, taken along a way on the ground."""

import dataclasses

import numpy as np

from deephar.data.synthetic.body import INDEX, rotation
from deephar.data.synthetic.scene import Performance
from deephar.typed import Floats

TURN_MM = 220.0
"""Radius of the half circle of who turns back."""


def distance(performance: Performance) -> Floats:
    """How far somebody who walks on the spot, facing x, would have got: (T,) mm, from 0, at an even pace.

    While one foot is on the ground, the other passes it twice as fast as the body: the way is half of all that the feet
    move with respect to each other.
    """
    ankles = performance.joints[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 0]
    way = np.abs(np.diff(ankles[:, 0] - ankles[:, 1])).sum() / 2
    return np.linspace(0.0, way, len(ankles))


def way(walked: Floats, there: float = np.inf, turn: float = TURN_MM) -> tuple[Floats, Floats]:
    """A way ahead, along x; and back, after a half circle.

    Args:
        walked: (T,) mm, rising.
        there: mm before the turn; straight on by default.
        turn: radius of the half circle, mm; below 0 to the right.

    Returns:
        places (T, 2) mm on the ground, and where one faces, (T,) degrees from x towards y.
    """
    radius = abs(turn)
    angle = np.clip((walked - there) / radius, 0.0, np.pi)
    back = np.maximum(walked - there - np.pi * radius, 0.0)
    x = np.minimum(walked, there) + radius * np.sin(angle) - back
    y = radius * (1 - np.cos(angle))
    return np.stack([x, np.sign(turn) * y], axis=-1), np.sign(turn) * np.rad2deg(angle)


def along(performance: Performance, places: Floats, headings: Floats) -> Performance:
    """Somebody's performance taken along a way.

    Args:
        performance: at the origin, facing x.
        places: (T, 2) mm on the ground.
        headings: (T,) degrees from x towards y.

    Returns:
        `deephar.data.synthetic.scene.Performance`.
    """
    turned = performance.joints @ np.swapaxes(rotation("z", headings), -1, -2)
    moved = turned + np.pad(places, ((0, 0), (0, 1)))[:, None]
    return dataclasses.replace(performance, joints=moved)
