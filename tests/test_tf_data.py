"""A loader's batches as a tf.data.Dataset: the same, in order, on one device and on two."""

import json

import keras
import numpy as np
import pytest
from drawn import Noise
from scripts import printed

from deephar.data.batches import tf_data
from deephar.data.batches.loader import PoseLoader

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data is TensorFlow's")


@pytest.mark.parametrize("processes", [0, 1])
def test_batches_are_those_of_the_loader(processes):
    """Of two epochs, in order, whatever thread is ready first."""
    loader = PoseLoader([(Noise(0, 255), 3)], (16, 16), "pose_visibility", steps=4, processes=processes)
    made = [keras.tree.flatten(batch) for batch in tf_data.dataset(loader, 2, epoch=5, threads=3)]
    assert len(made) == 8 and loader.epoch == 0
    for number, arrays in enumerate(made):
        loader.epoch = 5 + number // 4
        for one, other in zip(arrays, keras.tree.flatten(loader[number % 4]), strict=True):
            np.testing.assert_array_equal(one, other)
    loader.close()


def test_numbers_out_of_range_are_refused():
    loader = PoseLoader([(Noise(0, 255), 3)], (16, 16), "pose_visibility", steps=1)
    for wrong in ({"epochs": 0}, {"epochs": 1, "epoch": -1}, {"epochs": 1, "threads": 0}):
        with pytest.raises(ValueError, match="must be a whole number"):
            tf_data.dataset(loader, **wrong)


TWO_DEVICES = """
import json
from helpers import eagerly
from together import difference, trained
from deephar import distribution
from deephar.data.batches import tf_data

def from_dataset(model, batches, verbose):
    with distribution.synchronised(model):
        model.fit(tf_data.dataset(batches, 1, epoch=FIRST), steps_per_epoch=len(batches), verbose=verbose)

together, copies = trained("mirrored", 2, fit=from_dataset)
with eagerly():
    alone, _ = trained("none")
print(json.dumps([copies, *(difference(together, alone, moving) for moving in (False, True))]))
"""


@pytest.mark.slow
def test_two_devices_learn_what_one_does():
    """As in `test_distribution.py`, whose reason for the tolerance holds."""
    copies, learnt, moved = json.loads(printed(TWO_DEVICES.replace("FIRST", "1"))[-1])
    assert copies == 2 and learnt < 1e-6 and moved < 1e-5
