"""Poses of videos with the errors of an estimator."""

import numpy as np
import pytest

from deephar import layouts
from deephar.data.readers.base import Video
from deephar.data.readers.misjudged import Misjudged

PENN, LSP = layouts.get("penn13"), layouts.get("lsp14")
POSE = np.random.default_rng(0).uniform(0, 100, (13, 2))
POSE[PENN.index("r_shoulder")], POSE[PENN.index("l_hip")] = [0, 0], [0, 40]
POSE[PENN.index("l_shoulder")], POSE[PENN.index("r_hip")] = [10, 0], [10, 30]


class Still:
    """Two videos of somebody who does not move; a frame of each without a torso."""

    layout, actions = PENN, ("stand",)

    def __len__(self):
        return 2

    def video(self, index):
        poses = np.repeat(POSE[None], 8, axis=0)
        poses[3, [PENN.index("l_hip"), PENN.index("r_hip")]] = np.nan
        return Video(f"{index}", 0, poses, (100, 100), None)

    def labelled_frames(self, index):
        return np.arange(8)


@pytest.fixture
def errors(tmp_path):
    """Two people whose joints are off by a tenth of the torso to the right, and by a half downward; a joint unknown."""
    off = np.zeros((2, 14, 2))
    off[0, :, 0], off[1, :, 1] = 0.1, 0.5
    off[:, LSP.index("l_knee")] = np.nan
    np.savez(tmp_path / "errors.npz", errors=off, names=np.array(LSP.names))
    return tmp_path / "errors.npz"


def test_errors_are_of_a_torso_by_name(errors):
    off = Misjudged(Still(), errors).video(0).pose_px - Still().video(0).pose_px
    torso = np.hypot(10, 30), 40.0
    assert max(torso) == 40
    for name, place in PENN.places.items():
        moved = off[:, place][np.isfinite(off[:, place]).all(axis=-1)]
        known = {(0.0, 0.0)} if name == "l_knee" else {(4.0, 0.0), (0.0, 20.0)}
        assert {tuple(row) for row in moved.round(6).tolist()} == known, name


def test_all_joints_of_a_frame_are_off_together(errors):
    off = Misjudged(Still(), errors).video(0).pose_px - Still().video(0).pose_px
    others = [place for name, place in PENN.places.items() if name != "l_knee"]
    for frame in off[:, others]:
        assert len({tuple(row) for row in frame[np.isfinite(frame).all(axis=-1)].round(6).tolist()}) == 1


def test_what_is_unknown_of_somebody_is_that_of_somebody_else(tmp_path):
    """Nobody is right for want of a label; who has none is not drawn."""
    off = np.full((3, 14, 2), np.nan)
    off[0], off[1] = 0.1, 0.2
    off[1, LSP.index("r_knee")] = np.nan
    np.savez(tmp_path / "errors.npz", errors=off, names=np.array(LSP.names))
    errors = Misjudged(Still(), tmp_path / "errors.npz").errors
    assert len(errors) == 2 and np.isfinite(errors).all()
    np.testing.assert_array_equal(errors[1, PENN.index("r_knee")], [0.1, 0.1])
    np.savez(tmp_path / "errors.npz", errors=off[2:], names=np.array(LSP.names))
    with pytest.raises(ValueError, match="knows the error of no joint of penn13"):
        Misjudged(Still(), tmp_path / "errors.npz")


def test_the_same_seed_gives_the_same_errors(errors):
    first, again, other = (Misjudged(Still(), errors, seed).video(1).pose_px for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other) or np.any(first != Misjudged(Still(), errors, 2).video(1).pose_px)
    assert len(Misjudged(Still(), errors)) == 2 and len(Misjudged(Still(), errors).labelled_frames(0)) == 8


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no numbers")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    for name, message in (("absent.npz", "No such file"), ("text.npz", "damaged"), ("other.npz", "damaged")):
        with pytest.raises(ValueError, match=message):
            Misjudged(Still(), tmp_path / name)
