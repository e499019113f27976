"""One pose out of several of the same person: where most of them agree, joint by joint."""

import numpy as np

from deephar import checks, metrics
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats

TOLERANCE = 0.3
"""Two joints within this many torsos of each other agree."""


def consensus(poses: ArrayLike, layout: PoseLayout, tolerance: float = TOLERANCE) -> tuple[Floats, Floats]:
    """Fuse poses of one person by several annotators or networks.

    A joint is where most of its sources agree: the mean of the largest group that lies within the tolerance of one of
    them. Its weight is the share of the other sources that agree, so that a joint on which no two agree is masked. A
    joint that one source alone has is taken from it, with the share of the source's other joints that others confirm;
    whole where there is nothing to confirm. Before that, the two joints of a pair are exchanged in a source where this
    makes both agree with two others, and neither agreed with any before: annotators mix up right and left. Two sources
    that differ in sides leave the joint masked.

    Args:
        poses: (S, J, 2) of S sources, NaN where a source has no such joint.
        layout: `deephar.layouts.PoseLayout` of the joints, with shoulders and hips.
        tolerance: in torsos; a torso is the median of the sources' (`deephar.metrics.torso_size`).

    Returns:
        pose float64 (J, 2), NaN where masked; and weights float64 (J,) in [0, 1].

    Raises:
        ValueError: for another shape or tolerance, or if no source has a torso.
    """
    checks.between("tolerance", tolerance, 0, low_included=False)
    poses = np.array(poses, dtype=np.float64)
    if poses.ndim != 3 or poses.shape[1:] != (len(layout), 2):
        raise ValueError(f"Expected poses (sources, {len(layout)}, 2) of layout {layout.name}. Received: {poses.shape}")
    poses[~np.isfinite(poses).all(axis=-1)] = np.nan
    torsos = metrics.torso_size(poses, layout)
    if not np.isfinite(torsos).any():
        raise ValueError("Poses need a shoulder and the opposite hip, to know the person's size. Received: none")
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
    """(S, S, J) between the joints of two sets of poses (S, J, 2), infinite where one is not located."""
    found = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return np.where(np.isfinite(found), found, np.inf)


def _exchange_sides(poses: Floats, layout: PoseLayout, radius: float) -> None:
    """Exchange the joints of a pair, in place, where that alone makes both agree with two others."""
    flip = np.array(layout.flip)
    for source in range(len(poses)):
        others = np.delete(poses, source, axis=0)
        agree = (_distances(poses[source][None], others)[0] <= radius).any(axis=0)
        crossed = _distances(poses[source, flip][None], others)[0] <= radius
        crossed = (crossed & crossed[:, flip]).sum(axis=0) > 1
        wrong = crossed & ~agree & ~agree[flip] & (flip != np.arange(len(flip)))
        poses[source, wrong] = poses[source, flip[wrong]]
