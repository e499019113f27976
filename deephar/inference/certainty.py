"""How sure it is that a box holds a person: by the detector, by the pose network, and by how well the two agree."""

import numpy as np

from deephar import metrics_overlap
from deephar.typed import Floats

DETECTOR, POSE, AGREEMENT, OFFSET = 5.4, 2.8, 4.0, -7.4
"""Weights of a logistic regression on what the detector proposed in photographs for validation, whole and cut off, and
in synthetic groups: `exp/people/fit_certainty.py`."""


def certainty(scores: Floats, confidences: Floats, proposed: Floats, found: Floats) -> Floats:
    """Probability of a person in each of N boxes.

    Args:
        scores: (N,) in [0, 1] of the detector, or of the person when last seen.
        confidences: (N, J) of the joints.
        proposed: (N, 4) boxes x1, y1, x2, y2 that were looked at.
        found: (N, 4) boxes around the joints that were found there.

    Returns:
        float64 (N,) in [0, 1].
    """
    agreement = [metrics_overlap.box_overlap(a[None], b[None])[0, 0] for a, b in zip(proposed, found, strict=True)]
    logit = DETECTOR * np.asarray(scores) + POSE * confidences.mean(axis=1) + AGREEMENT * np.array(agreement) + OFFSET
    return 1 / (1 + np.exp(-logit))
