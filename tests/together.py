"""What several devices or processes train together, to be compared with what one trains alone.

Half of every batch is dark and half bright; in both, people lack labels, and some have none at all.
"""

import contextlib
from unittest import mock

import keras
import numpy as np
from drawn import Noise

from deephar import distribution, models, training
from deephar.data.batches import loader
from deephar.training import fitting

TINY = {"num_joints": 14, "input_shape": (64, 64, 3), "width": 16, "num_blocks": 1, "concat_visibility": True}


class Partly(Noise):
    """A reader of people who lack labels for 0 to 14 of their 14 joints."""

    def sample(self, index):
        sample = super().sample(index)
        sample.pose_px[: index % 15] = np.nan
        return sample


def batches_for(model, rows=4, **options):
    """Batches of which each device, and each process, has its part."""
    readers = [(Partly(0, 40), rows), (Partly(200, 256), rows)]
    options = {"part": distribution.part(model), "workers": distribution.loader_threads(model), **options}
    return loader.PoseLoader(readers, (64, 64), "pose_visibility", **options)


def trained(strategy, logical_cpus=0, fit=training.fit, **options):
    """The network after two steps of a `fit`, and how many copies it had; one device computes its layers as several do.

    The network magnifies rounding: differences of 1e-7 in the initial weights became 7.8e-5, and 1.3e-3 in the moving
    statistics, in five steps. So there are two, and one device does without `deephar.runtimes.fusion` here.
    """
    with distribution.scope(strategy, logical_cpus) as copies:
        keras.utils.set_random_seed(0)
        model = models.build("lite-2d", **TINY)
        training.set_momentum(model, 0.5)
        training.compile_model(model, keras.optimizers.SGD(0.001), form="elastic_net_per_joint")
    with mock.patch.object(fitting, "fused", contextlib.nullcontext):
        fit(model, batches_for(model, steps=2), verbose=0, **options)
    return model, copies


def difference(one, other, moving):
    """The largest relative difference between two networks' weights, or between their moving statistics."""
    pairs = zip(one.weights, one.get_weights(), other.get_weights(), strict=True)
    return max(float(np.max(np.abs(a - b) / (1 + np.abs(b)))) for w, a, b in pairs if ("moving" in w.path) == moving)
