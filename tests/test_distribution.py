import os
import pathlib
import subprocess
import sys

import pytest

from deephar import distribution

TWO_CPUS = """
import keras, numpy as np
from deephar import distribution
from deephar.losses import PoseLoss

def trained(strategy, logical_cpus=0):
    keras.utils.set_random_seed(0)
    with distribution.scope(strategy, logical_cpus) as copies:
        image = keras.Input((4, 4, 3))
        pose = keras.layers.Dense(9, "sigmoid")(keras.layers.Flatten()(image))
        model = keras.Model(image, keras.layers.Reshape((3, 3))(pose))
        model.compile(keras.optimizers.SGD(0.5), PoseLoss("elastic_net_per_joint"))
    generator = np.random.default_rng(0)
    x, y = generator.uniform(size=(8, 4, 4, 3)), generator.uniform(0.1, 0.9, size=(8, 3, 3))
    weights = np.arange(8.0) % 3
    model.fit(x, y, sample_weight=weights, batch_size=8, epochs=3, shuffle=False, verbose=0)
    return copies, np.concatenate([w.ravel() for w in model.get_weights()])

copies, together = trained("mirrored", 2)
_, alone = trained("none")
print(copies, np.abs(together - alone).max() < 1e-6, np.abs(alone).max() > 0.1)
try:
    distribution.scope("mirrored", 3)
except ValueError as error:
    print(error)
"""


def run(code, **environment):
    root = pathlib.Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)


def test_two_copies_learn_what_one_learns():
    done = run(TWO_CPUS, KERAS_BACKEND="tensorflow")
    first, second = done.stdout.splitlines()
    assert first == "2 True True", done.stderr[-2000:]
    assert second == "The CPU can be split only before TensorFlow's first computation"


def test_no_strategy_is_one_copy():
    with distribution.scope("none") as copies:
        assert copies == 1


def test_what_cannot_be_done_is_said(monkeypatch):
    with pytest.raises(ValueError, match=r"one of none, mirrored. Received: 'magic'"):
        distribution.scope("magic")
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"needs Keras on TensorFlow. Received: KERAS_BACKEND=jax"):
        distribution.scope("mirrored")
