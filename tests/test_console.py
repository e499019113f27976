"""What a command's terminal shows of TensorFlow, in processes of their own; test_packaging.py has the real one."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
NOISY = """
import os, sys
os.write(2, b"absl: a line of a library\\n")
if os.environ.get("BROKEN"):
    raise ImportError("no such instruction")
"""
"""Stands in for TensorFlow, whose libraries write to standard error while they are loaded."""


def run(code, folder, *arguments, **environment):
    environment = {key: value for key, value in {**os.environ, **environment}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
    )


@pytest.fixture
def stand_in(tmp_path):
    (tmp_path / "tensorflow.py").write_text(NOISY)
    return tmp_path


IMPORT = "import os; from deephar import console; console.quiet_tensorflow(); import tensorflow; os.write(2, b'ours')"


@pytest.mark.parametrize(("level", "said"), [(None, "ours"), ("3", "ours"), ("0", "absl: a line of a library\nours")])
def test_only_the_users_level_lets_libraries_speak(level, said, stand_in):
    done = run(IMPORT, stand_in, TF_CPP_MIN_LOG_LEVEL=level)
    assert (done.stderr, done.returncode) == (said, 0)


def test_an_import_that_fails_shows_all(stand_in):
    done = run(IMPORT, stand_in, TF_CPP_MIN_LOG_LEVEL=None, BROKEN="1")
    assert done.returncode == 1 and "absl: a line of a library" in done.stderr and "no such instruction" in done.stderr
