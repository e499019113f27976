import os
import pathlib
import subprocess
import sys

import pytest

from deephar import distribution

ARRAYS = """
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

LOADER = """
import sys, keras
from deephar import distribution, training
from deephar.data import crops, loader, lsp
from deephar.evaluation import pose2d

with distribution.scope("mirrored", 2):
    image = keras.Input((16, 16, 3))
    pose = keras.layers.Reshape((14, 3))(keras.layers.Dense(42, "sigmoid")(keras.layers.Flatten()(image)))
    model = keras.Model(image, [pose, pose])
    training.compile_pose(model, keras.optimizers.Adam(1e-3))
reader = lsp.LspExtended(sys.argv[1])

def pck(model):
    return pose2d.pck_scores(pose2d.predict(model, crops.Crops(reader, (16, 16))), reader.layout)["total"]

score = training.Score(pck, sys.argv[2])
batches = loader.PoseLoader([(reader, 4)], (16, 16), 2)
losses = model.fit(batches, epochs=8, shuffle=False, verbose=0, callbacks=[score]).history["loss"]
print(losses[-1] < losses[0], score.best >= 0)
"""


def printed(code, *arguments):
    """Lines that a program prints; a process of its own, as the CPU can be split only once."""
    root = pathlib.Path(__file__).parents[1]
    environment = {
        **os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"
    }  # fmt: skip
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_two_copies_learn_what_one_learns():
    same, refused = printed(ARRAYS)
    assert same == "2 True True"
    assert refused == "The CPU can be split only before TensorFlow's first computation"


def test_the_loader_feeds_two_copies_and_scores_while_training(drawn, tmp_path):
    assert printed(LOADER, drawn, tmp_path) == ["True True"]


def test_no_strategy_is_one_copy():
    with distribution.scope("none") as copies:
        assert copies == 1
    assert [distribution.loader_threads(strategy) for strategy in distribution.STRATEGIES] == [2, 1]


def test_what_cannot_be_done_is_said(monkeypatch):
    with pytest.raises(ValueError, match=r"one of none, mirrored. Received: 'magic'"):
        distribution.scope("magic")
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"needs Keras on TensorFlow. Received: KERAS_BACKEND=jax"):
        distribution.scope("mirrored")
