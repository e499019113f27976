"""How alike two people in a picture are, by joints or by boxes, and who is whom; in numpy float64."""

import numpy as np

from deephar import layouts, sides
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Bools, Floats, Ints

SIGMAS: dict[str, float] = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107,
    "knee": 0.087, "ankle": 0.089,
    **dict.fromkeys(("eye_inner", "eye_outer"), 0.025), "mouth": 0.026,
    **dict.fromkeys(("head", "head_top", "neck", "thorax", "shoulder_base"), 0.079),
    **dict.fromkeys(("pelvis", "spine", "spine_base"), 0.107),
    **dict.fromkeys(("hand", "hand_end", "hand_tip", "thumb", "thumb_end", "index", "pinky"), 0.062),
    **dict.fromkeys(("foot", "toe_end", "foot_index"), 0.068), "heel": 0.066,
}  # fmt: skip
"""How much annotators disagree about a joint, in square roots of the person's area, by the joint's name without a side.

The first nine are COCO's (`cocoeval.py`), those of feet COCO-WholeBody's. The others are a choice: head and neck take
the shoulder's, as CrowdPose does, and so does the thorax; pelvis and spine take the hip's, which lies as deep in the
body; parts of the hand take the wrist's, and parts of the face those of what is next to them.
"""

ORDINARY = 0.079
"""The shoulder's of `SIGMAS`, for joints of a layout of one's own where any constant will do."""

AREA_SHARE = 0.53
"""Of a box that a person covers: the custom where people have boxes and no outlines."""


def sigmas_of(layout: PoseLayout | str, other: float | None = None) -> Floats:
    """`SIGMAS` of the joints of a layout, (J,).

    Args:
        layout: `PoseLayout` or a name.
        other: of joints that have none.

    Raises:
        ValueError: if a joint has none, without `other`.
    """
    layout = layouts.get(layout)
    names = [sides.split(name)[1] for name in layout.names]
    unknown = [name for name, known in zip(layout.names, names, strict=True) if known not in SIGMAS]
    if unknown and other is None:
        raise ValueError(
            f"Expected joints that have a constant: {', '.join(SIGMAS)}. Received: {', '.join(unknown)} of layout "
            f"{layout.name}; give `sigmas` of your own"
        )
    return np.array([SIGMAS.get(name, other) for name in names], dtype=np.float64)


def area_of(boxes: ArrayLike) -> Floats:
    """About the area of the people in boxes (..., 4), square pixels (...): `AREA_SHARE` of the box."""
    boxes = np.asarray(boxes, dtype=np.float64)
    return AREA_SHARE * (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def oks(truth_px: ArrayLike, found_px: ArrayLike, area: ArrayLike, sigmas: ArrayLike) -> Floats:
    """Object keypoint similarity of every true and every found person, as COCO defines it.

    The mean over the located joints of exp(-d^2 / (2 area k^2)), where d is the distance in pixels and k = 2 sigma
    (https://cocodataset.org/#keypoints-eval).

    Args:
        truth_px: (N, J, 2) pixels, NaN where not located; joints that are not do not count.
        found_px: (M, J, 2) pixels; a joint with NaN is like one infinitely far off.
        area: (N,) > 0, of the true people in square pixels.
        sigmas: (J,) > 0, see `sigmas_of`.

    Returns:
        float64 (N, M) in [0, 1], NaN for people without a located joint.

    Raises:
        ValueError: if shapes do not fit, or a sigma or the area of a located person is not above zero.
    """
    sigmas = np.asarray(sigmas, dtype=np.float64)
    if sigmas.ndim != 1 or not np.all(sigmas > 0):
        raise ValueError(f"`sigmas` must be (joints,) above 0, see `sigmas_of`. Received: {sigmas.tolist()}")
    truth, found = checked_poses(truth_px, "truth_px", len(sigmas)), checked_poses(found_px, "found_px", len(sigmas))
    area = np.asarray(area, dtype=np.float64)
    located = np.all(np.isfinite(truth), axis=-1)
    if area.shape != (len(truth),) or not np.all(area[located.any(axis=1)] > 0):
        raise ValueError(f"`area` must be ({len(truth)},) above 0 for located people. Received: {area.tolist()}")
    square = np.sum((truth[:, None] - found[None]) ** 2, axis=-1)
    square[:, ~np.all(np.isfinite(found), axis=-1)] = np.inf
    scale = 2 * np.where(located.any(axis=1), area, 1.0)[:, None, None] * (2 * sigmas) ** 2
    similar = np.where(located[:, None], np.exp(-square / scale), 0.0)
    count = located.sum(axis=1)[:, None]
    return np.where(count > 0, similar.sum(axis=-1) / np.maximum(count, 1), np.nan)


def checked_poses(poses: ArrayLike, name: str, joints: int) -> Floats:
    """Poses as float64 (people, joints, 2), none if empty; raises ValueError, with the `name`, at another shape."""
    poses = np.asarray(poses, dtype=np.float64)
    poses = poses.reshape(0, joints, 2) if poses.size == 0 else poses
    if poses.ndim != 3 or poses.shape[1:] != (joints, 2):
        raise ValueError(f"`{name}` must be (people, {joints}, 2), one sigma per joint. Received: {poses.shape}")
    return poses


def box_overlap(truth_boxes: ArrayLike, found_boxes: ArrayLike) -> Floats:
    """Intersection over union of every true and every found box.

    Args:
        truth_boxes, found_boxes: (N, 4) and (M, 4), x1, y1, x2, y2 in pixels.

    Returns:
        float64 (N, M) in [0, 1].

    Raises:
        ValueError: if a box is not finite or its ends are in the wrong order.
    """
    truth, found = _boxes(truth_boxes), _boxes(found_boxes)
    low = np.maximum(truth[:, None, :2], found[None, :, :2])
    high = np.minimum(truth[:, None, 2:], found[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    sizes = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (truth, found)]
    union = sizes[0][:, None] + sizes[1][None] - shared
    return shared / np.where(union > 0, union, 1.0)


def _boxes(boxes: ArrayLike) -> Floats:
    boxes = np.asarray(boxes, dtype=np.float64)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.all(boxes[:, 2:] >= boxes[:, :2]):
        raise ValueError(f"Boxes must be (people, 4), x1 <= x2, y1 <= y2. Received: {boxes.tolist()}")
    return boxes


def surest(same: Bools, scores: Floats) -> list[int]:
    """Positions of those who stand for themselves, the surest first: each takes the place of all who are less sure.

    Args:
        same: (N, N) whether two are the same.
        scores: (N,).
    """
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if not same[kept, place].any():
            kept.append(place)
    return kept


def pairs(similarity: ArrayLike, least: float) -> tuple[Ints, Ints]:
    """Who is whom: as many pairs as possible, and of these the most alike in sum (the Hungarian method).

    Args:
        similarity: (N, M) in [0, 1]; NaN is no pair.
        least: similarity of a pair, at least.

    Returns:
        rows and columns of the pairs, (pairs,) int each, rows rising.
    """
    from scipy.optimize import linear_sum_assignment  # takes as long to import as all of deephar

    similarity = np.asarray(similarity, dtype=np.float64)
    fits = similarity >= least
    rows, columns = linear_sum_assignment(
        np.where(fits, min(similarity.shape) + 1 + similarity, 0.0), maximize=True
    )  # one pair more is worth more than all similarities
    kept = fits[rows, columns]
    return rows[kept], columns[kept]
