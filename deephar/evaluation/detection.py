"""How well people are found, at every threshold: recall where they are known, and false people where nobody is."""

import typing
from collections.abc import Iterable, Sequence

import numpy as np

from deephar import metrics_overlap
from deephar.inference.detection import Detector
from deephar.typed import Floats

if typing.TYPE_CHECKING:
    from PIL import Image

ALIKE = 0.5
"""Overlap with the true box of a person who is found, at least."""

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Scores at which both are told."""


class Rates(typing.TypedDict):
    """See `rates`."""

    threshold: float
    recall: float
    others_per_photograph: float
    false_people_share: float


def rates(
    detector: Detector,
    people: "Iterable[tuple[Image.Image, Floats]]",
    nobody: "Iterable[Image.Image]",
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[Rates]:
    """Recall and false people of a detector.

    Args:
        detector: that gives all it has of the least threshold.
        people: photographs, each with the box (4,) of the one person who is known; others may be there.
        nobody: pictures without anybody.
        thresholds: scores.

    Returns:
        list of dicts: `threshold`; `recall`, the share of people found in a box of at least `ALIKE` overlap;
        `others_per_photograph`, found boxes of less; `false_people_share`, the share of the pictures of nobody in which
        somebody is found.
    """
    found: list[float] = []
    others: list[Floats] = []
    for image, box in people:
        boxes, scores = (np.asarray(values, dtype=np.float64) for values in detector(image))
        right = metrics_overlap.box_overlap(box[None], boxes.reshape(-1, 4))[0] >= ALIKE
        found.append(float(np.max(scores[right], initial=-np.inf)))
        others.append(scores[~right])
    false = np.array([np.max(np.asarray(detector(image)[1], dtype=np.float64), initial=-np.inf) for image in nobody])
    return [
        {
            "threshold": least,
            "recall": float(np.mean(np.array(found) >= least)),
            "others_per_photograph": float(np.mean([np.sum(scores >= least) for scores in others])),
            "false_people_share": float(np.mean(false >= least)),
        }
        for least in thresholds
    ]
