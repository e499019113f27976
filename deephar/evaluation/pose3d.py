"""3D poses of a model on crops, in world mm, and their scores.

A network predicts x and y in the crop and depth relative to the root's. To place a person, the root's depth is either
*given*, the ground truth, as in the original's evaluation and the paper; or *estimated*, the depth at which the
predicted bones are as long as a typical person's. (The side of the published crop adds no information: it was derived
from the true depth.) Every score states which, and which joints it covers.
"""

import dataclasses
import typing
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from PIL import Image

from deephar import geometry, metrics3d, viz
from deephar.camera import Camera
from deephar.evaluation import pose2d
from deephar.layouts import PoseLayout
from deephar.typed import Array, Floats, Network

COLUMNS = {
    "Directions": "Direction", "Discussion": "Discuss", "Eating": "Eat", "Greeting": "Greet", "Phoning": "Phone",
    "Posing": "Posing", "Purchases": "Purchase", "Sitting": "Sitting", "SittingDown": "SitDown", "Smoking": "Smoke",
    "TakingPhoto": "Photo", "Waiting": "Wait", "Walking": "Walk", "WalkingDog": "WalkDog",
    "WalkingTogether": "WalkPair",
}  # fmt: skip
"""Columns of the paper's table 1 by action."""

PAPER = {
    "paper, single crop": (
        51.5, 53.4, 49.0, 52.5, 53.9, 50.3, 54.4, 63.6, 73.5, 55.3, 61.9, 50.1, 46.0, 60.2, 51.0, 55.1
    ),
    "paper, 5 crops and flip": (
        49.2, 51.6, 47.6, 50.5, 51.8, 48.5, 51.7, 61.5, 70.9, 53.7, 60.3, 48.9, 44.4, 57.9, 48.9, 53.2
    ),
}  # fmt: skip
"""The paper's rows of table 1, mm: the actions and their mean."""

PAPER_IS_ABOUT = "root depth given; joints: pa17j by the published map; every 60th frame"
"""What the paper's rows cover, as far as the original's code shows."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predictions3D(pose2d.Predictions):
    """`Predictions` in 3D; the third column of `pose_px` and `true_px` is the depth in mm.

    Attributes:
        pose_mm: (K, N, J, 3) in world coordinates.
        true_mm: (N, J, 3) in world coordinates, NaN where not located.
        cameras: (N,) of `deephar.camera.Camera`; None for people who could not be read.
        root_depth: "given" or "estimated".
    """

    pose_mm: Floats
    true_mm: Floats
    cameras: Array
    root_depth: str


Scores3D = typing.TypedDict(
    "Scores3D",
    {
        "root_depth": str,
        "joint_set": str,
        "people": int,
        "broken": int,
        "joints": int,
        "blocks": list[float],
        "pa_blocks": list[float],
        "n_blocks": list[float],
        "block": int,
        "mpjpe": float,
        "pa_mpjpe": float,
        "n_mpjpe": float,
        "pck3d@150": float,
        "auc3d@150": float,
        "per_joint": dict[str, float],
        "per_action": dict[str, float],
        "mean_of_actions": float,
    },
)
"""See `scores`."""


def predict(
    model: Network,
    crops: pose2d.Crops,
    bones_mm: Floats | None = None,
    *,
    batch_size: int = 32,
    flip: bool = False,
    progress: bool = False,
    on_broken: str = "raise",
) -> Predictions3D:
    """Poses of every crop in world coordinates.

    Args:
        model: a pose network with 3 coordinates.
        crops: sequence of `deephar.data.samples.crops.Crop` with depth and cameras, with a `layout`.
        bones_mm: None for the true depth of the root ("given"); or `bone_lengths` of a typical person, to estimate it.
        batch_size, flip, progress, on_broken: see `deephar.evaluation.pose2d.predict`.

    Returns:
        `Predictions3D`.

    Raises:
        ValueError: if the model has no depth, or a crop has no camera or no depth.
    """
    (pose, visibility), (true_px, inside, head, root, scale, cameras), broken = pose2d.over_batches(
        model, crops, _gather, batch_size, flip, progress, on_broken
    )
    relative = geometry.crop_to_depth(pose[..., 2], 0.0, scale[:, None])
    pose_mm, true_mm = np.full_like(pose, np.nan), np.full_like(true_px, np.nan)
    for camera, rows in _by_camera(cameras):
        rays = camera.unproject(np.concatenate([pose[:, rows, :, :2], np.ones_like(pose[:, rows, :, :1])], axis=-1))
        depth = root[rows] if bones_mm is None else _root_depth(rays, relative[:, rows], bones_mm, crops.layout)
        pose[:, rows, :, 2:] = (relative[:, rows] + depth[..., None])[..., None]
        pose_mm[:, rows] = camera.to_world(rays * pose[:, rows, :, 2:])
        true_mm[rows] = camera.uvd_to_world(true_px[rows])
    return Predictions3D(
        pose, visibility, true_px, inside, head, broken=broken, pose_mm=pose_mm, true_mm=true_mm, cameras=cameras,
        root_depth="given" if bones_mm is None else "estimated",
    )  # fmt: skip


def _gather(
    batch: list[pose2d.Crop], poses: Floats, visibilities: Floats
) -> tuple[tuple[Floats, ...], tuple[np.ndarray, ...]]:
    """`pose2d.gather` plus each crop's root depth, scale and camera; see `pose2d.over_batches`."""
    if poses.shape[-1] != 3:
        raise ValueError(f"3D evaluation needs a model with x, y and depth. Received: {poses.shape[-1]} coordinates")
    for crop in batch:
        if crop.camera is None or not np.isfinite(crop.root_mm):
            raise ValueError(f"3D evaluation needs the camera and the root's depth; {crop.name} lacks them")
    by_block, by_crop = pose2d.gather(batch, poses, visibilities)
    cameras = np.empty(len(batch), dtype=object)
    cameras[:] = [crop.camera for crop in batch]
    root, scale = (np.array([getattr(crop, name) for crop in batch]) for name in ("root_mm", "depth_scale"))
    return by_block, (*by_crop, root, scale, cameras)


def _by_camera(cameras: Array) -> Collection[tuple[Camera, list[int]]]:
    """Every camera and the rows of its people."""
    groups: dict[int, tuple[Camera, list[int]]] = {}
    for row, camera in enumerate(cameras):
        if camera is not None:
            groups.setdefault(id(camera), (camera, []))[1].append(row)
    return groups.values()


def draw_views(predictions: Predictions3D, index: int, layout: PoseLayout) -> Image.Image:
    """The last block's 3D pose of a person, over the ground truth in grey, roots aligned.

    Args:
        predictions: `Predictions3D`.
        index: of the person.
        layout: of the joints.

    Returns:
        RGB `PIL.Image.Image`, see `deephar.viz.draw_views`.
    """
    camera, root = predictions.cameras[index], layout.index("pelvis")
    poses = [camera.to_camera(pose[index]) for pose in (predictions.pose_mm[-1], predictions.true_mm)]
    pose, truth = (pose - pose[root] for pose in poses)
    return viz.draw_views(pose, layout, truth, up=camera.rotation @ [0.0, 0.0, 1.0], side=192)


def bone_lengths(poses: Floats, layout: PoseLayout) -> Floats:
    """Typical length of every bone of a layout.

    Args:
        poses: (N, J, 3) mm of training people, NaN where not located.
        layout: of the joints.

    Returns:
        (L,) root mean squares for `layout.link_indices`, NaN where never located.

    Raises:
        ValueError: if the layout has no links.
    """
    if not layout.links:
        raise ValueError(f"Layout {layout.name} has no links between joints, so no bones; give it `links`")
    first, second = np.transpose(layout.link_indices)
    squares = np.sum((poses[:, first] - poses[:, second]) ** 2, axis=-1)
    return np.sqrt(_mean(squares))


def _mean(values: Floats) -> Floats:
    """Mean of the finite values over the first axis, NaN where there are none."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    return np.where(count > 0, np.where(finite, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _root_depth(rays: Floats, relative: Floats, bones_mm: Floats, layout: PoseLayout) -> Floats:
    """Depth of the root at which the squared lengths of all bones have the same sum as those of `bones_mm`.

    A joint lies at ray (root + relative), so the sum is a quadratic in the root's depth.

    Args:
        rays: (..., J, 3) with z = 1.
        relative: (..., J) mm behind the root.
        bones_mm, layout: see `bone_lengths`.

    Returns:
        (...) mm.
    """
    known = np.isfinite(bones_mm)
    first, second = np.transpose(layout.link_indices)[:, known]
    away, inside = rays, rays * relative[..., None]
    away, inside = (points[..., first, :] - points[..., second, :] for points in (away, inside))
    a, b, c = (np.sum(x * y, axis=(-2, -1)) for x, y in ((away, away), (away, inside), (inside, inside)))
    a = np.maximum(a, 1e-12)
    return (np.sqrt(np.maximum(b**2 - a * (c - np.sum(bones_mm[known] ** 2)), 0.0)) - b) / a


def average(predictions: Sequence[Predictions3D]) -> Predictions3D:
    """Mean over several predictions of the same people, e.g. on displaced crops (paper section 5).

    Args:
        predictions: list of `Predictions3D`; labels are those of the first.

    Returns:
        `Predictions3D`.
    """
    return dataclasses.replace(pose2d.average(predictions), pose_mm=np.mean([p.pose_mm for p in predictions], axis=0))


def mean_pose(predictions: Predictions3D, training_camera_mm: Floats, layout: PoseLayout) -> Predictions3D:
    """Baseline: everybody has the mean pose of the training people, in the camera's axes, at the true root.

    Args:
        predictions: `Predictions3D`, for its labels.
        training_camera_mm: (M, J, 3) camera mm.
        layout: of the joints.

    Returns:
        `Predictions3D` of one block.
    """
    root = layout.index("pelvis")
    mean = _mean(training_camera_mm - training_camera_mm[:, root : root + 1])
    return _baseline(predictions, lambda camera, uvd: camera.project(camera.unproject(uvd[:, root : root + 1]) + mean))


def flat(predictions: Predictions3D, layout: PoseLayout) -> Predictions3D:
    """Baseline: true x and y of every joint, all at the true depth of the root. `Predictions3D` of one block."""
    root = layout.index("pelvis")
    return _baseline(
        predictions,
        lambda _, uvd: np.concatenate([uvd[..., :2], np.repeat(uvd[:, root, None, 2:], uvd.shape[1], 1)], axis=-1),
    )


def _baseline(predictions: Predictions3D, rule: Callable[[Camera, Floats], Floats]) -> Predictions3D:
    """One block of predictions, by a rule from a camera and its people's true (u, v, depth) to predicted ones."""
    pose_px, pose_mm = np.full_like(predictions.true_px, np.nan), np.full_like(predictions.true_mm, np.nan)
    for camera, rows in _by_camera(predictions.cameras):
        pose_px[rows] = rule(camera, predictions.true_px[rows])
        pose_mm[rows] = camera.uvd_to_world(pose_px[rows])
    return dataclasses.replace(
        predictions, pose_px=pose_px[None], pose_mm=pose_mm[None], root_depth="given",
        visibility=np.ones((1, *predictions.inside.shape)),
    )  # fmt: skip


def scores(
    predictions: Predictions3D,
    layout: PoseLayout,
    joint_set: str,
    actions: Sequence[str] | None = None,
    block: int | typing.Literal["best"] = -1,
) -> Scores3D:
    """Errors in mm of every block, and of one block in detail.

    Roots (pelvis) are aligned for MPJPE, N-MPJPE, PCK and AUC; the root counts in all but PCK and AUC. Means are over
    joints and people, but `mean_of_actions` is the unweighted mean over actions, like the paper's averages.

    Args:
        predictions: `Predictions3D`.
        layout: of their joints.
        joint_set: description of the joint set, e.g. `Human36M.joint_set`.
        actions: name of each person's action, for `per_action`; or None.
        block: position of the block for the details; or "best", the one with the lowest MPJPE on these very people, as
            in the original's evaluation.

    Returns:
        dict: `root_depth`, `joint_set`, `people`, `broken`, `joints` (counted), `blocks`, `pa_blocks`, `n_blocks`
        (of each block), `block` (number of the detailed one, from 1), `mpjpe`, `pa_mpjpe`, `n_mpjpe`, `pck3d@150` and
        `auc3d@150` (percent), `per_joint`, `per_action`, `mean_of_actions` (of the detailed one).
    """
    root = layout.index("pelvis")
    truth, blocks = predictions.true_mm, predictions.pose_mm
    errors = [metrics3d.joint_errors(truth, pose, root) for pose in blocks]
    means = [metrics3d.mean_error(e) for e in errors]
    pa_means = [metrics3d.pa_mpjpe(truth, pose) for pose in blocks]
    n_means = [metrics3d.n_mpjpe(truth, pose, root) for pose in blocks]
    chosen = int(np.argmin(means)) if block == "best" else range(len(blocks))[block]
    per_action = {} if actions is None else metrics3d.per_action(errors[chosen], actions)
    counted = np.isfinite(errors[chosen])
    return {
        "root_depth": predictions.root_depth,
        "joint_set": joint_set,
        "people": int(counted.any(axis=1).sum()),
        "broken": len(predictions.broken),
        "joints": int(counted.sum()),
        "blocks": means,
        "pa_blocks": pa_means,
        "n_blocks": n_means,
        "block": chosen + 1,
        "mpjpe": means[chosen],
        "pa_mpjpe": pa_means[chosen],
        "n_mpjpe": n_means[chosen],
        "pck3d@150": 100 * metrics3d.pck3d(truth, blocks[chosen], root=root),
        "auc3d@150": 100 * metrics3d.auc3d(truth, blocks[chosen], root=root),
        "per_joint": metrics3d.per_joint(errors[chosen], layout.names),
        "per_action": per_action,
        "mean_of_actions": float(_mean(np.array(list(per_action.values())))) if per_action else float("nan"),
    }


def table(scores: Scores3D, name: str) -> str:
    """Lines of text: errors per joint and block, then rows formatted as in the paper's table 1, with the paper's.

    Args:
        scores: from `scores`.
        name: of the method, in the row.

    Returns:
        str.
    """
    about = f"root depth {scores['root_depth']}; joints: {scores['joint_set']}"
    people = f"{scores['people']} people, {scores['joints']} joints"
    if scores["broken"]:
        people += f" ({scores['broken']} unreadable photographs skipped)"
    lines = [f"MPJPE in mm, block {scores['block']} of {len(scores['blocks'])}, {people}; {about}"]
    lines += [f"  {joint:<12}{error:8.1f}" for joint, error in scores["per_joint"].items() if np.isfinite(error)]
    totals = {"MPJPE": "mpjpe", "PA-MPJPE": "pa_mpjpe", "N-MPJPE": "n_mpjpe"}
    lines += [f"  {title:<12}{scores[key]:8.1f}" for title, key in totals.items()]
    lines += [f"  {title:<12}{scores[key]:8.1f} %" for title, key in (("PCK@150", "pck3d@150"), ("AUC", "auc3d@150"))]
    for title, key in (("MPJPE", "blocks"), ("PA-MPJPE", "pa_blocks"), ("N-MPJPE", "n_blocks")):
        lines.append(f"  {title} by block: {', '.join(f'{error:.1f}' for error in scores[key])}")
    if scores["per_action"]:
        lines += ["", f"MPJPE in mm by action, Avg is the mean of the actions; {name}: {about}"]
        lines += [f"paper: {PAPER_IS_ABOUT}", *_rows(scores, name)]
    return "\n".join(lines)


def _rows(scores: Scores3D, name: str) -> Iterator[str]:
    """The table of actions in two halves, as in the paper."""
    ours = [scores["per_action"].get(action, np.nan) for action in COLUMNS]
    rows = {"Method": [*COLUMNS.values(), "Avg"], **PAPER, name: [*ours, scores["mean_of_actions"]]}
    width = max(map(len, rows)) + 1
    for half in (slice(0, 8), slice(8, 16)):
        for title, values in rows.items():
            yield f"{title:<{width}}" + "".join(f"{_cell(value):>10}" for value in values[half])


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1f}" if np.isfinite(value) else "-"
