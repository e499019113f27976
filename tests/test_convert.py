import h5py
import keras
import numpy as np
import pytest
from helpers import golden_file, golden_rule, manifest

from deephar import models
from deephar.cli import convert
from deephar.weights import legacy_file

AS = {"input_shape": (128, 128, 3), "num_blocks": 2}


@pytest.fixture(scope="module")
def legacy(tmp_path_factory):
    return golden_file("As", tmp_path_factory.mktemp("legacy") / "As.h5")


@pytest.fixture(scope="module")
def model():
    return models.build("mpii-2d", **AS)


def values(model):
    return {w.path: keras.ops.convert_to_numpy(w) for w in model.weights}


def edited(legacy, path, edit):
    """A copy of a legacy file after `edit(file)`."""
    path.write_bytes(legacy.read_bytes())
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def reordered(file, group, order):
    file[group].attrs["weight_names"] = np.array(order)


def names_of(file, group):
    return list(file[group].attrs["weight_names"])


def test_report_accounts_for_every_array_both_ways(model, legacy):
    report = legacy_file.load_legacy_weights(model, legacy)
    in_file = [f"{group}/{weight}" for group, rows in manifest("As")["layers"] for weight, _, _ in rows]
    assert [source for source, _, _ in report.loaded] + [source for source, _, _ in report.constants] == in_file
    assert sorted(target for _, target, _ in report.loaded) == sorted(w.path for w in model.weights)
    assert len(report.constants) == 9 and max(gap for _, _, gap in report.constants) < 1e-6
    assert "155 arrays loaded (4,444,224 numbers), 9 constants checked" in str(report)


def test_values_arrive_where_they_belong(model, legacy):
    legacy_file.load_legacy_weights(model, legacy)
    stored = {(group, name): array for group, name, array in golden_rule.iter_weights(manifest("As"))}
    for name, layer in (("conv2d_5", "stem_6a1"), ("conv2d_7", "stem_6b1")):
        kernel = keras.ops.convert_to_numpy(model.get_layer(layer).kernel)
        np.testing.assert_array_equal(kernel, stored["Stem", f"{name}/kernel:0"])


def frozen(file):
    """The order in which Keras 2.1.4 stores nested models whose inner layers were all frozen: layer after layer."""
    for group in ("Stem", "rBlock1", "rBlock2"):
        names = names_of(file, group)
        layers = list(dict.fromkeys(name.split(b"/")[0] for name in names))
        reordered(file, group, [name for layer in layers for name in names if name.split(b"/")[0] == layer])


def test_both_stored_orders_load(model, legacy, tmp_path):
    legacy_file.load_legacy_weights(model, legacy)
    before = values(model)
    other = edited(legacy, tmp_path / "frozen.h5", frozen)
    with h5py.File(legacy) as a, h5py.File(other) as b:
        assert names_of(a, "Stem") != names_of(b, "Stem")
    fresh = models.build("mpii-2d", **AS)
    legacy_file.load_legacy_weights(fresh, other)
    for path, value in values(fresh).items():
        np.testing.assert_array_equal(value, before[path])


def test_inner_numbers_do_not_matter(model, legacy, tmp_path):
    def renumber(file):
        for group in ("Stem", "SepConv1"):
            names = names_of(file, group)
            for name in names:
                inner, weight = name.decode().split("/")
                file[group].move(name.decode(), f"{inner}_17/{weight}")
            reordered(file, group, [name.replace(b"/", b"_17/") for name in names])

    assert legacy_file.load_legacy_weights(model, edited(legacy, tmp_path / "other.h5", renumber))


def drop_last(file):
    names = names_of(file, "rBlock1")
    del file["rBlock1"][names[-1]]
    reordered(file, "rBlock1", names[:-1])


def transpose(file):
    name = names_of(file, "RegMap1")[0]
    array = file["RegMap1"][name][()]
    del file["RegMap1"][name]
    file["RegMap1"][name.decode()] = array.transpose(0, 1, 3, 2)


def swap_kinds(file):
    names = names_of(file, "SepConv1")
    reordered(file, "SepConv1", [*names[:2], names[3], names[2], names[4]])


def spoil(group, value):
    def edit(file):
        dataset = file[group][names_of(file, group)[0]]
        dataset[0, 0, 0, 0] = value

    return edit


def leave_out_a_group(file):
    file.attrs["layer_names"] = np.array([n for n in file.attrs["layer_names"] if n != b"SepConv2"])


def delete_a_group(file):
    leave_out_a_group(file)
    del file["SepConv2"]


def add_a_group(file):
    group = file.create_group("dense_9")
    group["dense_9/kernel:0"] = np.zeros((2, 2), dtype="float32")
    group.attrs["weight_names"] = np.array([b"dense_9/kernel:0"])
    file.attrs["layer_names"] = np.array([*file.attrs["layer_names"], b"dense_9"])


def list_twice(file):
    """6a takes the place of 6b, whose array has the same shape."""
    names = names_of(file, "Stem")
    names[names.index(b"conv2d_7/kernel:0")] = b"conv2d_5/kernel:0"
    reordered(file, "Stem", names)


def hide(file):
    file["Stem"].create_dataset("conv2d_99/kernel:0", data=np.zeros(3))


def text_for_numbers(file):
    del file["RegMap1"][names_of(file, "RegMap1")[0]]
    file["RegMap1"][names_of(file, "RegMap1")[0].decode()] = "numbers"


def group_for_numbers(file):
    del file["RegMap1"][names_of(file, "RegMap1")[0]]
    file["RegMap1"].create_group(names_of(file, "RegMap1")[0].decode())


def no_names(file):
    file.attrs["layer_names"] = 7


DAMAGE = {
    "an array listed twice": (list_twice, r"lists conv2d_5/kernel:0 twice"),
    "an array not listed": (hide, r"its index omits Stem/conv2d_99/kernel:0"),
    "text": (text_for_numbers, r"must hold finite numbers"),
    "a group for an array": (group_for_numbers, r"must hold finite numbers"),
    "no list of names": (no_names, r"not a complete HDF5 weight file"),
    "an array missing": (drop_last, r"group rBlock1: expected 43 arrays. Received: 42"),
    "a transposed array": (
        transpose,
        r"group RegMap1: expected kernel \(1, 1, 576, 48\).*Received: kernel \(1, 1, 48, 576\)",
    ),
    "mean taken for beta": (swap_kinds, r"group SepConv1: expected beta .* Received: moving_mean"),
    "a group missing": (leave_out_a_group, r"its index omits SepConv2/"),
    "a group deleted": (delete_a_group, r"missing groups: SepConv2"),
    "a group left over": (add_a_group, r"groups left over: dense_9"),
    "NaN": (spoil("RegMap2", np.nan), r"RegMap2/.* holds NaN, infinity"),
    "another grid": (spoil("sSAM", 0.5), r"group sSAM: .* differs by up to 0.5"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_and_the_model_untouched(damage, model, legacy, tmp_path):
    edit, message = DAMAGE[damage]
    model.set_weights([np.full_like(value, 0.5) for value in model.get_weights()])
    before = values(model)
    with pytest.raises(ValueError, match=message):
        legacy_file.load_legacy_weights(model, edited(legacy, tmp_path / "damaged.h5", edit))
    after = values(model)
    assert all(np.array_equal(before[path], after[path]) for path in before)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: b"", "not a complete HDF5 weight file"),
        (lambda whole: b"GIF89a and so on", "not a complete HDF5 weight file"),
        (lambda whole: whole[: len(whole) // 2], "not a complete HDF5 weight file"),
    ],
)
def test_no_hdf5_and_truncated_files(content, message, model, legacy, tmp_path):
    path = tmp_path / "bad.h5"
    path.write_bytes(content(legacy.read_bytes()))
    with pytest.raises(ValueError, match=message):
        legacy_file.load_legacy_weights(model, path)


def test_hdf5_of_something_else(model, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(ValueError, match="no `layer_names`.*with data"):
        legacy_file.load_legacy_weights(model, tmp_path / "other.h5")
    with pytest.raises(ValueError, match="No such weight file"):
        legacy_file.load_legacy_weights(model, tmp_path / "absent.h5")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"num_blocks": 3}, "expected 3 prediction blocks. Received: 2"),
        ({"num_joints": 14}, r"group RegMap1: expected kernel \(1, 1, 576, 42\)"),
        ({"num_context": 0}, r"groups left over: cSAM, Agg"),
        ({"kernel_size": (3, 3)}, r"group rBlock1: expected depthwise_kernel \(3, 3, 288, 1\)"),
    ],
)
def test_another_configuration_is_refused(overrides, message, legacy):
    with pytest.raises(ValueError, match=message):
        models.build("mpii-2d", legacy, **{**AS, **overrides})


def test_command(legacy, tmp_path, capsys, model):
    out = tmp_path / "out.weights.h5"
    arguments = [str(legacy), "--model", "mpii-2d", "--out", str(out)]
    convert.main([*arguments, "--override", "num_blocks=2", "--override", "input_shape=(128,128,3)"])
    assert "none left over, none missing" in capsys.readouterr().out
    legacy_file.load_legacy_weights(model, legacy)
    expected = values(model)
    model.set_weights([np.zeros_like(value) for value in model.get_weights()])
    model.load_weights(out)
    for path, value in values(model).items():
        np.testing.assert_array_equal(value, expected[path])
    with pytest.raises(SystemExit) as stop:
        convert.main([*arguments, "--override", "num_blocks=3", "--override", "input_shape=(32,32,3)"])
    assert stop.value.code == 1
    assert "expected 3 prediction blocks. Received: 2" in capsys.readouterr().err
