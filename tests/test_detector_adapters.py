"""Detectors of other makers: what they are given, whom they find, and where in the picture."""

import pickle
import sys
import types

import numpy as np
import pytest
from PIL import Image

from deephar.detection import letterbox
from deephar.detection.onnx import OnnxDetector
from deephar.detection.torchvision import TorchvisionDetector

RED = (255, 51, 0)


def wide():
    """160 x 80, all of one colour."""
    return Image.new("RGB", (160, 80), RED)


def test_a_wide_picture_has_bars_above_and_below():
    fitted = letterbox.Letterbox.of(wide(), (40, 40), bars=114)
    assert fitted.scale == 4 and fitted.corner.tolist() == [0, -40]
    np.testing.assert_array_equal(fitted.pixels[10:30], np.broadcast_to(np.uint8(RED), (20, 40, 3)))
    assert (fitted.pixels[:10] == 114).all() and (fitted.pixels[30:] == 114).all()
    np.testing.assert_array_equal(fitted.in_picture([[0, 10], [40, 30]]), [[0, 0], [160, 80]])
    np.testing.assert_array_equal(fitted.in_picture([[10, 15, 20, 25]]), [[40, 20, 80, 60]])


def test_a_tall_picture_has_bars_beside_it_and_is_enlarged():
    fitted = letterbox.Letterbox.of(Image.new("RGB", (10, 20), RED), (80, 40))
    assert fitted.scale == 0.5 and fitted.corner.tolist() == [-15, 0] and fitted.pixels.shape == (40, 80, 3)
    assert fitted.pixels[20].tolist() == [[0, 0, 0]] * 30 + [list(RED)] * 20 + [[0, 0, 0]] * 30


def test_boxes_are_cut_off_at_the_edges_and_in_order():
    nowhere = [[np.nan, 0, 9, 9], [0, 0, np.inf, 9]]
    boxes = [[-5, 10, 20, 90], [1, 1, 2, 2], [-9, 1, 0, 2], [3, 3, 3, 9], *nowhere, [0, 0, 1, 1]]
    found, scores = letterbox.people(boxes, [0.5, 0.6, 0.9, 0.9, 0.9, 0.9, 0.4], (100, 80), 0.5)
    assert found.tolist() == [[1, 1, 2, 2], [0, 10, 20, 80]] and scores.tolist() == [0.6, 0.5]
    nobody, scores = letterbox.people([], [], (100, 80), 0.5)
    assert nobody.shape == (0, 4) and scores.shape == (0,)


@pytest.fixture
def onnx(monkeypatch):
    """A detector whose session takes and gives what a test says; with what the session was given."""

    def detector(outputs, shape=(1, 3, 40, 40), kind="tensor(float)", **settings):
        class Session:
            def __init__(self, path, providers):
                assert providers == ["CPUExecutionProvider"]

            def get_inputs(self):
                return [types.SimpleNamespace(name="images", shape=list(shape), type=kind)]

            def run(self, names, feed):
                assert names is None and list(feed) == ["images"]
                given.append(feed["images"])
                return outputs

        given = []
        monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(InferenceSession=Session))
        return OnnxDetector("detector.onnx", **settings), given

    return detector


def listed(label=1):
    """As torchvision exports: one person at (10, 15, 20, 25), one who is not sure, and something else."""
    boxes = np.array([[10, 15, 20, 25], [1, 15, 2, 25], [30, 15, 40, 25]], np.float32)
    return [boxes, np.array([label, label, 7]), np.array([0.75, 0.25, 0.875], np.float32)]


def rows(*people):
    """As YOLO gives: columns of middle, size and two scores, among many that say nothing."""
    found = np.zeros((1, 6, 50), np.float32)
    found[0, :, : len(people)] = np.transpose(people)
    return [found]


@pytest.mark.parametrize(("shape", "kind"), [((1, 3, 40, 40), np.float32), ((3, 40, 40), np.float16)])
def test_an_onnx_network_sees_rgb_in_0_to_1_with_grey_bars(shape, kind, onnx):
    name = {np.float32: "tensor(float)", np.float16: "tensor(float16)"}[kind]
    detector, given = onnx(listed(), shape, name)
    detector(wide())
    assert given[0].dtype == kind and given[0].shape == shape
    red, green, blue = np.reshape(given[0], (3, 40, 40))
    for channel, value in ((red, 1), (green, 0.2), (blue, 0)):
        np.testing.assert_allclose(channel[10:30], value, atol=1e-3)
        np.testing.assert_allclose(channel[[0, 9, 30, 39]], 114 / 255, atol=1e-3)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0)])
def test_boxes_labels_and_scores_in_any_order(order, onnx):
    """Pixels of the input are 4 of the picture, and its upper bar is 10 high."""
    detector, _ = onnx([listed()[place] for place in order])
    boxes, scores = detector(wide())
    assert boxes.tolist() == [[40, 20, 80, 60]] and scores.tolist() == [0.75]


def test_columns_of_middles_and_scores_of_classes(onnx):
    """The second is the first again; the third is another class; the fourth is somebody else, at the edge."""
    found = rows((15, 20, 10, 10, 0.75, 0), (15, 20, 9, 10, 0.5, 0), (30, 20, 4, 8, 0, 1), (1, 20, 4, 8, 0.875, 0))
    detector, _ = onnx(found)
    boxes, scores = detector(wide())
    assert boxes.tolist() == [[0, 24, 12, 56], [40, 20, 80, 60]] and scores.tolist() == [0.875, 0.75]
    detector, _ = onnx(found, person=1)
    boxes, scores = detector(wide())
    assert boxes.tolist() == [[112, 24, 128, 56]] and scores.tolist() == [1]


def test_only_the_surest_of_very_many_columns_are_compared(onnx, monkeypatch):
    monkeypatch.setattr("deephar.detection.onnx.MOST", 2)
    detector, _ = onnx(rows(*((4 * x, 20, 2, 2, x / 8, 0) for x in range(4, 8))))
    assert detector(wide())[1].tolist() == [7 / 8, 6 / 8]


def test_rows_of_corners_score_and_label(onnx):
    found = np.array([[[10, 15, 20, 25, 0.75, 0], [1, 15, 2, 25, 0.25, 0], [30, 15, 40, 25, 0.875, 7]]], np.float32)
    for person, box in ((None, [40, 20, 80, 60]), (7, [120, 20, 160, 60])):
        detector, _ = onnx([found], person=person)
        assert detector(wide())[0].tolist() == [box]


def test_an_input_of_any_size_takes_the_side(onnx):
    detector, given = onnx(rows((60, 80, 40, 40, 0.75, 0)), (1, 3, "height", None), side=160)
    boxes, _ = detector(wide())
    assert given[0].shape == (1, 3, 160, 160) and boxes.tolist() == [[40, 20, 80, 60]]


def test_height_and_width_are_not_exchanged(onnx):
    detector, given = onnx(rows((15, 10, 10, 10, 0.75, 0)), (1, 3, 20, 40))
    boxes, _ = detector(wide())
    assert given[0].shape == (1, 3, 20, 40) and boxes.tolist() == [[40, 20, 80, 60]]


@pytest.mark.parametrize(
    "outputs",
    [
        [np.zeros((1, 300, 85))],
        [np.zeros((2, 84, 900))],
        [np.zeros((1, 84))],
        [],
        [np.zeros((3, 4)), np.zeros(3), np.zeros(3)],
        [np.zeros((3, 4)), np.zeros(3, int), np.zeros(2)],
        [np.zeros((3, 5)), np.zeros(3, int), np.zeros(3)],
    ],
)
def test_onnx_outputs_of_another_form(outputs, onnx):
    detector, _ = onnx(outputs)
    with pytest.raises(ValueError, match=r"Expected boxes.*Received:"):
        detector(wide())


@pytest.mark.parametrize(
    ("shape", "kind"), [((1, 40, 40, 3), "tensor(float)"), ((1, 3, 40, 40), "tensor(uint8)"), ((3,), "tensor(float)")]
)
def test_onnx_inputs_of_another_form(shape, kind, onnx):
    with pytest.raises(ValueError, match=r"Expected one input, .* in detector\.onnx\. Received: images tensor"):
        onnx([], shape, kind)


def test_onnx_files_that_are_none(monkeypatch):
    def session(path, providers):
        raise RuntimeError("no graph")

    monkeypatch.setitem(sys.modules, "onnxruntime", types.SimpleNamespace(InferenceSession=session))
    with pytest.raises(ValueError, match=r"Expected a network in ONNX in detector\.onnx: no graph"):
        OnnxDetector("detector.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'pip install "deephar\[onnx\]"'):
        OnnxDetector("detector.onnx")


def test_an_onnx_detector_is_sent_to_other_processes_by_its_path(onnx):
    detector, _ = onnx(listed(3), person=3, least=0.2)
    boxes, _ = pickle.loads(pickle.dumps(detector))(wide())
    assert len(boxes) == 2


def model(found):
    """A network of PyTorch that gives this, and keeps what it was given."""
    torch = pytest.importorskip("torch")

    class Fake(torch.nn.Module):
        def forward(self, pictures):
            assert not self.training and not torch.is_grad_enabled()
            self.given = [picture.numpy() for picture in pictures]
            return [{name: torch.tensor(values) for name, values in found.items()}]

    return Fake()


def test_people_of_a_torchvision_model():
    boxes, labels, scores = listed()
    network = model({"boxes": 4 * boxes, "labels": labels, "scores": scores})
    found, sure = TorchvisionDetector(network)(wide())
    assert found.tolist() == [[40, 60, 80, 80]] and sure.tolist() == [0.75]
    (picture,) = network.given
    assert picture.dtype == np.float32 and picture.shape == (3, 80, 160)
    np.testing.assert_allclose(picture[:, 40, 80], [1, 0.2, 0], atol=1e-6)
    found, sure = TorchvisionDetector(network, least=0.2, person=7)(wide())
    assert found.tolist() == [[120, 60, 160, 80]]


@pytest.mark.parametrize(
    "found",
    [
        {"boxes": np.zeros((1, 4)), "scores": np.zeros(1)},
        {"boxes": np.zeros((1, 4)), "labels": np.zeros(2), "scores": np.zeros(1)},
        {"boxes": np.zeros((1, 5)), "labels": np.zeros(1), "scores": np.zeros(1)},
    ],
)
def test_another_model_of_pytorch(found):
    with pytest.raises(ValueError, match="Expected"):
        TorchvisionDetector(model(found))(wide())


def test_without_pytorch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r'pip install "deephar\[torch\]" torchvision'):
        TorchvisionDetector(object())
