"""Features of networks in int8, by OpenVINO and NNCF; skipped where these are not installed."""

import logging
import shutil

import keras
import numpy as np
import pytest
from drawn import figure
from scripts import predict as run

from deephar import cli, inference, layouts, models
from deephar.export import calibration
from deephar.models import outputs
from deephar.runtimes import about, cache, choosing, exported, opening
from deephar.surroundings import installed
from deephar.weights.description import Description

TINY = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}

pytestmark = [
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="networks are exported on TensorFlow"),
    pytest.mark.skipif(not installed("nncf") or not installed("openvino"), reason="pip install 'deephar[int8]'"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Weights of a tiny network beside their model.json; the same exported in float32; ten photographs."""
    from deephar.export import writing

    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(0)
    models.build("lite-2d", **TINY).save_weights(folder / "tiny.weights.h5")
    known = Description(
        preset="lite-2d", overrides={**TINY, "input_shape": [32, 32, 3]}, layout=layouts.get("lsp14"), window_margin=1.5
    )
    known.write(folder / "model.json")
    writing.export(folder / "tiny.weights.h5", "openvino", folder / "plain.xml")
    (folder / "photos").mkdir()
    for number in range(10):
        figure(np.random.default_rng(number))[0].save(folder / "photos" / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def quantised(folder):
    """The file in int8, and what was said about it."""
    from deephar.export import int8

    return folder / "small.xml", int8.write(folder / "plain.xml", folder / "small.xml", folder / "photos")


def images(count):
    return np.random.default_rng(count).uniform(-1, 1, (count, 32, 32, 3)).astype("float32")


def sources(operation):
    return [given.get_source_output().get_node() for given in operation.inputs()]


def test_features_are_in_int8_and_joints_nearly_the_same(folder, quantised):
    path, moved = quantised
    small, plain = choosing.open_file(path, "openvino", "int8"), choosing.open_file(folder / "plain.xml")
    assert small.about.int8 == moved and small.about.model == plain.about.model and plain.about.int8 is None
    assert 0 < moved.median <= moved.nine_in_ten <= moved.largest < 1
    found, expected = [outputs.poses(one, one.predict_on_batch(images(3))) for one in (small, plain)]
    for a, b in zip(found, expected, strict=True):
        assert 0 < np.max(np.abs(a - b)) < 0.05
    assert path.with_suffix(".bin").stat().st_size < 0.7 * (folder / "plain.bin").stat().st_size


def test_from_the_heat_maps_on_all_is_in_float32(quantised):
    """The convolution that makes those of the last block, and what follows; before it, depthwise and first ones."""
    import openvino

    operations = openvino.Core().read_model(quantised[0]).get_ordered_ops()
    learnt = [place for place, one in enumerate(operations) if "Convolution" in one.get_type_name()]
    first = learnt[-1]
    assert operations[first].output(0).get_partial_shape()[1] == 3 * 14
    assert not any(one.get_type_name() == "FakeQuantize" for op in operations[first:] for one in sources(op))
    learnt = [operations[place] for place in learnt]
    weights = [sources(one)[1].get_type_name() for one in learnt]
    plain = [one.get_type_name() == "Convolution" for one in learnt]
    assert weights[:3] == ["Constant"] * 3 and weights[-1] == "Constant"
    scaled = [name != "Constant" for name, full in zip(weights[3:-1], plain[3:-1], strict=True) if full]
    assert len(scaled) > 10 and all(scaled)
    assert not any(
        source.get_type_name() == "FakeQuantize"
        for one, full in zip(learnt, plain, strict=True)
        if not full
        for source in sources(one)
    )


def test_joints_that_move_too_far_are_refused(folder, tmp_path, monkeypatch):
    from deephar.export import int8

    monkeypatch.setattr(int8, "LIMIT", 1e-6)
    with pytest.raises(ValueError, match=r"finds other joints .* Expected nine in ten within 3.2e-05; the file is not"):
        int8.write(folder / "plain.xml", tmp_path / "small.xml", folder / "photos")
    assert list(tmp_path.iterdir()) == []


def test_weights_are_quantised_once_for_the_same_photographs(folder, quantised, tmp_path, monkeypatch, caplog):
    """The detector stays in float32."""
    from deephar.export import int8, writing

    made = []

    def copied(source, path, moved):
        made.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".xml", ".bin"):
            shutil.copy(source.with_suffix(suffix), path.with_suffix(suffix))
        return moved

    monkeypatch.setattr(writing, "export", lambda weights, format, path, part: copied(folder / "plain.xml", path, None))
    monkeypatch.setattr(int8, "write", lambda source, path, photos: copied(*[quantised[0], path, quantised[1]]))
    monkeypatch.setenv("DEEPHAR_CACHE", str(tmp_path / "cache"))
    photos = shutil.copytree(folder / "photos", tmp_path / "photos")
    weights, picture = folder / "tiny.weights.h5", figure(np.random.default_rng(0))[0]

    def predictor(calibration):
        return inference.PosePredictor.from_weights(
            weights, detector=None, runtime="openvino", precision="int8", calibration=calibration
        )

    with caplog.at_level(logging.WARNING):
        one, same = predictor(photos), predictor(photos)
    assert len(made) == 2 and f"tiny in int8: {quantised[1]}" in caplog.text
    assert len(one(picture, [[10, 10, 50, 60]])) == 1 and same.model.about.int8 == quantised[1]
    figure(np.random.default_rng(99))[0].save(photos / "3.png")
    predictor(photos)
    predictor(None)
    assert len(made) == 4 == len(set(made))
    found = opening.find(weights, "openvino", "int8")
    monkeypatch.setattr(cache, "place", lambda *_: folder / "plain.xml")
    assert found.detector().about.int8 is None


@pytest.mark.slow
def test_the_command_writes_int8(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(calibration, "COUNT", 10)
    arguments = ["export", str(folder / "tiny.weights.h5"), "--format", "openvino", "--precision", "int8"]
    assert cli.main([*arguments, "--out", str(tmp_path / "plain.xml")]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"wrote {tmp_path / 'plain.xml'}\n  joints are 0.") and said.count("\n") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.bin", "plain.xml"]
    figure(np.random.default_rng(0))[0].save(tmp_path / "photo.png")
    photo = [tmp_path / "photo.png", "--weights", tmp_path / "plain.xml", "--one-person"]
    status, out, _ = run(capsys, *photo, "--precision", "int8")
    assert status == 0 and '"people"' in out
    status, _, err = run(capsys, *photo)
    assert status == 1 and "plain.xml is in int8; ask for that. Received: precision='float32'" in err


def test_what_cannot_be_in_int8(folder, quantised, tmp_path, capsys):
    from deephar.export import int8

    with pytest.raises(ValueError, match=r"plain.xml is in float32; deephar export makes one in int8"):
        choosing.open_file(folder / "plain.xml", "openvino", "int8")
    for shape, message in (((None, 8, 4), "of pictures"), ((None, 8, 8, 3), "that find joints")):
        told = about.About("x", (about.Tensor("image", shape),), (about.Tensor("m", (None, 2)),))
        with pytest.raises(ValueError, match=f"int8 is for networks {message}"):
            int8._size(exported.Exported(told, lambda x: {}, (None, ())))
    with pytest.raises(ValueError, match=r"photos would calibrate int8. Received: .* precision='float32'"):
        opening.find(folder / "tiny.weights.h5", "openvino", calibration=folder / "photos")
    with pytest.raises(ValueError, match=r"ends in '.xml'. Received: .*pose$"):
        int8.write(folder / "plain.xml", tmp_path / "pose")
    for wrong, said in (
        (["--format", "onnx"], "is for --format openvino"),
        (["--calibration", "x"], "is for --prec"),
        (["--format", "onnx", "--precision", "float32", "--out", "pose"], "The name of a file of onnx ends in"),
    ):
        precision = ["--precision", "int8"] if "--format" in wrong[-2:] else []
        with pytest.raises(SystemExit):
            cli.main(["export", str(folder / "tiny.weights.h5"), *precision, *wrong])
        assert said in capsys.readouterr().err


def test_pictures_for_calibration(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "COUNT", 9)
    shown = calibration.pictures((32, 24))
    assert shown.shape == (9, 32, 24, 3) and shown.dtype == np.float32 and 0.5 < np.abs(shown).max() <= 1
    np.testing.assert_array_equal(shown, calibration.pictures((32, 24)))
    assert calibration.pictures((16, 16), folder / "photos").shape == (5, 16, 16, 3)  # every other of ten
    first = calibration.fingerprint(folder / "photos")
    assert first == calibration.fingerprint(shutil.copytree(folder / "photos", tmp_path / "photos"))
    figure(np.random.default_rng(99))[0].save(tmp_path / "photos" / "0.png")
    assert calibration.fingerprint(tmp_path / "photos") != first
    for number in range(3):
        (tmp_path / "photos" / f"{number}.png").unlink()
    with pytest.raises(ValueError, match="takes 8 photographs or more. Received: 7"):
        calibration.pictures((16, 16), tmp_path / "photos")
