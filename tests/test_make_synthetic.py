import pathlib
import subprocess
import sys

import numpy as np
from PIL import Image

from deephar import layouts
from deephar.data import mpii, mpii_files
from deephar.data.synthetic import body, scene

ROOT = pathlib.Path(__file__).parents[1]


def make(*arguments):
    command = [sys.executable, str(ROOT / "datasets" / "make_synthetic.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})


def test_mpii_files_hold_the_joints_and_can_be_resumed(tmp_path):
    """Exact to 1e-3 pixels through the reader, and the same bytes whether made at once or in two goes."""
    at_once, in_two = tmp_path / "one", tmp_path / "two"
    for folder, people in ((at_once, 12), (in_two, 5), (in_two, 12)):
        done = make("--out", folder, "--people", people, "--size", 96)
        assert done.returncode == 0, done.stderr
    for path in sorted(p for p in at_once.rglob("*.jpg")):
        assert path.read_bytes() == (in_two / path.relative_to(at_once)).read_bytes()
    people = mpii_files.read_release(in_two / "release.mat")
    np.testing.assert_array_equal(people.pose, mpii_files.read_release(at_once / "release.mat").pose)
    assert len(people) == 12 and len(mpii.open_people(in_two / "valid.h5")) == 1

    generator = np.random.default_rng([0, 3])
    action = generator.choice(list(scene.ACTIONS))
    clip = scene.draw_clip(generator, action, 15, (96, 96), picked=[generator.integers(15)])
    sample = mpii.Mpii(people, in_two / "images").sample(3)
    order = [body.INDEX[name] for name in layouts.get("mpii16").names]
    np.testing.assert_allclose(sample.pose_px, clip.joints_uvd[0][order, :2], atol=1e-3)
    assert np.abs(np.asarray(sample.image).astype(int) - clip.images[0]).mean() < 12  # a JPEG of it


def test_other_settings_in_the_same_folder_are_refused(tmp_path):
    assert make("--out", tmp_path, "--people", 1, "--size", 32).returncode == 0
    done = make("--out", tmp_path, "--people", 2, "--size", 64)
    assert done.returncode == 1 and "people of other settings" in done.stderr


def test_gallery(tmp_path):
    done = make("--gallery", tmp_path, "--frames", 2)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "synthetic.jpg") as sheet, Image.open(tmp_path / "synthetic.webp") as moving:
        assert sheet.size == (1280, 512) and moving.n_frames == 2
