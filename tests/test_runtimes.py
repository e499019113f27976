"""Networks exported, and run without a training framework; each runtime's test is skipped where it is not installed."""

import dataclasses
import json
import math
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from drawn import figure
from PIL import Image
from scripts import ROOT, refused
from scripts import predict as run
from scripts import run as run_script

from deephar import cli, inference, layouts, models
from deephar.detection.opening import open_detector
from deephar.models import outputs
from deephar.runtimes import about, cache, choosing, opening
from deephar.surroundings import installed
from deephar.weights import loading
from deephar.weights.description import Description

TINY = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}
ABOUT = Description(
    preset="lite-2d", overrides={**TINY, "input_shape": [32, 32, 3]}, layout=layouts.get("lsp14"), window_margin=1.5
)
FORMATS = {"onnx": ("onnxruntime", "tf2onnx"), "openvino": ("openvino",), "litert": ("ai_edge_litert",)}

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="networks are exported on TensorFlow")


def needed(name):
    lacking = [module for module in FORMATS.get(name, ()) if not installed(module)]
    if lacking:
        pytest.skip(f"{lacking[0]} is not installed; pip install 'deephar[{name},export]'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights of a tiny network beside their model.json, and the cache of this module."""
    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(0)
    models.build("lite-2d", **TINY).save_weights(folder / "tiny.weights.h5")
    ABOUT.write(folder / "model.json")
    return folder


@pytest.fixture(scope="module")
def exported(folder):
    """Function of a format that gives the file of the tiny network, written once."""
    from deephar.export import writing

    def path(name):
        needed(name)
        file = folder / f"tiny{writing.SUFFIXES[name]}"
        if not file.exists():
            written = writing.export(folder / "tiny.weights.h5", name, file)
            assert written.path == file and set(written.differences) == {"block1_pose", "block1_visibility"}
            assert max(written.differences.values()) < 1e-4
        return file

    return path


def images(count):
    return np.random.default_rng(count).uniform(-1, 1, (count, 32, 32, 3)).astype("float32")


@pytest.mark.parametrize("name", FORMATS)
def test_a_runtime_computes_what_keras_does(name, exported, folder):
    """By name, for batches of any size, also in another process; the file says what its network is."""
    network = choosing.open_file(exported(name), name)
    assert network.about.model == ABOUT and network.input_shape == (None, 32, 32, 3)
    model = loading.load(folder / "tiny.weights.h5")
    assert [output.name for output in outputs.final(model)] == network.output_names
    for count in (1, 2, 5):
        expected = outputs.arrays(model, model.predict_on_batch(images(count)))
        for output, found in outputs.arrays(network, network.predict_on_batch(images(count))).items():
            np.testing.assert_allclose(found, expected[output], atol=2e-5)
    again = pickle.loads(pickle.dumps(network)).predict_on_batch(images(2))
    np.testing.assert_array_equal(again[0], network.predict_on_batch(images(2))[0])
    with pytest.raises(ValueError, match=r"Expected inputs \(None, 32, 32, 3\)"):
        network.predict_on_batch(images(2)[:, :16])


def test_openvino_reads_onnx(exported):
    needed("openvino")
    path = exported("onnx")
    one, other = (choosing.open_file(path, name).predict_on_batch(images(3)) for name in ("onnx", "openvino"))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_command_exports_a_saved_model(folder, tmp_path, capsys):
    """All outputs of a network in float32, whatever the policy; it is read without deephar."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        arguments = [str(folder / "tiny.weights.h5"), "--format", "saved_model", "--out", str(tmp_path / "saved")]
        assert cli.main(["export", *arguments, "--all-outputs"]) == 0
    finally:
        keras.config.set_dtype_policy("float32")
    said = capsys.readouterr().out
    assert f"wrote {tmp_path / 'saved'}" in said and "block1_visibility: at most" in said
    stored = json.loads((tmp_path / "saved" / "assets.extra" / "deephar.json").read_bytes())
    assert (
        stored["format"] == about.FORMAT
        and stored["model"]["window_margin"] == 1.5
        and "pixels" in stored["conventions"]
    )
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]
    with pytest.raises(SystemExit) as stop:
        cli.main(["export", *arguments])
    assert stop.value.code == 1 and "saved is there already" in capsys.readouterr().err


@pytest.mark.parametrize(("more", "told"), [(0.01, "0.01"), (math.nan, "nan")])
def test_a_file_that_computes_something_else_is_not_kept(more, told, folder, tmp_path, monkeypatch):
    from deephar.export import saved_model, writing

    write = saved_model.write

    def moved(model, path, text):
        pose, seen = model.output.values()
        write(keras.Model(model.input, dict(zip(model.output, (pose + more, seen), strict=True))), path, text)

    monkeypatch.setattr(saved_model, "write", moved)
    with pytest.raises(ValueError, match=f"computes as block1_pose differs .* by {told}"):
        writing.export(folder / "tiny.weights.h5", "saved_model", tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*FORMATS, "saved_model"])
def test_a_network_of_several_inputs_keeps_their_order(name, tmp_path):
    """What is written is compared with Keras, which subtracts the second from the first."""
    from deephar.export import writing

    needed(name)
    inputs = [keras.Input((2,), name="z"), keras.Input((2,), name="a")]
    apart = keras.Model(inputs, keras.layers.Subtract(name="m")(inputs))
    written = writing.write(apart, name, tmp_path / f"apart{writing.SUFFIXES[name]}", "apart")
    assert written.differences["m"] < 1e-6


def test_what_cannot_be_exported(tmp_path):
    from deephar.export import writing

    half = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="m", dtype="mixed_bfloat16")])
    with pytest.raises(ValueError, match="m of .* computes in bfloat16"):
        writing.write(half, "onnx", tmp_path / "a.onnx", "half")
    with pytest.raises(ValueError, match=r"file of litert ends in '.tflite'"):
        writing.write(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), "litert", tmp_path / "a.onnx", "a")


def test_weights_are_exported_once(folder, exported, tmp_path, monkeypatch):
    """And again when what is known of them changes; people are where Keras finds them."""
    from deephar.export import writing

    name = "openvino"
    source, made = exported(name), []

    def export(weights, format, path, part):
        made.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".xml", ".bin"):
            shutil.copy(source.with_suffix(suffix), path.with_suffix(suffix))

    monkeypatch.setattr(writing, "export", export)
    monkeypatch.setenv("DEEPHAR_CACHE", str(tmp_path / "cache"))
    for file in ("tiny.weights.h5", "model.json"):
        shutil.copy(folder / file, tmp_path)
    weights, picture = tmp_path / "tiny.weights.h5", figure(np.random.default_rng(0))[0]
    plain, fast, again = (
        inference.PosePredictor.from_weights(weights, detector=None, runtime=runtime) for runtime in (None, name, name)
    )
    (expected,), (found,), (same,) = (one(picture, [[10, 10, 50, 60]]) for one in (plain, fast, again))
    np.testing.assert_allclose(found.pose_px, expected.pose_px, atol=0.01)
    np.testing.assert_array_equal(found.pose_px, same.pose_px)
    assert len(made) == 1 and fast.margin == 1.5 and not fast.depth
    dataclasses.replace(ABOUT, score="better").write(tmp_path / "model.json")
    inference.PosePredictor.from_weights(weights, detector=None, runtime=name)
    assert len(set(made)) == 2


def test_the_detector_comes_from_a_file_too(exported, tmp_path, capsys, monkeypatch):
    """Or is opened in the same runtime, once somebody is to be found."""
    opened = []
    monkeypatch.setattr(cache, "opened", lambda *arguments: opened.append(arguments) or Squares())
    path = exported("onnx")
    predictor = inference.PosePredictor.from_weights(path, runtime="onnx")
    assert opened == []
    boxes, _ = predictor.detector(figure(np.random.default_rng(0))[0])
    assert opened == [("people", "onnx", "float32")] and len(boxes)
    figure(np.random.default_rng(0))[0].save(tmp_path / "photo.png")
    status, _, said = run(capsys, tmp_path / "photo.png", "--weights", path, "--detector", tmp_path / "none.onnx")
    assert status == 1 and "No such file" in said and "none.onnx" in said


def test_a_detector_of_another_in_onnx(exported, tmp_path, capsys):
    """A file that finds one person in every picture, as torchvision's do; one of deephar is known by what it says."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed; pip install 'deephar[export]'")
    values = {"boxes": np.float32([[10, 5, 40, 60]]), "labels": np.int64([1]), "scores": np.float32([0.9])}
    make = onnx.helper
    nodes = [
        make.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(one)) for name, one in values.items()
    ]
    outs = [make.make_tensor_value_info(n, make.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in values.items()]
    picture = make.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, [1, 3, 64, 64])
    graph = make.make_model(make.make_graph(nodes, "one", [picture], outs), opset_imports=[make.make_opsetid("", 17)])
    graph.ir_version = 9
    onnx.save(graph, tmp_path / "theirs.onnx")
    figure(np.random.default_rng(0))[0].resize((64, 64)).save(tmp_path / "photo.png")
    options = ("--weights", exported("onnx"), "--detector", tmp_path / "theirs.onnx")
    status, _, said = run(capsys, tmp_path / "photo.png", *options)
    assert status == 0, said
    boxes, scores = open_detector(tmp_path / "theirs.onnx")(Image.open(tmp_path / "photo.png").convert("RGB"))
    np.testing.assert_allclose(boxes, [[10, 5, 40, 60]])
    np.testing.assert_allclose(scores, [0.9])
    assert type(open_detector(tmp_path / "theirs.onnx")).__name__ == "OnnxDetector"
    with pytest.raises(ValueError, match=r"Expected a detector, as of `deephar export people`. Received: .*, .*tiny"):
        open_detector(exported("onnx"))
    with pytest.raises(ValueError, match=r"\.xml, or MoveNet's .tgz, .json or folder. Received: yolo.pt"):
        open_detector("yolo.pt")
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(ValueError, match="graph model of TensorFlow.js"):
        open_detector(tmp_path)


class Squares:
    """A detector's network that finds somebody in the middle of every picture."""

    input_shape = (None, 64, 64, 3)

    def predict_on_batch(self, images):
        found = np.zeros((len(images), 8, 8, 5), "float32")
        found[:, 4, 4] = [5, 2, 2, 2, 2]
        return found


WITHOUT_KERAS = """
import pathlib
import sys
import zipfile
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("keras", "tensorflow", "jax", "torch"):
            raise ImportError(f"{name} is imported")
sys.meta_path.insert(0, Refused())
from deephar import cli
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("name", FORMATS)
def test_prediction_from_a_file_imports_no_training_framework(name, exported, tmp_path):
    path = exported(name)
    figure(np.random.default_rng(0))[0].save(tmp_path / "photo.png")
    arguments = ["predict", tmp_path / "photo.png", "--weights", path, "--one-person"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    (photo,) = json.loads(done.stdout)["photos"]
    assert len(photo["people"]) == 1


def test_an_evaluation_takes_any_runtime(drawn, exported, folder, tmp_path, monkeypatch, capsys):
    """And scores what it computes as it scores Keras."""
    script, options = "exp/lsp/eval_lsp.py", ("--data", drawn, "--smoke", "--out")
    scores = []
    for number, chosen in enumerate(
        [("--weights", folder / "tiny.weights.h5"), ("--weights", exported("openvino"), "--runtime", "openvino")]
    ):
        run_script(script, monkeypatch, capsys, *options, tmp_path / str(number), *chosen)
        scores.append(json.loads((tmp_path / str(number) / "eval.json").read_bytes()))
    assert scores[0]["people"] == 4 and scores[0]["total"] == pytest.approx(scores[1]["total"])
    assert scores[0]["auc"] == pytest.approx(scores[1]["auc"], abs=0.01)
    said = refused(script, monkeypatch, capsys, *options, tmp_path, "--precision", "bfloat16")
    assert "'keras' computes in float32" in said


def test_precisions_are_those_of_the_runtime_and_the_processor(exported):
    with pytest.raises(ValueError, match="'keras' computes in float32. Received: precision='bfloat16'"):
        opening.find("photo-lite-2d", precision="bfloat16")
    with pytest.raises(ValueError, match="one of keras, onnx, openvino, litert"):
        opening.find("photo-lite-2d", "tensorrt")
    with pytest.raises(ValueError, match="'onnx' computes in float32"):
        cache.opened("photo-lite-2d", "onnx", "bfloat16")
    from deephar.runtimes import openvino

    class Core:
        def __init__(self, *able):
            self.able = able

        def get_property(self, device, name):
            return {"OPTIMIZATION_CAPABILITIES": self.able, "FULL_DEVICE_NAME": "A Chip"}[name]

    openvino.check_precision(Core("FP32", "BF16"), "bfloat16")
    openvino.check_precision(Core("FP32"), "float32")
    with pytest.raises(ValueError, match=r"This processor \(A Chip\) does not compute in bfloat16.*choose float32"):
        openvino.check_precision(Core("FP32"), "bfloat16")


def test_files_that_cannot_be_used(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"a.tflite is for litert. Received: runtime='openvino'"):
        opening.find(tmp_path / "a.tflite", "openvino")
    with pytest.raises(ValueError, match="No such file: .*a.onnx"):
        opening.find(tmp_path / "a.onnx", "onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "a.onnx").write_bytes(b"none")
    with pytest.raises(ImportError, match=r'pip install "deephar\[onnx\]"'):
        opening.find(tmp_path / "a.onnx", "onnx")


def test_a_file_is_read_by_what_computes_in_the_precision(monkeypatch):
    """ONNX Runtime comes first, and computes in float32 alone."""
    monkeypatch.setattr(choosing, "installed", lambda library: True)
    assert choosing.reader("a.onnx") == "onnx" and choosing.reader("a.onnx", None, "bfloat16") == "openvino"
    assert choosing.reader("a.onnx", "onnx", "bfloat16") == "onnx"  # which `check` refuses
    assert choosing.reader("a.tflite", None, "bfloat16") == "litert"


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_named(name, tmp_path):
    from deephar.export import writing

    needed(name)
    path = tmp_path / f"a{writing.SUFFIXES[name]}"
    path.write_bytes(b"none of them")
    with pytest.raises(ValueError, match=r"a\.\w+ cannot be opened by"):
        choosing.open_file(path, name)


def test_what_a_file_says_about_itself():
    told = about.About("x", (about.Tensor("image", (None, 8, 8, 3)),), (about.Tensor("m", (None, 2)),), ABOUT)
    assert about.parse(told.to_text(), "x.onnx") == told
    assert about.parse(dataclasses.replace(told, model=None).to_text(), "x.onnx").model is None
    with pytest.raises(ValueError, match="x.onnx does not say what it holds"):
        about.parse(None, "x.onnx")
    with pytest.raises(ValueError, match="What x.onnx says about itself is damaged"):
        about.parse("{}", "x.onnx")
    with pytest.raises(ValueError, match="has the format 'deephar-export-9'.*Update deephar"):
        about.parse(told.to_text().replace(about.FORMAT, "deephar-export-9"), "x.onnx")


def test_networks_of_actions_give_their_last_judge():
    model = models.build("penn-pose-only", num_actions=3, pose_width=112)
    assert [output.name for output in outputs.final(model)] == [outputs.judges(model)[-1].name]
    clips = models.build("penn-merge", **{**TINY, "num_joints": 16}, frames=2, export_poses="last")
    kinds = [output.kind for output in outputs.final(clips)]
    assert kinds == [outputs.Kind.POSE, outputs.Kind.VISIBILITY, outputs.Kind.ACTION]


def test_the_command_says_what_is_wrong(capsys, tmp_path):
    figure(np.random.default_rng(0))[0].save(tmp_path / "photo.png")
    status, _, said = run(capsys, tmp_path / "photo.png", "--runtime", "tensorrt")
    assert status == 1 and "one of keras, onnx, openvino, litert" in said


def test_ends_of_names_may_be_in_capitals():
    assert (
        choosing.is_exported("NET.ONNX") and choosing.is_exported("net.tflite") and not choosing.is_exported("NET.H5")
    )


def test_damaged_words_about_a_network_are_named(exported, tmp_path):
    """A byte of the JSON behind a network of LiteRT, in the zip at the end of the file."""
    needed("litert")
    path = pathlib.Path(shutil.copy(exported("litert"), tmp_path / "damaged.tflite"))
    with zipfile.ZipFile(path) as file:
        (member,) = file.infolist()
    content = bytearray(path.read_bytes())
    content[member.header_offset + 30 + len(member.filename) + 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged.tflite is damaged: "):
        choosing.open_file(path)
