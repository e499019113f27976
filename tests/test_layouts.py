import copy
import json
import pickle

import numpy as np
import pytest
from helpers import units_json

from deephar import layouts, metrics, sides
from deephar.data.synthetic.people import SyntheticPeople
from deephar.evaluation import pose2d, pose3d
from deephar.layouts import PoseLayout
from deephar.viz import skeleton

OTHERS = {
    "map_from_mpii": ("mpii16", "from"),
    "map_from_ntu": ("ntu25", "from"),
    "map_from_h36m": ("h36m32", "from"),
    "map_to_mpii": ("mpii16", "to"),
    "map_to_lsp": ("lsp14", "to"),
    "map_to_jhmdb": ("jhmdb15", "to"),
    "map_to_pa13j": ("penn13", "to"),
    "map_to_pa16j": ("pa16j", "to"),
    "map_to_pa17j": ("pa17j", "to"),
}
PUBLISHED = {
    (name[:5], key): indices
    for name, entry in units_json()["pose_layouts"].items()
    for key, indices in entry.items()
    if name[:5] in layouts.LAYOUTS and key in OTHERS
}


@pytest.mark.parametrize(("layout", "key"), PUBLISHED)
def test_maps_are_those_the_original_publishes(layout, key):
    other, direction = OTHERS[key]
    pair = (layout, other) if direction == "to" else (other, layout)
    assert layouts.published_map(*pair) == PUBLISHED[layout, key]


def test_exceptions_are_real():
    for (source, target), exception in layouts.PUBLISHED.items():
        assert list(exception.indices) != layouts.index_map(source, target)
        assert exception.reason


@pytest.mark.parametrize(("source", "target"), [("pa16j", "mpii16"), ("mpii16", "pa16j"), ("pa16j", "lsp14")])
def test_without_an_exception_the_names_decide(source, target):
    expected = [layouts.get(source).names.index(name) for name in layouts.get(target).names]
    assert layouts.published_map(source, target) == layouts.index_map(source, target) == expected


@pytest.mark.parametrize("name", [n for n in units_json()["pose_layouts"] if n[:5] in layouts.LAYOUTS])
def test_mirror_pairs_are_those_of_the_original(name):
    expected = units_json()["pose_layouts"][name].get("map_hflip")
    if expected:
        assert layouts.get(name[:5]).flip == expected


@pytest.mark.parametrize("layout", layouts.LAYOUTS.values(), ids=lambda layout: layout.name)
def test_every_layout_is_consistent(layout):
    assert len(set(layout.names)) == len(layout)
    assert [layout.flip[i] for i in layout.flip] == list(range(len(layout)))
    linked = {name for link in layout.links for name in link}
    assert linked <= set(layout.names)
    assert len(layout) == int("".join(filter(str.isdigit, layout.name))[-2:])


def test_joint_orders_of_the_datasets():
    assert layouts.get("mpii16").names[6:10] == ("pelvis", "thorax", "neck", "head_top")
    assert layouts.get("lsp14").names[:3] == ("r_ankle", "r_knee", "r_hip")
    assert layouts.get("h36m32").names[17] == "l_shoulder" and layouts.get("h36m32").names[25] == "r_shoulder"
    assert layouts.get("penn13").names[:3] == ("head", "r_shoulder", "l_shoulder")
    assert layouts.get("coco17").names[:3] == ("nose", "l_eye", "r_eye")


def test_a_missing_joint_is_minus_one():
    assert layouts.index_map("lsp14", "pa16j")[:2] == [-1, -1]


def test_unknown_names_list_what_exists():
    with pytest.raises(ValueError, match="pa16j"):
        layouts.get("pa18j")
    with pytest.raises(ValueError, match="r_ankle"):
        layouts.get("lsp14").index("pelvis")


SPELLINGS = {
    "r_": ("hip", "r_knee", "l_knee"), "right_": ("hip", "right_knee", "left_knee"),
    "Right_": ("Hip", "Right_Knee", "Left_Knee"), "_r": ("hip", "knee_r", "knee_l"),
    "_right": ("hip", "knee_right", "knee_left"),
}  # fmt: skip


@pytest.mark.parametrize("names", SPELLINGS.values(), ids=SPELLINGS)
def test_sides_are_read_however_they_are_spelt(names):
    """Mirror images, maps between sets, positions and colours, by hand."""
    own = PoseLayout("own", names, [names[:2]])
    assert own.flip == [0, 2, 1] and own.link_indices == [(0, 1)]
    assert layouts.index_map(own, PoseLayout("other", ["l_knee", "r_knee", "hip", "nose"])) == [2, 1, 0, -1]
    assert layouts.index_map("pa16j", PoseLayout("legs", names[1:])) == [12, 13]
    assert own.index("r_knee") == own.index("right_knee") == own.index("knee_r") == 1
    assert [skeleton.side_colour(name) for name in names] == [skeleton.MIDDLE, skeleton.RIGHT, skeleton.LEFT]


def test_bones_need_links():
    with pytest.raises(ValueError, match="Layout legs has no links between joints"):
        pose3d.bone_lengths(np.zeros((1, 2, 3)), PoseLayout("legs", ["r_knee", "l_knee"]))


def test_torso_of_spelt_out_sides():
    names = [f"{side}_{joint}" for joint in ("shoulder", "hip") for side in ("left", "right")]
    pose = np.array([[3.0, 0], [0, 0], [3, 4], [0, 5]])
    assert metrics.torso_size(pose, PoseLayout("trunk", names)) == pytest.approx(34**0.5)  # left shoulder, right hip


BAD_NAMES = {
    "no partner": (("nose", "r_eye"), "joint 'r_eye' has a side, but its counterpart 'l_eye' is not among the joints"),
    "camel case": (("RightKnee", "LeftKnee"), "joint 'RightKnee' seems to have a side, which is not recognised"),
    "one of them": (("nose", "eyeLeft"), "'eyeLeft' seems to have a side"),
    "a letter before": (("nose", "RKnee", "LKnee"), "'RKnee' seems to have a side"),
    "a letter behind": (("nose", "kneeR", "kneeL"), "'kneeR' seems to have a side"),
    "in the middle": (("hand_l_tip", "hand_r_tip"), "'hand_l_tip' seems to have a side"),
    "twice": (("nose", "nose"), "'nose' and 'nose' are the same joint"),
    "twice in two spellings": (("r_eye", "l_eye", "right_eye"), "'r_eye' and 'right_eye' are the same joint"),
    "empty": (("nose", ""), "expected a name for every joint"),
    "no joint": ((), "expected a name for every joint"),
    "numbers": ((0, 1), "expected a name for every joint"),
    "one text": ("nose", "expected a name for every joint. Received: 'nose'"),
    "nothing": (None, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_NAMES)
def test_bad_names_are_refused_when_the_layout_is_made(kind):
    names, message = BAD_NAMES[kind]
    with pytest.raises(ValueError, match=f"Layout own: .*{message}"):
        PoseLayout("own", names)


@pytest.mark.parametrize("link", [("nose", "chin"), ("nose",), "nose", ("nose", 1)])
def test_links_are_pairs_of_joints(link):
    with pytest.raises(ValueError, match="Layout own: a link is a pair of its joints. Received:"):
        PoseLayout("own", ["nose", "neck"], [link])
    with pytest.raises(ValueError, match="A layout needs a name. Received: ''"):
        PoseLayout("", ["nose"])


def test_no_joint_of_the_middle_is_taken_for_one_of_a_side():
    assert [sides.split(name) for name in ("head_top", "thorax", "l_hand_tip", "spine_lower")] == [
        ("", "head_top"), ("", "thorax"), ("l", "hand_tip"), ("", "spine_lower"),
    ]  # fmt: skip
    assert PoseLayout("animal", ["ear", "tail", "spine_l1", "spine_c1", "rib"]).flip == [0, 1, 2, 3, 4]


def test_sets_of_equal_name_are_not_confused():
    """One that only calls itself pa17j gets neither the joints nor the published map of the real one."""
    real, other = layouts.get("pa17j"), PoseLayout("pa17j", layouts.get("pa17j").names[::-1])
    assert real != other and layouts.index_map(real, other) == list(range(16, -1, -1))
    assert layouts.get(other) is other and layouts.get("pa17j") is real
    assert layouts.exception("h36m32", real).indices == tuple(layouts.published_map("h36m32", real))
    assert layouts.exception("h36m32", other) is None
    assert layouts.published_map("h36m32", other) == layouts.index_map("h36m32", "pa17j")[::-1]


def test_a_pose_of_another_set_is_refused():
    with pytest.raises(ValueError, match=r"layout lsp14 has shape \(\.\.\., 14, D\). Received: \(2, 16, 2\)"):
        layouts.rearrange(np.zeros((2, 16, 2)), "lsp14", "pa16j")
    with pytest.raises(ValueError, match="Layouts paw and lsp14 have no joint in common"):
        layouts.rearrange(np.zeros((1, 2)), PoseLayout("paw", ["claw"]), "lsp14")
    with pytest.raises(ValueError, match="Unknown layout 14"):
        layouts.index_map(14, "lsp14")


def test_a_layout_travels_as_json_pickle_and_copy():
    own = PoseLayout("own", ["nose", "left_ear", "right_ear"], [("nose", "left_ear")])
    stored = json.loads(json.dumps(own.to_json()))
    assert stored == {"name": "own", "names": ["nose", "left_ear", "right_ear"], "links": [["nose", "left_ear"]]}
    for again in (layouts.from_json(stored), pickle.loads(pickle.dumps(own)), copy.deepcopy(own)):
        assert again == own and hash(again) == hash(own) and again.flip == [0, 2, 1]
    for layout in layouts.LAYOUTS.values():
        assert layouts.from_json(layout.to_json()) == layout == layouts.from_json(layout.name)
    with pytest.raises(ValueError, match="Expected a layout's name, or its name, names and links. Received:"):
        layouts.from_json(["nose"])


def test_people_made_to_order_have_the_joints_of_any_set():
    own = PoseLayout("own", ["pelvis", "right_wrist", "left_wrist"])
    plain, pose = (SyntheticPeople(1, (48, 48), layout=layout).sample(0).pose_px for layout in ("pa17j", own))
    np.testing.assert_array_equal(pose, plain[[0, 8, 9]])
    with pytest.raises(ValueError, match="Layout face has 'chin', but synthetic people only pelvis, "):
        SyntheticPeople(1, layout=PoseLayout("face", ["chin"]))


def test_pckh_leaves_out_the_same_joints_however_they_are_spelt():
    own = PoseLayout("own", ["Pelvis", "r_knee", "l_knee"])
    poses = np.zeros((1, 1, 3, 2))
    predictions = pose2d.Predictions(poses, poses[..., 0], poses[0], np.ones((1, 3), bool), np.array([10.0]))
    assert pose2d.pckh_scores(predictions, own)["joints"] == 2
