import pathlib
import pickle
import shutil
import unicodedata
import zipfile

import numpy as np
import pytest
import scipy.io

from deephar.data.readers import archive as archive_files
from deephar.data.readers import lsp


@pytest.fixture(scope="module")
def archive(drawn):
    return shutil.make_archive(str(drawn), "zip", drawn.parent, drawn.name)


def test_folder_and_zip_give_the_same(drawn, archive):
    a, b = lsp.LspExtended(drawn), lsp.LspExtended(archive)
    assert len(a) == len(b) == 12
    for index in range(len(a)):
        x, y = a.sample(index), b.sample(index)
        assert x.name == y.name == f"images/im{index + 1:05d}.jpg"
        np.testing.assert_array_equal(x.pose_px, y.pose_px)
        np.testing.assert_array_equal(np.asarray(x.image), np.asarray(y.image))


def test_a_pickled_reader_opens_the_zip_anew(archive):
    reader = pickle.loads(pickle.dumps(lsp.LspExtended(archive, range(3, 6))))
    assert len(reader) == 3 and reader.sample(0).name == "images/im00003.jpg"


def test_a_joint_that_is_not_located_is_nan(drawn):
    pose = lsp.LspExtended(drawn).sample(0).pose_px
    assert np.all(np.isnan(pose[0])) and np.all(np.isfinite(pose[1:]))


def test_a_joint_that_is_not_a_number_is_not_located(drawn, tmp_path):
    shutil.copytree(drawn, tmp_path / "copy")
    joints = scipy.io.loadmat(drawn / "joints.mat")["joints"]
    joints[3, 0, 1], joints[:, 0, 2] = np.nan, np.nan
    scipy.io.savemat(tmp_path / "copy" / "joints.mat", {"joints": joints})
    reader = lsp.LspExtended(tmp_path / "copy")
    assert np.flatnonzero(np.isnan(reader.sample(1).pose_px).any(axis=1)).tolist() == [3]
    with pytest.raises(ValueError, match=r"images/im00003.jpg: A box needs at least one located joint"):
        reader.sample(2)


def test_joints_outside_the_photograph(drawn, tmp_path):
    """Rounding is moved to the edge, a gross error is dropped."""
    shutil.copytree(drawn, tmp_path / "copy")
    joints = scipy.io.loadmat(drawn / "joints.mat")["joints"]
    joints[0, :2, 1], joints[1, :2, 1] = (161.2, 50.0), (305.0, 50.0)
    scipy.io.savemat(tmp_path / "copy" / "joints.mat", {"joints": joints})
    pose = lsp.LspExtended(tmp_path / "copy").sample(1).pose_px
    np.testing.assert_array_equal(pose[0], [160.0, 50.0])
    assert np.all(np.isnan(pose[1]))


def test_real_files(shared):
    reader = lsp.LspExtended(shared / "data" / "lspe" / "lspe_train.zip")
    assert len(reader) >= max(max(numbers) for numbers in lsp.SPLITS.values())
    assert np.all(np.isnan(reader.sample(0).pose_px[0]))
    located = sum(np.isfinite(reader.sample(index).pose_px[:, 0]).sum() for index in (23, 711, 3362))
    flags = reader._joints[:, 2, [23, 711, 3362]].sum()
    assert located == flags


@pytest.mark.parametrize("packed", [False, True])
def test_suffixes_in_capitals(packed, drawn, tmp_path):
    copy = shutil.copytree(drawn, tmp_path / "copy")
    for path in [copy / "joints.mat", *(copy / "images").iterdir()]:
        path.rename(path.with_suffix(path.suffix.upper()))
    source = shutil.make_archive(str(copy), "zip", copy) if packed else copy
    image = lsp.LspExtended(source).sample(3).image
    np.testing.assert_array_equal(np.asarray(image), np.asarray(lsp.LspExtended(drawn).sample(3).image))


@pytest.mark.parametrize("listed", ["NFC", "NFD"])
@pytest.mark.parametrize("packed", ["folder", "zip", "unmarked zip"])
def test_archives_find_names_in_either_unicode_form(packed, listed, tmp_path):
    """Also in a zip that does not say that its names are UTF-8, as macOS packs them."""
    other = {"NFC": "NFD", "NFD": "NFC"}[listed]
    stored, wanted = (unicodedata.normalize(form, "Zoë/frühstück.txt") for form in (other, listed))
    folder = tmp_path / "files"
    (folder / stored).parent.mkdir(parents=True)
    (folder / stored).write_text("eggs")
    source = folder
    if packed != "folder":
        source = tmp_path / "files.zip"
        with zipfile.ZipFile(source, "w") as file:
            file.mkdir("Zoë.jpg")
            file.write(folder / stored, stored)
    if packed == "unmarked zip":
        content = bytearray(source.read_bytes())
        for signature, flag in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
            content[content.index(signature) + flag] &= ~0x08
        source.write_bytes(content)
    files = archive_files.Archive(source, "breakfast")
    assert files.read(wanted) == b"eggs" and files.names == [stored]
    with pytest.raises(ValueError, match=r"lacks Zoë/käse.txt"):
        files.read("Zoë/käse.txt")


def test_an_encrypted_zip_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "files.zip", "w") as file:
        file.writestr("a.txt", "eggs")
    content = bytearray((tmp_path / "files.zip").read_bytes())
    for signature, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + flag] |= 1
    (tmp_path / "files.zip").write_bytes(content)
    with pytest.raises(ValueError, match=r"a.txt in .*files.zip is damaged: .*encrypted"):
        archive_files.Archive(tmp_path / "files.zip", "breakfast").read("a.txt")


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (np.zeros((3, 14, 5)), "older LSP, whose visibility flag is inverted"),
        (np.zeros((14, 5)), r"must be \(14, 3, N\). Received: \(14, 5\)"),
    ],
)
def test_another_joints_file_is_refused(joints, message, tmp_path):
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints})
    with pytest.raises(ValueError, match=message):
        lsp.LspExtended(tmp_path)


def test_missing_and_damaged_data_are_named(drawn, archive, tmp_path):
    with pytest.raises(ValueError, match=r"Expected a folder or a zip.*absent"):
        lsp.LspExtended(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"Expected joints.mat"):
        lsp.LspExtended(tmp_path)
    (tmp_path / "joints.mat").write_bytes(b"not matlab")
    with pytest.raises(ValueError, match=r"joints of LSP-extended in joints.mat of .* damaged"):
        lsp.LspExtended(tmp_path)
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.zeros((14, 3, 500))}, do_compression=True)
    content = (tmp_path / "joints.mat").read_bytes()
    (tmp_path / "joints.mat").write_bytes(content[:200] + bytes(len(content) - 200))
    with pytest.raises(ValueError, match=r"joints of LSP-extended in joints.mat of .* damaged"):
        lsp.LspExtended(tmp_path)
    (tmp_path / "cut.zip").write_bytes(pathlib.Path(archive).read_bytes()[:-200] + bytes(200))
    with pytest.raises(ValueError, match=r"Expected a folder or a zip.*cut.zip"):
        lsp.LspExtended(tmp_path / "cut.zip")
    (tmp_path / "joints.mat").write_bytes((drawn / "joints.mat").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"joints of LSP-extended in joints.mat of .* damaged"):
        lsp.LspExtended(tmp_path)
    with pytest.raises(ValueError, match=r"photographs 1 to 12. Received: 1 to 99"):
        lsp.LspExtended(drawn, range(1, 100))
