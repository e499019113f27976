"""The benchmarks run: each by its smallest work, in a process of its own. What they measure is no test."""

import os
import subprocess
import sys

import keras
import pytest
from scripts import ROOT

from deephar.surroundings import installed

COMMANDS = {
    "clips": "--model lite-merge --runs 1",
    "feeding": "--processes 0 --rounds 1 --batches 1",
    "loading": "--rounds 1",
    "packed": "--clips 20",
    "placing": "--weights drawn-lite-3d --pictures 1",
    "prediction": "--photos 2 --rounds 1",
    "predictor": "--model lite-2d --batches 1 --rounds 1",
    "rendering": "--size 32 --seconds 0.1",
    "runtimes": "--smoke --models lite-2d spnet-lite --no-int8 --rounds 1",
    "speed": "--model lite-2d --batch-size 1 --rounds 1",
    "spnet": "--smoke --models spnet-lite lite-merge --rounds 1",
    "streaming": "--presets lite-merge --rounds 1",
    "training_step": "--smoke --rounds 1",
}
NEED_OPENVINO = ("predictor",)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="most of them are for TensorFlow"),
]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_benchmark_prints_its_table(name, tmp_path):
    if name in NEED_OPENVINO and not installed("openvino"):
        pytest.skip("openvino is not installed; pip install 'deephar[openvino]'")
    command = [sys.executable, ROOT / "benchmarks" / f"{name}.py", *COMMANDS[name].split()]
    settings = {**os.environ, "DEEPHAR_CACHE": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, cwd=tmp_path, env=settings)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr[-2000:]
