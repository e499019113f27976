"""Fuses several poses of the same person into one: where most of them agree, joint by joint."""

import numpy as np

from deephar import checks, metrics
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats

TOLERANCE = 0.3
"""Two joints within this many torsos of each other agree."""


def consensus(poses: ArrayLike, layout: PoseLayout, tolerance: float = TOLERANCE) -> tuple[Floats, Floats]:
    """Fuse poses of one person from several annotators or networks.

    A joint is placed where most sources agree: at the mean of the largest group within the tolerance of one of its
    members. Its weight is the fraction of the other sources that agree, so a joint on which no two agree is masked. A
    joint that only one source has is taken from it, weighted by the fraction of that source's other joints that others
    confirm, or 1 if there are none to confirm. Before that, the two joints of a pair are swapped in a source if this
    makes both agree with two others and neither agreed with any before: annotators mix up right and left. If just two
    sources disagree on the sides, the joint stays masked.

    Args:
        poses: (S, J, 2) of S sources, NaN if a source lacks the joint.
        layout: `deephar.layouts.PoseLayout` of the joints, with shoulders and hips.
        tolerance: in torso sizes, the median over the sources (`deephar.metrics.torso_size`).

    Returns:
        pose float64 (J, 2), NaN where masked; and weights float64 (J,) in [0, 1].

    Raises:
        ValueError: for an invalid shape or tolerance, or if no source has a torso.
    """
    checks.between("tolerance", tolerance, 0, low_included=False)
    poses = np.array(poses, dtype=np.float64)
    if poses.ndim != 3 or poses.shape[1:] != (len(layout), 2):
        raise ValueError(f"Expected poses (sources, {len(layout)}, 2) of layout {layout.name}. Received: {poses.shape}")
    poses[~np.isfinite(poses).all(axis=-1)] = np.nan
    torsos = metrics.torso_size(poses, layout)
    if not np.isfinite(torsos).any():
        raise ValueError("Poses need a shoulder and the opposite hip, to give the person's size. Received: none")
    radius = float(tolerance * np.nanmedian(torsos))
    _exchange_sides(poses, layout, radius)
    near = _distances(poses, poses) <= radius
    counts, located = near.sum(axis=1), np.isfinite(poses[..., 0])
    several = located.sum(axis=0) > 1
    confirmed = (counts > 1) & located
    compared = (located & several).sum(axis=1)
    trust = np.where(compared > 0, confirmed.sum(axis=1) / np.maximum(compared, 1), 1.0)
    fused, weights = np.full(poses.shape[1:], np.nan), np.zeros(poses.shape[1])
    for joint in np.flatnonzero(located.any(axis=0)):
        chosen = counts[:, joint].argmax()
        if several[joint]:
            weights[joint] = (counts[chosen, joint] - 1) / (located[:, joint].sum() - 1)
        else:
            weights[joint] = trust[chosen]
        if weights[joint] > 0:
            fused[joint] = poses[near[chosen, :, joint], joint].mean(axis=0)
    return fused, weights


def _distances(a: Floats, b: Floats) -> Floats:
    """(S, S, J) distances between the joints of two sets of poses (S, J, 2), infinite where one is not located."""
    found = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return np.where(np.isfinite(found), found, np.inf)


def _exchange_sides(poses: Floats, layout: PoseLayout, radius: float) -> None:
    """Swap the joints of a pair, in place, if only that makes both agree with two others."""
    flip = np.array(layout.flip)
    for source in range(len(poses)):
        others = np.delete(poses, source, axis=0)
        agree = (_distances(poses[source][None], others)[0] <= radius).any(axis=0)
        crossed = _distances(poses[source, flip][None], others)[0] <= radius
        crossed = (crossed & crossed[:, flip]).sum(axis=0) > 1
        wrong = crossed & ~agree & ~agree[flip] & (flip != np.arange(len(flip)))
        poses[source, wrong] = poses[source, flip[wrong]]
