import itertools
import math
import re

import numpy as np
import pytest
from exported import HAND, about, person, photograph, result, standing

from deephar import layouts
from deephar.data.synthetic import body
from deephar.inference.export import bones, open_writer

PA17J = layouts.get("pa17j")
CAMERA = np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]])
"""From a synthetic body's axes (forward, left, up) to those of a camera that looks at its front (right, down, away)."""


def written(path, results, layout=HAND, **more):
    with open_writer(path, about(layout, **more), depth=True) as writer:
        for one in results:
            writer.write(one)
    return writer.written


def hand(track=None, position=None, x=0):
    return standing([x, 0, 0], [1, 2, 3], [-1, 2.5, math.nan], track=track, position=position)


def test_trc_by_hand(tmp_path):
    path = tmp_path / "a.trc"
    assert written(path, [result(1), result(3, hand()), result(5), result(9, hand(x=0.25)), result(11)]) == [path]
    assert path.read_text().split("\n") == [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        "12.5\t12.5\t4\t3\tmm\t12.5\t4\t4",
        "Frame#\tTime\twrist\t\t\tleft_thumb\t\t\tright_thumb\t\t",
        "\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3",
        "",
        "4\t0.120000\t0.000\t0.000\t0.000\t1.000\t-2.000\t-3.000\t-1.000\t-2.500\t",
        "6\t0.200000" + 9 * "\t",
        "8\t0.280000" + 9 * "\t",
        "10\t0.360000\t0.250\t0.000\t0.000\t1.000\t-2.000\t-3.000\t-1.000\t-2.500\t",
        "",
    ]


def first_points(path):
    """The first marker of a TRC file over time."""
    return [tuple(map(float, line.split("\t")[2:5])) for line in path.read_text().splitlines()[6:]]


def test_everybody_has_a_file(tmp_path):
    path = tmp_path / "my.clip.trc"
    found = written(path, [result(0, hand(2), hand(7, x=1)), result(1, hand(7, x=2))])
    assert found == [tmp_path / "my.clip.track2.trc", tmp_path / "my.clip.track7.trc"] and not path.exists()
    assert [first_points(one) for one in found] == [[(0, 0, 0)], [(1, 0, 0), (2, 0, 0)]]
    assert written(tmp_path / "nobody.trc", [result(0)]) == []


def test_places_are_absolute_where_they_are_known_throughout(tmp_path):
    there = (10, 20, 3000)
    written(tmp_path / "a.trc", [result(0, hand(position=there)), result(1, hand(position=there, x=5))])
    assert first_points(tmp_path / "a.trc") == [(10, -20, -3000), (15, -20, -3000)]
    written(tmp_path / "b.trc", [result(0, hand(position=there)), result(1, hand(x=5))])
    assert first_points(tmp_path / "b.trc") == [(0, 0, 0), (5, 0, 0)]


@pytest.mark.parametrize(
    ("fps", "seconds", "rate", "times"),
    [
        (50.0, (math.nan, math.nan, math.nan), "50", ["0.020000", "0.040000", "0.060000"]),
        (math.nan, (0.0, 0.1, 0.4), "5", ["0.000000", "0.100000", "0.400000"]),
        (math.nan, (1.0, 1.0, 1.0), "1", ["1.000000"] * 3),
        (30.0, (0.0, 0.066, 0.134), "14.92537313", ["0.000000", "0.066000", "0.134000"]),  # a camera in the dark
        (30.0, (0.0, 0.033, 0.067), "30", ["0.000000", "0.033000", "0.067000"]),
    ],
)
def test_rates_and_times(tmp_path, fps, seconds, rate, times):
    results = [result(index, hand(), seconds=time) for index, time in zip((1, 2, 3), seconds, strict=True)]
    written(tmp_path / "a.trc", results, fps=fps)
    lines = [line.split("\t") for line in (tmp_path / "a.trc").read_text().splitlines()]
    assert lines[2][0] == rate and [line[1] for line in lines[6:]] == times


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (photograph(0, "a.jpg", hand()), "needs times of its frames, or a frame rate"),
        (result(0, person()), "needs 3D poses. Received: people of a network without depth"),
        (result(0, hand(), hand()), "needs people with tracks, where there are several in frame 0"),
        (result(0, standing(*np.zeros((3, 3)), track=1), hand(1)), "needs people with tracks"),
    ],
)
def test_what_has_no_time_or_no_track_is_refused(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=f"a.trc {message}"):
        written(tmp_path / "a.trc", [wrong], fps=math.nan)


def moving(frames, seed=0, layout=PA17J, **angles):
    """Joints (F, J, 3) of a synthetic person in the axes of a camera, mm from the pelvis; by default at random."""
    generator = np.random.default_rng(seed)
    if not angles:
        angles = {name: generator.uniform(*limits, frames) for name, limits in body.LIMITS.items()}
        limbs = list(angles)[5:]
        angles |= {
            side + name: generator.uniform(*body.LIMITS[name], frames) for name in limbs for side in ("r_", "l_")
        }
        angles |= {name: generator.uniform(-180, 180, frames) for name in ("yaw", "pitch", "roll")}
    joints = body.pose_body(body.draw_body(generator), angles)
    return joints[:, body.order(layout)] @ CAMERA.T


def filmed(path, points, layout=PA17J, position=None, start=0, step=1):
    """The text of a BVH file of one person."""
    results = [
        result(start + step * number, standing(*pose, layout=layout, position=position), layout=layout)
        for number, pose in enumerate(points)
    ]
    assert written(path, results, layout) == [path]
    return path.read_text()


def turn(axis, degrees):
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows = {"X": [[1, 0, 0], [0, cos, -sin], [0, sin, cos]], "Y": [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]}
    return np.array({**rows, "Z": [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]}[axis])


class Played:
    """A BVH file, read with nothing but its text, with the places (F, 3) of its joints by name."""

    def __init__(self, text):
        hierarchy, motion = text.split("MOTION\n")
        frames, time, *rows = motion.splitlines()
        self.frames, self.time = int(frames.removeprefix("Frames: ")), float(time.removeprefix("Frame Time: "))
        self.values = np.array([row.split() for row in rows], dtype=float)
        self.joints, self.channels, open_ones = [], [], []
        for word, rest in re.findall(r"^\s*(\w+|[{}])(.*)$", hierarchy.removeprefix("HIERARCHY\n"), re.MULTILINE):
            if word in ("ROOT", "JOINT", "End"):
                self.joints.append({"name": rest.strip(), "parent": open_ones[-1] if open_ones else None})
            elif word == "{":
                open_ones.append(self.joints[-1])
            elif word == "}":
                open_ones.pop()
            elif word == "OFFSET":
                open_ones[-1]["offset"] = np.array(rest.split(), dtype=float)
            else:
                count, *names = rest.split()
                assert word == "CHANNELS" and int(count) == len(names)
                self.channels += [(open_ones[-1]["name"], name) for name in names]
        assert not open_ones and self.values.shape == (self.frames, len(self.channels))
        played = [self._play(dict(zip(self.channels, row, strict=True))) for row in self.values]
        self.places = {name: np.array([one[name] for one in played]) for name in played[0]}

    def _play(self, values):
        places, turns = {}, {}
        for joint in self.joints:
            name, parent = joint["name"], (joint["parent"] or {}).get("name")
            mine = [(channel, values[name, channel]) for who, channel in self.channels if who == name]
            moved = joint["offset"] + [dict(mine).get(f"{axis}position", 0) for axis in "XYZ"]
            places[name] = moved if parent is None else places[parent] + turns[parent] @ moved
            turns[name] = np.eye(3) if parent is None else turns[parent]
            for channel, angle in mine:
                if channel.endswith("rotation"):
                    turns[name] = turns[name] @ turn(channel[0], angle)
        return places

    def points(self, layout):
        return np.stack([self.places[name] for name in layout.names], axis=1)

    def angles(self, name):
        return self.values[
            :, [place for place, (who, what) in enumerate(self.channels) if who == name and "rot" in what]
        ]


@pytest.mark.parametrize("name", ["pa17j", "pa21j"])
def test_bvh_plays_the_poses(tmp_path, name):
    layout = layouts.get(name)
    points = moving(20, layout=layout)
    played = Played(filmed(tmp_path / "a.bvh", points, layout, position=(100, 200, 3000)))
    np.testing.assert_allclose(played.points(layout), (points + (100, 200, 3000)) * (1, -1, -1), atol=1e-3)
    assert (played.frames, played.time) == (20, 0.04)


def test_bvh_keeps_directions_where_lengths_change(tmp_path):
    points = moving(15) + np.random.default_rng(1).normal(0, 30, (15, 17, 3))
    played = Played(filmed(tmp_path / "a.bvh", points)).points(PA17J)
    tree = bones.hierarchy(PA17J)
    found = np.zeros((2, 16, 15, 3))
    for number, (joint, parent) in enumerate(tree.parents.items()):
        for kind, some in enumerate((points * (1, -1, -1), played)):
            found[kind, number] = some[:, joint] - some[:, parent]
    lengths = np.linalg.norm(found, axis=-1, keepdims=True)
    np.testing.assert_allclose(*(found / lengths), atol=1e-5)
    np.testing.assert_allclose(lengths[1], np.median(lengths[0], axis=1, keepdims=True).repeat(15, 1), rtol=1e-4)


def test_who_stands_upright_is_at_rest(tmp_path):
    played = Played(filmed(tmp_path / "a.bvh", moving(2, bend=np.zeros(2))))
    for name in ("pelvis", "pelvis_spine", "pelvis_l_hip", "r_hip", "l_knee", "l_elbow", "thorax"):
        np.testing.assert_allclose(played.angles(name), 0, atol=1e-5, err_msg=name)


def test_the_root_turns_with_hips_and_spine(tmp_path):
    """Round and round: angles go on where a circle is complete."""
    yaw = np.arange(0, 1080, 20.0)
    played = Played(filmed(tmp_path / "a.bvh", moving(54, yaw=yaw)))
    np.testing.assert_allclose(played.angles("pelvis"), np.stack([0 * yaw, 0 * yaw, yaw], axis=1), atol=1e-4)


def test_who_lies_has_angles_too(tmp_path):
    """Turned by 90 degrees about x, the other two angles are about the same axis."""
    points = moving(2, pitch=np.full(2, 90.0))
    played = Played(filmed(tmp_path / "a.bvh", points))
    np.testing.assert_allclose(played.angles("pelvis"), [[0, 90, 0]] * 2, atol=1e-5)
    np.testing.assert_allclose(played.points(PA17J), points * (1, -1, -1), atol=1e-3)


def test_bones_that_point_against_their_rest_or_nowhere(tmp_path):
    raised = {"r_raise": np.full(2, 180.0), "l_hip": np.full(2, 130.0)}
    points = moving(2, **raised)
    points[:, PA17J.index("r_elbow")] = points[:, PA17J.index("r_shoulder")] + (0, -300, 0)
    points[:, PA17J.index("l_hip")] = points[:, PA17J.index("r_hip")]
    points[:, PA17J.index("l_ankle")] = points[:, PA17J.index("l_knee")]
    played = Played(filmed(tmp_path / "a.bvh", points)).points(PA17J)
    np.testing.assert_allclose(played, points * (1, -1, -1), atol=1e-3)


def test_gaps_hold_the_last_frame(tmp_path):
    first, second, third, last = moving(4)
    unsure = third.copy()
    unsure[3, 0] = math.nan
    people = {10: unsure, 12: first, 16: second, 18: unsure, 20: last}
    results = [
        result(index, *([standing(*people[index], layout=PA17J)] if index in people else []), layout=PA17J)
        for index in range(8, 24, 2)
    ]
    written(tmp_path / "a.bvh", results, PA17J)
    played = Played((tmp_path / "a.bvh").read_text())
    assert (played.frames, played.time) == (6, 0.08)
    held = np.stack([first, first, first, second, second, last])  # at 10, 12, 14 and so on
    np.testing.assert_allclose(played.points(PA17J), held * (1, -1, -1), atol=1e-3)


def test_nobody_whole_has_no_bvh(tmp_path):
    assert written(tmp_path / "a.bvh", [result(0, standing(*np.full((17, 3), np.nan), layout=PA17J))], PA17J) == []


def test_the_bones_of_a_layout():
    names = PA17J.names
    tree = bones.hierarchy(PA17J)
    assert {names[child]: names[parent] for child, parent in tree.parents.items()} == {
        "spine": "pelvis", "thorax": "spine", "neck": "thorax", "head_top": "neck",
        **{f"{side}_{a}": b if b in names else f"{side}_{b}" for side in "rl" for a, b in (
            ("shoulder", "thorax"), ("elbow", "shoulder"), ("wrist", "elbow"),
            ("hip", "pelvis"), ("knee", "hip"), ("ankle", "knee"),
        )},
    }  # fmt: skip
    before = list(itertools.accumulate(([joint] for joint in tree.order), initial=[]))
    assert all(tree.parents[joint] in seen for joint, seen in zip(tree.order[1:], before[1:], strict=False))
    feet = layouts.get("pa20j")
    assert bones.hierarchy(feet).rest[feet.index("l_foot")].tolist() == [0, 0, 1]
    own = layouts.PoseLayout("cat", ["pelvis", "tail", "tip"], [("tail", "pelvis"), ("tip", "tail")])
    assert bones.hierarchy(own).parents == {1: 0, 2: 1}
    links = [("pelvis", "thorax"), ("thorax", "neck"), ("neck", "r_shoulder"), ("neck", "l_shoulder")]
    own = layouts.PoseLayout("bust", ["pelvis", "thorax", "neck", "r_shoulder", "l_shoulder"], links)
    assert bones.hierarchy(own).parents == {1: 0, 2: 1, 3: 2, 4: 2}  # links of one's own come first


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (layouts.get("lsp14"), "Rotations need a layout with a pelvis. lsp14 has r_ankle"),
        (layouts.get("ntu25"), "need links from the pelvis to all joints. ntu25 has none to l_hand_tip, l_thumb"),
        (
            layouts.PoseLayout("o", ["pelvis", "a", "b"], [("pelvis", "a"), ("a", "b"), ("b", "pelvis")]),
            "without a ring",
        ),
    ],
)
def test_layouts_without_a_tree_are_refused(tmp_path, layout, message):
    with pytest.raises(ValueError, match=message):
        open_writer(tmp_path / "a.bvh", about(layout), depth=True)
    assert not list(tmp_path.iterdir())
