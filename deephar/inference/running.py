"""Runs a network on batches, for both prediction and evaluation."""

import itertools
import typing
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from deephar.layouts import PoseLayout
from deephar.models import outputs
from deephar.models.outputs import Output
from deephar.runtimes.preparing import ready
from deephar.typed import Floats, Network

_T = typing.TypeVar("_T")


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Items in lists of `size`, the last one possibly shorter; lists are made lazily."""
    items = iter(items)
    while batch := list(itertools.islice(items, size)):
        yield batch


def padded(rows: list[Floats] | tuple[Floats, ...], size: int) -> Floats:
    """Rows (...) as a batch (size, ...), padded with the first one: full batches avoid recompilation."""
    return np.stack([*rows, *rows[:1] * (size - len(rows))])


def run(model: Network, inputs: Floats | Sequence[Floats]) -> object:
    """The outputs of a network for a batch.

    Args:
        model: a network, or any object with `predict_on_batch`.
        inputs: array (B, ...), or a list of them for several inputs; split among the replicas under a strategy.
    """
    return ready(model).predict_on_batch(inputs)


def judge(model: Network, inputs: Floats | Sequence[Floats]) -> dict[Output, Floats]:
    """Class probabilities (B, A) by output, see `deephar.models.outputs.judges`; nothing else is computed.

    Args:
        model, inputs: see `run`.
    """
    judging = ready(model, outputs.judges(model))
    return outputs.actions(judging, judging.predict_on_batch(inputs))


def predict_crops(
    model: Network, images: Floats, layout: PoseLayout, flip: bool = False, last: bool = False
) -> tuple[Floats, Floats]:
    """Poses of a batch in crop coordinates; nothing else is computed.

    Args:
        model: a pose network.
        images: float32 (B, H, W, 3) in [-1, 1].
        layout: `deephar.layouts.PoseLayout` of the model's joints.
        flip: average with the prediction on the mirrored crop (paper section 5).
        last: of the last block alone, where the network can be asked for that; it is the last of what is returned.

    Returns:
        poses (K, B, J, D) and visibilities (K, B, J).

    Raises:
        ValueError: if the model's number of joints differs from the layout's.
    """
    locating = ready(model, outputs.of_poses(model, last))
    poses, visibilities = outputs.poses(locating, locating.predict_on_batch(images))
    if poses.shape[2] != len(layout):
        raise ValueError(
            f"The network's {poses.shape[2]} joints cannot be those of layout {layout.name}, which has {len(layout)}: "
            f"{', '.join(layout.names)}"
        )
    if not flip:
        return poses, visibilities
    mirrored, mirrored_visibilities = outputs.poses(locating, locating.predict_on_batch(images[:, :, ::-1]))
    mirrored = mirrored[:, :, layout.flip]
    mirrored[..., 0] = 1.0 - mirrored[..., 0]
    return (poses + mirrored) / 2, (visibilities + mirrored_visibilities[:, :, layout.flip]) / 2
