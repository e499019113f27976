"""Everything marked `backend`, once more on the backends that are not the default."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

SETTINGS = {
    "jax": {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},  # compiling is most of the time
    "torch": {"KERAS_BACKEND": "torch"},
}


SELECTIONS = {
    "default": "backend and not slow",
    "large": "backend and slow",
}
"""What is run; among the large are those marked `slow_on` the backend."""


@pytest.mark.parametrize("selection", ["default", pytest.param("large", marks=pytest.mark.slow)])
@pytest.mark.parametrize("backend", SETTINGS)
def test_the_mathematics_agrees_on(backend, selection):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; pip install 'deephar[{backend}]'")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", SELECTIONS[selection], str(pathlib.Path(__file__).parent)],
        capture_output=True,
        text=True,
        env={**os.environ, **SETTINGS[backend]},
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    print(f"{backend}: {done.stdout.strip().splitlines()[-1]}")
