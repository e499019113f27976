import pytest
from helpers import units_json

from deephar import layouts

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
