"""A clip network judged on stills: T of them, whatever they show, make a clip, and only their poses are looked at."""

import typing

import numpy as np

from deephar.models import outputs
from deephar.runtimes.preparing import ready
from deephar.typed import Floats, Network


class PoseOfStills:
    """The pose part of a clip network as a network for stills.

    Args:
        model: of a clip network, see `deephar.models.splitting.pose_network`.

    Attributes:
        input_shape: (None, H, W, 3) of a batch of stills.
        output_names: of its poses.
    """

    def __init__(self, model: Network) -> None:
        self.model: Network = ready(model, outputs.of_poses(model))
        _, self.frames, *size = typing.cast(typing.Any, model).input_shape
        self.input_shape: tuple[int | None, ...] = (None, *size)
        self.output_names: typing.Sequence[str] = [output.name for output in outputs.describe(self.model)]

    def predict_on_batch(self, images: typing.Any, /) -> list[Floats]:
        """Poses of stills (B, H, W, 3), as of a network for images; the last clip is filled up."""
        clips = -(-len(images) // self.frames)
        full = np.concatenate([images, np.repeat(images[:1], clips * self.frames - len(images), axis=0)])
        folded = full.reshape(clips, self.frames, *images.shape[1:])
        found = typing.cast(typing.Any, self.model.predict_on_batch(folded))
        arrays = found if isinstance(found, (list, tuple)) else [found]
        return [np.asarray(y).reshape(-1, *y.shape[2:])[: len(images)] for y in arrays]
