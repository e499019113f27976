"""Everything marked `backend`, once more on the other backends, where TensorFlow is hidden from them."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import pytest
from scripts import hiding

from deephar import models, training
from deephar.data.batches import loader
from deephar.data.readers import lsp
from deephar.data.samples import crops
from deephar.evaluation import pose2d

SETTINGS = {
    "jax": {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},  # compiling is most of the time
    "torch": {"KERAS_BACKEND": "torch"},
}


SELECTIONS = {
    "default": "backend and not slow",
    "large": "backend and slow",
}
"""What is run; among the large are those marked `slow_on` the backend."""

RUN = hiding("tensorflow") + "import pytest; sys.exit(pytest.main(sys.argv[1:]))"


def marked():
    """Files with tests that are marked: the others take as long to be collected as some of these to run."""
    files = sorted(pathlib.Path(__file__).parent.glob("test_*.py"))
    return [str(path) for path in files if "pytest.mark.backend" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("selection", ["default", pytest.param("large", marks=pytest.mark.slow)])
@pytest.mark.parametrize("backend", SETTINGS)
def test_the_mathematics_agrees_on(backend, selection):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; pip install 'deephar[{backend}]'")
    done = subprocess.run(
        [sys.executable, "-c", RUN, "-q", "-m", SELECTIONS[selection], *marked()],
        capture_output=True,
        text=True,
        env={**os.environ, **SETTINGS[backend]},
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    print(f"{backend}: {done.stdout.strip().splitlines()[-1]}")


@pytest.mark.backend
@pytest.mark.slow_on("jax")
def test_training_and_evaluation(drawn):
    options = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}
    model = models.build("lite-2d", concat_visibility=True, **options)
    reader = lsp.LspExtended(drawn)
    batches = loader.PoseLoader([(reader, 4)], (32, 32), "pose_visibility", steps=1, augmentation="lsp")
    training.compile_model(model, "sgd")
    training.fit(model, batches, verbose=0)
    assert pose2d.predict(model, crops.Crops(reader, (32, 32))).pose_px.shape == (1, len(reader), 14, 2)
    without = os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow"
    assert (sys.modules["tensorflow"] is None) == without == (keras.backend.backend() != "tensorflow")
