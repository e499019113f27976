"""`deephar predict` with many people, and with photographs of many pixels, by weights of the package."""

import json

import numpy as np
import pytest
from PIL import Image
from scripts import predict

from deephar import metrics_overlap
from deephar.data.synthetic.groups import Groups
from deephar.inference import PosePredictor
from deephar.inference.sources import open_source


@pytest.fixture(scope="module")
def predictor():
    return PosePredictor.from_weights("photo-lite-2d")


@pytest.fixture(scope="module")
def crowd():
    """Pictures of drawn people side by side, three of them or more in each, and all of their boxes."""
    groups = Groups(60, (256, 256), seed=3)
    chosen = [index for index in range(len(groups)) if len(groups.truth(index).boxes) >= 3][:12]
    picture, boxes = Image.new("RGB", (1024, 768)), []
    for place, index in enumerate(chosen):
        corner = 256 * (place % 4), 256 * (place // 4)
        picture.paste(Image.fromarray(groups.image(index)), corner)
        boxes += [box + [*corner, *corner] for box in groups.truth(index).boxes]
    return picture, np.array(boxes)


def test_a_crowd(crowd, tmp_path, capsys):
    """Half of some fifty people are found where they are, and `--max-people` leaves the surest."""
    picture, boxes = crowd
    picture.save(tmp_path / "crowd.png")
    people = []
    for options in ((), ("--max-people", 5)):
        status, _, err = predict(capsys, tmp_path / "crowd.png", "--json", tmp_path / "out.json", *options)
        assert status == 0, err
        (found,) = json.loads((tmp_path / "out.json").read_bytes())["photos"]
        people.append(found["people"])
    everybody, surest = people
    low, size = np.split(np.array([one["box"] for one in everybody]), 2, axis=1)
    overlap = metrics_overlap.box_overlap(np.hstack([low, low + size]), boxes)
    assert len(boxes) > 40 and np.mean(overlap.max(axis=0) > 0.3) > 0.5
    assert np.isfinite([one["pose"] for one in everybody]).all()
    scores = sorted((one["score"] for one in everybody), reverse=True)
    assert sorted((one["score"] for one in surest), reverse=True) == pytest.approx(scores[:5])


def test_a_photograph_of_20_megapixels(crowd, predictor, tmp_path):
    """The same people in the same places, in pixels of the file."""
    picture = crowd[0].crop((0, 0, 256, 256))
    picture.resize((4480, 4480), Image.Resampling.BICUBIC).save(tmp_path / "large.jpg", quality=95)
    small = predictor(picture)
    with open_source(tmp_path / "large.jpg") as source:
        (frame,) = source
    assert frame.size == (4480, 4480)
    large = predictor.found(frame)
    overlap = metrics_overlap.box_overlap(
        np.array([one.box_px / 17.5 for one in large]), np.array([one.box_px for one in small])
    )
    assert small and overlap.max(axis=0).min() > 0.5
