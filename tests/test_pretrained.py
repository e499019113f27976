import concurrent.futures
import hashlib
import http.server
import json
import threading

import keras
import numpy as np
import pytest

from deephar import layouts, models
from deephar.cli import pretrained
from deephar.models import surgery
from deephar.weights import catalogue, download, loading
from deephar.weights.description import Description

CONTENT = bytes(range(256)) * 4096
NETWORK = Description(preset="mpii-2d", overrides={}, layout=layouts.get("pa16j"))


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT, with ranges; notes what was asked for."""

    asked = []  # noqa: RUF012

    def do_GET(self):
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.asked.append(first)
        if first >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(CONTENT) - first))
        self.end_headers()
        self.wfile.write(CONTENT[first:])

    def log_message(self, *args):
        pass


@pytest.fixture
def published(monkeypatch):
    """A published file served from this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Handler.asked.clear()
    url = f"http://127.0.0.1:{server.server_port}/file.h5"
    md5 = hashlib.md5(CONTENT).hexdigest()
    entry = catalogue.Entry("file.h5", NETWORK, "none", url, md5)
    monkeypatch.setitem(catalogue.PUBLISHED, "test", entry)
    yield entry
    server.shutdown()
    server.server_close()


def test_download_check_and_cache(published, tmp_path):
    path = download.fetch("test", tmp_path)
    assert path.read_bytes() == CONTENT
    assert download.fetch("test", tmp_path) == path
    assert Handler.asked == [0]
    assert [file.name for file in tmp_path.iterdir()] == ["file.h5"]


def test_download_goes_on_where_it_stopped(published, tmp_path):
    (tmp_path / "file.h5.partial").write_bytes(CONTENT[:1000])
    assert download.fetch("test", tmp_path).read_bytes() == CONTENT
    assert Handler.asked == [1000]


def test_two_who_download_at_once_get_the_same_file(published, tmp_path):
    """One of them downloads, the other waits."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(download.fetch, ["test"] * 2, [tmp_path] * 2))
    assert paths[0] == paths[1] and paths[0].read_bytes() == CONTENT and Handler.asked == [0]
    assert [file.name for file in tmp_path.iterdir()] == ["file.h5"]


def test_a_download_that_was_whole_already(published, tmp_path):
    (tmp_path / "file.h5.partial").write_bytes(CONTENT)
    assert download.fetch("test", tmp_path).read_bytes() == CONTENT


def test_a_keras_file_of_another_network_is_refused(tmp_path):
    tiny = {"width": 32, "input_shape": (64, 64, 3)}
    deep, shallow = (models.build("lite-2d", num_blocks=blocks, **tiny) for blocks in (2, 1))
    deep.save_weights(tmp_path / "deep.weights.h5")
    before = shallow.get_weights()
    with pytest.raises(ValueError, match=r"does not match .*lacks 14 layers of the file, .* block1_remap\."):
        loading.load_weights(shallow, tmp_path / "deep.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, shallow.get_weights(), strict=True))
    whole = (tmp_path / "deep.weights.h5").read_bytes()
    (tmp_path / "half.weights.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="half.weights.h5"):
        loading.load_weights(deep, tmp_path / "half.weights.h5")


def test_the_first_array_that_does_not_fit_is_named(tmp_path):
    tiny = {"width": 32, "input_shape": (64, 64, 3), "num_blocks": 1}
    models.build("lite-2d", num_joints=14, **tiny).save_weights(tmp_path / "own.weights.h5")
    message = r"Layer block1_heatmaps: expected .* \(1, 1, 32, 48\)\. Received: .* \(1, 1, 32, 42\)\. .*unchanged"
    with pytest.raises(ValueError, match=message):
        models.build("lite-2d", tmp_path / "own.weights.h5", **tiny)


@pytest.mark.parametrize(
    ("variant", "overrides", "first"),
    [
        ("lite-2d", {"num_blocks": 1, "num_joints": 16}, "num_joints=14, not 16"),
        ("lite-3d", {}, "of 'lite-2d', not of 'lite-3d'"),
    ],
)
def test_the_first_difference_and_two_calls_that_work(variant, overrides, first):
    with pytest.raises(ValueError) as error:
        models.build(variant, weights="lsp-lite-2d", **overrides)
    message = str(error.value)
    assert message.startswith("The weights 'lsp-lite-2d' are ") and first in message
    build, copy = message.split("Build their network, ")[1].split(", or copy the matching part to yours, ")
    loaded = eval(build, {"models": models})
    assert loaded.get_layer("block2_heatmaps").weights[0].shape == (1, 1, 288, 42)
    assert "block1_heatmaps" in eval(copy, {"models": models, "surgery": surgery}) or "num_joints" not in overrides


def test_weights_bring_their_network():
    about = catalogue.SHIPPED["lsp-lite-2d"].about
    explicit = models.build("lite-2d", weights="lsp-lite-2d", **about.overrides)
    model = models.build("lite-2d", weights="lsp-lite-2d")
    assert model.output_shape == explicit.output_shape == [(None, 14, 2), (None, 14, 1)] * 2
    assert model.input_shape == (None, 96, 96, 3)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), explicit.get_weights(), strict=True))


def test_a_training_says_the_network_but_not_its_outputs(tmp_path):
    tiny = {"width": 32, "input_shape": (64, 64, 3), "num_blocks": 1, "num_joints": 14}
    trained = {**tiny, "concat_visibility": True, "export_heatmaps": True}
    models.build("lite-2d", **trained).save_weights(tmp_path / "best.weights.h5")
    about = {"model": "lite-2d", "layout": "lsp14", "overrides": trained}
    (tmp_path / "model.json").write_text(json.dumps(about))
    model = models.build("lite-2d", tmp_path / "best.weights.h5", input_shape=(32, 64, 3))
    assert model.input_shape == (None, 32, 64, 3)
    assert model.output_shape == [(None, 14, 2), (None, 14, 1)]


def test_a_whole_saved_model_is_no_weight_file(tmp_path):
    image = keras.Input((2, 2, 3))
    keras.Model(image, keras.layers.Conv2D(1, 1)(image)).save(tmp_path / "own.keras")
    with pytest.raises(ValueError, match=r"own.keras is a whole saved model, .*load_model\('.*own.keras'\)"):
        models.build("lite-2d", tmp_path / "own.keras", width=32, num_blocks=1)


def test_a_damaged_file_is_refused(published, tmp_path):
    (tmp_path / "file.h5").write_bytes(b"something else")
    with pytest.raises(ValueError, match=f"expected md5 {published.md5}"):
        download.fetch("test", tmp_path)


def test_a_damaged_download_can_be_tried_again(published, tmp_path):
    (tmp_path / "file.h5.partial").write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match="expected md5"):
        download.fetch("test", tmp_path)
    assert download.fetch("test", tmp_path).read_bytes() == CONTENT


def test_offline_says_what_to_put_where(monkeypatch, tmp_path):
    entry = catalogue.Entry("file.h5", NETWORK, "none", "http://127.0.0.1:9/file.h5", "0")
    monkeypatch.setitem(catalogue.PUBLISHED, "test", entry)
    monkeypatch.setenv("DEEPHAR_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ValueError, match=r"Could not download http://127.0.0.1:9/file.h5 .* put it at .*cache/file.h5"):
        download.fetch("test")


def test_table():
    assert all(len(entry.md5) == 32 and entry.url.endswith(entry.file) for entry in catalogue.PUBLISHED.values())
    assert {entry.about.preset for entry in catalogue.PUBLISHED.values()} <= set(models.NAMES)


def test_unknown_weights_list_what_exists(tmp_path):
    with pytest.raises(ValueError, match="mpii-2d-cvpr18"):
        models.build("lite-2d", "mpii-2d-cvpr19", width=32, num_blocks=1)
    with pytest.raises(ValueError, match="mpii-2d-cvpr18"):
        download.fetch("nothing", tmp_path)


def test_command_lists_the_files(capsys):
    pretrained.main([])
    assert "d6b85ba4b8a3fc9d05c8ad73f763d999" in capsys.readouterr().out
