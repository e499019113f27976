import dataclasses
import json
import shutil
import unicodedata

import h5py
import numpy as np
import pytest
import scipy.io
from drawn import CENTER, SCALE, drawn_mpii
from helpers import units, units_json
from PIL import Image

from deephar import layouts, metrics
from deephar.data.readers import mpii, mpii_files
from deephar.data.readers.base import Sample
from deephar.data.samples import augment, crops, targets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return drawn_mpii(tmp_path_factory.mktemp("mpii") / "mpii")


def test_the_three_files_tell_the_same(folder):
    release = mpii.open_people(folder / "release.mat", "validation", folder / "valid.h5")
    json, pose_hg = mpii.open_people(folder / "valid.json"), mpii.open_people(folder / "valid.h5")
    for other in (json, pose_hg):
        assert other.image.tolist() == release.image.tolist() == ["000000004.jpg", "000000005.jpg"]
        np.testing.assert_allclose(other.center, [CENTER] * 2)
        np.testing.assert_allclose(other.scale, [SCALE] * 2)
        np.testing.assert_allclose(release.pose, other.pose, atol=1 if other is pose_hg else 1e-9)
    np.testing.assert_allclose(release.head_size, pose_hg.head_size)
    np.testing.assert_allclose(json.head_size, 0.75 * np.linalg.norm(json.pose[:, 8] - json.pose[:, 9], axis=-1))
    np.testing.assert_array_equal(release.visible, pose_hg.visible)


def test_splits_of_the_release(folder):
    train = mpii.open_people(folder / "release.mat", "train", folder / "valid.h5")
    assert len(train) == 4 and np.isnan(train.pose[0, 1]).all() and np.isfinite(train.pose[1:]).all()
    assert train.left_out == 2  # the rectangles without a centre
    assert train.visible[1, 10] == 0 and train.visible[1, 11] == 1 and np.isnan(train.visible[1, 8])
    test = mpii.open_people(folder / "release.mat", "test")
    assert len(test) == 1 and test.person[0] == 1 and np.isnan(test.pose).all()


def test_samples_are_in_pixels_of_the_photograph(folder):
    """Pixel 1 of the files has its middle at 0.5."""
    people = mpii.open_people(folder / "valid.json")
    sample = mpii.Mpii(people, folder / "images").sample(1)
    np.testing.assert_allclose(sample.pose_px, people.pose[1] - 0.5)
    np.testing.assert_allclose(sample.center_px, [CENTER[0] - 0.5, CENTER[1] + 15 * SCALE - 0.5])
    np.testing.assert_allclose(sample.window_px, 250 * SCALE)
    assert sample.head_px == people.head_size[1]
    image = np.asarray(sample.image)
    neck, top = sample.pose_px[[8, 9]].astype(int)
    assert image[neck[1], neck[0], 0] > 150 and image[(neck[1] + top[1]) // 2, neck[0], 0] > 150


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("images", "Expected a .mat, .json or .h5 of MPII"),
        ("broken.json", "Expected a list of people with image"),
        ("broken.h5", "Expected pose-hg's HDF5"),
        ("broken.mat", "is not a readable MATLAB file"),
        ("other.mat", "Expected MPII's RELEASE"),
        ("absent.mat", "is not a readable MATLAB file"),
    ],
)
def test_other_files_are_refused(folder, file, message, tmp_path):
    for name in ("broken.json", "broken.h5", "broken.mat"):
        (tmp_path / name).write_text("[{}]")
    scipy.io.savemat(tmp_path / "other.mat", {"joints": 1})
    with pytest.raises(ValueError, match=message):
        mpii.open_people(tmp_path / file, "train", folder / "valid.h5")


def test_what_cannot_be_told_is_asked(folder, tmp_path):
    with pytest.raises(ValueError, match="`split` must be one of"):
        mpii.open_people(folder / "release.mat")
    with pytest.raises(ValueError, match=r"give pose-hg's valid.h5"):
        mpii.open_people(folder / "release.mat", "train")
    with pytest.raises(ValueError, match="folder of MPII's photographs"):
        mpii.Mpii(mpii.open_people(folder / "valid.json"), tmp_path / "absent")
    people = mpii.open_people(folder / "valid.json")
    with pytest.raises(ValueError, match="no people"):
        mpii.Mpii(people.where(np.zeros(2, bool)), folder / "images")
    with pytest.raises(ValueError, match=r"No such photograph: .*000000004.jpg"):
        mpii.Mpii(people, tmp_path).sample(0)


def test_a_head_without_a_box_is_measured_from_neck_to_top(folder, tmp_path):
    release = scipy.io.loadmat(folder / "release.mat")["RELEASE"]
    rectangle = release["annolist"][0, 0][0, 4]["annorect"]
    rectangle["x1"][0, 0] = np.empty((0, 0))
    scipy.io.savemat(tmp_path / "release.mat", {"RELEASE": release})
    people = mpii.open_people(tmp_path / "release.mat", "validation", folder / "valid.h5")
    neck_to_top = np.linalg.norm(people.pose[0, 8] - people.pose[0, 9])
    np.testing.assert_allclose(people.head_size, [0.75 * neck_to_top, 0.6 * 50])


def test_a_missing_scale_or_head_in_json_is_counted_or_nan(folder, tmp_path):
    entries = json.loads((folder / "valid.json").read_text())
    entries[0]["scale"] = -1
    entries[1]["joints"][8] = entries[1]["joints"][9]
    (tmp_path / "valid.json").write_text(json.dumps(entries))
    people = mpii.open_people(tmp_path / "valid.json")
    assert len(people) == 1 and people.left_out == 1 and np.isnan(people.head_size[0])


def without(key):
    return lambda entry: entry.pop(key)


def with_(key, value):
    return lambda entry: entry.update({key: value})


ODD_PEOPLE = {
    "seventeen joints": (with_("joints", [[1, 2]] * 17), r"`joints` must be \(16, 2\). Received: \(17, 2\)"),
    "in space": (with_("joints", [[1, 2, 3]] * 16), r"`joints` must be \(16, 2\). Received: \(16, 3\)"),
    "a torn joint": (with_("joints", [[1, 2]] * 15 + [[1]]), "is malformed"),
    "text": (with_("joints", [["left", 2]] * 16), "is malformed: could not convert string"),
    "infinite": (with_("joints", [[1e999, 2]] * 16), "its joints are not finite"),
    "other flags": (with_("joints_vis", [1] * 17), r"`joints_vis` must be \(16,\). Received: \(17,\)"),
    "centre of three": (with_("center", [1, 2, 3]), r"`center` must be \(2,\). Received: \(3,\)"),
    "no centre": (without("center"), "lacks 'center'"),
    "no scale": (with_("scale", None), "is malformed"),
    "unhashable name": (with_("image", ["a.jpg"]), "is malformed"),
}


@pytest.mark.parametrize("kind", ODD_PEOPLE)
def test_one_odd_person_in_json_is_named(kind, folder, tmp_path):
    spoil, message = ODD_PEOPLE[kind]
    entries = json.loads((folder / "train.json").read_text())
    spoil(entries[2])
    (tmp_path / "odd.json").write_text(json.dumps(entries))
    who = "" if kind == "unhashable name" else r", in 000000002.jpg, "
    with pytest.raises(ValueError, match=rf"odd.json: person 2 of the list{who}.*{message}"):
        mpii.open_people(tmp_path / "odd.json")


@pytest.mark.parametrize("content", ['{"people": []}', "[3]", "[[]]", "[null]"])
def test_json_of_another_kind(content, tmp_path):
    (tmp_path / "odd.json").write_text(content)
    with pytest.raises(ValueError, match=r"Expected a list of people with image, .* in .*odd.json: "):
        mpii.open_people(tmp_path / "odd.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_may_begin_with_a_byte_order_mark(encoding, folder, tmp_path):
    entries = json.loads((folder / "valid.json").read_text())
    entries[0]["image"] = "Zoë.jpg"
    (tmp_path / "VALID.JSON").write_text(json.dumps(entries, ensure_ascii=False), encoding=encoding)
    assert mpii.open_people(tmp_path / "VALID.JSON").image[0] == "Zoë.jpg"


def test_another_joint_in_the_release_is_named(folder, tmp_path):
    release = scipy.io.loadmat(folder / "release.mat")["RELEASE"]
    point = release["annolist"][0, 0][0, 2]["annorect"]["annopoints"][0, 0]["point"][0, 0]
    point[0, 3]["id"] = np.array([[16]])
    scipy.io.savemat(tmp_path / "odd.mat", {"RELEASE": release})
    with pytest.raises(ValueError, match=r"odd.mat; person 0 in 000000002.jpg .*from 0 to 15. Received: 16"):
        mpii_files.read_release(tmp_path / "odd.mat")


def test_arrays_of_pose_hg_must_agree(folder, tmp_path):
    shutil.copy(folder / "valid.h5", tmp_path / "odd.h5")
    with h5py.File(tmp_path / "odd.h5", "a") as file:
        del file["part"]
        file["part"] = np.ones((2, 17, 2))
    with pytest.raises(ValueError, match=r"odd.h5; .*2 people and 16 joints. Received: \(\(2, 17, 2\)"):
        mpii.open_people(tmp_path / "odd.h5")


@pytest.mark.parametrize("listed", ["NFC", "NFD"])
def test_accents_in_either_unicode_form(listed, folder, tmp_path):
    """Of photographs whose annotations spell them in one form and whose files lie in the other."""
    other = {"NFC": "NFD", "NFD": "NFC"}[listed]
    wanted, stored = (unicodedata.normalize(form, "frühstück.jpg") for form in (listed, other))
    people = mpii.open_people(folder / "release.mat", "train", folder / "valid.h5")
    renamed = dataclasses.replace(people, image=np.array([wanted, *people.image[1:]]))
    images = shutil.copytree(folder / "images", tmp_path / "images")
    (images / people.image[0]).rename(images / stored)
    assert mpii.Mpii(renamed, images).sample(0).image.size == (160, 170)
    pose = np.where(np.isnan(renamed.pose), 50.0, renamed.pose)
    mpii_files.write_release(tmp_path / "release.mat", dataclasses.replace(renamed, pose=pose))
    held_out = dataclasses.replace(people, image=np.array([stored, *people.image[1:]])).where(np.arange(4) == 0)
    mpii_files.write_pose_hg(tmp_path / "valid.h5", held_out)
    assert mpii.open_people(tmp_path / "valid.h5").image.tolist() == [stored]
    validation = mpii.open_people(tmp_path / "release.mat", "validation", tmp_path / "valid.h5")
    assert validation.image.tolist() == [wanted]


def test_damaged_and_odd_releases(folder, tmp_path):
    """A damaged compressed file, one without rectangles, and one of a single photograph with two single people."""
    release = scipy.io.loadmat(folder / "release.mat")["RELEASE"]
    scipy.io.savemat(tmp_path / "whole.mat", {"RELEASE": release}, do_compression=True)
    content = bytearray((tmp_path / "whole.mat").read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    (tmp_path / "damaged.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged.mat is not a readable MATLAB file"):
        mpii_files.read_release(tmp_path / "damaged.mat")
    images = {"annolist": {"image": {"name": "x"}}, "img_train": 1, "single_person": 1}
    scipy.io.savemat(tmp_path / "bare.mat", {"RELEASE": images})
    with pytest.raises(ValueError, match=r"bare.mat; it lacks 'annorect'"):
        mpii_files.read_release(tmp_path / "bare.mat")
    people = mpii.open_people(folder / "release.mat", "train", folder / "valid.h5")
    two = dataclasses.replace(people, image=people.image[[0, 0, 2, 3]], person=np.array([0, 1, 0, 0]))
    pair = two.where(np.arange(4) < 2)
    pose = np.where(np.isnan(pair.pose), 50.0, pair.pose)
    mpii_files.write_release(tmp_path / "pair.mat", dataclasses.replace(pair, pose=pose))
    assert mpii_files.read_release(tmp_path / "pair.mat").single.tolist() == [True, True]


def test_written_files_are_read_back(folder, tmp_path):
    people = mpii.open_people(folder / "release.mat", "train", folder / "valid.h5")
    mpii_files.write_release(tmp_path / "release.mat", people)
    mpii_files.write_pose_hg(tmp_path / "valid.h5", people)
    release, pose_hg = mpii_files.read_release(tmp_path / "release.mat"), mpii_files.read_pose_hg(tmp_path / "valid.h5")
    for field in dataclasses.fields(mpii_files.People):
        ours, theirs = getattr(people, field.name), getattr(release, field.name)
        if field.name in ("center", "scale", "pose", "visible", "head_size"):
            np.testing.assert_allclose(theirs, ours, atol=1e-3)
        elif field.name != "left_out":
            np.testing.assert_array_equal(theirs, ours)
    np.testing.assert_allclose(pose_hg.pose, np.trunc(people.pose))
    np.testing.assert_allclose(pose_hg.center, people.center)


def test_submission_has_the_releases_structure(folder, tmp_path):
    people = mpii.open_people(folder / "release.mat", "test")
    mpii_files.write_submission(tmp_path / "out.mat", people, np.arange(32.0).reshape(1, 16, 2))
    annolist = scipy.io.loadmat(tmp_path / "out.mat", simplify_cells=True)["annolist"]
    assert annolist["image"]["name"] == "000000001.jpg"
    empty, person = annolist["annorect"]
    assert not len(empty["annopoints"])
    point = person["annopoints"]["point"][15]
    assert (point["x"], point["y"], point["id"]) == (30, 31, 15)
    mpii_files.write_submission(tmp_path / "out.mat", people, np.full((1, 16, 2), np.nan))
    annolist = scipy.io.loadmat(tmp_path / "out.mat", simplify_cells=True)["annolist"]
    assert not any(len(person["annopoints"]) for person in annolist["annorect"])
    with pytest.raises(ValueError, match="Expected poses of 1 people"):
        mpii_files.write_submission(tmp_path / "out.mat", people, np.zeros((2, 16, 2)))


@pytest.mark.parametrize("case", ["valid", "train0", "train1", "train2", "train3"])
def test_crops_of_the_original(case):
    """The original's whole path on one person (golden/units, data.mpii): its integer corners, joints and visibility."""
    golden = {key.removeprefix("data.mpii."): value for key, value in units().items() if key.startswith("data.mpii.")}
    scale = float(golden["in.scale"])
    draw = units_json().get(f"data.mpii.{case}.draw", {"angle": 0, "scale": 1, "transx": 0, "transy": 0, "hflip": 0})
    variation = augment.Draw(
        draw["angle"], draw["scale"], (draw["transx"], draw["transy"]), "mpii", bool(draw["hflip"])
    )
    pose = golden["in.pose"].T
    center = golden["in.objpos"] + [0, 15 * scale]
    sample = Sample("golden", Image.new("RGB", (240, 180)), pose, center, np.full(2, 250 * scale))
    px_to_crop = augment.px_to_crop(sample, variation, truncate_corners=True)
    size = 1 / np.sqrt(abs(np.linalg.det(px_to_crop[:2, :2])))
    np.testing.assert_allclose(px_to_crop, golden[f"{case}.out.afmat"], rtol=0, atol=1e-4 / size)
    layout = layouts.get("pa16j")
    pose = layouts.rearrange(pose, "mpii16", "pa16j")
    target = targets.pose_target(augment.pose_to_crop(pose, px_to_crop, variation.flip, layout))
    np.testing.assert_allclose(target, golden[f"{case}.out.pose"], atol=1e-6)
    assert metrics.head_size(golden["in.head"]) == pytest.approx(float(golden[f"{case}.out.headsize"]))


def test_real_release_and_predictions(shared):
    """Readers and metric give the known PCKh of the stacked hourglass's predictions."""
    files = shared / "data" / "mpii"
    with h5py.File(files / "posehg" / "valid-ours.h5") as file:
        predictions = file["preds"][()]
    people = mpii.open_people(files / "posehg" / "valid.h5")
    counted = [joint for joint in range(16) if joint not in (6, 7)]
    distances = metrics.normalised_distances(people.pose, predictions, people.head_size)
    assert 100 * metrics.correct_share(distances, 0.5) == pytest.approx(88.956, abs=5e-4)
    assert 100 * metrics.correct_share(distances[:, counted], 0.5) == pytest.approx(88.035, abs=5e-4)

    release = mpii.open_people(
        files / "DERIVED_mini_release" / "mpii_human_pose_v1_u12_1.mat", "validation", files / "posehg" / "valid.h5"
    )
    places = {pair: i for i, pair in enumerate(zip(people.image.tolist(), people.person.tolist(), strict=True))}
    order = [places[pair] for pair in zip(release.image.tolist(), release.person.tolist(), strict=True)]
    distances = metrics.normalised_distances(release.pose, predictions[order], release.head_size)
    assert 100 * metrics.correct_share(distances[:, counted], 0.5) == pytest.approx(88.038, abs=5e-4)
    assert len(release) == 2958 and release.left_out == 1988


def test_real_photographs(shared):
    files = shared / "data" / "mpii"
    reader = mpii.Mpii(mpii.open_people(files / "test_mpii.json"), files / "images")
    for crop in crops.Crops(reader, (64, 64), layouts.get("pa16j")):
        assert np.nanmin(crop.pose_crop) > 0 and np.nanmax(crop.pose_crop) < 1.1 and crop.image.std() > 0.1
