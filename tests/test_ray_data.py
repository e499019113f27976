"""Batches of Ray Data: with and without Ray."""

import collections
import io
import os
import signal
import sys

import numpy as np
import pytest
from PIL import Image
from scripts import ROOT
from spots import Finds, Spots, film

from deephar import files, inference, layouts, models
from deephar.evaluation import report
from deephar.inference import ray_data
from deephar.inference.ray_data import PredictBatches

COUNT = 6


@pytest.fixture
def pictures():
    return film(lambda t: 60 + 20 * t, lambda t: 280 if t % 2 else None, count=COUNT)


@pytest.fixture
def predictor(monkeypatch):
    """That every actor has: one that finds bright squares."""
    made = inference.PosePredictor(Spots(), layouts.get("lsp14"), detector=Finds(), least_score=0.3)
    monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda *_, **__: made)
    return made


def encoded(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def objects(values):
    column = np.empty(len(values), object)
    column[:] = values
    return column


def test_our_own_network_gives_what_the_predictor_gives(pictures, monkeypatch):
    """Of photographs of several sizes, by a network with depth."""
    tiny = models.build("lite-3d", input_shape=(64, 64, 3), width=32, num_blocks=1)
    predictor = inference.PosePredictor(tiny, layouts.get("pa17j"))
    monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda *_, **__: predictor)
    images = [pictures[0], pictures[1][:90, :200], pictures[2][10:]]
    found = PredictBatches(column="image")({"image": objects(images), "id": np.arange(3)})
    assert [*found] == ["id", "width", "height", "boxes", "poses", "confidences", "scores", "poses_3d", "error"]
    assert found["width"].tolist() == [320, 200, 320] and found["height"].tolist() == [120, 90, 110]
    for row, image in enumerate(images):
        (person,) = predictor(image)
        np.testing.assert_allclose(found["poses"][row], person.pose_px[None], atol=1e-4)
        np.testing.assert_allclose(found["poses_3d"][row], person.pose_3d_mm[None], atol=1e-3)
        np.testing.assert_allclose(found["confidences"][row], person.confidence[None], atol=1e-6)


def test_paths_bytes_and_pixels_are_photographs(pictures, predictor, tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(COUNT)]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    columns = np.array([str(path) for path in paths]), objects([encoded(picture) for picture in pictures]), pictures
    by_path, by_bytes, by_pixels = (
        PredictBatches(column=name)({name: column, "id": np.arange(COUNT)})
        for name, column in zip(("path", "bytes", "image"), columns, strict=True)
    )
    assert [len(boxes) for boxes in by_path["boxes"]] == [1, 2] * (COUNT // 2)
    np.testing.assert_allclose([poses[0].mean(axis=0)[0] for poses in by_path["poses"]], 60 + 20 * np.arange(6), atol=6)
    assert by_path["path"].tolist() == [*map(str, paths)]
    for other in (by_bytes, by_pixels):
        assert set(by_path) - set(other) == {"path"} and not {"bytes", "image"} & set(other)
        assert other["id"].tolist() == [*range(COUNT)]
        for one, two in zip(by_path["poses"], other["poses"], strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_photograph_that_fails_ends_nothing(pictures, predictor, tmp_path):
    rows = [encoded(pictures[0]), b"no photograph", encoded(np.zeros_like(pictures[0]))]
    found = PredictBatches(column="bytes")({"bytes": objects(rows)})
    assert found["error"][0] == found["error"][2] == "" and "its format is unknown" in found["error"][1]
    assert [poses.shape for poses in found["poses"]] == [(1, 14, 2), (0, 14, 2), (0, 14, 2)]
    assert found["width"].tolist() == [320, 0, 320]

    def tired(*_):
        raise MemoryError

    predictor.model.predict_on_batch = tired
    assert PredictBatches(column="image")({"image": pictures[:1]})["error"].tolist() == ["MemoryError"]


def test_a_batch_names_its_photographs(predictor):
    with pytest.raises(ValueError, match="Expected a column 'path' of photographs. Received: image, id"):
        PredictBatches()({"image": np.zeros((1, 9, 9, 3), np.uint8), "id": np.zeros(1)})


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'pip install "deephar\[ray\]"'):
        ray_data.photographs("photos")


def that_dies(folder):
    """A class whose every call notes its rows, and which is killed once, with a batch in its hands.

    Defined in a function, so that Ray sends its code to the actors.
    """

    class Dies(PredictBatches):
        def __init__(self, **settings):
            super().__init__(**settings)
            (folder / f"actor-{os.getpid()}").touch()

        def __call__(self, batch):
            found = super().__call__(batch)
            if any("img30." in path for path in batch["path"]):
                try:
                    (folder / "killed").touch(exist_ok=False)
                except FileExistsError:
                    return found
                os.kill(os.getpid(), signal.SIGKILL)
            return found

    return Dies


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of Ray about itself
def test_an_actor_is_killed_and_every_photograph_comes_once(tmp_path):
    """Two actors, 60 photographs in 15 blocks; the networks are our own."""
    ray = pytest.importorskip("ray", reason='needs Ray: pip install "deephar[ray]"')
    tiny = {"num_joints": 14, "input_shape": (64, 64, 3), "width": 32, "num_blocks": 1}
    files.save_weights(models.build("lite-2d", concat_visibility=True, **tiny), tmp_path / "best.weights.h5")
    report.save_json({"model": "lite-2d", "layout": "lsp14", "overrides": tiny}, tmp_path / "model.json")
    settings = {"weights": str(tmp_path / "best.weights.h5"), "detector": None}
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, picture in enumerate(film(lambda t: 20 + 4 * t, count=60)):
        Image.fromarray(picture).save(folder / f"img{number}.png")
    places = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": {"PYTHONPATH": places}})
    try:
        rows = (
            ray_data.photographs(folder, blocks=15)
            .map_batches(that_dies(tmp_path), fn_constructor_kwargs=settings, batch_size=4, concurrency=2, num_cpus=1)
            .take_all()
        )
    finally:
        ray.shutdown()
    assert (tmp_path / "killed").exists() and len([*tmp_path.glob("actor-*")]) >= 3
    counted = collections.Counter(os.path.basename(row["path"]) for row in rows)
    assert counted == {f"img{number}.png": 1 for number in range(60)}
    predictor = inference.PosePredictor.from_weights(**settings)
    for row in rows:
        (person,) = predictor(row["path"])
        assert row["error"] == ""
        np.testing.assert_allclose(row["poses"], person.pose_px[None], atol=1e-3)
