"""What is handed out: the source distribution, and the wheel that is made of it, used outside a checkout."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
from drawn import figure

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The two files, built from a copy so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("packaging")
    for name in (*SOURCES, "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("deephar", "weights"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0 and "deprecated" not in done.stderr + done.stdout, done.stderr[-2000:]
    (source,), (wheel,) = (list((folder / "dist").glob(pattern)) for pattern in ("*.tar.gz", "*.whl"))
    return source, wheel


def test_the_wheel_holds_the_package_and_its_weights_alone(built):
    names = set(zipfile.ZipFile(built[1]).namelist())
    packaged = {path.relative_to(ROOT).as_posix() for path in (ROOT / "deephar").rglob("*.py")}
    weights = {f"deephar/weights/files/{path.name}" for path in (ROOT / "weights").iterdir()}
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == packaged | weights | {"deephar/py.typed"}
    assert any(name.endswith("LICENSE") for name in about) and built[1].stat().st_size < 40e6


def test_the_source_holds_what_it_is_built_from(built):
    with tarfile.open(built[0]) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {*SOURCES, "deephar/py.typed", "weights/README.md"} <= names
    assert not [name for name in names if name.startswith(("tests", "exp", "docs", "runs"))]
    assert built[0].stat().st_size < 40e6


def test_the_installed_wheel_finds_a_person_outside_a_checkout(built, tmp_path):
    """With the real TensorFlow, of which the terminal shows nothing."""
    import numpy as np

    site, photo = tmp_path / "site", tmp_path / "photo.png"
    install = ["pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(built[1])]
    subprocess.run([sys.executable, "-m", *install], check=True, capture_output=True)
    figure(np.random.default_rng(0))[0].save(photo)
    program = "import deephar, sys; from deephar import cli; print(deephar.__file__); sys.exit(cli.main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(site), "KERAS_BACKEND": "tensorflow"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    command = [sys.executable, "-W", "ignore", "-c", program, "predict", str(photo)]
    command += ["--json", "joints.json", "--picture", "skeleton.png"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.stderr, done.returncode) == ("", 0) and done.stdout.strip() == str(site / "deephar" / "__init__.py")
    assert (tmp_path / "joints.json").is_file() and (tmp_path / "skeleton.png").is_file()
