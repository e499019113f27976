"""Results as the writers of results take them."""

import math

import numpy as np

from deephar import layouts
from deephar.inference import Person, Result
from deephar.inference.export import About

HAND = layouts.PoseLayout("hand", ["wrist", "left_thumb", "right_thumb"], [("wrist", "left_thumb")])
"""A layout of one's own."""


def about(layout=HAND, **more):
    return About(**{"layout": layout, "weights": "own.weights.h5", "source": "clip.mp4", "fps": 25.0, **more})


def person(layout=HAND, **more):
    """Joints at (0, 1), (2, 3), ... with confidence 0.5, in the box from (1, 2) to (31, 42)."""
    pose = np.arange(2.0 * len(layout)).reshape(-1, 2)
    return Person(np.array([1.0, 2.0, 31.0, 42.0]), pose, np.full(len(layout), 0.5), **more)


def result(index, *people, layout=HAND, seconds=None, name=None):
    """Frame `index` of a video of 25 frames a second."""
    seconds = index / 25 if seconds is None else seconds
    return Result(index, seconds, (640, 480), name or f"frame {index} of clip.mp4", layout, list(people))


def photograph(index, name, *people, layout=HAND):
    return result(index, *people, layout=layout, seconds=math.nan, name=name)


def standing(*points, track=None, position=None, layout=HAND):
    """A person whose joints are at these points, mm from the pelvis."""
    position = None if position is None else np.array(position, dtype=float)
    return person(layout, pose_3d_mm=np.array(points, dtype=float), track=track, position_mm=position)


def same(one, other):
    """Whether two results hold the same, by what they write."""
    np.testing.assert_equal(one.to_dict(), other.to_dict())
    assert one.layout == other.layout
    return True
