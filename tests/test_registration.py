"""One import is enough to load a saved model of ours, whichever of Keras and deephar comes first."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest
from scripts import hiding

from deephar import keras_metrics, losses, models, registration

PACKAGE = pathlib.Path(registration.__file__).parent
START = "import warnings; warnings.simplefilter('error'); " + hiding("tensorflow")
LOAD = """
finders = [finder for finder in sys.meta_path if type(finder).__module__ == "deephar.registration"]
plain, compiled = (keras.models.load_model({folder!r} + "/" + name + ".keras") for name in ("plain", "compiled"))
print(plain.loss if plain.compiled else None, [type(loss).__name__ for loss in compiled.loss], finders)
"""


def run(code):
    """What a fresh Python prints, on the backend that is quickest to start."""
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder of a network saved before and after it was compiled."""
    folder = tmp_path_factory.mktemp("saved")
    options = {"concat_visibility": True, "export_heatmaps": True}
    model = models.build("lite-2d", input_shape=(32, 32, 3), width=16, num_blocks=1, **options)
    model.save(folder / "plain.keras")
    metrics = [[keras_metrics.PCK("pa16j")], []]
    model.compile("sgd", [losses.PoseLoss(), losses.HeatmapLoss()], metrics=metrics)
    model.save(folder / "compiled.keras")
    return folder


@pytest.mark.parametrize(
    "imports",
    [
        "import deephar; assert 'keras' not in sys.modules; import keras",
        "import keras, deephar",
        "import deephar.layers, keras",
        pytest.param("import deephar.losses, keras", marks=pytest.mark.slow),
    ],
)
def test_one_import_is_enough(imports, folder):
    assert run(imports + LOAD.format(folder=str(folder))) == "None ['PoseLoss', 'HeatmapLoss'] []"


def registers(path):
    nodes = ast.walk(ast.parse(path.read_text()))
    return any(isinstance(node, ast.Attribute) and node.attr == "register_keras_serializable" for node in nodes)


def test_every_module_that_registers_is_imported():
    """Directly, or by one that is."""
    registering = [path.stem for path in PACKAGE.rglob("*.py") if registers(path)]
    assert len(registering) > 2
    assert run(f"import keras, deephar; print([m for m in {registering} if 'deephar.' + m not in sys.modules])") == "[]"
