"""Graph models of TensorFlow.js, and MoveNet, which is one."""

import base64
import io
import json
import os
import pathlib
import pickle
import random
import tarfile

import numpy as np
import pytest
from PIL import Image

from deephar import metrics_overlap
from deephar.detection import graph_file, graph_function, movenet

KINDS = {"float32": "DT_FLOAT", "int32": "DT_INT32"}


def text(*values):
    coded = [base64.b64encode(value.encode()).decode() for value in values]
    return {"list": {"s": coded}} if len(values) > 1 else {"s": coded[0]}


def kind(name="float32"):
    return {"type": KINDS[name]}


def node(name, op, *inputs, **attributes):
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def constant(name, dtype="float32"):
    value = {"tensor": {"dtype": KINDS[dtype], "tensorShape": {}}}
    return node(name, "Const", dtype=kind(dtype), value=value)


def convolution(name, op, *inputs, activation):
    ones = {"list": {"i": ["1"] * 4}}
    return node(
        name, op, *inputs, T=kind(), strides=ones, dilations=ones, padding=text("VALID"), data_format=text("NHWC"),
        fused_ops=text("BiasAdd", activation), num_args={"i": "1"}, epsilon={"f": 0},
    )  # fmt: skip


def shape(*sizes):
    return {"dim": [{"size": str(size)} for size in sizes]}


def weight(name, values, **quantization):
    """An entry of the manifest, and bytes."""
    dtype = "float32" if quantization else str(values.dtype)
    entry = {"name": name, "shape": list(values.shape), "dtype": dtype}
    return {**entry, **({"quantization": quantization} if quantization else {})}, values.tobytes()


def write(folder, nodes, weights, source, target, name="movenet-multipose"):
    """A graph model in a folder, its weights in two files; gives the JSON file."""
    content = b"".join(data for _, data in weights)
    (folder / "a.bin").write_bytes(content[:5])
    (folder / "b.bin").write_bytes(content[5:])
    stored = {
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 808}},
        "weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": [entry for entry, _ in weights]}],
        "signature": {
            "inputs": {"input": {"name": "input:0", "dtype": "DT_INT32", "tensorShape": shape(*source)}},
            "outputs": {"output_0": {"name": "Identity:0", "dtype": "DT_FLOAT", "tensorShape": shape(*target)}},
        },
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(stored), encoding="utf-8")
    return path


def head(*sizes):
    """The first nodes of a graph: its input as floating-point numbers."""
    placeholder = node("input", "Placeholder", dtype=kind("int32"), shape={"shape": shape(*sizes)})
    return [placeholder, node("cast", "Cast", "input", SrcT=kind("int32"), DstT=kind())]


@pytest.fixture
def convolutions(tmp_path):
    """A pointwise convolution of three channels to two, then one of each channel for itself."""
    nodes = [
        *head(1, 1, 2, 3),
        *map(constant, ("k", "b", "d", "c")),
        convolution("mixed", "_FusedConv2D", "cast", "k", "b", activation="Relu6"),
        convolution("each", "FusedDepthwiseConv2dNative", "mixed", "d", "c", activation="Relu"),
        node("Identity", "Identity", "each", T=kind()),
    ]
    weights = [
        weight("k", np.array([[[[0, 4], [2, 2], [3, 0]]]], np.uint8), dtype="uint8", scale=0.5, min=-1.0),
        weight("b", np.array([0.25, -1], np.float32)),
        weight("d", np.array([[[[2], [-1]]]], np.float16), dtype="float16", original_dtype="float32"),
        weight("c", np.array([1, 3], np.uint16), dtype="uint16", scale=2.0, min=-1.0),
    ]
    return write(tmp_path, nodes, weights, (1, 1, 2, 3), (1, 1, 2, 2))


def packed(folder, path):
    with tarfile.open(path, "w:gz") as package:
        package.add(folder, "package/models")
    return path


def test_fused_operations_and_quantised_weights_by_hand(convolutions):
    """k is [[-1, 1], [0, 0], [0.5, -1]], c is [1, 5]."""
    run = graph_function.build(graph_file.read(convolutions, "movenet-multipose"))
    # (2, 9, 4): (-2 + 2 + 0.25, 2 - 4 - 1) -> (0.25, 0) -> (0.5 + 1, 0 + 5)
    # (9, 0, 1): (-9 + 0.5 + 0.25, 9 - 1 - 1) -> (0, 6) -> (1, -6 + 5) -> (1, 0)
    found = run(np.array([[[[2, 9, 4], [9, 0, 1]]]]))
    np.testing.assert_allclose(found, [[[[1.5, 5], [1, 0]]]])


def test_a_folder_and_a_package_are_read_like_the_file(convolutions, tmp_path_factory):
    folder = convolutions.parent
    package = packed(folder, tmp_path_factory.mktemp("package") / "models.tgz")
    expected = graph_file.read(convolutions, "movenet-multipose")
    for path in (folder, folder.parent, package):
        found = graph_file.read(path, "movenet-multipose")
        assert found.nodes == expected.nodes
        assert (found.inputs, found.outputs) == ({"input:0": (1, 1, 2, 3)}, {"Identity:0": (1, 1, 2, 2)})
        for name, values in expected.weights.items():
            np.testing.assert_array_equal(found.weights[name], values)


def change(path, place, value):
    """Set what is at a place in a JSON file."""
    stored = part = json.loads(path.read_bytes())
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    path.write_text(json.dumps(stored), encoding="utf-8")


WEIGHTS = ("weightsManifest", 0, "weights")
DAMAGE = {
    "a file of weights is missing": (lambda path: path.with_name("b.bin").unlink(), "(no|lacks) .*b.bin"),
    "a file of weights is short": (lambda path: path.with_name("b.bin").write_bytes(b"12"), "7 bytes and end before b"),
    "a file of weights is long": (lambda path: path.with_name("a.bin").write_bytes(bytes(99)), "bytes; expected 22"),
    "not JSON": (lambda path: path.write_bytes(b"{"), "JSON"),
    "nothing in it": (lambda path: path.write_bytes(b"{}"), "weightsManifest"),
    "a list": (lambda path: path.write_bytes(b"[]"), "TypeError"),
    "a file elsewhere": (lambda path: change(path, ("weightsManifest", 0, "paths"), ["../a.bin"]), "not the name"),
    "a file twice": (
        lambda path: change(path, ("weightsManifest", 0, "paths"), ["a.bin", "a.bin"]),
        "a.bin is listed twice",
    ),
    "a negative shape": (lambda path: change(path, (*WEIGHTS, 1, "shape"), [-1]), "of shape \\[-1\\]"),
    "text as weights": (lambda path: change(path, (*WEIGHTS, 1, "dtype"), "string"), "is of type string"),
    "an unknown code": (lambda path: change(path, (*WEIGHTS, 0, "quantization", "dtype"), "int4"), "stored as int4"),
    "no weights of a node": (lambda path: change(path, (*WEIGHTS, 1, "name"), "other"), "KeyError"),
    "a weight of another shape": (lambda path: change(path, (*WEIGHTS, 1, "shape"), [1, 2]), "damaged"),
    "reads files": (lambda path: change(path, ("modelTopology", "node", 1, "op"), "ReadFile"), "operation ReadFile"),
    "an unknown activation": (
        lambda path: change(path, ("modelTopology", "node", 6, "attr", "fused_ops"), text("BiasAdd", "Erf")),
        "fuses BiasAdd, Erf",
    ),
    "no such input": (lambda path: change(path, ("modelTopology", "node", 1, "input"), ["none"]), "damaged"),
    "no such output": (lambda path: change(path, ("signature", "outputs", "output_0", "name"), "none:0"), "damaged"),
}


@pytest.mark.parametrize("package", [False, True])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_models_are_named(damage, package, convolutions, tmp_path_factory):
    spoil, message = DAMAGE[damage]
    spoil(convolutions)
    path = packed(convolutions.parent, tmp_path_factory.mktemp("p") / "m.tgz") if package else convolutions
    with pytest.raises(ValueError, match=message) as caught:
        graph_function.build(graph_file.read(path, "movenet-multipose"))
    assert path.name in str(caught.value)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"No such file.*none\.json"):
        graph_file.read(tmp_path / "none.json", "m")
    with pytest.raises(ValueError, match=r"Expected m\.json or model\.json in .*; there is none"):
        graph_file.read(tmp_path, "m")
    (tmp_path / "m.tgz").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"package of npm with m\.json in .*m\.tgz"):
        graph_file.read(tmp_path / "m.tgz", "m")
    with tarfile.open(tmp_path / "m.tgz", "w:gz") as package:
        package.addfile(tarfile.TarInfo("package/README.md"), io.BytesIO())
    with pytest.raises(ValueError, match=r"there is no m\.json in it"):
        graph_file.read(tmp_path / "m.tgz", "m")


@pytest.mark.parametrize("package", [False, True])
def test_a_file_that_is_too_large_is_not_read(package, convolutions, tmp_path_factory, monkeypatch):
    convolutions.with_name("b.bin").write_bytes(bytes(40_000))
    path = packed(convolutions.parent, tmp_path_factory.mktemp("p") / "m.tgz") if package else convolutions
    monkeypatch.setattr(graph_file, "MOST_BYTES", 30_000)
    with pytest.raises(ValueError, match=r"b\.bin has 40000 bytes, more than 30000"):
        graph_file.read(path, "movenet-multipose")


def drawn_model(folder, found, size=8):
    """A model that gives these numbers for a black picture; the mean of what it sees is added to the first of them."""
    count = found.size
    kernel = np.zeros((size, size, 3, count), np.float32)
    kernel[..., 0] = 1 / (3 * size * size)
    nodes = [
        *head(1, size, size, 3),
        *map(constant, ("k", "b")),
        constant("s", "int32"),
        convolution("all", "_FusedConv2D", "cast", "k", "b", activation="Relu"),
        node("shaped", "Reshape", "all", "s", T=kind(), Tshape=kind("int32")),
        node("Identity", "Identity", "shaped", T=kind()),
    ]
    weights = [weight("k", kernel), weight("b", found.ravel()), weight("s", np.array(found.shape, np.int32))]
    return write(folder, nodes, weights, (1, size, size, 3), found.shape)


def two_people():
    """The first is sure, the second less; joints are in the middle of the input and unseen unless set."""
    found = np.zeros((1, 6, 56), np.float32)
    people = found[0, :, :51].reshape(6, 17, 3)
    people[..., :2] = 0.5
    people[0, 0] = 0.375, 0.25, 0.9  # nose: y, x, score
    people[0, 5] = 0.5, 0.125, 0.8  # shoulders
    people[0, 6] = 0.5, 0.375, 0.8
    people[0, 16] = 0.75, 0.6, 0.1  # not seen
    found[0, :, :51] = people.reshape(6, 51)
    found[0, 0, 51:] = 0.4, 0.2, 0.65, 0.3, 0.9
    found[0, 1, 51:] = 0.3, 0.5, 0.8, 1.0, 0.25
    found[0, 2, 51:] = 0.3, 0.5, 0.8, 0.9, 0.19
    return found


def test_boxes_are_those_of_joints_in_pixels_of_the_picture(tmp_path):
    """A picture of 160 x 80 fills the middle of the input, whose upper left corner is at (0, -40): 160 x 160.

    Own boxes at 0.8 of their sides: (33.6, 28, 46.4, 60); (88, 16, 152, 80). The nose is 20 above the shoulders, so
    that the top of the head is 12 above that: (40, 8).
    """
    detector = movenet.MoveNet(drawn_model(tmp_path, two_people()))
    boxes, scores = detector(Image.new("RGB", (160, 80)))
    np.testing.assert_allclose(boxes, [[20, 8, 60, 60], [88, 16, 152, 80]], atol=1e-4)
    np.testing.assert_allclose(scores, [0.9, 0.25], atol=1e-6)


def test_least_and_pickled(tmp_path):
    detector = movenet.MoveNet(drawn_model(tmp_path, two_people()), least=0.5)
    copied = pickle.loads(pickle.dumps(detector))
    boxes, scores = copied(Image.new("RGB", (160, 80)))
    assert boxes.shape == (1, 4) and scores.shape == (1,)


def test_pixels_are_whole_numbers_up_to_255(tmp_path, monkeypatch):
    detector = movenet.MoveNet(drawn_model(tmp_path, two_people()))
    seen = []
    run = detector._run
    monkeypatch.setattr(detector, "_run", lambda values: seen.append(run(values)) or seen[-1])
    detector(Image.new("RGB", (160, 160), (30, 90, 255)))
    assert seen[0][0, 0, 0] == pytest.approx(125 + 0.375)


def places(stored, at=()):
    """Where values are in JSON."""
    parts = stored.items() if isinstance(stored, dict) else enumerate(stored) if isinstance(stored, list) else ()
    for key, part in parts:
        yield (*at, key)
        yield from places(part, (*at, key))


def test_whatever_is_changed_in_the_file_gives_people_or_a_message_that_names_it(tmp_path):
    path, generator = drawn_model(tmp_path, two_people()), random.Random(0)
    good = path.read_bytes()
    everywhere = list(places(json.loads(good)))
    values = [None, -1, 0, 10**12, 1.5, float("nan"), "", "x", "-1", "99999999999", [], {}, [1, 2], "DT_HALF"]
    refused = 0
    for _ in range(60):
        path.write_bytes(good)
        change(path, generator.choice(everywhere), generator.choice(values))
        try:
            movenet.MoveNet(path)(Image.new("RGB", (16, 8)))
        except ValueError as error:
            assert path.name in str(error)
            refused += 1
    assert 20 < refused < 60


def test_a_package_that_was_cut_off(tmp_path, tmp_path_factory):
    drawn_model(tmp_path, two_people())
    path = packed(tmp_path, tmp_path_factory.mktemp("p") / "m.tgz")
    content = path.read_bytes()
    for length in (0, 20, len(content) // 2, len(content) - 20):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"m\.tgz"):
            movenet.MoveNet(path)


@pytest.mark.parametrize("found", [np.zeros((1, 5, 56), np.float32), np.full((1, 6, 56), np.inf, np.float32)])
def test_another_output_is_refused(found, tmp_path):
    path = drawn_model(tmp_path, found)
    with pytest.raises(ValueError, match=r"movenet-multipose\.json is not MoveNet MultiPose"):
        movenet.MoveNet(path)(Image.new("RGB", (160, 80)))


def test_another_input_is_refused(convolutions):
    change(convolutions, ("signature", "inputs", "input", "tensorShape"), shape(1, 2, 2, 1))
    with pytest.raises(ValueError, match=r"is not MoveNet MultiPose: its inputs and outputs are of shape"):
        movenet.MoveNet(convolutions)


def test_the_real_one(shared):
    path = os.environ.get("DEEPHAR_MOVENET")
    if not path:
        pytest.skip("DEEPHAR_MOVENET does not name the package with MoveNet MultiPose; see docs/detectors.md")
    detector = movenet.MoveNet(pathlib.Path(path))
    boxes, scores = detector(Image.open(shared / "data" / "photos" / "astronaut.png").convert("RGB"))
    assert len(boxes) == 1 and scores[0] > 0.4
    assert metrics_overlap.box_overlap(boxes, np.array([[52, 28, 327, 459]])) > 0.9
