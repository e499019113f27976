import json
import math

import numpy as np
import pytest

from deephar import layouts
from deephar.inference import Person, Result

LSP = layouts.get("lsp14")


def person(**more):
    pose = np.arange(28.0).reshape(14, 2)
    return Person(np.array([1.0, 2.0, 31.0, 42.0]), pose, np.linspace(0.2, 0.8, 14), **more)


def result(*people):
    return Result(7, 0.28, (640, 480), "frame 7 of clip.mp4", LSP, list(people))


def same(one, other):
    for name in ("box_px", "pose_px", "confidence", "pose_3d_mm", "position_mm"):
        np.testing.assert_equal(getattr(one, name), getattr(other, name))
    assert (one.track, one.actions) == (other.track, other.actions)


def test_a_result_says_what_it_is():
    stored = result(person(track=3, actions={"wave": 0.75, "kick": 0.25})).to_dict()
    (found,) = stored.pop("people")
    assert stored == {"frame": 7, "seconds": 0.28, "name": "frame 7 of clip.mp4", "width": 640, "height": 480}
    assert found["box"] == [1, 2, 30, 40] and found["pose"][1] == [2, 3]
    assert found["score"] == pytest.approx(0.5) and found["track"] == 3
    assert list(found["actions"]) == ["wave", "kick"] and "pose_3d" not in found and "position" not in found


def test_a_result_comes_back_from_json():
    space = np.arange(42.0).reshape(14, 3)
    people = [
        person(),
        person(track=3, actions={"wave": 1.0}, pose_3d_mm=space, position_mm=np.array([1.0, 2.0, 3000.0])),
    ]
    back = Result.from_dict(json.loads(json.dumps(result(*people).to_dict())), LSP)
    assert (back.index, back.seconds, back.size, back.name) == (7, 0.28, (640, 480), "frame 7 of clip.mp4")
    for one, other in zip(people, back.people, strict=True):
        same(one, other)


def test_photographs_have_no_time():
    stored = Result(0, math.nan, (4, 3), "a.jpg", LSP, []).to_dict()
    assert stored["seconds"] is None
    assert math.isnan(Result.from_dict(stored, LSP).seconds)


def test_arrays_of_all_people():
    space = np.arange(42.0).reshape(14, 3)
    doing = {"actions": {"wave": 0.7, "kick": 0.3}, "position_mm": np.array([1.0, 2, 3])}
    arrays = result(person(), person(track=3, pose_3d_mm=space, **doing)).to_numpy()
    assert {name: values.shape for name, values in arrays.items()} == {
        "boxes": (2, 4), "poses": (2, 14, 2), "confidences": (2, 14), "scores": (2,), "tracks": (2,),
        "poses_3d": (2, 14, 3), "positions": (2, 3), "actions": (2,),
    }  # fmt: skip
    np.testing.assert_equal(arrays["boxes"][1], [1, 2, 31, 42])
    np.testing.assert_equal(arrays["tracks"], [0, 3])
    np.testing.assert_equal(arrays["poses_3d"], [np.full((14, 3), np.nan), space])
    np.testing.assert_equal(arrays["positions"], [[np.nan] * 3, [1, 2, 3]])
    assert arrays["actions"].tolist() == ["", "wave"]
    assert [len(values) for values in result().to_numpy().values()] == [0] * 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"people": [{"box": [1, 2, 3]}]}, "a person as deephar writes it"),
        ({"people": [5]}, "a person as deephar writes it"),
        ({"people": None}, "a result as deephar writes it"),
        ({"width": "wide"}, "a result as deephar writes it"),
    ],
)
def test_what_is_no_result_is_refused(change, message):
    with pytest.raises(ValueError, match=f"Expected {message}"):
        Result.from_dict({**result().to_dict(), **change}, LSP)


def test_people_of_other_joints_are_refused():
    stored = result(person()).to_dict()
    with pytest.raises(ValueError, match="16 joints of pa16j"):
        Result.from_dict(stored, layouts.get("pa16j"))
