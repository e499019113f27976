"""A clip network judged on stills: T of them, whatever they show, make a clip, and only their poses are looked at."""

import keras
import numpy as np

from deephar.inference import running
from deephar.models import outputs, splitting
from deephar.typed import Floats


class PoseOfStills:
    """The pose part of a clip network as a network for stills.

    Args:
        model: clip network that outputs poses, see `deephar.models.splitting.pose_network`.

    Attributes:
        input_shape: (None, H, W, 3) of a batch of stills.
        output_names: of its poses.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model: keras.Model = splitting.pose_network(model)
        _, self.frames, *size = self.model.input_shape
        self.input_shape: tuple[int | None, ...] = (None, *size)
        self.output_names: list[str] = [output.name for output in outputs.describe(self.model)]

    def predict_on_batch(self, images: Floats) -> list[Floats]:
        """Poses of stills (B, H, W, 3), as of a network for images; the last clip is filled up."""
        clips = -(-len(images) // self.frames)
        full = running.padded(list(images), clips * self.frames)
        found = self.model.predict_on_batch(full.reshape(clips, self.frames, *images.shape[1:]))
        arrays = found if isinstance(found, (list, tuple)) else [found]
        return [np.asarray(y).reshape(-1, *y.shape[2:])[: len(images)] for y in arrays]
