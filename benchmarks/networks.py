"""Networks with random weights, and what they are given, for the benchmarks beside this file."""

import keras
import numpy as np

from deephar import models
from deephar.models import outputs
from deephar.models.action import streaming
from deephar.runtimes import compiled

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


SMALL = {"input_shape": [64, 64, 3], "width": 16, "num_blocks": 1}
SMALL_PYRAMIDS = {"input_shape": [64, 64, 3], "num_levels": 2, "growth": 8}


def small(preset):
    """Overrides of a tiny network, to see that all works."""
    return SMALL_PYRAMIDS if preset.startswith("spnet") else SMALL


def built(preset, precision="float32", overrides=None):
    """A network of Keras that computes in a precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        return models.build(preset, **(overrides or {}))
    finally:
        keras.config.set_dtype_policy(before)


def task_of(model, path):
    """What predicts a batch: `predict`, the path of predictors and evaluations, "keras", or, a clip by "frames"."""
    if path == "predict":
        return lambda x: model.predict(x, verbose=0)
    if path == "frames":
        return by_frames(*map(compiled.of, streaming.split(model)))
    return compiled.of(model, outputs.final(model)).predict_on_batch


def by_frames(frame, head):
    """What judges clips (B, T, H, W, 3) as a stream does, one frame after the other."""

    def judge(clips):
        found = [frame.predict_on_batch(clips[:, number]) for number in range(clips.shape[1])]
        return head.predict_on_batch([np.stack(values, axis=1) for values in zip(*found, strict=True)])

    return judge


def has_parts(model):
    """Whether a network is of clips, and may be run by frames; an SPNet may not."""
    return len(model.input_shape) == 5 and not model.name.startswith("spnet")


def example(shape, count):
    """A batch of random input (count, ...) for a shape whose free lengths become 16."""
    return np.random.default_rng(0).uniform(-1, 1, (count, *(n or 16 for n in shape[1:]))).astype("float32")
