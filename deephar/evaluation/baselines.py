"""Trivial baselines that a network must beat, in numpy."""

from collections.abc import Sequence

import numpy as np

from deephar.typed import ArrayLike, Floats, Ints


def linear_accuracy(
    train: ArrayLike,
    classes: Sequence[int] | Ints,
    test: ArrayLike,
    test_classes: Sequence[int] | Ints,
    ridge: float = 1.0,
) -> float:
    """Accuracy of a linear classifier: one ridge regression per class, on standardised features.

    Args:
        train, test: (N, F) features.
        classes, test_classes: (N,) class numbers.
        ridge: weight of the squared coefficients, relative to the mean square of a feature vector.

    Returns:
        float in [0, 1].
    """
    train, test = np.asarray(train, dtype=np.float64), np.asarray(test, dtype=np.float64)
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-9
    known, asked = (train - mean) / deviation, (test - mean) / deviation
    targets = np.eye(max(classes) + 1)[classes]
    gram = known @ known.T
    weights = np.linalg.solve(
        gram + ridge * np.trace(gram) / len(gram) * np.eye(len(gram)), targets - targets.mean(axis=0)
    )
    scores = asked @ known.T @ weights + targets.mean(axis=0)
    return float(np.mean(scores.argmax(axis=1) == test_classes))


def nearest_pose(train_images: Floats, train_poses: ArrayLike, images: Floats) -> Floats:
    """The pose of the most similar training image: nearest neighbour on pixels, each image's mean removed.

    Args:
        train_images: (N, H, W, 3).
        train_poses: (N, J, D).
        images: (M, H, W, 3).

    Returns:
        (M, J, D).
    """

    def flat(x: Floats) -> Floats:
        x = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
        return x - x.mean(axis=1, keepdims=True)

    a, b = flat(images), flat(train_images)
    distance = np.sum(b**2, axis=1) - 2 * a @ b.T
    return np.asarray(train_poses)[distance.argmin(axis=1)]
