"""Captured poses: which way is up, and that another body takes the same pose."""

import re

import numpy as np
import pytest
from drawn import standing

from deephar.data.readers.base import Sample
from deephar.data.synthetic import body, captured
from deephar.data.synthetic.people import CapturedPeople

BODY = body.draw_body(np.random.default_rng(0))
PAIRS = [
    *captured._TRUNK,
    ("r_hip", "r_knee"),
    ("l_knee", "l_ankle"),
    ("r_shoulder", "r_elbow"),
    ("r_elbow", "r_wrist"),
]


def turned(poses, *turns):
    """Poses in other axes, elsewhere."""
    for axis, degrees in turns:
        poses = poses @ body.rotation(axis, degrees).T
    return poses + [500.0, -300.0, 4000.0]


def read(folder, **sequences):
    np.savez(folder / "poses.npz", **{name.replace("_", "/", 1): poses for name, poses in sequences.items()})
    return captured.read_poses(folder / "poses.npz")


def test_the_first_pose_of_a_sequence_stands_whatever_its_axes(tmp_path):
    upright = read(tmp_path, S1_walking=standing(3))
    np.testing.assert_allclose(upright[:, captured.SOURCE.index("pelvis")], 0, atol=1e-9)
    head, ankle, left = (upright[0, captured.SOURCE.index(name)] for name in ("head_top", "r_ankle", "l_hip"))
    assert head[2] > 700 and ankle[2] < -800 and left[1] == pytest.approx(130)
    assert upright[1, captured.SOURCE.index("r_wrist"), 0] > 200  # the hand is lifted forward, along x
    tilted = read(tmp_path, S1_walking=turned(standing(3), ("x", 25.0), ("z", 140.0), ("y", -70.0)))
    np.testing.assert_allclose(tilted, upright, atol=1e-6)


def test_bones_keep_their_directions_and_have_the_lengths_of_the_body(tmp_path):
    poses = read(tmp_path, S1_walking=standing(2))
    joints = captured.on_body(poses, BODY)
    for start, end in PAIRS:
        bone = joints[:, body.INDEX[end]] - joints[:, body.INDEX[start]]
        source = poses[:, captured.SOURCE.index(end)] - poses[:, captured.SOURCE.index(start)]
        np.testing.assert_allclose(body.unit(bone), body.unit(source), atol=1e-9)
        name = end.removeprefix("r_").removeprefix("l_")
        np.testing.assert_allclose(np.linalg.norm(bone, axis=-1), BODY.bones[name] * BODY.height)
    np.testing.assert_allclose(joints[..., 2].min(axis=1), 0)


def test_face_toes_and_thumbs_point_forward(tmp_path):
    """Of a person who stands with hanging arms; a thumb turns up as its forearm is lifted forward."""
    joints = captured.on_body(read(tmp_path, S1_walking=standing(2)), BODY)

    def ahead(tip, base, frame=0):
        return (joints[frame, body.INDEX[tip]] - joints[frame, body.INDEX[base]]) / BODY.height

    assert ahead("head", "neck")[0] > 0.015
    for side in "rl":
        assert ahead(f"{side}_toe_end", f"{side}_ankle")[0] > 0.09
        assert ahead(f"{side}_thumb", f"{side}_wrist")[0] > 0.02
    assert ahead("r_thumb", "r_wrist", 1)[2] > 0.02


def test_people_in_captured_poses(tmp_path):
    """Every joint is located; the same seed and position give the same person; the right hand is the person's own."""
    poses = read(tmp_path, S1_walking=standing(5)[1:2])
    people = CapturedPeople(poses, 3, (96, 96), seed=4)
    samples = [people.sample(index) for index in range(len(people))]
    for sample in samples:
        assert isinstance(sample, Sample) and np.isfinite(sample.pose_px).all() and sample.image.size == (96, 96)
        world = sample.camera.uvd_to_world(sample.pose_px)
        places = {name: world[people.layout.index(name)] for name in ("r_wrist", "r_hip", "l_hip", "pelvis", "thorax")}
        left, up = places["l_hip"] - places["r_hip"], places["thorax"] - places["pelvis"]
        assert np.cross(left, up) @ (places["r_wrist"] - places["pelvis"]) > 0
    assert samples[0].image.tobytes() == CapturedPeople(poses, 9, (96, 96), seed=4).sample(0).image.tobytes()
    assert samples[0].image.tobytes() != samples[1].image.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "an .npz of captured poses.*damaged"),
        ({"S9/walking": standing(2)}, "has no sequences of S1"),
        ({"S1/walking": standing(2)[0]}, r"Expected finite \(T, 17, 3\).*\(17, 3\) for S1/walking"),
        ({"S1/walking": np.full((2, 17, 3), np.nan)}, "finite"),
        ({"S1/walking": np.zeros((0, 17, 3))}, r"finite \(T, 17, 3\).*\(0, 17, 3\)"),
        (None, "No such file"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    path = tmp_path / "poses.npz"
    if isinstance(content, dict):
        np.savez(path, **content)
    elif content:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        captured.read_poses(path, ["S1"])
    with pytest.raises(ValueError, match=r"Expected poses \(N, 17, 3\). Received: \(0, 17, 3\)"):
        CapturedPeople(np.zeros((0, 17, 3)), 5)


def test_every_tenth_sequence_is_for_choosing(tmp_path):
    """The fifth, the fifteenth and so on of a subject's, and no other, whoever stands between them."""
    sequences = {f"S1_take{number:02d}": standing(2 + number) for number in range(16)}
    read(tmp_path, S9_take=standing(3), **sequences)
    path = tmp_path / "poses.npz"
    choose, train = (captured.read_poses(path, ["S1"], part) for part in ("choose", "train"))
    assert len(choose) == (2 + 4) + (2 + 14) and len(train) == sum(2 + n for n in range(16)) - len(choose)
    assert len(captured.read_poses(path, ["S1"])) == len(train) + len(choose)
    with pytest.raises(ValueError, match="has no sequences of S9 to choose by"):
        captured.read_poses(path, ["S9"], "choose")
    with pytest.raises(ValueError, match="`part` must be"):
        captured.read_poses(path, None, "test")
