import io
import pathlib
import pickle
import shutil

import numpy as np
import pytest
import scipy.io
from helpers import drawn_lsp
from PIL import Image

from deephar import config, geometry, layouts
from deephar.data import augment, crops, frames, loader, lsp

LSP = layouts.get("lsp14")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return drawn_lsp(tmp_path_factory.mktemp("data") / "lspet_dataset")


@pytest.fixture(scope="module")
def archive(folder):
    return shutil.make_archive(str(folder), "zip", folder.parent, folder.name)


def test_folder_and_zip_give_the_same(folder, archive):
    a, b = lsp.LspExtended(folder), lsp.LspExtended(archive)
    assert len(a) == len(b) == 12
    for index in range(len(a)):
        x, y = a.sample(index), b.sample(index)
        assert x.name == y.name == f"images/im{index + 1:05d}.jpg"
        np.testing.assert_array_equal(x.pose_px, y.pose_px)
        np.testing.assert_array_equal(np.asarray(x.image), np.asarray(y.image))


def test_a_pickled_reader_opens_the_zip_anew(archive):
    reader = pickle.loads(pickle.dumps(lsp.LspExtended(archive, range(3, 6))))
    assert len(reader) == 3 and reader.sample(0).name == "images/im00003.jpg"


def test_a_joint_that_is_not_located_is_nan(folder):
    pose = lsp.LspExtended(folder).sample(0).pose_px
    assert np.all(np.isnan(pose[0])) and np.all(np.isfinite(pose[1:]))


def test_joints_outside_the_photograph(folder, tmp_path):
    """Rounding is moved to the edge, a gross error is dropped."""
    shutil.copytree(folder, tmp_path / "copy")
    joints = scipy.io.loadmat(folder / "joints.mat")["joints"]
    joints[0, :2, 1], joints[1, :2, 1] = (161.2, 50.0), (305.0, 50.0)
    scipy.io.savemat(tmp_path / "copy" / "joints.mat", {"joints": joints})
    pose = lsp.LspExtended(tmp_path / "copy").sample(1).pose_px
    np.testing.assert_array_equal(pose[0], [160.0, 50.0])
    assert np.all(np.isnan(pose[1]))


def test_real_files(shared):
    reader = lsp.LspExtended(shared / "data" / "lspe" / "lspe_train.zip")
    assert len(reader) == 4200
    assert np.all(np.isnan(reader.sample(0).pose_px[0]))
    located = sum(np.isfinite(reader.sample(index).pose_px[:, 0]).sum() for index in (23, 711, 3362))
    flags = reader._joints[:, 2, [23, 711, 3362]].sum()
    assert located == flags


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (np.zeros((3, 14, 5)), "older LSP, whose flag means the reverse"),
        (np.zeros((14, 5)), r"must be \(14, 3, N\). Received: \(14, 5\)"),
    ],
)
def test_another_joints_file_is_refused(joints, message, tmp_path):
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    with pytest.raises(ValueError, match=message):
        lsp.LspExtended(tmp_path)


def test_missing_and_damaged_data_are_named(folder, archive, tmp_path):
    with pytest.raises(ValueError, match=r"Expected a folder or a zip.*absent"):
        lsp.LspExtended(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"Expected joints.mat"):
        lsp.LspExtended(tmp_path)
    (tmp_path / "joints.mat").write_bytes(b"not matlab")
    with pytest.raises(ValueError, match=r"joints.mat in .* cannot be read"):
        lsp.LspExtended(tmp_path)
    (tmp_path / "cut.zip").write_bytes(pathlib.Path(archive).read_bytes()[:-200] + bytes(200))
    with pytest.raises(ValueError, match=r"Expected a folder or a zip.*cut.zip"):
        lsp.LspExtended(tmp_path / "cut.zip")
    (tmp_path / "joints.mat").write_bytes((folder / "joints.mat").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"joints.mat in .* cannot be read"):
        lsp.LspExtended(tmp_path)
    with pytest.raises(ValueError, match=r"photographs 1 to 12. Received: 1 to 99"):
        lsp.LspExtended(folder, range(1, 100))


def picture(mode="RGB", size=(40, 30)):
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_every_kind_of_picture_becomes_rgb(mode):
    kind = "TIFF" if mode == "CMYK" else "PNG"
    rgb = frames.to_rgb(frames.open_image(encoded(picture(mode), kind)))
    assert rgb.mode == "RGB" and rgb.size == (40, 30)


def test_transparency_lies_over_black():
    pixels = np.array([[[200, 100, 50, 0], [200, 100, 50, 255], [200, 100, 50, 128]]], dtype=np.uint8)
    rgb = np.asarray(frames.to_rgb(frames.open_image(encoded(Image.fromarray(pixels), "PNG"))))
    np.testing.assert_array_equal(rgb[0], [[0, 0, 0], [200, 100, 50], [100, 50, 25]])


def test_sixteen_bit_grey_keeps_its_range():
    values = np.array([[0, 257 * 10, 65535]], dtype=np.uint16)
    rgb = frames.to_rgb(frames.open_image(encoded(Image.fromarray(values), "PNG")))
    np.testing.assert_array_equal(np.asarray(rgb)[0, :, 0], [0, 10, 255])


def test_exif_orientation_is_applied():
    image = picture()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    rgb = frames.to_rgb(frames.open_image(encoded(image, "PNG", exif=exif)))
    np.testing.assert_array_equal(np.asarray(rgb), np.rot90(np.asarray(image), -1))


def test_damaged_pictures_are_named():
    whole = encoded(picture(size=(400, 300)), "JPEG")
    with pytest.raises(ValueError, match="me.jpg is truncated or damaged"):
        frames.to_rgb(frames.open_image(whole[: len(whole) // 2], "me.jpg"), "me.jpg")
    with pytest.raises(ValueError, match="me.jpg is not a photograph"):
        frames.open_image(b"", "me.jpg")
    with pytest.raises(ValueError, match=r"No such photograph: .*absent.jpg"):
        frames.open_image("absent.jpg")


def test_warp_of_a_whole_window_copies_pixels():
    image = picture()
    crop = frames.warp(image, geometry.window_to_crop((20, 15), (20, 10)), (20, 10))
    np.testing.assert_array_equal(crop, np.asarray(image)[10:20, 10:30])


def test_warp_is_black_outside():
    assert frames.warp(picture(), geometry.window_to_crop((-50, -50), (20, 20)), (8, 8)).max() == 0


def test_warp_averages_where_it_shrinks():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = Image.fromarray(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8))
    crop = frames.warp(image, geometry.window_to_crop((32, 32), (64, 64)), (16, 16))
    assert np.abs(crop.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("angle", [0, 30, -120])
@pytest.mark.parametrize("flip", [False, True])
def test_the_warp_and_the_joints_agree(angle, flip):
    """A bright disc lands where the map sends its centre, within a quarter of a pixel."""
    x, y = np.meshgrid(np.arange(200) + 0.5, np.arange(160) + 0.5)
    disc = 255 * np.clip(6 - np.hypot(x - 130.3, y - 70.8), 0, 1)
    image = Image.fromarray(np.repeat(disc[..., None], 3, axis=2).astype(np.uint8))
    matrix = geometry.window_to_crop((120, 75), (90, 90), angle, flip)
    crop = frames.warp(image, matrix, (128, 128))[..., 0].astype(float)
    centre = [(crop.sum(axis=axis) * (np.arange(128) + 0.5)).sum() / crop.sum() for axis in (0, 1)]
    expected = geometry.transform_points(matrix, [[130.3, 70.8]])[0] * 128
    np.testing.assert_allclose(centre, expected, atol=0.25)


def test_input_values_by_hand():
    pixels = np.array([[[0, 51, 255]]], dtype=np.uint8)
    np.testing.assert_allclose(frames.to_input(pixels), [[[-1, -0.6, 1]]], atol=1e-6)
    np.testing.assert_allclose(frames.to_input(pixels, (1, 2, 1)), [[[-1, 2 * 0.04 - 1, 1]]], atol=1e-6)


def test_draws_follow_the_generator_and_the_ranges():
    paper = config.AUGMENT["paper"]
    one, two = (augment.draw(paper, np.random.default_rng(7)) for _ in range(2))
    assert one == two
    draws = [augment.draw(paper, np.random.default_rng(seed)) for seed in range(200)]
    assert all(-45 <= d.angle <= 45 and 0.7 <= d.scale <= 1.3 and max(map(abs, d.shift)) <= 40 for d in draws)
    assert 60 < sum(d.flip for d in draws) < 140
    mpii = {augment.draw(config.AUGMENT["mpii"], np.random.default_rng(seed)).scale for seed in range(100)}
    assert mpii == {0.7, 1.0, 1.3}
    assert augment.draw(config.AUGMENT["none"], np.random.default_rng(0)) == augment.Draw()


def test_a_mirrored_crop_exchanges_sides(folder):
    reader = lsp.LspExtended(folder)
    plain = crops.make_crop(reader, 1, (64, 64))
    mirrored = crops.make_crop(reader, 1, (64, 64), augment.Draw(flip=True))
    right, left = LSP.index("r_wrist"), LSP.index("l_wrist")
    np.testing.assert_allclose(mirrored.pose_crop[left], [1 - plain.pose_crop[right, 0], plain.pose_crop[right, 1]])
    assert plain.pose_crop[right, 0] < plain.pose_crop[left, 0] and mirrored.pose_crop[right, 0] < 0.5
    np.testing.assert_allclose(mirrored.image, plain.image[:, ::-1], atol=0.02)


def test_the_plain_crop_is_the_square_extent_and_a_margin(folder):
    crop = crops.make_crop(lsp.LspExtended(folder), 1, (64, 64))
    low, high = np.nanmin(crop.pose_crop, axis=0), np.nanmax(crop.pose_crop, axis=0)
    np.testing.assert_allclose((low + high) / 2, 0.5, atol=1e-9)
    assert (high - low).max() == pytest.approx(1 / 1.25)


def test_target_by_hand():
    pose = np.array([[0.5, 0.25], [0.0, 0.5], [1.2, 0.5], [np.nan, np.nan]])
    target = crops.pose_target(pose, dim=3)
    np.testing.assert_allclose(target[0], [0.5, 0.25, crops.MISSING, 1])
    np.testing.assert_allclose(target[1:], [[crops.MISSING] * 3 + [0]] * 3)


def make_loader(folder, **options):
    return loader.PoseLoader([(lsp.LspExtended(folder), 5)], (64, 64), 2, augmentation="lsp", **options)


def test_loader_batches(folder):
    batches = make_loader(folder)
    assert len(batches) == 3
    images, targets = batches[2]
    assert images.shape == (5, 64, 64, 3) and images.dtype == np.float32
    assert len(targets) == 2 and targets[0].shape == (5, 14, 3) and targets[0] is targets[1]


def test_loader_is_deterministic_and_epochs_differ(folder):
    one, two = make_loader(folder, seed=3), make_loader(folder, seed=3)
    np.testing.assert_array_equal(one[1][0], two[1][0])
    two.on_epoch_end()
    assert not np.array_equal(one[1][0], two[1][0])
    assert not np.array_equal(one[1][0], make_loader(folder, seed=4)[1][0])


def test_an_epoch_uses_every_sample_before_any_again(folder):
    batches = make_loader(folder)
    names = [batches._crop(0, position).name for position in range(15)]
    assert len(set(names[:12])) == 12 and len(set(names[12:])) == 3


def test_readers_are_mixed_by_count_and_joints_by_name(folder):
    other = lsp.LspExtended(folder, range(1, 4))
    batches = loader.PoseLoader(
        [(lsp.LspExtended(folder), 3), (other, 1)], (64, 64), 1, layout=layouts.get("pa16j"), dim=3
    )
    images, (target,) = batches[0]
    assert len(batches) == 4 and images.shape[0] == 4 and target.shape == (4, 16, 4)
    assert np.all(target[:, :2, :] == [crops.MISSING] * 3 + [0])  # pelvis and thorax
    assert np.all(target[:, 2:4, 3] == 1)  # neck and head top


def test_broken_photographs(folder, tmp_path, caplog):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "images" / "im00002.jpg").write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"images/im00002.jpg is not a photograph"):
        [make_loader(copy)[index] for index in range(3)]
    patient = make_loader(copy, on_broken="skip")
    assert all(patient[index][0].shape[0] == 5 for index in range(3))
    assert sum(patient.broken.values()) >= 1 and "im00002.jpg" in next(iter(patient.broken))
    assert "im00002.jpg" in caplog.text


def test_nothing_readable_is_an_error(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    for file in (copy / "images").iterdir():
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="None of a reader's 12 samples"):
        make_loader(copy, on_broken="skip")[0]


def test_bad_loader_arguments(folder):
    with pytest.raises(ValueError, match="on_broken"):
        make_loader(folder, on_broken="ignore")
    with pytest.raises(ValueError, match="needs samples and a count"):
        loader.PoseLoader([(lsp.LspExtended(folder), 0)], (64, 64), 1)
