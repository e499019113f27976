"""The detector: maps of people, their loss, boxes at several scales, and the mosaics that it is trained on."""

import shutil

import keras
import numpy as np
import pytest
from PIL import Image, ImageDraw

from deephar import geometry, layouts
from deephar.data.readers.base import Sample
from deephar.data.synthetic.groups import Groups
from deephar.detection import detector, losses, maps, mosaics, network, opening
from deephar.weights import catalogue

NOBODY = np.zeros((0, 4))


def as_output(target):
    """What a network would give that is right about everything."""
    score = np.clip(target[..., :1], 1e-6, 1 - 1e-6)
    return np.concatenate([np.log(score / (1 - score)), target[..., 1:5]], axis=-1)


def test_a_map_by_hand():
    """A box of 8 by 16 cells about the cell (10, 12), whose middle is half a cell off the box's."""
    target = maps.encode([[8 * 6, 8 * 4, 8 * 14, 8 * 20]], NOBODY, 32)
    assert target.shape == (32, 32, 7) and target.dtype == np.float32
    np.testing.assert_allclose(target[12, 10], [1, 4.5, 8.5, 3.5, 7.5, 1, 1], atol=1e-6)
    spread = maps.SPREAD * 8
    expected = np.exp(-0.5 * ((1.5 / spread) ** 2 - (0.5 / spread) ** 2))
    assert target[12, 11, 0] == pytest.approx(expected, rel=1e-5) and target[12, 11, 6] == target[12, 11, 0]
    assert target[12, 20, 0] < 0.01 and target[12, 20, 6] == 0 and target[..., 5].min() == 1


def test_maps_come_back_as_boxes():
    boxes = np.array([[10.0, 20, 90, 200], [120, 40, 160, 130], [130, 180, 250, 250]])
    found, scores = maps.decode(as_output(maps.encode(boxes, NOBODY, 32)), 0.9)
    assert len(found) == 3 and np.all(scores > 0.9)
    order = np.argsort(found[:, 0])
    np.testing.assert_allclose(found[order], boxes, atol=1e-3)
    assert [len(values) for values in maps.decode(as_output(maps.encode(NOBODY, NOBODY, 32)), 0.1)] == [0, 0]


def test_the_smaller_of_two_people_keeps_the_middle():
    """Somebody small before somebody large, about the same middle: both are learnt, the small one where it is."""
    target = maps.encode([[0, 0, 240, 240], [104, 104, 136, 136]], NOBODY, 32)
    np.testing.assert_allclose(target[15, 15, 1:5], [2.5, 2.5, 1.5, 1.5])
    assert target[15, 13, 0] > 0.5 and target[15, 13, 1] > 10


def test_where_others_may_be_the_score_hardly_counts():
    target = maps.encode([[8, 8, 80, 120]], [[0, 0, 128, 256]], 32)
    assert target[20, 12, 5] == pytest.approx(maps.UNKNOWN) and target[5, 5, 5] == 1 and target[5, 20, 5] == 1


def test_the_loss_by_hand():
    """One cell of one person: half the box, and a score of one half."""
    y_true = np.zeros((1, 2, 2, 7), np.float32)
    y_true[..., 5] = 1
    y_true[0, 0, 0] = [1, 2, 2, 2, 2, 1, 1]
    y_pred = np.full((1, 2, 2, 5), -50.0, np.float32)
    y_pred[..., 1:] = 1
    y_pred[0, 0, 0] = [0, 2, 2, 0, 2]
    loss = keras.ops.convert_to_numpy(losses.PeopleLoss()(y_true, y_pred))
    assert loss == pytest.approx((np.log(2) * 0.25 - np.log(0.5 + 1e-3)) / 2, rel=1e-4)


def test_nobody_and_a_right_answer_cost_nothing():
    target = maps.encode([[10.0, 20, 90, 200]], NOBODY, 32)[None]
    right = as_output(target[0])[None]
    assert float(losses.PeopleLoss()(target, right)) < 0.01
    assert float(losses.PeopleLoss()(target, np.zeros_like(right))) > 1
    nothing = maps.encode(NOBODY, NOBODY, 32)[None]
    assert float(losses.PeopleLoss()(nothing, as_output(nothing[0])[None])) == pytest.approx(0, abs=1e-6)


def test_the_network_gives_maps_and_learns():
    keras.utils.set_random_seed(0)
    model = network.build(64, 16)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3)).astype("float32")
    found = model.predict_on_batch(images)
    assert found.shape == (2, 8, 8, 5) and found.dtype == np.float32 and found[..., 1:].min() > 0
    assert 1 / (1 + np.exp(-found[..., 0].mean())) < 0.1
    model.compile(keras.optimizers.Adam(0.01), losses.PeopleLoss())
    target = np.stack([maps.encode([[8, 8, 40, 60]], NOBODY, 8)] * 2)
    first = model.train_on_batch(images, target)
    for _ in range(8):
        last = model.train_on_batch(images, target)
    assert last < 0.7 * first
    with pytest.raises(ValueError, match="multiple of 32"):
        network.build(100)


class Squares:
    """A network that sees the white squares of a picture of 64 pixels, each a person."""

    input_shape = (None, 64, 64, 3)

    def __init__(self):
        self.calls = 0

    def predict_on_batch(self, images):
        self.calls += 1
        return np.stack([as_output(maps.encode(self.boxes(image), NOBODY, 8)) for image in images])

    @staticmethod
    def boxes(image):
        rows, columns = (np.flatnonzero((image[..., 0] > 0).any(axis=axis)) for axis in (1, 0))
        return [[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]] if len(rows) and len(columns) else []


def square(size, box):
    image = Image.new("RGB", size)
    ImageDraw.Draw(image).rectangle([box[0], box[1], box[2] - 1, box[3] - 1], fill=(255, 255, 255))
    return image


@pytest.mark.parametrize("size", [(64, 64), (300, 200), (120, 300)])
def test_a_person_is_found_in_a_picture_of_any_size(size):
    box = np.array([0.4 * size[0], 0.45 * size[1], 0.6 * size[0], 0.6 * size[1]]).round()
    boxes, scores = detector.PeopleDetector(Squares(), least=0.9)(square(size, box))
    assert len(boxes) == 1 and scores[0] > 0.9
    np.testing.assert_allclose(boxes[0], box, atol=max(size) / 64)


def test_nobody_is_found_in_black():
    boxes, scores = detector.PeopleDetector(Squares())(Image.new("RGB", (300, 200)))
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_who_is_cut_off_by_a_window_is_taken_from_the_whole_picture():
    box = np.array([20, 80, 280, 120])
    boxes, _ = detector.PeopleDetector(Squares(), least=0.9)(square((300, 200), box))
    assert len(boxes) == 1
    np.testing.assert_allclose(boxes[0], box, atol=5)


def test_who_is_cut_off_by_the_picture_counts():
    boxes, _ = detector.PeopleDetector(Squares(), least=0.9)(square((300, 200), [0, 60, 60, 200]))
    assert len(boxes) == 1
    np.testing.assert_allclose(boxes[0], [0, 60, 60, 200], atol=5)


def test_a_pyramid_covers_the_picture():
    windows = detector.pyramid((1000, 600), 256, 3)
    sides = sorted({float(size[0]) for _, size in windows}, reverse=True)
    np.testing.assert_allclose(sides, [1000, 600, 360])
    for side in sides:
        spans = [(center - side / 2, center + side / 2) for center, size in windows if size[0] == side]
        assert min(low[0] for low, _ in spans) <= 0 and max(high[0] for _, high in spans) >= 1000
    assert len(detector.pyramid((300, 200), 256, 3)) == 1


class OneGrey:
    """A reader of one grey picture with a person in it; the second is nobody, the third is damaged."""

    layout = layouts.get("lsp14")
    POSE = np.stack([np.linspace(60, 100, 14), np.linspace(20, 180, 14)], axis=1)

    def __len__(self):
        return 3

    def sample(self, index):
        if index == 2:
            raise ValueError("damaged")
        pose = self.POSE if index == 0 else np.full((14, 2), np.nan)
        return Sample(
            "grey", Image.new("RGB", (160, 200), (128, 128, 128)), pose, np.array([80.0, 100]), np.full(2, 60.0)
        )


def made(seed=0, steps=2, known=True):
    sources = {"one": (mosaics.OnePerson(OneGrey(), known), 2.0), "drawn": (mosaics.Drawn(Groups(4, (96, 96))), 1.0)}
    return mosaics.Mosaics(sources, batch_size=4, steps=steps, seed=seed, side=128)


def test_mosaics_are_the_same_for_the_same_seed_and_others_in_the_next_epoch():
    first, again, other = made(), made(), made(seed=1)
    images, targets = first[0]
    assert images.shape == (4, 128, 128, 3) and targets.shape == (4, 16, 16, 7)
    assert images.min() >= -1 and images.max() <= 1 and len(first) == 2
    np.testing.assert_equal(images, again[0][0])
    assert np.any(images != other[0][0])
    again.on_epoch_end()
    assert np.any(images != again[0][0])


def test_the_boxes_of_a_mosaic_are_around_its_people():
    """A window of one tile shows joints; the box is what `points_box` gives of those inside."""
    scene = mosaics.Scene(Image.new("RGB", (160, 200)), [OneGrey.POSE], True)
    for seed in range(20):
        px_to_tile = mosaics._window(np.random.default_rng(seed), scene, (128, 96))
        joints = mosaics._inside(geometry.transform_points(px_to_tile, OneGrey.POSE), (128, 96))
        assert len(joints) >= 1
        corners = geometry.transform_points(np.linalg.inv(px_to_tile), np.array([[0.0, 0], [128, 96]]))
        assert np.prod(np.ptp(corners, axis=0) / [160, 200]) <= 1.7


class White:
    """A white square in the dark with a grid of 25 joints; beside it, maybe, others who are not known."""

    def __init__(self, all_known):
        self.all_known = all_known

    def __len__(self):
        return 1

    def scene(self, index):
        image = Image.new("RGB", (160, 160))
        ImageDraw.Draw(image).rectangle((60, 50, 99, 89), fill=(255, 255, 255))
        x, y = np.meshgrid(np.linspace(60, 100, 5), np.linspace(50, 90, 5))
        return mosaics.Scene(image, [np.stack([x.ravel(), y.ravel()], axis=1)], self.all_known)


def test_the_map_of_a_mosaic_is_of_the_pictures_in_it():
    """Every box of the map is white throughout."""
    pictures, people = mosaics.Mosaics({"white": (White(True), 1.0)}, 1, 1, seed=3, side=128), 0
    for number in range(24):
        image, target = pictures.picture(0, number)
        found, _ = maps.decode(as_output(target), 0.9)
        for x1, y1, x2, y2 in np.round(found).astype(int).tolist():
            inside = image[max(y1, 0) + 1 : y2 - 1, max(x1, 0) + 1 : x2 - 1]
            assert inside.size == 0 or inside.mean() > 0.9
        people += len(found)
    assert people > 30


def test_where_others_may_be_a_mosaic_says_so():
    """All of a picture that shows others too, but about the person who is known."""
    certain = {}
    for known in (True, False):
        pictures = mosaics.Mosaics({"white": (White(known), 1.0)}, 1, 1, seed=3, side=128)
        targets = np.stack([pictures.picture(0, number)[1] for number in range(24)])
        assert {*targets[..., 5].ravel().tolist()} == {1.0, float(np.float32(maps.UNKNOWN))}
        assert np.all(targets[targets[..., 6] > 0, 5] == 1)
        certain[known] = (targets[..., 5] == 1).mean()
    assert certain[False] < 0.3 < 0.7 < certain[True]


def test_a_group_is_drawn_once(monkeypatch):
    drawn, places = mosaics.Drawn(Groups(2, (64, 64))), []
    grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    monkeypatch.setattr(Groups, "image", lambda self, index: places.append(index) or grey + index)
    scenes = [drawn.scene(index) for index in (0, 1, 0)]
    assert places == [0, 1] and [scene.image.getpixel((0, 0))[0] for scene in scenes] == [128, 129, 128]


def test_people_who_are_hardly_located_are_left_out():
    class Few(OneGrey):
        POSE = np.where(np.arange(14)[:, None] < 5, OneGrey.POSE, np.nan)

    with pytest.raises(ValueError, match="only 5 joints"):
        mosaics.OnePerson(Few(), True).scene(0)
    assert mosaics.OnePerson(OneGrey(), True).scene(1).poses == []


def test_a_source_of_nothing_that_can_be_read_says_so():
    class Broken(OneGrey):
        def sample(self, index):
            raise ValueError("this one is damaged")

    with pytest.raises(ValueError, match="this one is damaged"):
        mosaics.Mosaics({"all": (mosaics.OnePerson(Broken(), True), 1.0)}, 1, 1, side=64)[0]


class Finds:
    """A network that finds the same box, in cells of 8 pixels, in every one of its windows."""

    input_shape = (None, 64, 64, 3)

    def __init__(self, box):
        self.target = as_output(maps.encode([np.multiply(box, 8.0)], NOBODY, 8))

    def predict_on_batch(self, images):
        return np.stack([self.target] * len(images))


@pytest.mark.parametrize("right", [7.9, 8, 9])
def test_somebody_cut_off_by_a_window_is_left_to_the_others(right):
    """Four windows of 0.6: a box at their right edges or beyond is whole only where that is the picture's own edge."""
    find = detector.PeopleDetector(Finds([4, 2, right, 6]), 0.5)
    boxes, _ = find(Image.new("RGB", (200, 200)))
    assert len(detector.pyramid((200, 200), 64, 2)) == 5
    whole = sorted(boxes.round().tolist())
    end = 200 if right >= 8 else pytest.approx(198, abs=1)
    assert whole == [[100, 50, end, 150], [140, 30, end, 90], [140, 110, end, 170]]


def test_weights_of_a_training_are_a_detectors_file(tmp_path):
    """Those that come with deephar, as if they had been trained here; in another runtime they are not."""
    file = shutil.copy(catalogue.shipped_file("people"), tmp_path / "mine.weights.h5")
    picture = Image.fromarray(Groups(3, seed=1).image(0))
    boxes, scores = opening.open_detector(file)(picture)
    expected = detector.PeopleDetector()(picture)
    assert len(boxes) > 0
    np.testing.assert_array_equal(boxes, expected[0])
    np.testing.assert_array_equal(scores, expected[1])
    with pytest.raises(ValueError, match=r"mine.weights.h5 holds weights, which run on Keras .*'onnx'"):
        opening.open_detector(file, "onnx")
    damaged = tmp_path / "damaged.weights.h5"
    damaged.write_bytes(b"\x89HDF")
    for path, said in ((damaged, "does not hold the weights"), (tmp_path / "none.h5", "No such file of a detector")):
        with pytest.raises(ValueError, match=said):
            opening.open_detector(path)
