"""Pose layouts: ordered joint names, and the index maps that follow from them.

`r_` and `l_` are the person's own right and left. `head` is the centre of the head or face, `head_top` its crown,
`neck` the upper neck, `thorax` the joint between the shoulders, `spine` the middle of the back.

Where the original's published map contradicts the names, the names win in `index_map`, and the published map stands
in `PUBLISHED` with the reason; published weights and files need it.
"""

import dataclasses
import functools

import numpy as np

_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def _pairs(*joints):
    return [f"{side}_{joint}" for joint in joints for side in "rl"]


@dataclasses.dataclass(frozen=True)
class PoseLayout:
    """An ordered set of joints.

    Attributes:
        name: e.g. "pa16j".
        names: one name per joint, in order.
        links: pairs of joint names to draw a line between.
    """

    name: str
    names: tuple
    links: tuple

    def __len__(self):
        return len(self.names)

    def index(self, joint):
        """Position of a joint. Raises ValueError, listing the joints, if the layout lacks it."""
        if joint not in self.names:
            raise ValueError(f"layout {self.name} has no joint {joint!r}; it has {', '.join(self.names)}")
        return self.names.index(joint)

    @functools.cached_property
    def flip(self):
        """Index of each joint's mirror image: `pose[..., layout.flip, :]` after mirroring x."""
        mirrored = {"r_": "l_", "l_": "r_"}
        names = [mirrored.get(name[:2], name[:2]) + name[2:] for name in self.names]
        return [self.names.index(name) for name in names]

    @functools.cached_property
    def link_indices(self):
        """`links` as pairs of positions."""
        return [(self.index(a), self.index(b)) for a, b in self.links]


_BONES = [
    ("head_top", "head"), ("head", "neck"), ("neck", "thorax"), ("thorax", "spine"), ("spine", "pelvis"),
    ("head_top", "neck"), ("head", "thorax"), ("thorax", "pelvis"),
    *[(f"{s}_{a}", f"{s}_{b}") for s in "rl" for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand"),
        ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "hip"),
    )],
    ("r_shoulder", "l_shoulder"), ("r_hip", "l_hip"),
    ("nose", "r_eye"), ("nose", "l_eye"), ("r_eye", "r_ear"), ("l_eye", "l_ear"),
]  # fmt: skip
_DETOURS = {
    ("head_top", "neck"): "head", ("head", "thorax"): "neck", ("thorax", "pelvis"): "spine",
}  # fmt: skip
"""A bone of `_BONES` that is drawn only where the joint between its ends is absent."""


def _layout(name, names):
    links = [
        (a, b) for a, b in _BONES if a in names and b in names and _DETOURS.get((a, b)) not in names
    ]  # fmt: skip
    return PoseLayout(name, tuple(names), tuple(links))


_PA16 = ["pelvis", "thorax", "neck", "head_top", *_pairs(*_LIMBS)]
_PA20 = ["pelvis", "thorax", "neck", "head_top", *_pairs("shoulder", "elbow", "wrist", "hand")]
_PA20 += _pairs("hip", "knee", "ankle", "foot")
_LEGS = ["r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle"]
_ARMS = ["r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist"]


def _ntu():
    names = ["pelvis", "spine", "neck", "head"]
    names += [f"{side}_{joint}" for side in "lr" for joint in ("shoulder", "elbow", "wrist", "hand")]
    names += [f"{side}_{joint}" for side in "lr" for joint in ("hip", "knee", "ankle", "foot")]
    return [*names, "thorax", "l_hand_tip", "l_thumb", "r_hand_tip", "r_thumb"]


def _h36m32():
    names = ["pelvis"]
    names += [f"{s}_{j}" for s in "rl" for j in ("hip", "knee", "ankle", "foot", "toe_end")]
    names += ["spine_base", "spine", "thorax", "head", "head_top"]
    arm = ("shoulder_base", "shoulder", "elbow", "wrist", "thumb", "thumb_end", "hand", "hand_end")
    return names + [f"{s}_{j}" for s in "lr" for j in arm]


_H36M17 = [
    "pelvis", "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle", "spine", "thorax", "head", "head_top",
    "l_shoulder", "l_elbow", "l_wrist", "r_shoulder", "r_elbow", "r_wrist",
]  # fmt: skip

LAYOUTS = {
    layout.name: layout
    for layout in (
        _layout("pa16j", _PA16),
        _layout("pa17j", [*_PA16, "spine"]),
        _layout("pa20j", _PA20),
        _layout("pa21j", [*_PA20, "spine"]),
        _layout("mpii16", [*_LEGS, "pelvis", "thorax", "neck", "head_top", *_ARMS]),
        _layout("lsp14", [*_LEGS, *_ARMS, "neck", "head_top"]),
        _layout("h36m17", _H36M17),
        _layout("h36m32", _h36m32()),
        _layout("ntu25", _ntu()),
        _layout("penn13", ["head", *_pairs(*_LIMBS)]),
        _layout("jhmdb15", ["neck", "spine", "head", *_pairs("shoulder", "hip", "elbow", "knee", "wrist", "ankle")]),
        _layout(
            "coco17", ["nose", *[f"{s}_{j}" for j in ("eye", "ear", *_LIMBS) for s in "lr"]]
        ),
    )
}  # fmt: skip
"""Every layout by name. NTU's sides are as the Kinect SDK names them."""


def get(name):
    """A layout by name. Raises ValueError, listing the layouts, for an unknown one."""
    if name not in LAYOUTS:
        raise ValueError(f"Unknown layout {name!r}; the layouts are {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def index_map(source, target):
    """Where to find each joint of `target` in `source`, by name.

    Args:
        source, target: names of layouts.

    Returns:
        list of len(target) positions in `source`, -1 where it has no such joint.
    """
    source, target = get(source), get(target)
    return [source.names.index(name) if name in source.names else -1 for name in target.names]


def rearrange(pose, source, target):
    """Joints of one layout in the order of another, by name.

    Args:
        pose: (..., J, D) in `source`.
        source, target: names of layouts.

    Returns:
        (..., len(target), D) float, NaN for joints that `source` does not have.
    """
    indices = np.array(index_map(source, target))
    return np.where((indices >= 0)[:, None], np.asarray(pose)[..., indices, :], np.nan)


@dataclasses.dataclass(frozen=True)
class PublishedMap:
    """An index map of the original, used by the published weights and annotation files.

    Attributes:
        indices: position in the source of each joint of the target.
        reason: where and why it departs from the names.
    """

    indices: tuple
    reason: str


_H36M_REASON = (
    "thorax is read from Human3.6M's joint 12 (mid torso) and spine from 11 (0.1 mm from the pelvis), one joint too "
    "low; neck is read from 13, which lies between the shoulders"
)
_NTU_REASON = (
    "the Kinect's left joints feed the layout's right ones (its left is where an ordinary photograph of a person "
    "facing the camera shows the right side), and the Kinect's head centre feeds head_top"
)
_HEAD_REASON = "head_top stands for the other set's centre of the head"

_H36M_BODY = (0, 12, 13, 15, 25, 17, 26, 18, 27, 19)
_NTU_BODY = (0, 20, 2, 3, 4, 8, 5, 9, 6, 10)
_H36M_LEGS = (1, 6, 2, 7, 3, 8)
_NTU_LEGS = (12, 16, 13, 17, 14, 18)

PUBLISHED = {
    ("h36m32", "pa17j"): PublishedMap((*_H36M_BODY, *_H36M_LEGS, 11), _H36M_REASON),
    ("h36m32", "pa20j"): PublishedMap((*_H36M_BODY, 30, 22, *_H36M_LEGS, 4, 9), _H36M_REASON),
    ("h36m32", "pa21j"): PublishedMap((*_H36M_BODY, 30, 22, *_H36M_LEGS, 4, 9, 11), _H36M_REASON),
    ("ntu25", "pa16j"): PublishedMap((*_NTU_BODY, *_NTU_LEGS), _NTU_REASON),
    ("ntu25", "pa17j"): PublishedMap((*_NTU_BODY, *_NTU_LEGS, 1), _NTU_REASON),
    ("ntu25", "pa20j"): PublishedMap((*_NTU_BODY, 7, 11, *_NTU_LEGS, 15, 19), _NTU_REASON),
    ("ntu25", "pa21j"): PublishedMap((*_NTU_BODY, 7, 11, *_NTU_LEGS, 15, 19, 1), _NTU_REASON),
    ("pa16j", "penn13"): PublishedMap(tuple(range(3, 16)), _HEAD_REASON),
    ("pa17j", "penn13"): PublishedMap(tuple(range(3, 16)), _HEAD_REASON),
    ("pa20j", "penn13"): PublishedMap((*range(3, 10), *range(12, 18)), _HEAD_REASON),
    ("pa21j", "penn13"): PublishedMap((*range(3, 10), *range(12, 18)), _HEAD_REASON),
    ("pa16j", "jhmdb15"): PublishedMap(
        (2, 1, 3, 4, 5, 10, 11, 6, 7, 12, 13, 8, 9, 14, 15),
        f"{_HEAD_REASON}, and thorax for its spine",
    ),
}
"""Maps of the original that the names contradict, by (source, target). All its other maps equal `index_map`."""


def published_map(source, target):
    """The original's map between two layouts: the exception in `PUBLISHED`, or else `index_map`."""
    exception = PUBLISHED.get((source, target))
    return list(exception.indices) if exception else index_map(source, target)
