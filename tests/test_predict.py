import concurrent.futures
import dataclasses
import errno
import io
import json
import shutil
import struct
import threading
import time
import zlib

import h5py
import numpy as np
import pytest
from drawn import figure
from PIL import Image
from scripts import predict as run

from deephar import files, geometry, inference, layouts, models
from deephar.cli import predict_photos
from deephar.evaluation import report
from deephar.inference import export
from deephar.inference.space import weak_perspective
from deephar.weights import loading

TINY = {"num_joints": 14, "input_shape": (64, 64, 3), "width": 32, "num_blocks": 1}
LSP = layouts.get("lsp14")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network of a few weights, as a training script leaves it."""
    folder = tmp_path_factory.mktemp("run")
    files.save_weights(models.build("lite-2d", concat_visibility=True, **TINY), folder / "best.weights.h5")
    report.save_json({"model": "lite-2d", "layout": "lsp14", "overrides": TINY}, folder / "model.json")
    return folder / "best.weights.h5"


class Bright:
    """A network that finds the brightest place of a crop, and calls every joint that."""

    input_shape, output_names = (None, 64, 64, 3), ("block1_pose", "block1_visibility")

    def predict_on_batch(self, images):
        flat = images.sum(axis=-1).reshape(len(images), -1).argmax(axis=1)
        y, x = np.divmod(flat, 64)
        pose = np.repeat(np.stack([x, y], axis=-1)[:, None] / 64 + 0.5 / 64, 14, axis=1)
        return [pose, np.full((len(images), 14, 1), 0.9)]


def test_a_bright_dot_comes_back_in_pixels():
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[120:124, 200:204] = 255
    predictor = inference.PosePredictor(Bright(), LSP)
    people = predictor(Image.fromarray(pixels), [[150, 80, 250, 180], [180, 100, 220, 150]])
    for person in people:
        np.testing.assert_allclose(person.pose_px, np.full((14, 2), [202, 122]), atol=1.5)
        np.testing.assert_allclose(person.confidence, 0.9)
    np.testing.assert_allclose(people[1].box_px, [180, 100, 220, 150])


def test_a_description_says_how_wide_a_window_is(weights, photo, tmp_path):
    """What the network is shown is as wide as where it learnt: the corners of its crop lie that far apart."""
    about = dataclasses.replace(loading.describe(weights), window_margin=2.0)
    shutil.copy(weights, tmp_path)
    about.write(tmp_path / "model.json")
    predictor = inference.PosePredictor.from_weights(tmp_path / weights.name)
    predictor.model = Corner()
    (person,) = predictor(photo, [[20, 30, 60, 70]])
    np.testing.assert_allclose(person.pose_px[:2], [[40 + 80 / 6, 50 + 80 / 6], [40 - 80 / 6, 50 - 80 / 6]])


class Corner(Bright):
    """A network that sees two corners of the middle ninth of any crop, whatever it shows."""

    def predict_on_batch(self, images):
        pose = np.where(np.arange(14)[:, None] % 2, [1 / 3, 1 / 3], [2 / 3, 2 / 3])
        return [np.repeat(pose[None], len(images), axis=0), np.full((len(images), 14, 1), 0.9)]


def test_without_a_box_a_first_pass_finds_it():
    """The whole photograph gives the middle ninth; its square and the margin are the window of the second pass."""
    predictor = inference.PosePredictor(Corner(), LSP, flip=False)
    (person,) = predictor(Image.new("RGB", (300, 240)))
    np.testing.assert_allclose(person.box_px, [100, 70, 200, 170])
    side = 100 * geometry.MARGIN
    np.testing.assert_allclose(person.pose_px[:2], [[150 + side / 6, 120 + side / 6], [150 - side / 6, 120 - side / 6]])


def bright_dot(turn=1):
    """A dot at (202, 122) of an upright picture of 300 x 200, and EXIF data that tell how it is stored."""
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[120:124, 200:204] = 255
    exif = Image.Exif()
    exif[0x0112] = turn
    return pixels, exif


def test_paths_pictures_and_arrays_are_photographs(tmp_path):
    """Joints are in pixels of the upright photograph, whatever it came as; EXIF data are obeyed."""
    pixels, exif = bright_dot(turn=6)
    stored = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "photo.JPG", quality=95, exif=exif)
    with Image.open(tmp_path / "photo.JPG") as opened:
        photos = [
            tmp_path / "photo.JPG", str(tmp_path / "photo.jpg"), opened, opened.convert("RGB"),
            (tmp_path / "photo.JPG").read_bytes(), pixels, pixels[..., 0], pixels[..., :1],
            np.concatenate([pixels, np.full((200, 300, 1), 255, np.uint8)], axis=-1),
        ]  # fmt: skip
        predictor = inference.PosePredictor(Bright(), LSP)
        for photo in photos:
            (person,) = predictor(photo, [[150, 80, 250, 180]])
            np.testing.assert_allclose(person.pose_px, np.full((14, 2), [202, 122]), atol=1.5)
            assert len(predictor(photo)) == 1


def test_no_boxes_give_nobody(tmp_path):
    predictor = inference.PosePredictor(Bright(), LSP)
    pixels, _ = bright_dot()
    assert predictor(pixels, []) == predictor(pixels, np.empty((0, 4))) == []
    assert len(predictor(pixels, [10, 10, 50, 60])) == 1
    with pytest.raises(ValueError, match=r"Boxes must be \(N, 4\), .* Received: \(4, 5\)"):
        predictor(pixels, np.ones((4, 5)))
    with pytest.raises(ValueError, match="No such photograph"):
        predictor(tmp_path / "absent.jpg", [])
    with pytest.raises(ValueError, match="`stream` takes several, videos and cameras. Received: list"):
        predictor([pixels])


def test_a_photograph_beyond_the_limit_keeps_its_pixels(tmp_path, monkeypatch, quick, capsys):
    """Decoded at half its sides, it is predicted in pixels of the file and drawn at half its size."""
    pixels, _ = bright_dot()
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", quality=95)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    status, printed, _ = run(capsys, tmp_path / "photo.jpg", "--box=150,80,100,100", "--picture", tmp_path / "a.png")
    (entry,) = json.loads(printed)["photos"]
    assert status == 0 and (entry["width"], entry["height"]) == (300, 200)
    np.testing.assert_allclose(entry["people"][0]["pose"], np.full((14, 2), [202, 122]), atol=3)
    monkeypatch.undo()
    with Image.open(tmp_path / "a.png") as drawn:
        assert drawn.size == (150, 100)
        y, x = np.argwhere(np.ptp(np.asarray(drawn), axis=-1) > 100).mean(axis=0)  # what is coloured
        assert (x, y) == pytest.approx((101, 61), abs=2)


class Single:
    """Around a function that only one thread at a time may call."""

    def __init__(self, function):
        self.function, self.inside = function, threading.Lock()

    def __call__(self, *arguments):
        assert self.inside.acquire(blocking=False), "two threads at once"
        time.sleep(0.002)
        try:
            return self.function(*arguments)
        finally:
            self.inside.release()


def test_threads_share_a_predictor(photo, monkeypatch):
    """Eight threads decode one opened picture in turn, use the network in turn, and find what one thread finds."""
    network = Bright()
    network.predict_on_batch = Single(network.predict_on_batch)
    predictor = inference.PosePredictor(network, LSP)
    expected = predictor(photo)[0].pose_px
    with Image.open(photo) as shared, concurrent.futures.ThreadPoolExecutor(8) as threads:
        monkeypatch.setattr(shared, "load", Single(shared.load))
        found = list(threads.map(lambda number: predictor(shared if number % 2 else photo), range(24)))
    for (person,) in found:
        np.testing.assert_array_equal(person.pose_px, expected)


def test_depth_becomes_millimetres_by_hand():
    """A square of 450 pixels stands for 2.25 m: 5 mm a pixel; a tenth of the depth range is 200 mm."""
    poses = np.full((1, 17, 3), [100.0, 80.0, 0.4])
    poses[0, 5] = [110, 60, 0.5]
    space = weak_perspective(poses, [450], layouts.get("pa17j"))
    np.testing.assert_allclose(space[0, :2], [[0, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(space[0, 5], [50, -100, 200])
    with pytest.raises(ValueError, match="no joint 'pelvis'"):
        weak_perspective(poses[:, :14], [450], LSP)


@pytest.fixture
def quick(monkeypatch):
    """The command with a network that costs nothing."""
    monkeypatch.setattr(
        inference.PosePredictor, "from_weights", lambda *_, **__: inference.PosePredictor(Bright(), LSP)
    )


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "person.jpg"
    figure(np.random.default_rng(0))[0].save(path)
    return path


def test_json_and_picture(photo, weights, tmp_path, capsys):
    (tmp_path / "boxes.json").write_text("[[50, 20, 60, 130], [40, 10, 80, 150]]")
    picture, out = tmp_path / "new" / "drawn.png", tmp_path / "out.json"
    status, printed, _ = run(
        capsys,
        photo,
        "--boxes",
        tmp_path / "boxes.json",
        "--weights",
        weights,
        "--json",
        out,
        "--picture",
        picture,
        "--flip",
    )
    assert (status, printed) == (0, "")
    result = json.loads(out.read_text())
    assert result["format"] == "deephar-poses-1" and result["joints"] == list(LSP.names)
    (entry,) = result["photos"]
    assert (entry["width"], entry["height"], len(entry["people"])) == (160, 170, 2)
    person = entry["people"][1]
    assert "pose_3d" not in person
    assert person["box"] == [40, 10, 80, 150] and person["box_is_estimated"] is False
    assert np.array(person["pose"]).shape == (14, 2) and np.array(person["confidence"]).shape == (14,)
    assert np.any(np.asarray(Image.open(picture)) != np.asarray(Image.open(photo)))
    status, printed, _ = run(capsys, photo, "--weights", weights, "--one-person")
    assert status == 0 and json.loads(printed)["photos"][0]["people"][0]["box_is_estimated"] is True


def test_a_network_with_depth(photo, tmp_path, capsys):
    """The JSON has 3D poses, x and y those of the picture at 2.25 m a square; the picture has two views each."""
    tiny = {**TINY, "num_joints": 17, "depth_maps": 4}
    files.save_weights(models.build("h36m-3d", concat_visibility=True, **tiny), tmp_path / "best.weights.h5")
    report.save_json({"model": "h36m-3d", "layout": "pa17j", "overrides": tiny}, tmp_path / "model.json")
    (tmp_path / "boxes.json").write_text("[[50, 20, 60, 130], [40, 10, 80, 150]]")
    weights, picture = ("--weights", tmp_path / "best.weights.h5"), tmp_path / "drawn.png"
    status, printed, _ = run(
        capsys, photo, *weights, "--boxes", tmp_path / "boxes.json", "--picture", picture, "--flip"
    )
    result = json.loads(printed)
    assert status == 0 and result["format"] == "deephar-poses-1" and result["joints"][0] == "pelvis"
    for person, side in zip(result["photos"][0]["people"], (130, 150), strict=True):
        pose, space = np.array(person["pose"]), np.array(person["pose_3d"])
        assert pose.shape == (17, 2) and space.shape == (17, 3)
        np.testing.assert_allclose(space[:, :2], (pose - pose[0]) * 2250 / (geometry.MARGIN * side), atol=1e-9)
        assert np.all(np.abs(space[:, 2]) <= 2000) and space[0, 2] == 0 and np.any(space[:, 2] != 0)
    with Image.open(photo) as plain, Image.open(picture) as drawn:
        assert drawn.size == (plain.width + 2 * 192, 2 * 192)


def test_several_photographs_one_of_them_broken(photo, quick, tmp_path, capsys):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:500])
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"person.jpg": [[50, 20, 60, 130]], "broken.jpg": [[1, 1, 9, 9]]}))
    status, printed, said = run(capsys, photo, broken, "--boxes", boxes, "--picture", tmp_path / "drawn")
    entries = json.loads(printed)["photos"]
    assert status == 1 and "1 of 2 photographs failed" in said and "broken.jpg" in entries[1]["error"]
    assert len(entries[0]["people"]) == 1 and (tmp_path / "drawn" / "person.png").is_file()


def test_other_files_of_results(photo, quick, tmp_path, capsys):
    boxes = tmp_path / "boxes.json"
    boxes.write_text("[[50, 20, 60, 130]]")
    outs = [tmp_path / name for name in ("a.csv", "a.coco.json", "a.jsonl")]
    asked = [option for out in outs for option in ("--out", out)]
    assert run(capsys, photo, "--boxes", boxes, *asked)[0] == 0
    assert len(outs[0].read_text().splitlines()) == 2
    assert [entry["category_id"] for entry in json.loads(outs[1].read_text())] == [1]
    assert [len(result.people) for result in export.read_results(outs[2])] == [1]
    for name, fault in (
        ("a.docx", "Results go to files that end in"),
        ("a.GIF", "a.GIF would be a film, which is of a video"),
        ("a.TRC", "a.TRC would be motion over time"),
    ):
        status, _, said = run(capsys, photo, "--out", outs[0], "--out", tmp_path / name)
        assert status == 1 and fault in said
    assert len(outs[0].read_text().splitlines()) == 2


def test_whoever_stops_it_keeps_the_photographs_before(photo, quick, tmp_path, capsys, monkeypatch):
    """The JSON holds those that were done, whatever ended the rest."""
    paths = [tmp_path / f"{number}.jpg" for number in range(3)]
    for path in paths:
        path.write_bytes(photo.read_bytes())
    draw, drawn = predict_photos._draw, []

    def stop_at_the_third(result, path):
        drawn.append(path)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        draw(result, path)

    monkeypatch.setattr(predict_photos, "_draw", stop_at_the_third)
    status, _, said = run(capsys, *paths, "--json", tmp_path / "joints.json")
    assert status == 130 and "interrupted" in said.lower()
    stored = json.loads((tmp_path / "joints.json").read_bytes())
    assert [entry["photo"] for entry in stored["photos"]] == [str(path) for path in paths[:2]]
    drawn.clear()
    status, printed, _ = run(capsys, *paths)
    assert status == 130 and json.loads(printed) == stored


def test_a_file_that_cannot_be_ended_leaves_the_others(photo, quick, tmp_path, capsys, monkeypatch):
    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("deephar.inference.export.writing.Collecting.close", full)
    options = ("--json", tmp_path / "joints.json", "--out", tmp_path / "a.coco.json")
    status, _, said = run(capsys, photo, "--box=50,20,60,130", *options)
    assert status == 1 and "No space left" in said
    assert len(json.loads((tmp_path / "joints.json").read_bytes())["photos"][0]["people"]) == 1


def test_one_bad_box_does_not_stop_the_others(photo, quick, tmp_path, capsys):
    other = tmp_path / "other.jpg"
    other.write_bytes(photo.read_bytes())
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"person.jpg": [[50, 20, 0, 130]], "other.jpg": [[-5, 20, 60, 130]]}))
    status, printed, _ = run(capsys, photo, other, "--boxes", boxes)
    bad, good = json.loads(printed)["photos"]
    assert status == 1 and "above 0" in bad["error"] and len(good["people"]) == 1


def test_a_photograph_of_another_camera_is_named(photo, tmp_path, capsys):
    """And loses no other."""
    tiny = {**TINY, "num_joints": 17, "depth_maps": 4}
    files.save_weights(models.build("h36m-3d", concat_visibility=True, **tiny), tmp_path / "best.weights.h5")
    report.save_json({"model": "h36m-3d", "layout": "pa17j", "overrides": tiny}, tmp_path / "model.json")
    with Image.open(photo) as picture:
        width, height = picture.size
        picture.resize((width, 2 * height)).save(tmp_path / "tall.jpg")
    matrix = [[900, 0, width / 2], [0, 900, height / 2], [0, 0, 1]]
    (tmp_path / "camera.json").write_text(json.dumps({"camera_matrix": matrix, "image_size": [width, height]}))
    options = ("--weights", tmp_path / "best.weights.h5", "--one-person", "--camera", tmp_path / "camera.json")
    status, printed, said = run(capsys, photo, tmp_path / "tall.jpg", *options)
    good, bad = json.loads(printed)["photos"]
    assert status == 1 and len(good["people"]) == 1 and "tall.jpg: The camera was calibrated" in bad["error"]
    (tmp_path / "camera.json").write_text("{}")
    status, _, said = run(capsys, photo, *options)
    assert status == 1 and "camera.json" in said
    status, _, said = run(capsys, photo, "--camera", tmp_path / "camera.json")
    assert status == 1 and "--camera is for networks with depth" in said


@pytest.mark.parametrize("content", ["null", '{"person.jpg": null}'])
def test_null_is_no_box(content, photo, quick, tmp_path, capsys):
    (tmp_path / "boxes.json").write_text(content)
    status, _, said = run(capsys, photo, "--boxes", tmp_path / "boxes.json")
    assert status == 1 and ("holds no boxes" in said or "Boxes must be" in said)


@pytest.mark.parametrize("option", ["--one-person", "--max-people=2", "--conf=0.5", "--conf=0"])
def test_where_a_box_is_given_nobody_is_searched_for(option, photo, quick, capsys):
    status, _, said = run(capsys, photo, "--box=50,20,60,130", option)
    assert status == 1 and f"{option.partition('=')[0]} is for people who are found" in said


def test_one_box_is_for_one_photograph(photo, quick, capsys):
    status, _, said = run(capsys, photo, photo, "--box=1,1,9,9")
    assert status == 1 and "--box is for one photograph" in said


def test_pictures_replace_nothing(photo, quick, tmp_path, capsys):
    (tmp_path / "a").mkdir()
    same = tmp_path / "a" / "person.jpg"
    same.write_bytes(photo.read_bytes())
    for arguments in ((photo, same, "--picture", tmp_path / "out"), (photo, "--picture", photo)):
        status, _, said = run(capsys, *arguments)
        assert status == 1 and "would replace" in said
    assert same.read_bytes() == photo.read_bytes()


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned_jpeg():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.new("RGB", (160, 100), (90, 120, 60)), "JPEG", exif=exif)


def huge_png():
    """A header that promises 100,000 x 100,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100000, 100000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">II", zlib.crc32(header), 9) + b"IDAT"


GREY16 = Image.fromarray(np.linspace(0, 65535, 160 * 100, dtype=np.uint16).reshape(100, 160))
WHOLE = encoded(Image.effect_noise((160, 100), 60).convert("RGB"), "JPEG")

GOOD = {
    "grey": (encoded(Image.new("L", (160, 100), 80), "JPEG"), (160, 100)),
    "transparent": (encoded(Image.new("RGBA", (160, 100), (10, 20, 30, 40)), "PNG"), (160, 100)),
    "16 bits": (encoded(GREY16, "PNG"), (160, 100)),
    "palette": (encoded(Image.new("P", (160, 100), 3), "PNG"), (160, 100)),
    "turned by EXIF": (turned_jpeg(), (100, 160)),
    "one pixel": (encoded(Image.new("RGB", (1, 1)), "PNG"), (1, 1)),
}


@pytest.mark.parametrize("kind", GOOD)
def test_unusual_photographs(kind, quick, tmp_path, capsys):
    content, size = GOOD[kind]
    path = tmp_path / "photo"
    path.write_bytes(content)
    status, printed, _ = run(capsys, path)
    entry = json.loads(printed)["photos"][0]
    assert status == 0 and (entry["width"], entry["height"]) == size
    assert np.all(np.isfinite(entry["people"][0]["pose"]))


BAD_PHOTOS = {
    "truncated": (WHOLE[: len(WHOLE) // 2], "photo is truncated or damaged"),
    "empty": (b"", "photo, which is empty"),
    "text": (b"hello", "photo is not a readable video"),
    "bomb": (huge_png(), "photo is not a readable photograph"),
    "missing": (None, "No such photograph"),
}


@pytest.mark.parametrize("kind", BAD_PHOTOS)
def test_bad_photographs(kind, quick, tmp_path, capsys):
    content, message = BAD_PHOTOS[kind]
    if content is not None:
        (tmp_path / "photo").write_bytes(content)
    out = tmp_path / "out.json"
    status, _, said = run(capsys, tmp_path / "photo", "--json", out)
    assert status == 1 and message in said and not out.exists()


BAD_BOXES = {
    "empty box": ("10,10,0,20", "width and height above 0"),
    "outside": ("500,500,20,20", "outside the photograph of 160 x 170 pixels"),
    "NaN": ("10,nan,20,20", "finite numbers"),
    "no end of a box": ("-1e12,-1e12,3e12,3e12", "larger than 100 times the photograph"),
    "not numbers": ("10,10,wide,20", "Boxes must be"),
    "three numbers": ("10,10,20", "Boxes must be"),
}


@pytest.mark.parametrize("kind", BAD_BOXES)
def test_bad_boxes(kind, photo, quick, capsys):
    text, message = BAD_BOXES[kind]
    status, _, said = run(capsys, photo, f"--box={text}")
    assert status == 1 and message in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "is not JSON"), ('{"person.jpg": [[]]}', "Boxes must be"), ("{}", "has none for"),
        ('{"person.jpg": 3}', "Boxes must be"),
        ('{"person.jpg": [[1, 2, null, 4]]}', "finite numbers"), (None, "No such file"),
    ],
)  # fmt: skip
def test_bad_box_files(content, message, photo, quick, tmp_path, capsys):
    if content is not None:
        (tmp_path / "boxes.json").write_text(content)
    status, _, said = run(capsys, photo, "--boxes", tmp_path / "boxes.json")
    assert status == 1 and message in said


def test_a_photograph_without_boxes_shows_nobody(photo, quick, tmp_path, capsys):
    (tmp_path / "boxes.json").write_text('{"person.jpg": []}')
    status, printed, _ = run(capsys, photo, "--boxes", tmp_path / "boxes.json")
    assert status == 0 and json.loads(printed)["photos"][0]["people"] == []


def test_a_refused_output_spares_what_another_holds(photo, quick, tmp_path, capsys):
    """A table is begun when it is opened, and so comes last."""
    kept = tmp_path / "kept.csv"
    kept.write_text("earlier results")
    status, _, said = run(capsys, photo, "--out", kept, "--out", tmp_path / "kept.csv" / "a.coco.json")
    assert status == 1 and "a.coco.json" in said and kept.read_text() == "earlier results"


def test_outputs_that_cannot_be_written(photo, quick, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for option in ("--json", "--picture"):
        status, _, said = run(capsys, photo, option, tmp_path / "file" / "out.png")
        assert status == 1 and "file" in said
    status, _, said = run(capsys, photo, "--picture", tmp_path / "drawn.nothing")
    assert status == 1 and "nothing" in said


@pytest.mark.skipif(".avif" not in Image.registered_extensions(), reason="Pillow reads AVIF from 11.3 on")
def test_one_damaged_photograph_loses_no_other(photo, quick, tmp_path, capsys):
    """A damaged AVIF, at which Pillow raises RuntimeError, and damaged EXIF data beside a good photograph."""
    with Image.open(photo) as whole:
        whole.save(tmp_path / "a.avif")
        whole.save(tmp_path / "b.webp", exif=b"Exif\0\0damage")
    (tmp_path / "a.avif").write_bytes((tmp_path / "a.avif").read_bytes()[:-40] + bytes(40))
    photos = tmp_path / "a.avif", photo, tmp_path / "b.webp"
    status, printed, said = run(capsys, *photos, "--picture", tmp_path / "drawn")
    avif, good, webp = json.loads(printed)["photos"]
    assert status == 1 and "2 of 3 photographs failed" in said
    assert "a.avif is truncated or damaged" in avif["error"] and "b.webp is truncated or damaged" in webp["error"]
    assert len(good["people"]) == 1 and [p.name for p in (tmp_path / "drawn").iterdir()] == ["person.png"]


def test_a_fault_of_the_network_loses_no_other(photo, tmp_path, capsys, monkeypatch):
    class Tired(Bright):
        calls = 0

        def predict_on_batch(self, images):
            self.calls += 1
            if self.calls == 3:  # two for each photograph without a box
                raise MemoryError
            return super().predict_on_batch(images)

    monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda *_, **__: inference.PosePredictor(Tired(), LSP))
    status, printed, _ = run(capsys, photo, photo, photo)
    entries = json.loads(printed)["photos"]
    assert status == 1 and [entry.get("error") for entry in entries] == [None, "MemoryError", None]


@pytest.mark.parametrize("length", [244, 250, 251])
@pytest.mark.parametrize("name", ["a", "ä", "漢"])
def test_long_names(name, length, photo, quick, tmp_path, capsys):
    """What fits with its suffix is written; what does not is that photograph's fault, and its joints are kept."""
    stem = name * ((length - 4) // len(name.encode()))
    long = photo.with_name(f"{stem}.jpg")
    photo.rename(long)
    photo.write_bytes(long.read_bytes())
    status, printed, _ = run(capsys, long, photo, "--picture", tmp_path / "drawn")
    assert status == 0 and all(len(entry["people"]) == 1 for entry in json.loads(printed)["photos"])
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {f"{stem}.png", "person.png"}


def test_a_picture_that_cannot_be_written_keeps_the_joints(photo, quick, tmp_path, capsys):
    """The name fits as .py but not as .png: 255 bytes are the most."""
    long = photo.with_name(f"{'a' * 252}.py")
    photo.rename(long)
    photo.write_bytes(long.read_bytes())
    status, printed, said = run(capsys, long, photo, "--picture", tmp_path / "drawn")
    entry, other = json.loads(printed)["photos"]
    assert status == 1 and "1 of 2 photographs failed" in said and "name too long" in entry["error"].lower()
    assert len(entry["people"]) == len(other["people"]) == 1 and (tmp_path / "drawn" / "person.png").is_file()
    (tmp_path / "drawn" / "person.png").unlink()
    status, printed, said = run(capsys, long, "--picture", tmp_path / "drawn")
    assert status == 1 and len(json.loads(printed)["photos"][0]["people"]) == 1 and "1 of 1" in said


@pytest.mark.parametrize("given", ["there", "new/"])
def test_a_folder_takes_the_picture_of_one_photograph(given, photo, quick, tmp_path, capsys):
    (tmp_path / "there").mkdir()
    status, _, _ = run(capsys, photo, "--picture", f"{tmp_path}/{given}")
    assert status == 0 and (tmp_path / given / "person.png").is_file()


def test_outputs_are_checked_before_work_begins(photo, tmp_path, capsys, monkeypatch):
    def too_early(*_, **__):
        raise AssertionError("the network was built")

    monkeypatch.setattr(inference.PosePredictor, "from_weights", too_early)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    faults = {
        ("--json", tmp_path / "folder"): "is a folder; expected the name of a file",
        ("--json", tmp_path / "file" / "a.json"): "file is a file",
        ("--json", tmp_path / ("a" * 300)): "too long",
        ("--json", photo): "would replace a source",
        ("--picture", tmp_path / "file" / "a.png"): "file is a file",
        ("--picture", tmp_path / "a.nothing"): "a.nothing has no suffix of a writable image format",
        ("--picture", tmp_path / "a"): "has no suffix of a writable",
        ("--picture", tmp_path / "a.png", "--json", tmp_path / "a.png"): "or another output",
    }
    for arguments, message in faults.items():
        status, _, said = run(capsys, photo, *arguments)
        assert status == 1 and message in said, arguments
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "person.jpg"]


def test_json_that_cannot_be_written_after_all_is_printed(photo, quick, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(report, "save_json", full)
    status, printed, said = run(capsys, photo, "--json", tmp_path / "out.json")
    assert status == 1 and "No space left" in said and len(json.loads(printed)["photos"][0]["people"]) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_boxes_may_begin_with_a_byte_order_mark(encoding, photo, quick, tmp_path, capsys):
    (tmp_path / "boxes.json").write_text('{"person.jpg": [[50, 20, 60, 130]]}', encoding=encoding)
    status, _, _ = run(capsys, photo, "--boxes", tmp_path / "boxes.json")
    assert status == 0


def test_weights_that_do_not_serve(photo, weights, tmp_path, capsys):
    status, _, said = run(capsys, photo, "--weights", tmp_path / "absent.h5")
    assert status == 1 and "No such weights" in said and "lsp-lite-2d" in said and "Did you mean" not in said
    status, _, said = run(capsys, photo, "--weights", "photo-lite2d")
    assert status == 1 and "Did you mean photo-lite-2d?" in said
    (tmp_path / "alone.weights.h5").write_bytes(weights.read_bytes())
    status, _, said = run(capsys, photo, "--weights", tmp_path / "alone.weights.h5")
    assert status == 1 and "Expected model.json" in said
    status, _, said = run(capsys, photo, "--weights", photo)
    assert status == 1 and f"{photo} holds no weights" in said


def test_weights_of_a_network_that_takes_poses_are_refused(photo, tmp_path, capsys):
    h5py.File(tmp_path / "best.weights.h5", "w").close()
    report.save_json({"model": "penn-pose-only", "layout": "penn13", "overrides": {}}, tmp_path / "model.json")
    status, _, said = run(capsys, photo, "--weights", tmp_path / "best.weights.h5")
    assert status == 1 and "for penn-pose-only, which classifies clips" in said


class Flat(Bright):
    """A network whose joints all lie on one line."""

    def predict_on_batch(self, images):
        pose, visible = super().predict_on_batch(images)
        pose = np.array(pose)
        pose[..., 0], pose[..., 1] = np.linspace(0.2, 0.8, pose.shape[-2]), 0.5
        return [pose, visible]


def test_joints_on_a_line_are_no_box():
    """Whoever is looked for in the whole picture has a box that people can have: else that of the picture."""
    one = inference.PosePredictor(Flat(), LSP, detector=None)
    (person,) = one(Image.new("RGB", (120, 60)))
    assert person.box_px.tolist() == [0, 0, 120, 60]
