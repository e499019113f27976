"""Poses from motion capture, and how a synthetic person takes them: directions of bones, on a body of its own."""

import pathlib
from collections.abc import Sequence

import numpy as np

from deephar import checks, layouts
from deephar.data.readers.reading import reading
from deephar.data.synthetic.body import ANKLE_HEIGHT, INDEX, JOINTS, Body, unit
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Path

SOURCE: PoseLayout = layouts.get("h36m17")
"""Joints of a captured pose: Human3.6M's 17."""

_TRUNK = (("pelvis", "spine"), ("spine", "thorax"))
_ARM, _LEG = (("shoulder", "elbow"), ("elbow", "wrist")), (("hip", "knee"), ("knee", "ankle"))
_STRAIGHT = 0.2
"""Of a bend of 90 degrees: below about this, a limb's front is that of the trunk."""


PARTS = ("train", "choose")

_TENTH = 4
"""Of every ten sequences, from 0."""


def read_poses(path: Path, subjects: Sequence[str] | None = None, part: str | None = None) -> Floats:
    """Captured poses of some subjects, upright.

    Args:
        path: an .npz with an array (T, 17, 3) in mm for every sequence, named SUBJECT/SEQUENCE, joints in the order of
            h36m17, any axes. Every sequence begins with a person who stands: that tells where up is.
        subjects: e.g. ("S1",); all by default.
        part: of `PARTS`: of every ten of these sequences, in the order of the file, the fifth is for choosing among
            networks, the others are for training. None: all.

    Returns:
        float64 (N, 17, 3) in mm, z up, pelvis at the origin.

    Raises:
        ValueError: if the file is missing or damaged, its arrays have other shapes, or it has none of the subjects.
    """
    path = pathlib.Path(path)
    with reading(path, "an .npz of captured poses by SUBJECT/SEQUENCE"), np.load(path, allow_pickle=False) as file:
        names = [name for name in file.files if subjects is None or name.split("/")[0] in subjects]
        if part is not None:
            chosen = checks.one_of("part", part, PARTS) == "choose"
            names = [name for place, name in enumerate(names) if (place % 10 == _TENTH) == chosen]
        sequences = [np.asarray(file[name], dtype=np.float64) for name in names]
    if not sequences:
        asked = f"{' of ' if subjects else ''}{', '.join(subjects or ())}{' to choose by' if part == 'choose' else ''}"
        raise ValueError(f"{path} has no sequences{asked}")
    for name, poses in zip(names, sequences, strict=True):
        if poses.ndim != 3 or poses.shape[1:] != (len(SOURCE), 3) or not len(poses) or not np.isfinite(poses).all():
            raise ValueError(f"Expected finite (T, {len(SOURCE)}, 3) in {path}. Received: {poses.shape} for {name}")
    return np.concatenate([_upright(poses) for poses in sequences])


def _upright(poses: Floats) -> Floats:
    """A sequence turned so that its first pose stands along z, with the pelvis of every pose at the origin."""
    head, *ankles = (poses[0, SOURCE.index(name)] for name in ("head_top", "r_ankle", "l_ankle"))
    up = unit(head - np.mean(ankles, axis=0))
    left = poses[0, SOURCE.index("l_hip")] - poses[0, SOURCE.index("r_hip")]
    left = unit(left - (left @ up) * up)
    axes = np.stack([np.cross(left, up), left, up])
    return (poses - poses[:, SOURCE.index("pelvis"), None]) @ axes.T


def on_body(poses: Floats, body: Body) -> Floats:
    """Captured poses taken by another body: bones keep their directions and have its lengths.

    Args:
        poses: (T, 17, 3), as `read_poses` gives them.
        body: `deephar.data.synthetic.body.Body`.

    Returns:
        float64 (T, joints, 3) mm, order `deephar.data.synthetic.body.JOINTS`, the lowest joint at the ground, z = 0.
    """
    bones = {name: fraction * body.height for name, fraction in body.bones.items()}
    joints = np.zeros((len(poses), len(JOINTS), 3))

    def along(start: str, end: str) -> Floats:
        return unit(poses[:, SOURCE.index(end)] - poses[:, SOURCE.index(start)])

    def grow(name: str, parent: str, direction: Floats, length: float) -> None:
        joints[:, INDEX[name]] = joints[:, INDEX[parent]] + length * direction

    for start, end in _TRUNK:
        grow(end, start, along(start, end), bones[end])
    chest, left = along("spine", "thorax"), along("r_hip", "l_hip")
    front = unit(np.cross(left, along("pelvis", "spine")))
    grow("neck", "thorax", chest, bones["neck"])
    crown = along("thorax", "head_top")
    face = unit(_across(along("thorax", "head"), crown) + 1e-3 * front)
    grow("head", "neck", bones["head"] * crown + 0.02 * body.height * face, 1.0)
    grow("head_top", "head", bones["head_top"] * crown - 0.02 * body.height * face, 1.0)
    for side in "rl":
        grow(f"{side}_shoulder", "thorax", along("thorax", f"{side}_shoulder"), bones["shoulder"])
        grow(f"{side}_hip", "pelvis", along("pelvis", f"{side}_hip"), bones["hip"])
        for start, end in (*_ARM, *_LEG):
            grow(f"{side}_{end}", f"{side}_{start}", along(f"{side}_{start}", f"{side}_{end}"), bones[end])
        upper, lower = (along(f"{side}_{start}", f"{side}_{end}") for start, end in _ARM)
        thumb = unit(_across(_STRAIGHT * front - upper, lower))
        grow(f"{side}_hand", f"{side}_wrist", lower, bones["hand"])
        grow(f"{side}_hand_tip", f"{side}_hand", lower, 0.9 * bones["hand"])
        grow(f"{side}_thumb", f"{side}_wrist", 0.5 * thumb + 0.45 * lower, bones["hand"])
        grow(f"{side}_thumb_end", f"{side}_thumb", 0.25 * thumb + 0.55 * lower, bones["hand"])
        thigh, shin = (along(f"{side}_{start}", f"{side}_{end}") for start, end in _LEG)
        toe = unit(_across(_STRAIGHT * front + thigh, shin))
        grow(f"{side}_foot", f"{side}_ankle", bones["foot"] * toe + 0.7 * ANKLE_HEIGHT * body.height * shin, 1.0)
        grow(f"{side}_toe_end", f"{side}_foot", toe, 0.5 * bones["foot"])
    joints[..., 2] -= joints[..., 2].min(axis=1, keepdims=True)
    return joints


def _across(vectors: Floats, axis: Floats) -> Floats:
    """The part of vectors (T, 3) that is perpendicular to unit vectors (T, 3)."""
    return vectors - np.sum(vectors * axis, axis=-1, keepdims=True) * axis
