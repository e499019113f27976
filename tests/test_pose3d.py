import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from deephar import layouts, models
from deephar.camera import Camera
from deephar.data.readers import human36m, human36m_files
from deephar.data.samples import augment, crops
from deephar.evaluation import agreement, pose2d, pose3d, report

LAYOUT = layouts.get("h36m17")
ACTIONS = ("Walking", "Directions", "Walking")
SIZE = (320, 240)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Nine people in pictures of noise: two cameras with distortion, three takes of two actions, all of one size."""
    folder, generator, recordings = tmp_path_factory.mktemp("h36m"), np.random.default_rng(0), []
    standing = generator.normal(0, 1, (17, 3)) * [250, 150, 400]
    for number, action in enumerate(ACTIONS):
        center = [(4000, 300, 1400), (-500, 4500, 1600)][number % 2]
        camera = dataclasses.replace(
            Camera.looking_at(center, (0, 0, 900), 300.0, SIZE),
            radial=(-0.2, 0.24, -0.002),
            tangential=(-0.0009, -0.0016),
        )
        turns = generator.uniform(0, 2 * np.pi, 3)
        turned = [standing @ [[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in turns]
        poses = np.stack(turned) + [*generator.normal(0, 200, 2), 900]
        picture = f"{number}_{{:06d}}.png"
        for frame in (1, 65, 129):
            noise = generator.integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / picture.format(frame))
        frames = np.array([1, 65, 129])
        recordings.append(human36m_files.Recording(picture, "S9", action, picture, frames, poses, camera))
    return human36m.Human36M(recordings, folder)


@pytest.fixture(scope="module")
def plain(reader):
    return crops.Crops(reader, (32, 32))


class Oracle:
    """A model that knows the answer for the crops it was shown, off by something in every block."""

    def __init__(self, *shown, offsets=((0, 0, 0),)):
        self.known, self.offsets = {}, np.array(offsets, dtype=float)
        for crop in (cuts[i] for cuts in shown for i in range(len(cuts))):
            mirrored = ([1.0, 0, 0] + np.array([-1.0, 1, 1]) * crop.pose_crop)[LAYOUT.flip]
            self.known |= {crop.image.tobytes(): crop.pose_crop, crop.image[:, ::-1].tobytes(): mirrored}
        self.output_names = [f"block{number}_pose_visibility" for number in range(1, len(offsets) + 1)]

    def predict_on_batch(self, images):
        poses = np.stack([self.known[image.tobytes()] for image in images])
        return [np.append(poses + offset, np.ones((*poses.shape[:2], 1)), axis=-1) for offset in self.offsets]


def detail(predictions, **options):
    return pose3d.scores(predictions, LAYOUT, "h36m17 by names", **options)


def test_a_perfect_model_is_perfect(reader, plain):
    predictions = pose3d.predict(Oracle(plain), plain, batch_size=4)
    worlds = [reader.pose_world(i) for i in range(9)]
    np.testing.assert_allclose(predictions.true_mm, worlds, atol=1e-6)
    np.testing.assert_allclose(predictions.pose_mm[0], worlds, atol=1e-6)
    np.testing.assert_allclose(predictions.pose_px[0], predictions.true_px, atol=1e-6)
    scores = detail(predictions)
    assert max(scores[key] for key in ("mpjpe", "pa_mpjpe", "n_mpjpe")) < 1e-6
    assert (scores["people"], scores["joints"], scores["pck3d@150"]) == (9, 9 * 17, 100)
    assert pose2d.pck_scores(predictions, LAYOUT)["total"] == 100


def test_depth_by_hand(plain):
    """A pelvis 0.05 of the depth range too far moves 100 mm along its ray, and all other errors are that much."""
    pelvis = np.zeros((17, 3))
    pelvis[0, 2] = 0.05
    predictions = pose3d.predict(Oracle(plain, offsets=[pelvis]), plain)
    cameras, true = predictions.cameras, predictions.true_mm
    np.testing.assert_allclose(predictions.pose_px[0, :, 0, 2] - predictions.true_px[:, 0, 2], 100)
    for camera, guess, pose in zip(cameras, predictions.pose_mm[0, :, 0], true[:, 0], strict=True):
        ray = camera.to_camera(pose)
        np.testing.assert_allclose(camera.to_camera(guess), ray * (ray[2] + 100) / ray[2], atol=1e-6)
    length = np.linalg.norm(predictions.pose_mm[0, :, 0] - true[:, 0], axis=-1)
    assert detail(predictions)["mpjpe"] == pytest.approx(16 / 17 * length.mean())


def test_the_scale_of_the_crop_scales_depth(reader):
    large = crops.Crops(reader, (32, 32), variation=augment.Draw(scale=1.2))
    predictions = pose3d.predict(Oracle(large, offsets=[(0, 0, 0.1)]), large)
    np.testing.assert_allclose(predictions.pose_px[0, ..., 2] - predictions.true_px[..., 2], 240)


def test_flip_unmirrors_x_and_leaves_depth(plain):
    """An error in x is averaged away, one in depth stays."""
    crooked = Oracle(plain, offsets=[(0.03, 0, 0), (0, 0, 0.03)])
    x, z = detail(pose3d.predict(crooked, plain, flip=True))["blocks"]
    assert x < 1e-6 < detail(pose3d.predict(crooked, plain))["blocks"][0]
    expected = detail(pose3d.predict(crooked, plain))["blocks"][1]
    assert z == pytest.approx(expected)


def test_displaced_crops_average(reader, plain):
    cuts = crops.displaced_crops(reader, (32, 32))
    oracle = Oracle(*cuts)
    parts = [pose3d.predict(oracle, cut, flip=True) for cut in cuts]
    mean = pose3d.average(parts)
    assert detail(mean)["mpjpe"] < 1e-6 and isinstance(mean, pose3d.Predictions3D)
    parts[0] = dataclasses.replace(parts[0], pose_mm=parts[0].pose_mm + 50)
    np.testing.assert_allclose(pose3d.average(parts).pose_mm - mean.pose_mm, 10)


def test_the_root_is_found_by_the_length_of_the_bones(reader, plain):
    """Exact where a person has just the typical bones; 10 % longer bones place it farther, and the table says so."""
    worlds = np.stack([reader.pose_world(i) for i in range(9)])
    bones = pose3d.bone_lengths(worlds, LAYOUT)
    oracle = Oracle(plain)
    found = pose3d.predict(oracle, plain, bones_mm=bones)
    assert found.root_depth == "estimated"
    np.testing.assert_allclose(found.pose_mm[0], worlds, atol=1e-3)
    far = pose3d.predict(oracle, plain, bones_mm=1.1 * bones)
    assert np.all(far.pose_px[..., 2] > found.pose_px[..., 2])
    lengths = pose3d.bone_lengths(far.pose_mm[0], LAYOUT)
    assert np.sum(lengths**2) == pytest.approx(1.21 * np.sum(bones**2))
    bones[3] = np.nan
    assert np.allclose(pose3d.predict(oracle, plain, bones_mm=bones).pose_mm[0], worlds, atol=1e-3)
    same = Oracle(plain)
    same.known = {key: np.full((17, 3), 0.5) for key in same.known}
    assert np.isfinite(pose3d.predict(same, plain, bones_mm=bones).pose_mm).all()


def test_bones_by_hand():
    poses = np.full((2, 17, 3), np.nan)
    first, second = LAYOUT.link_indices[4]
    poses[:, first], poses[0, second], poses[1, second] = 0, [3, 4, 0], [0, 0, 7]
    bones = pose3d.bone_lengths(poses, LAYOUT)
    assert bones[4] == pytest.approx(np.sqrt((25 + 49) / 2)) and np.isfinite(bones).sum() == 1


def test_baselines(reader, plain):
    predictions = pose3d.predict(Oracle(plain), plain)
    flat = pose3d.flat(predictions, LAYOUT)
    np.testing.assert_allclose(flat.pose_px[0, ..., :2], predictions.true_px[..., :2])
    np.testing.assert_allclose(flat.pose_px[0, ..., 2], np.tile(predictions.true_px[:, :1, 2], 17))
    assert detail(flat)["mpjpe"] > 100
    local = np.stack([reader.pose_camera(i) for i in range(9)])
    local[:, 5] = np.nan
    local[0, 3] = np.nan
    truth = dataclasses.replace(predictions, true_mm=np.where(np.arange(17)[:, None] == 5, np.nan, predictions.true_mm))
    mean = pose3d.mean_pose(truth, local, LAYOUT)
    relative = local - local[:, :1]
    camera = predictions.cameras[4]
    guess = camera.to_camera(mean.pose_mm[0, 4])
    np.testing.assert_allclose(guess[3] - guess[0], relative[1:, 3].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(guess[0], camera.to_camera(reader.pose_world(4))[0], atol=1e-6)
    scores = detail(mean)
    assert scores["joints"] == 9 * 16 and np.isfinite(scores["mpjpe"]) and scores["root_depth"] == "given"


def test_scores_of_actions_and_blocks(reader, plain):
    """Three blocks, the second is best; Walking has six people, Directions three."""
    oracle = Oracle(plain, offsets=[np.zeros((17, 3)), np.zeros((17, 3)), np.zeros((17, 3))])
    oracle.offsets[0, 3, 2], oracle.offsets[1, 3, 2], oracle.offsets[2, 3, 2] = 0.1, 0.01, 0.05
    predictions = pose3d.predict(oracle, plain)
    actions = [reader.action_of(i) for i in range(len(reader))]
    scores = detail(predictions, actions=actions)
    assert scores["block"] == 3 and scores["mpjpe"] == scores["blocks"][2]
    best = detail(predictions, actions=actions, block="best")
    assert best["block"] == 2 and best["mpjpe"] == min(scores["blocks"])
    assert list(scores["per_action"]) == ["Walking", "Directions"]
    walking, directions = scores["per_action"].values()
    assert scores["mpjpe"] == pytest.approx((6 * walking + 3 * directions) / 9)
    assert scores["mean_of_actions"] == pytest.approx((walking + directions) / 2)
    assert [name for name, error in scores["per_joint"].items() if error > 1e-6] == ["r_ankle"]


def test_table_and_json(reader, plain, tmp_path):
    predictions = pose3d.predict(Oracle(plain, offsets=[(0, 0, 0.01), (0, 0, 0.02)]), plain)
    actions = [reader.action_of(i) for i in range(len(reader))]
    scores = pose3d.scores(predictions, LAYOUT, reader.joint_set, actions)
    text = pose3d.table(scores, "ours")
    assert text.count("root depth given; joints: h36m17 by names") == 2
    assert text.count("root depth given; joints: pa17j by the published map") == 1
    assert "block 2 of 2, 9 people, 153 joints" in text
    lines = [line.split() for line in text.splitlines()]
    columns = next(line for line in lines if line[:2] == ["Method", "Direction"])
    ours = [line for line in lines if line and line[0] == "ours"]
    assert len(columns) == 9 and ours[0][1] == f"{scores['per_action']['Directions']:.1f}" and ours[0][2] == "-"
    second = next(line for line in lines if line[0:2] == ["Method", "SitDown"])
    assert second[-1] == "Avg" and ours[1][-1] == f"{scores['mean_of_actions']:.1f}"
    paper = [line for line in lines if line[:3] == ["paper,", "single", "crop"]]
    assert paper[0][3] == "51.5" and paper[1][-1] == "55.1"
    report.save_json(scores, tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text()) == scores
    report.save_pictures(plain, predictions, tmp_path / "sheet.png", people=4, columns=2)


def test_the_papers_rows():
    """Columns are the actions in their canonical order; the averages are the plain means of the actions."""
    assert tuple(pose3d.COLUMNS) == human36m_files.ACTIONS
    for *actions, average in pose3d.PAPER.values():
        assert np.mean(actions) == pytest.approx(average, abs=0.1) and len(actions) == 15


def test_what_cannot_be_read_is_skipped_and_counted(plain):
    class Damaged(crops.Crops):
        def __getitem__(self, index):
            if index in (0, 7):
                raise ValueError(f"photograph {index} is damaged")
            return super().__getitem__(index)

    damaged = Damaged(plain.dataset, plain.size)
    predictions = pose3d.predict(Oracle(plain), damaged, on_broken="skip", batch_size=5)
    assert predictions.cameras[0] is None and np.isnan(predictions.pose_mm[0, [0, 7]]).all()
    scores = detail(predictions, actions=["Walking"] * 9)
    assert (scores["people"], scores["broken"]) == (7, 2) and scores["mpjpe"] < 1e-6
    assert "2 unreadable photographs skipped" in pose3d.table(scores, "ours")
    assert detail(pose3d.flat(predictions, LAYOUT))["people"] == 7
    with pytest.raises(ValueError, match="photograph 0 is damaged"):
        pose3d.predict(Oracle(plain), damaged)


def test_what_lacks_depth_or_a_camera_is_refused(plain):
    class Flat(Oracle):
        def predict_on_batch(self, images):
            return [np.delete(output, 2, axis=-1) for output in super().predict_on_batch(images)]

    with pytest.raises(ValueError, match="a model with x, y and depth. Received: 2 coordinates"):
        pose3d.predict(Flat(plain), plain)
    blind = [dataclasses.replace(plain[0], camera=None)]

    class Blind(crops.Crops):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return blind[index]

    with pytest.raises(ValueError, match="needs the camera and the root's depth; 0_000001.png lacks them"):
        pose3d.predict(Oracle(plain), Blind(plain.dataset, plain.size))


def test_a_network_is_evaluated(reader):
    """An untrained network of two blocks on crops of 32 pixels gives finite errors of both kinds."""
    settings = {"input_shape": (32, 32, 3), "width": 32, "num_blocks": 2, "concat_visibility": True}
    model = models.build("h36m-3d", **settings)
    plain = crops.Crops(reader, (32, 32))
    for bones in (None, pose3d.bone_lengths(np.stack([reader.pose_world(i) for i in range(9)]), LAYOUT)):
        scores = detail(pose3d.predict(model, plain, bones_mm=bones, batch_size=9))
        assert len(scores["blocks"]) == 2 and np.isfinite(scores["mpjpe"])


class Seen:
    """What another network sees: the true joints turned, scaled and elsewhere, of some people only a few."""

    layout = LAYOUT

    def __init__(self, plain, deeper=1.0, few=()):
        turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])
        self.known = {}
        for index in range(len(plain)):
            crop = plain[index]
            self.known[crop.name] = 0.7 * crop.pose_crop * [2250.0, 2250.0, 2000.0 * deeper] @ turn.T + [1.0, 2.0, 3.0]
            if index in few:
                self.known[crop.name][5:] = np.nan

    def pose_mm(self, name):
        return self.known[name]


def test_agreement_by_hand(plain):
    """Of those who have six joints, whatever the rotation, the scale and the place; and depth has its own scale."""
    found = agreement.agreement(Oracle(plain), plain, Seen(plain, few=(1, 4)))
    assert (found["people"], found["joints"]) == (7, 7 * 17) and found["pa_mpjpe"] == pytest.approx(0, abs=0.01)
    assert agreement.agreement(Oracle(plain), plain, Seen(plain, deeper=1.5))["pa_mpjpe"] > 20
