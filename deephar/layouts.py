"""Pose layouts: ordered joint names, and the index mappings derived from them.

`r_` and `l_` are the person's own right and left (`deephar.sides` recognises other spellings too). `head` is the centre
of the head or face, `head_top` its crown, `neck` the upper neck, `thorax` the joint between the shoulders, `spine` the
middle of the back.

If the original's published mapping contradicts the names, `index_map` follows the names, and the published mapping is
in `PUBLISHED` with the reason; published weights and files need it.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from deephar import sides
from deephar.typed import ArrayLike, Floats, Json

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def _pairs(*joints: str) -> list[str]:
    return [f"{side}_{joint}" for joint in joints for side in "rl"]


@dataclasses.dataclass(frozen=True, init=False)
class PoseLayout:
    """An ordered set of joints; your own can be used wherever those in `LAYOUTS` can.

    Joints of two layouts are matched by name, however the side is spelt (`deephar.sides.split`).

    Args:
        name: e.g. "pa16j".
        names: one name per joint, in order. A joint on one side needs its counterpart on the other.
        links: pairs of joint names to draw a line between.

    Raises:
        ValueError: if a name is empty or occurs twice, a link names an unknown joint, or the sides are unclear.

    Example:
        >>> PoseLayout("hand", ["wrist", "left_thumb", "right_thumb"], [("wrist", "left_thumb")]).flip
        [0, 2, 1]
    """

    name: str
    names: tuple[str, ...]
    links: tuple[tuple[str, str], ...]

    def __init__(self, name: str, names: Sequence[str], links: Iterable[Sequence[str]] = ()) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"A layout needs a name. Received: {name!r}")
        object.__setattr__(self, "name", name)
        try:
            object.__setattr__(self, "names", _checked_names(names))
            object.__setattr__(self, "links", _checked_links(links, self.places))
            sides.mirrored(self.names)
        except (ValueError, TypeError) as error:
            raise ValueError(f"Layout {name}: {error}") from None

    def __len__(self) -> int:
        return len(self.names)

    @functools.cached_property
    def places(self) -> dict[str, int]:
        """Position of every joint by its canonical name, see `deephar.sides.canonical`."""
        return {sides.canonical(name): place for place, name in enumerate(self.names)}

    def index(self, joint: str) -> int:
        """Position of a joint. Raises ValueError, listing the joints, if the layout lacks it."""
        place = self.places.get(sides.canonical(joint))
        if place is None:
            raise ValueError(f"layout {self.name} has no joint {joint!r}; it has {', '.join(self.names)}")
        return place

    @functools.cached_property
    def flip(self) -> list[int]:
        """Index of each joint's mirror image: `pose[..., layout.flip, :]` after mirroring x."""
        return sides.mirrored(self.names)

    @functools.cached_property
    def link_indices(self) -> list[tuple[int, int]]:
        """`links` as pairs of positions."""
        return [(self.index(a), self.index(b)) for a, b in self.links]

    def to_json(self) -> dict[str, Json]:
        """The full layout as JSON values, as stored in `model.json`; `from_json` reads them."""
        return {"name": self.name, "names": list(self.names), "links": [list(link) for link in self.links]}


def _checked_names(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names) or not len(names):
        raise ValueError(f"expected a name for every joint. Received: {names!r}")
    found = [sides.canonical(name) for name in names]
    twice = [name for name, same in zip(names, found, strict=True) if found.count(same) > 1]
    if twice:
        raise ValueError(f"{' and '.join(map(repr, twice))} are the same joint; each may occur once")
    return tuple(names)


def _checked_links(links: Iterable[Sequence[str]], places: Mapping[str, int]) -> tuple[tuple[str, ...], ...]:
    links = tuple(tuple(link) for link in links)
    for link in links:
        if len(link) != 2 or not all(isinstance(end, str) and sides.canonical(end) in places for end in link):
            raise ValueError(f"a link is a pair of its joints. Received: {link}")
    return links


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
"""Bones of `_BONES` that are drawn only if the joint between their ends is absent."""


def _layout(name: str, names: list[str]) -> PoseLayout:
    links = [
        (a, b) for a, b in _BONES if a in names and b in names and _DETOURS.get((a, b)) not in names
    ]  # fmt: skip
    return PoseLayout(name, tuple(names), tuple(links))


_PA16 = ["pelvis", "thorax", "neck", "head_top", *_pairs(*LIMBS)]
_PA20 = ["pelvis", "thorax", "neck", "head_top", *_pairs("shoulder", "elbow", "wrist", "hand")]
_PA20 += _pairs("hip", "knee", "ankle", "foot")
_LEGS = ["r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle"]
_ARMS = ["r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist"]


def _ntu() -> list[str]:
    names = ["pelvis", "spine", "neck", "head"]
    names += [f"{side}_{joint}" for side in "lr" for joint in ("shoulder", "elbow", "wrist", "hand")]
    names += [f"{side}_{joint}" for side in "lr" for joint in ("hip", "knee", "ankle", "foot")]
    return [*names, "thorax", "l_hand_tip", "l_thumb", "r_hand_tip", "r_thumb"]


def _blazepose33() -> list[str]:
    face = ["nose", *[f"{s}_eye{part}" for s in "lr" for part in ("_inner", "", "_outer")]]
    face += [f"{s}_{joint}" for joint in ("ear", "mouth") for s in "lr"]
    hands = [f"{s}_{joint}" for joint in ("pinky", "index", "thumb") for s in "lr"]
    limbs = [[f"{s}_{joint}" for joint in part for s in "lr"] for part in (LIMBS[:3], LIMBS[3:])]
    return [*face, *limbs[0], *hands, *limbs[1], "l_heel", "r_heel", "l_foot_index", "r_foot_index"]


def _h36m32() -> list[str]:
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
        _layout("penn13", ["head", *_pairs(*LIMBS)]),
        _layout("jhmdb15", ["neck", "spine", "head", *_pairs("shoulder", "hip", "elbow", "knee", "wrist", "ankle")]),
        _layout(
            "coco17", ["nose", *[f"{s}_{j}" for j in ("eye", "ear", *LIMBS) for s in "lr"]]
        ),
        _layout("blazepose33", _blazepose33()),
    )
}  # fmt: skip
"""All layouts by name. NTU's sides are as named by the Kinect SDK."""


def get(layout: PoseLayout | str) -> PoseLayout:
    """A layout by name; a `PoseLayout` is returned unchanged.

    Raises:
        ValueError: for an unknown name, listing the layouts.
    """
    if isinstance(layout, PoseLayout):
        return layout
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise ValueError(f"Unknown layout {layout!r}; the layouts are {', '.join(LAYOUTS)}, or give a PoseLayout")
    return LAYOUTS[layout]


def from_json(stored: object) -> PoseLayout:
    """The layout from `PoseLayout.to_json`; older files only hold the name of one of `LAYOUTS`.

    Raises:
        ValueError: if it is neither.
    """
    if isinstance(stored, str):
        return get(stored)
    if not isinstance(stored, dict) or not {"name", "names"} <= set(stored):
        raise ValueError(f"Expected a layout's name, or its name, names and links. Received: {stored!r}")
    return PoseLayout(stored["name"], stored["names"], stored.get("links", ()))


def index_map(source: PoseLayout | str, target: PoseLayout | str) -> list[int]:
    """Where to find each joint of `target` in `source`, by name.

    Args:
        source, target: `PoseLayout`, or names of `LAYOUTS`.

    Returns:
        list of len(target) positions in `source`, -1 if it has no such joint.

    Raises:
        ValueError: if they have no joint in common.
    """
    source, target = get(source), get(target)
    places = [source.places.get(sides.canonical(name), -1) for name in target.names]
    if max(places) < 0:
        raise ValueError(
            f"Layouts {source.name} and {target.name} have no joint in common. Received: {', '.join(source.names)}; "
            f"and {', '.join(target.names)}"
        )
    return places


def rearrange(pose: ArrayLike, source: PoseLayout | str, target: PoseLayout | str) -> Floats:
    """Joints of one layout in the order of another, by name.

    Args:
        pose: (..., J, D) in `source`.
        source, target: `PoseLayout`, or names of `LAYOUTS`.

    Returns:
        (..., len(target), D) float, NaN for joints that `source` does not have.

    Raises:
        ValueError: if the pose's number of joints differs from `source`, or the layouts have none in common.
    """
    pose, source, indices = np.asarray(pose), get(source), np.array(index_map(source, target))
    if pose.ndim < 2 or pose.shape[-2] != len(source):
        raise ValueError(f"A pose in layout {source.name} has shape (..., {len(source)}, D). Received: {pose.shape}")
    return np.where((indices >= 0)[:, None], pose[..., indices, :], np.nan)


@dataclasses.dataclass(frozen=True)
class PublishedMap:
    """An index mapping of the original, used by the published weights and annotation files.

    Attributes:
        indices: position in the source of each joint of the target.
        reason: where and why it deviates from the names.
    """

    indices: tuple[int, ...]
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
"""The original's mappings that contradict the joint names, by (source, target). All others equal `index_map`."""


def exception(source: PoseLayout | str, target: PoseLayout | str) -> PublishedMap | None:
    """The original's mapping between two layouts if it contradicts the names.

    Args:
        source, target: `PoseLayout`, or names of `LAYOUTS`. A layout that only shares a name does not count.

    Returns:
        `PublishedMap`, or None.
    """
    source, target = get(source), get(target)
    known = all(layout.name in LAYOUTS and LAYOUTS[layout.name].names == layout.names for layout in (source, target))
    return PUBLISHED.get((source.name, target.name)) if known else None


def published_map(source: PoseLayout | str, target: PoseLayout | str) -> list[int]:
    """The original's mapping between two layouts: the `exception`, or else `index_map`."""
    found = exception(source, target)
    return list(found.indices) if found else index_map(source, target)
