"""Labels from several sources: what each says of a joint, what becomes of it, and what is known where nobody is."""

import dataclasses
import io
import json
import re

import keras
import numpy as np
import pytest
from drawn import TEMPLATE, standing
from helpers import eagerly
from PIL import Image
from scripts import loaded, refused, run

from deephar import config, layouts, models, training
from deephar.data.batches import loader, mixture
from deephar.data.readers import backgrounds, fused, lsp, packed, photographs
from deephar.data.readers.pose_files import PoseFile
from deephar.data.samples import augment, crops, squares
from deephar.data.samples.consensus import consensus
from deephar.data.synthetic import empty
from deephar.detection import mosaics
from deephar.models import outputs

LSP, COCO = layouts.get("lsp14"), layouts.get("coco17")
TORSO = np.linalg.norm(TEMPLATE[8] - TEMPLATE[3])  # right shoulder to left hip, as long as the other diagonal


def moved(**joints):
    """The template with some joints moved by so many torsos to the right."""
    pose = TEMPLATE.copy()
    for joint, torsos in joints.items():
        pose[LSP.index(joint), 0] += torsos * TORSO
    return pose


def at(joint, pose_and_weights):
    pose, weights = pose_and_weights
    return pose[LSP.index(joint)], weights[LSP.index(joint)]


def test_a_joint_is_where_most_agree():
    fused = consensus([moved(), moved(r_wrist=0.2), moved(r_wrist=2.0)], LSP)
    wrist, weight = at("r_wrist", fused)
    np.testing.assert_allclose(wrist, TEMPLATE[LSP.index("r_wrist")] + [0.1 * TORSO, 0])
    assert weight == 0.5  # one of the two others
    knee, weight = at("l_knee", fused)
    np.testing.assert_array_equal(knee, TEMPLATE[LSP.index("l_knee")])
    assert weight == 1.0


@pytest.mark.parametrize(("apart", "masked"), [(0.29, False), (0.31, True)])
def test_a_joint_on_which_no_two_agree_is_masked(apart, masked):
    wrist, weight = at("r_wrist", consensus([moved(), moved(r_wrist=apart)], LSP))
    assert np.isnan(wrist).all() == masked and weight == (0.0 if masked else 1.0)
    assert at("r_wrist", consensus([moved(), moved(r_wrist=apart)], LSP, tolerance=0.5))[1] == 1.0


def test_what_one_alone_has_counts_as_much_as_its_other_joints():
    """Of the annotator's 13 other joints, the network sees 12 and confirms 9."""
    seen = moved(r_ankle=1, l_ankle=1, r_wrist=1)
    seen[[LSP.index("neck"), LSP.index("head_top")]] = np.nan
    for joint in ("neck", "head_top"):
        where, weight = at(joint, consensus([moved(), seen], LSP))
        np.testing.assert_array_equal(where, TEMPLATE[LSP.index(joint)])
        assert weight == 9 / 12


def test_exchanged_sides_are_found_in_the_pair_that_is_exchanged():
    """Knees by an annotator, against two networks; shins that cross are left as they are."""
    wide = moved(r_knee=-0.5, l_knee=0.5)
    wrong = wide[LSP.flip].copy()
    pair = [LSP.index("r_knee"), LSP.index("l_knee")]
    wrong = np.where(np.isin(np.arange(14), pair)[:, None], wrong, wide)
    pose, weights = consensus([wrong, wide, wide], LSP)
    np.testing.assert_allclose(pose, wide)
    np.testing.assert_array_equal(weights, 1)
    np.testing.assert_allclose(consensus([wide, wide], LSP)[0], wide)


def test_two_that_differ_in_sides_leave_the_joints_masked():
    """Neither gives way: nobody knows who is right."""
    wide = moved(r_knee=-0.5, l_knee=0.5)
    pair = [LSP.index("r_knee"), LSP.index("l_knee")]
    wrong = wide.copy()
    wrong[pair] = wide[pair[::-1]]
    for poses in ([wide, wrong], [wrong, wide]):
        pose, weights = consensus(poses, LSP)
        assert np.isnan(pose[pair]).all() and not weights[pair].any() and np.delete(weights, pair).all()


def test_a_source_without_others_is_believed():
    """Also if half a joint is known of the other, which is none."""
    nothing = np.full_like(TEMPLATE, np.nan)
    nothing[3, 0] = 5.0
    pose, weights = consensus([TEMPLATE, nothing], LSP)
    np.testing.assert_array_equal(pose, TEMPLATE)
    assert np.all(weights == 1)


@pytest.mark.parametrize(
    ("poses", "tolerance", "message"),
    [
        (TEMPLATE, 0.3, r"Expected poses \(sources, 14, 2\) of layout lsp14. Received: \(14, 2\)"),
        ([TEMPLATE[:5]], 0.3, r"Received: \(1, 5, 2\)"),
        ([TEMPLATE], -1.0, "`tolerance` must be"),
    ],
)
def test_other_shapes_and_tolerances_are_refused(poses, tolerance, message):
    with pytest.raises(ValueError, match=message):
        consensus(poses, LSP, tolerance)


def test_nobody_of_a_known_size_is_refused():
    hidden = TEMPLATE.copy()
    hidden[[LSP.index(f"{side}_hip") for side in "rl"]] = np.nan
    with pytest.raises(ValueError, match="a shoulder and the opposite hip"):
        consensus([hidden, hidden], LSP)


def test_blazepose_is_in_the_order_of_its_authors():
    names = layouts.get("blazepose33").names
    assert [names.index(n) for n in ("nose", "l_ear", "l_shoulder", "r_wrist", "l_hip", "r_ankle", "r_foot_index")] == [
        0, 7, 11, 16, 23, 28, 32
    ]  # fmt: skip


def network_poses(folder, people=12, **changes):
    """What a network of COCO's joints finds in drawn people: the truth, (x, y, confidence 0.9)."""
    reader = lsp.LspExtended(folder)
    truth = [layouts.rearrange(reader.sample(i).pose_px, LSP, COCO) for i in range(people)]
    poses = np.concatenate([truth, np.full((people, 17, 1), 0.9)], axis=-1)
    return {"name": np.array([f"im{i + 1:05d}.jpg" for i in range(people)]), "thunder": poses, **changes}


@pytest.fixture
def poses(drawn, tmp_path):
    path = tmp_path / "poses.npz"
    np.savez(path, **network_poses(drawn))
    return path


def test_the_same_poses_from_npz_and_json(drawn, poses, tmp_path):
    read = PoseFile(poses, "coco17", "thunder")
    found = network_poses(drawn)["thunder"]
    joints = [[None if np.isnan(joint).any() else joint for joint in person] for person in found.tolist()]
    people = [{"name": f"elsewhere\\im{i + 1:05d}.JPG", "joints": j} for i, j in enumerate(joints)]
    stored = {"layout": COCO.to_json(), "poses": people}
    (tmp_path / "poses.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(stored).encode())
    other = PoseFile(tmp_path / "poses.json")
    assert len(read) == len(other) == 12 and other.layout == COCO
    for number in (1, 7):
        name = f"images/im{number:05d}.jpg"
        np.testing.assert_array_equal(read.pose_px(name), found[number - 1, :, :2])
        np.testing.assert_array_equal(read.pose_px(name), other.pose_px(name))
    assert np.isnan(read.pose_px("im00099.jpg")).all() and read.pose_px("im00099.jpg").shape == (17, 2)
    assert np.isnan(PoseFile(poses, "coco17", "thunder", least=0.95).pose_px("im00001.jpg")).all()
    assert np.isfinite(PoseFile(poses, "coco17", "thunder", confidence=None, least=0.95).pose_px("im00002.jpg")).any()


@pytest.mark.parametrize(
    ("content", "layout", "message"),
    [
        (b"nothing", "coco17", "an .npz with `name` and `thunder`.*damaged"),
        ({"thunder": np.zeros((12, 16, 3))}, "coco17", r"must have \(N, 17, 2 or more\) joints of coco17 for its 12"),
        ({"name": np.array(["a"])}, "coco17", "for its 1 names"),
        ({}, "pa99j", "Unknown layout 'pa99j'"),
        ({"name": np.array(["x/a.jpg", "y/A.jpg", *"bcdefghijk"])}, "coco17", "has a.jpg twice"),
        (None, "coco17", "No such file"),
    ],
)
def test_other_files_of_poses_are_refused(content, layout, message, drawn, tmp_path):
    path = tmp_path / "poses.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.savez(path, **network_poses(drawn, **content))
    with pytest.raises(ValueError, match=message):
        PoseFile(path, layout, "thunder")


def test_joints_of_a_person_in_json_are_counted(tmp_path):
    people = [{"name": name, "joints": [[1, 2]] * joints} for name, joints in (("a", 17), ("b", 16))]
    (tmp_path / "poses.json").write_text(json.dumps({"poses": people}))
    with pytest.raises(ValueError, match="b has 16 joints, others have 17"):
        PoseFile(tmp_path / "poses.json", "coco17")
    (tmp_path / "poses.json").write_text(json.dumps({"poses": people[:1]}))
    found = PoseFile(tmp_path / "poses.json", "coco17", least=0.5).pose_px("a")
    found[:] = 0
    assert np.all(PoseFile(tmp_path / "poses.json", "coco17").pose_px("a") == [1, 2])


def test_names_as_bytes_are_names(drawn, tmp_path):
    stored = network_poses(drawn)
    np.savez(tmp_path / "poses.npz", **{**stored, "name": stored["name"].astype("S")})
    assert np.isfinite(PoseFile(tmp_path / "poses.npz", "coco17", "thunder").pose_px("im00002.jpg")).any()


@pytest.mark.parametrize("text", ["[]", "{", '{"poses": [{"name": "a", "joints": [[1, "b"]]}]}', '{"poses": 3}'])
def test_other_json_of_poses_is_refused(text, tmp_path):
    (tmp_path / "poses.json").write_text(text)
    with pytest.raises(ValueError, match="poses as JSON"):
        PoseFile(tmp_path / "poses.json", "coco17")


def test_a_batch_weighs_every_joint_by_who_confirms_it(drawn, poses):
    """A wrist that the annotator alone sees elsewhere is unknown, its visibility too; a mirror exchanges weights."""
    reader = lsp.LspExtended(drawn, [4])
    others = [PoseFile(poses, "coco17", "thunder")]
    truth = reader._joints[:, :2, 3].copy()
    reader._joints[LSP.index("r_wrist"), 0, 3] += 0.6 * TORSO
    seen = photographs.SeenByOthers(reader, others)
    sample = seen.sample(0)
    np.testing.assert_allclose(np.delete(sample.pose_px, LSP.index("r_wrist"), axis=0)[:5], truth[:5], atol=1e-9)
    sample.joint_weight[:] = 0.5  # is the caller's own
    sample = seen.sample(0)
    expected = np.ones(14)
    expected[LSP.index("r_wrist")] = 0
    expected[[LSP.index("neck"), LSP.index("head_top")]] = 11 / 12
    np.testing.assert_allclose(sample.joint_weight, expected)
    batch = mixture.Mixture([(seen, 1), (lsp.LspExtended(drawn, [5]), 1)], (32, 32)).batch(0, 0)
    np.testing.assert_allclose(batch.weights, [expected, np.ones(14)], rtol=1e-6)
    mirrored = crops.make_crop(seen, 0, (32, 32), augment.Draw(flip=True)).joint_weight
    np.testing.assert_array_equal(mirrored, sample.joint_weight[LSP.flip])
    wide = mixture.Mixture([(seen, 1)], (32, 32), layout=layouts.get("pa17j"), dim=3).batch(0, 0)
    assert wide.weights.shape == (1, 17) and wide.weights[0, layouts.get("pa17j").index("pelvis")] == 0


@pytest.fixture
def street(drawn, tmp_path):
    """Photographs without joints, in nested folders, and what a network saw in them."""
    folder = tmp_path / "street"
    (folder / "a").mkdir(parents=True)
    for number in range(1, 5):
        picture = Image.open(drawn / "images" / f"im{number:05d}.jpg")
        wide = Image.new("RGB", (260, 170), (60, 90, 70))
        wide.paste(picture, (0, 0))
        wide.save(folder / "a" / f"im{number:05d}.JPG")
    (folder / "notes.txt").write_text("not a photograph")
    (folder / "a" / "._im00001.JPG").write_text("what macOS puts beside a file")
    return folder


def test_photographs_alone_know_nothing(street):
    reader = photographs.Photographs(street, slice(1, 3))
    assert reader.names == ["a/im00002.JPG", "a/im00003.JPG"]
    sample = reader.sample(1)
    assert np.isnan(sample.pose_px).all() and not sample.joint_weight.any()
    assert sample.center_px.tolist() == [130, 85] and sample.window_px.tolist() == [260, 260]
    with pytest.raises(ValueError, match=r"No photographs \(.jpg, .*\) in "):
        photographs.Photographs(street, slice(99, None))


def test_a_window_from_limbs_leaves_room_for_the_head(street, poses, drawn):
    """The network gives no head top and no neck; the annotated head lies inside the window all the same."""
    seen = photographs.SeenByOthers(
        photographs.Photographs(street), [PoseFile(poses, "coco17", "thunder"), PoseFile(poses, "coco17", "thunder")]
    )
    for index in range(1, 4):
        crop = crops.make_crop(seen, index, (64, 64))
        head = lsp.LspExtended(drawn).sample(index).pose_px[LSP.index("head_top")]
        x, y, _ = crop.px_to_crop @ [*head, 1]
        assert 0.02 < y < 0.2 and 0 < x < 1
        assert np.isnan(crop.pose_crop[LSP.index("head_top")]).all()
        assert crop.joint_weight[LSP.index("head_top")] == 0


class OfOthers:
    """A reader that changes what another reads."""

    def __init__(self, reader):
        self.reader, self.layout = reader, reader.layout

    def __len__(self):
        return len(self.reader)


class InSpace(OfOthers):
    """The same people, with the depth of two joints."""

    def sample(self, index):
        sample = self.reader.sample(index)
        depth = np.where(np.arange(len(sample.pose_px)) < 2, 100.0, np.nan)
        return dataclasses.replace(sample, pose_px=np.column_stack([sample.pose_px, depth]))


def test_a_window_holds_joints_of_which_nobody_is_sure(drawn, poses):
    """An ankle that the annotator alone sees lower is not learnt; window, detector and background know where about."""
    reader, ankle = lsp.LspExtended(drawn, [4]), LSP.index("r_ankle")
    seen, lower = (photographs.SeenByOthers(reader, [PoseFile(poses, "coco17", "thunder")]) for _ in range(2))
    before = seen.sample(0)
    reader._joints[ankle, 1, 3] += 0.4 * TORSO
    sample = lower.sample(0)
    assert np.isnan(sample.pose_px[ankle]).all() and sample.joint_weight[ankle] == 0
    middle = before.pose_px[ankle] + [0, 0.2 * TORSO]
    np.testing.assert_allclose(sample.extent_px[ankle], middle, atol=1e-6)
    assert (sample.center_px + sample.window_px / 2)[1] > middle[1] > (before.extent_px[:, 1]).max()
    (shown,) = mosaics.OnePerson(lower, True).scene(0).poses
    np.testing.assert_array_equal(shown, sample.extent_px)
    aside = dataclasses.replace(sample, rough_px=np.concatenate([sample.rough_px, [[0, 50], [300, 50]]]))
    assert backgrounds._free(before) and not backgrounds._free(aside)
    square = squares.square_around(sample, 2.0, 64)
    sure = np.isfinite(square.pose_px).all(axis=1)
    np.testing.assert_allclose(square.rough_px[:14][sure], square.pose_px[sure])
    shift = (middle - sample.center_px) * 64 / (2 * sample.window_px[0])
    np.testing.assert_allclose(square.rough_px[ankle], square.center_px + shift, atol=1e-6)


def test_nobody_is_nobody_in_any_layout():
    """Scenes of 14 absent joints teach a network of 17 that all of them are absent."""
    scenes, wide = empty.EmptyScenes(4, (32, 32)), layouts.get("pa17j")
    batch = mixture.Mixture([(scenes, 1)], (32, 32), layout=wide, dim=3).batch(0, 0)
    np.testing.assert_array_equal(batch.weights, np.ones((1, 17)))
    assert batch.target.shape == (1, 17, 4)
    assert not batch.target[..., 3].any() and np.all(batch.target[..., :3] == np.float32(config.MISSING))


def test_backgrounds_hold_no_joint(street, poses):
    seen = photographs.SeenByOthers(photographs.Photographs(street), [PoseFile(poses, "coco17", "thunder")] * 2)
    beside = backgrounds.Backgrounds(seen, seed=3)
    assert len(backgrounds.Backgrounds(InSpace(seen))) == 4
    shown = backgrounds.picture(beside.sample(0))
    assert shown.size == (round(beside.sample(0).window_px[0]),) * 2
    assert backgrounds.picture(beside.sample(0), 16).size == (16, 16)
    assert len(beside) == 4
    corners = set()
    for index in range(4):
        sample = beside.sample(index)
        x1, y1 = sample.center_px - sample.window_px / 2
        x2, y2 = sample.center_px + sample.window_px / 2
        pose = seen.sample(index).pose_px
        inside = (pose[:, 0] > x1) & (pose[:, 0] < x2) & (pose[:, 1] > y1) & (pose[:, 1] < y2)
        assert not inside.any() and 0 <= x1 < x2 <= 260 and 0 <= y1 < y2 <= 170
        assert np.isnan(sample.pose_px).all() and sample.joint_weight.all()
        corners.add((x1, y1))
    again = backgrounds.Backgrounds(seen, seed=3).sample(2)
    np.testing.assert_array_equal(again.center_px, beside.sample(2).center_px)
    assert len(corners) == 4
    with pytest.raises(ValueError, match="None of 4 photographs has 24 pixels of background"):
        backgrounds.Backgrounds(Narrow(seen))


class Narrow(OfOthers):
    """The same people, in photographs that end at their hands."""

    def sample(self, index):
        sample = self.reader.sample(index)
        moved = {"pose_px": sample.pose_px - [30, 0], "rough_px": sample.rough_px - [30, 0]}
        return dataclasses.replace(sample, image=sample.image.crop((0, 0, 100, 170)), **moved)


@eagerly()
def test_a_network_learns_that_nobody_is_there():
    """Empty scenes have no coordinates to learn, and all visibilities."""
    scenes = empty.EmptyScenes(8, (32, 32), seed=1)
    np.testing.assert_array_equal(np.asarray(scenes.sample(3).image), np.asarray(scenes.sample(3).image))
    keras.utils.set_random_seed(0)
    model = models.build("lite-2d", num_joints=14, input_shape=(32, 32, 3), width=16, num_blocks=1)
    batches = loader.PoseLoader([(scenes, 4)], (32, 32), outputs.kinds(model), augmentation="flip", steps=3)
    _, labels, weights = batches[0]
    assert not labels[1].any() and np.all(labels[0] == np.float32(config.MISSING)) and weights[1].shape == (4, 14)
    training.compile_model(model, keras.optimizers.Adam(0.02))
    losses = model.fit(batches, epochs=2, verbose=0, shuffle=False).history
    assert losses["block1_visibility_loss"][-1] < 0.8 * losses["block1_visibility_loss"][0]
    assert set(losses["block1_pose_loss"]) == {0.0}


def test_splits_share_no_photograph():
    train, choose, test = (set(lsp.SPLITS[name]) for name in ("train", "choose", "test"))
    assert not train & choose and not train & test and not choose & test
    assert len(train) == 7784 and test == set(range(3701, 4201))


def test_no_photograph_for_training_shows_a_judged_one_again(shared):
    """Copies in another size have thumbnails that correlate by more than 0.98, mirrored ones too; others do not."""
    reader = lsp.LspExtended(shared / "data" / "lspe" / "lspe_train.zip")
    zipped, thumbnails = reader._files, []
    for number in range(1, 8501):
        image = Image.open(io.BytesIO(zipped.read(reader._root + lsp._name(number))))
        image.draft("L", (64, 64))
        small = np.asarray(image.convert("L").resize((24, 24), Image.Resampling.BOX), dtype=np.float64)
        small -= small.mean()
        thumbnails.append(small / max(np.linalg.norm(small), 1e-9))
    seen = np.stack(thumbnails)
    judged, others = (seen[[n - 1 for n in part]] for part in (range(3501, 4201), lsp.SPLITS["train"]))
    for turned in (others, others[:, :, ::-1]):
        alike = judged.reshape(len(judged), -1) @ turned.reshape(len(turned), -1).T
        assert alike.max() < 0.98
    for number, other in lsp.AGAIN.items():
        assert np.sum(seen[number - 1] * seen[other - 1]) > 0.85 and number in {*range(1, 3501), *range(4201, 8501)}


class Renamed(lsp.LspExtended):
    """A photograph with the number of another one."""

    def __init__(self, path, number):
        super().__init__(path, [1])
        self.number = number

    def sample(self, index):
        return dataclasses.replace(super().sample(index), name=lsp._name(self.number))


def test_packed_people_who_are_judged_are_refused(drawn, tmp_path):
    """Those of the other splits, and those who are shown there again."""
    for number in (3501, 4200, 1803):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in fused.PACKED:
            packed.pack(Renamed(drawn, number if name == "lsp" else 1), folder / f"{name}.zip", 32)
        with pytest.raises(ValueError, match=f"lsp.zip holds photograph {number}, not for training"):
            fused.packed_sources(folder)
    assert [lsp.number_of(name) for name in ("images/im00012.jpg", "im00012.jpg", "images/im12.jpg")] == [12, -1, -1]


@pytest.mark.parametrize(
    "command",
    [
        *(f"exp/lsp/train_lsp.py --recipe {recipe}" for recipe in ("annotation", "fused", "base", "full")),
        *(f"exp/lsp/train_lsp_3d.py --recipe {recipe}" for recipe in ("synthetic", "fused", "base", "full")),
        "exp/people/train_people.py --poses a --street b --street-poses c",
        "datasets/pack_lsp.py --poses a --street b --street-poses c",
    ],
)
def test_every_script_trains_on_the_photographs_for_training(command, tmp_path, monkeypatch, capsys):
    asked = []

    class Noted(lsp.LspExtended):
        def __init__(self, path, part=None):
            asked.append(part)
            raise ValueError("noted")

    monkeypatch.setattr(lsp, "LspExtended", Noted)
    script, *options = command.split()
    given = ("--data", tmp_path, "--out", tmp_path / "run", *options)
    assert "noted" in refused(script, monkeypatch, capsys, *given)
    assert asked == [lsp.SPLITS["train"]]


FILES = ("--data", "{drawn}", "--poses", "{poses}", "--street", "{street}", "--street-poses", "{poses}")


@pytest.mark.parametrize("recipe", ["annotation", "fused"])
def test_no_photograph_that_is_judged_is_trained_on(recipe, shared):
    """Of the real files, whatever labels there are; given the joints of others, both recipes fuse them."""
    script = loaded("exp/lsp/train_lsp.py")
    data = shared / "data"
    args = type("", (), {
        "weights": None, "packed": None, "smoke": False, "data": data / "lspe" / "lspe_train.zip",
        "recipe": script.RECIPES[recipe],
        "poses": data / "teachers" / "lspe.npz", "seed": 0,
        "street": data / "ccp" / "ccp_photos.zip" if recipe == "fused" else None,
        "street_poses": data / "teachers" / "ccp.npz" if recipe == "fused" else None,
    })  # fmt: skip
    sources, validation = script.open_sources(args)
    numbers = set(sources["lsp"].dataset.reader._images.tolist())
    assert not numbers & set(range(3501, 4201)) and set(validation.dataset._images.tolist()) == set(range(3501, 3701))
    assert isinstance(sources["lsp"].dataset, photographs.SeenByOthers)
    assert recipe == "annotation" or len(sources["street"]) == 1700


LARGER = [pytest.param(name, marks=pytest.mark.slow) for name in ("base", "full")]


@pytest.mark.parametrize("recipe", ["fused", *LARGER])
@eagerly()
def test_the_fused_recipes_train(recipe, drawn, poses, street, tmp_path, monkeypatch, capsys):
    data = np.load(poses)
    np.savez(poses, **{**data, "heavy": np.zeros((12, 33, 5))})
    given = [text.format(drawn=drawn, poses=poses, street=street) for text in FILES]
    out = ("--out", tmp_path / "run", "--recipe", recipe, "--smoke")
    said = refused("exp/lsp/train_lsp.py", monkeypatch, capsys, *given[:2], *out)
    assert re.search(r"needs --poses, --street and --street-poses", said)
    heavy = layouts.rearrange(data["thunder"][..., :2], COCO, layouts.get("blazepose33"))
    np.savez(poses, **{**data, "heavy": np.concatenate([heavy, np.ones((12, 33, 3))], axis=-1)})
    said = run("exp/lsp/train_lsp.py", monkeypatch, capsys, *given, *out)
    assert "best PCK@0.2 on the validation split" in said and "could not be read: 0" in said


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["fused", "base", "full"])
@eagerly()
def test_the_fused_recipes_train_depth(recipe, drawn, poses, street, tmp_path, monkeypatch, capsys):
    """On captured poses of S1 and what another network sees; and it is judged by S9's and by that network."""
    data, rest = np.load(poses), np.ones((12, 33, 3))
    heavy = layouts.rearrange(data["thunder"][..., :2], COCO, layouts.get("blazepose33"))
    world = np.concatenate([10 * (heavy - np.nanmean(heavy, axis=1, keepdims=True)), 50 * rest[..., :2]], axis=-1)
    np.savez(poses, **{**data, "heavy": np.concatenate([heavy, rest], axis=-1), "heavy_world_mm": world})
    sequences = [f"{subject}/walking_{number}" for subject in ("S1", "S9") for number in range(5)]
    np.savez(tmp_path / "captured.npz", **dict.fromkeys(sequences, standing(20)))
    given = [text.format(drawn=drawn, poses=poses, street=street) for text in FILES]
    run_ = ("--out", tmp_path / "run", "--recipe", recipe, "--smoke")
    said = refused("exp/lsp/train_lsp_3d.py", monkeypatch, capsys, *given, *run_)
    assert "needs --captured" in said
    captured = ("--captured", tmp_path / "captured.npz")
    said = run("datasets/pack_lsp.py", monkeypatch, capsys, *given, "--out", tmp_path / "packed", "--smoke")
    assert re.search(r"lsp.zip: 8 people, 0.\d MB; could not be read: 0", said)
    for option in ("--side", "--quality"):
        assert "or more. Received: 0" in refused("datasets/pack_lsp.py", monkeypatch, capsys, *given, option, 0)
    run_packed = ("--packed", tmp_path / "packed", *captured, *run_[2:], "--out", tmp_path / "from packed")
    assert "could not be read: 0" in run("exp/lsp/train_lsp_3d.py", monkeypatch, capsys, *run_packed)
    assert "--data, or --packed" in refused("exp/lsp/train_lsp.py", monkeypatch, capsys, *run_)
    ignored = (*given, "--smoke", "--out", tmp_path / "other")
    assert "--street and --street-poses are for" in refused("exp/lsp/train_lsp.py", monkeypatch, capsys, *ignored)
    assert "--poses is for recipes of" in refused("exp/lsp/train_lsp_3d.py", monkeypatch, capsys, *ignored)
    said = refused("exp/lsp/train_lsp_3d.py", monkeypatch, capsys, *given[:2], *run_packed[:-1], tmp_path / "both")
    assert "--packed takes the place of --data" in said
    for script, recipe in (("train_lsp", "annotation"), ("train_lsp_3d", "synthetic")):
        other = (*run_packed[:2], "--recipe", recipe, "--smoke", "--out", tmp_path / "other")
        assert "Packed people have fused joints" in refused(f"exp/lsp/{script}.py", monkeypatch, capsys, *other)
    assert "weights in" in run("exp/lsp/train_lsp_3d.py", monkeypatch, capsys, *given, *captured, *run_)
    judged = ("--data", drawn, "--poses", poses, *captured, "--weights", tmp_path / "run" / "last.weights.h5")
    said = run("exp/lsp/eval_lsp_3d.py", monkeypatch, capsys, *judged, "--out", tmp_path / "run", "--smoke")
    agreement = json.loads((tmp_path / "run" / "eval.json").read_text())["agreement"]["pa_mpjpe"]
    assert 0 < agreement < 1000 and f"people: PA-MPJPE {agreement:.1f} mm" in said


def test_the_epoch_of_a_3d_recipe_is_chosen_by_poses_that_do_not_train(drawn, tmp_path, monkeypatch):
    """Those of the fifth sequence of S1, of people of another seed; nobody of S9 is there."""
    script = loaded("exp/lsp/train_lsp_3d.py")
    monkeypatch.setattr(script.fused, "sources", lambda *_, **__: {})
    np.savez(tmp_path / "c.npz", **{f"{s}/walk_{n}": standing(9 + n) for s in ("S1", "S9") for n in range(6)})
    args = type("", (), {
        "weights": None, "packed": None, "smoke": True, "data": drawn, "people": 9, "seed": 3,
        "captured": tmp_path / "c.npz",
        "poses": None, "street": None, "street_poses": None, "recipe": script.BASE.replaced(mixture={"captured": 1}),
    })  # fmt: skip
    sources, validation = script.open_sources(args)
    train, judged = sources["captured"].dataset, validation.dataset
    assert len(judged.poses) == 9 + 4 and len(train.poses) == 9 + 10 + 11 + 12 + 14
    assert (train.seed, judged.seed) == (3, 3 + script.VALIDATION_SEED)
