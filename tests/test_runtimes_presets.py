"""Every small network as it is shipped, exported whole: the same numbers as from Keras."""

import keras
import pytest

from deephar import models
from deephar.export import writing
from deephar.models import outputs
from deephar.surroundings import installed

NEEDED = {"openvino": ("openvino",), "onnx": ("onnxruntime", "tf2onnx"), "litert": ("ai_edge_litert",)}
SMALL = ("lite-2d", "lite-3d", "lite-merge", "spnet-lite", "penn-pose-only")
LONGER = [pytest.param(name, marks=pytest.mark.slow) for name in ("base-2d", "base-3d")]

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="networks are exported on TensorFlow")


@pytest.mark.parametrize("preset", [*SMALL, *LONGER])
@pytest.mark.parametrize(
    "name", ["openvino", *(pytest.param(name, marks=pytest.mark.slow) for name in ("onnx", "litert"))]
)
def test_a_small_network_is_the_same_in_every_runtime(preset, name, tmp_path):
    lacking = [module for module in NEEDED[name] if not installed(module)]
    if lacking:
        pytest.skip(f"{lacking[0]} is not installed; pip install 'deephar[{name},export]'")
    model = models.build(preset)
    wanted = outputs.final(model)
    path = tmp_path / f"{preset}{writing.SUFFIXES[name]}"
    written = writing.write(model, name, path, preset, None, wanted)
    assert list(written.differences) == [output.name for output in wanted]
    assert max(written.differences.values()) < 1e-4
