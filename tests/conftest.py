import os
import pathlib

import pytest
from drawn import drawn_lsp
from PIL import Image
from spots import Finds, Spots, film
from watched import Watch

from deephar import inference, layouts, video

SHARED = pathlib.Path(os.environ.get("DEEPHAR_SHARED", pathlib.Path(__file__).parents[2] / "shared"))


def pytest_itemcollected(item):
    marks = item.iter_markers("slow_on")
    if os.environ.get("KERAS_BACKEND") in {backend for mark in marks for backend in mark.args}:
        item.add_marker("slow")


@pytest.fixture(scope="session")
def shared():
    """Folder of reference data that cannot be part of the project."""
    if not (SHARED / "golden").is_dir():
        pytest.skip(f"reference data not found at {SHARED}; set DEEPHAR_SHARED")
    return SHARED


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Folder of drawn people in the format of LSP-extended."""
    return drawn_lsp(tmp_path_factory.mktemp("drawn") / "lspet_dataset")


@pytest.fixture
def watch(monkeypatch):
    """Counts of what this test does to video files: `watched.Watch`."""
    return Watch(monkeypatch)


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A video of `filmed.COUNT` frames, 25 a second."""
    from filmed import COUNT, picture  # skips without PyAV

    path = tmp_path_factory.mktemp("sources") / "clip.mp4"
    video.write_video(path, map(picture, range(COUNT)), 25)
    return path


@pytest.fixture
def photos(tmp_path):
    """A folder of img1.png to img11.png, a file that is none, and what macOS leaves."""
    import filmed  # skips without PyAV

    folder = tmp_path / "photos"
    folder.mkdir()
    for number in (10, 2, 1, 11):
        Image.fromarray(filmed.picture(number)).save(folder / f"img{number}.png")
    (folder / "notes.txt").write_text("none")
    (folder / "._img1.png").write_bytes(b"none")
    (folder / "sub").mkdir()
    return folder


@pytest.fixture(scope="session")
def walkers(tmp_path_factory):
    """A video of two people who walk towards each other for 20 frames, two seconds; needs PyAV."""
    path = tmp_path_factory.mktemp("walkers") / "clip.mp4"
    video.write_video(path, film(lambda t: 60 + 2 * t, lambda t: 250 - t, count=20), 10)
    return path


@pytest.fixture
def network(monkeypatch):
    """Function that sets the network of `deephar predict`; `spots.Spots` at first."""

    def use(model):
        made = inference.PosePredictor(model, layouts.get("lsp14"), detector=Finds(), least_score=0.3)
        monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda *_, **__: made)
        return made

    use(Spots())
    return use
