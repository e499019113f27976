import csv
import json
import math

import numpy as np
import pytest
from exported import about, person, photograph, result, standing

from deephar import layouts
from deephar.inference.export import Table, open_writer
from deephar.inference.export.coco import Coco

HEAD = "frame,seconds,name,person,track,score,x,y,width,height,"
JOINTS = ("wrist", "left_thumb", "right_thumb")
PLANE = HEAD + ",".join(f"{j}_x,{j}_y,{j}_confidence" for j in JOINTS) + ",action,probability"


def written(path, results, **more):
    with Table(path, about(), **more) as table:
        for one in results:
            table.write(one)
    return path.read_text()


def test_one_row_is_one_person(tmp_path):
    waving = person(track=3, actions={"wave": 0.75, "kick": 0.25})
    results = [result(7, waving, person()), result(8), photograph(9, 'a,"é"\n\udcff.jpg', person())]
    text = written(tmp_path / "a.csv", results)
    assert text.splitlines() == [
        PLANE,
        "7,0.28,frame 7 of clip.mp4,0,3,0.5,1.0,2.0,30.0,40.0,0.0,1.0,0.5,2.0,3.0,0.5,4.0,5.0,0.5,wave,0.75",
        "7,0.28,frame 7 of clip.mp4,1,,0.5,1.0,2.0,30.0,40.0,0.0,1.0,0.5,2.0,3.0,0.5,4.0,5.0,0.5,,",
        '9,,"a,""é"" \\udcff.jpg",0,,0.5,1.0,2.0,30.0,40.0,0.0,1.0,0.5,2.0,3.0,0.5,4.0,5.0,0.5,,',
    ]


def test_depth_has_columns_of_its_own(tmp_path):
    known = standing([0, 0, 0], [1, 2, math.nan], [-1.23456, 2, 3], position=(10, 20, 3000))
    written(tmp_path / "a.csv", [result(0, known, person())], depth=True)
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert list(first) == [
        *HEAD.strip(",").split(","),
        *(f"{j}_{name}" for j in JOINTS for name in ("x", "y", "confidence", "x_mm", "y_mm", "z_mm")),
        "position_x_mm", "position_y_mm", "position_z_mm", "action", "probability",
    ]  # fmt: skip
    spaces = [name for name in first if name.endswith("_mm")]
    assert [first[name] for name in spaces] == [
        "0.0", "0.0", "0.0", "1.0", "2.0", "", "-1.2346", "2.0", "3.0", "10.0", "20.0", "3000.0",
    ]  # fmt: skip
    assert [second[name] for name in spaces] == [""] * 12 and second["right_thumb_confidence"] == "0.5"


def test_a_table_is_begun_anew(tmp_path):
    one = written(tmp_path / "a.csv", [result(1, person())])
    assert written(tmp_path / "a.csv", [result(1, person())]) == one


LSP = layouts.get("lsp14")


def coco(path, *results):
    with open_writer(path, about(LSP)) as writer:
        for one in results:
            writer.write(one)
    assert writer.written == [path]
    return json.loads(path.read_text())


def test_coco_has_its_own_joints(tmp_path):
    unsure = person(LSP)
    unsure.pose_px[LSP.index("l_wrist")] = math.nan
    (found,) = coco(tmp_path / "a.coco.json", result(4, unsure, layout=LSP))
    points = found.pop("keypoints")
    assert found == {"image_id": 5, "category_id": 1, "score": 0.5, "bbox": [1, 2, 30, 40]}
    assert len(points) == 51 and points[: 5 * 3] == [0] * 15  # nose, eyes and ears
    # shoulders, elbows, wrists, hips, knees, ankles, left before right; LSP begins with the right ankle
    places = [9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0]
    wanted = [[2 * place, 2 * place + 1, 0.5] if place != 11 else [0, 0, 0] for place in places]
    assert np.reshape(points[15:], (12, 3)).tolist() == wanted


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["a/000000000139.jpg", "b2/val 285.png"], [139, 285]),
        (["139.jpg", "x.jpg"], [1, 2]),
        (["a/139.jpg", "b/139.jpg"], [1, 2]),
        (["frame 3", "frame 4"], [1, 2]),
    ],
)
def test_photographs_are_known_by_their_numbers(tmp_path, names, ids):
    results = [photograph(index, name, person(LSP), layout=LSP) for index, name in enumerate(names)]
    assert [one["image_id"] for one in coco(tmp_path / "a.coco.json", *results)] == ids


def test_frames_are_known_by_their_index(tmp_path):
    found = coco(tmp_path / "a.coco.json", result(0, person(LSP), layout=LSP, name="frame 0 of take2.mp4"))
    assert [one["image_id"] for one in found] == [1]


def test_coco_takes_ids_that_are_given(tmp_path):
    with Coco(tmp_path / "a.json", about(LSP), image_id=lambda one: int(one.name) * 10) as writer:
        writer.write(result(0, layout=LSP, name="8"))
        writer.write(result(1, person(LSP), layout=LSP, name="7"))
    assert [one["image_id"] for one in json.loads((tmp_path / "a.json").read_text())] == [70]


def test_coco_refuses_what_it_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="have no joint in common"):
        open_writer(tmp_path / "a.coco.json", about(layouts.PoseLayout("flag", ["pole", "cloth"])))
    nowhere = person(LSP)
    nowhere.box_px[0] = math.nan
    with pytest.raises(ValueError, match="need finite boxes"), open_writer(tmp_path / "a.coco.json", about(LSP)) as to:
        to.write(result(0, nowhere, layout=LSP))
    assert json.loads((tmp_path / "a.coco.json").read_text()) == []
