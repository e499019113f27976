"""The original implementation as oracle: outputs, intermediate results, losses and gradients."""

import functools
import json
import tempfile

import keras
import numpy as np
import pytest
from helpers import (
    GOLDEN,
    PHASES,
    golden_file,
    golden_network,
    outputs_of,
    trainable,
    value_and_gradients,
)

from deephar import losses, models
from deephar.weights import legacy_file

pytestmark = pytest.mark.backend

TOLERANCE = 5e-5


def largest_difference(got, folder, name):
    expected = np.load(folder / f"{name}.npz")
    got = [y[:, ::4, ::4, ::8] if key == "vfeat_stride" else y for key, y in zip(expected.files, got, strict=True)]
    largest = max(np.abs(y - expected[key]).max() for key, y in zip(expected.files, got, strict=True))
    print(f"{name} on {keras.backend.backend()}: off by at most {largest:.1e}")
    return largest


NAMES = ["As", pytest.param("As_old", marks=pytest.mark.slow_on("jax")), "Bs"]
ROLES = {
    "Stem": "stem", "rBlock": "block{}", "SepConv": "block{}_features_bn", "RegMap": "block{}_heatmaps",
    "fReMap": "block{}_remap_bn",
}  # fmt: skip


def intermediate(name):
    """Layers of ours whose outputs the original's file of intermediate results has, and their rows in it."""
    layers, rows = [], []
    for row, group in enumerate(str(n) for n in np.load(GOLDEN / f"inter_{name}.npz")["names"]):
        role, number = group.rstrip("12"), group[-1]
        if role in ROLES:
            layers.append(ROLES[role].format(number))
            rows.append(row)
    if name == "As_old":
        layers[0] = "stem_9"  # the early stem ends before its residual
    return layers, rows


@functools.cache
def seen(name):
    """What a golden network computes, in one run: its outputs, then those of the layers in between."""
    with tempfile.TemporaryDirectory() as folder:
        model, x = golden_network(name, f"{folder}/legacy.h5")
    layers, _ = intermediate(name)
    probe = keras.Model(model.input, [*model.outputs, *(model.get_layer(layer).output for layer in layers)])
    found = outputs_of(probe, x)
    return found[: len(model.outputs)], found[len(model.outputs) :]


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_original(name):
    assert largest_difference(seen(name)[0], GOLDEN, name) < TOLERANCE


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow_on("jax", "torch")) for name in ("A_mpii", "B_h36m")]
)
def test_outputs_of_the_published_sizes(name, tmp_path, shared):
    model, x = golden_network(name, tmp_path / "legacy.h5", shared / "golden")
    assert largest_difference(outputs_of(model, x), shared / "golden", name) < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_intermediate_results_are_those_of_the_original(name):
    stored = np.load(GOLDEN / f"inter_{name}.npz")
    layers, rows = intermediate(name)
    assert len(layers) == 8
    for layer, row, got in zip(layers, rows, seen(name)[1], strict=True):
        expected = stored["samples"][row]
        picks = (np.arange(64) * (got.size - 1) // 63).astype(int)
        limit = TOLERANCE * max(1.0, stored["stats"][row][2])
        assert np.abs(got.ravel()[picks] - expected).max() < limit, layer


@pytest.mark.slow_on("jax", "torch")
def test_exchanging_the_equal_arrays_of_the_stem_is_noticed(tmp_path):
    """6a and 6b of the stem hold arrays of equal shape; a loader that swaps them must not pass the test above."""
    model, x = golden_network("As", tmp_path / "legacy.h5")
    a, b = (model.get_layer(name).kernel for name in ("stem_6a1", "stem_6b1"))
    first, second = (keras.ops.convert_to_numpy(k) for k in (a, b))
    assert first.shape == second.shape
    a.assign(second)
    b.assign(first)
    assert largest_difference(outputs_of(model, x), GOLDEN, "As") > 10 * TOLERANCE


def objective(model, mode, data):
    """The golden's training objective as a function of the outputs, and the loss of every output."""
    pose, visible = data["y_pose"], data["y_vis"]
    if mode == "mpii":
        loss = losses.PoseLoss("elastic_net_bce_mean")
        terms = [(loss, np.concatenate([pose, visible], axis=-1), 1.0)] * len(model.outputs)
    else:
        pair = [(losses.CoordinateLoss("elastic_net_sum"), pose, 1.0), (losses.VisibilityLoss(), visible, 0.01)]
        terms = pair * (len(model.outputs) // 2)

    def parts(outputs):
        return [loss(target, y) for (loss, target, _), y in zip(terms, outputs, strict=True)]

    def total(outputs):
        return sum(weight * part for (_, _, weight), part in zip(terms, parts(outputs), strict=True))

    return total, parts


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        pytest.param("Bs", "v04", marks=pytest.mark.slow_on("jax")),
        *(
            pytest.param(*case, marks=pytest.mark.slow_on("jax", "torch"))
            for case in [("As", "mpii"), ("As", "v04"), ("Bs", "mpii")]
        ),
    ],
)
def test_losses_and_gradients_are_those_of_the_original(name, mode, tmp_path):
    model, x = golden_network(name, tmp_path / "legacy.h5", concat_visibility=mode == "mpii")
    data = np.load(GOLDEN / f"train_{name}_{mode}.npz")
    total, parts = objective(model, mode, data)

    test_losses = [float(keras.ops.convert_to_numpy(part)) for part in parts(outputs_of(model, x))]
    np.testing.assert_allclose(test_losses, data["test_losses"][1:], rtol=loss_tolerance(name, mode, "test_losses"))
    for phase in PHASES:
        value, gradients = value_and_gradients(model, trainable(model), total, x, phase == "train_phase")
        expected = float(data[f"total_loss_{phase}"])
        assert value == pytest.approx(expected, rel=loss_tolerance(name, mode, f"total_loss_{phase}"))
        names = [variable.path for variable in trainable(model)]
        kinks = KINKS.get((name, phase), {})
        tolerance = gradient_tolerance(name, mode, f"grad_{phase}")
        check_gradients(names, gradients, data[f"grad_{phase}"], *tolerance, kinks)


def sensitivity(name, mode, key):
    """What rounding alone did to a golden, at most, over the two trials on record."""
    trials = json.loads((GOLDEN / "train_sensitivity.json").read_text())
    found = [trials[f"{name}_{mode}_{trial}"].get(key, {}) for trial in ("cross", "pert")]
    return {kind: max(f.get(kind, 0.0) for f in found) for kind in ("rel_max", "rel_l2norm_max", "rel_elements_max")}


def loss_tolerance(name, mode, key):
    return max(1e-5, 10 * sensitivity(name, mode, key)["rel_max"])


def gradient_tolerance(name, mode, key):
    found = sensitivity(name, mode, key)
    return max(1e-3, 10 * found["rel_l2norm_max"]), max(1e-2, 10 * found["rel_elements_max"])


KINKS = {("Bs", "train_phase"): {"stem_6b2_bn/beta": [3]}}
KINK_TOLERANCE = 5e-2
"""Samples with a wider bound. Channel 27 of this layer has, at one pixel, an input of 3e-6 standard deviations to its
ReLU, and the original's rounding put it on the other side of zero. Float64 agrees with ours to 1e-3, and the gradient
through that one pixel, 0.0063, is the difference of 0.0071 up to the tolerance."""


def check_gradients(names, gradients, expected, norm_tolerance, element_tolerance, kinks):
    assert len(gradients) == len(expected)
    for name, gradient, row in zip(names, gradients, expected, strict=True):
        flat = gradient.astype(np.float64).ravel()
        picks = (np.arange(8) * (flat.size - 1) // 7).astype(int)
        limit = np.full(8, element_tolerance)
        limit[kinks.get(name, [])] = KINK_TOLERANCE
        np.testing.assert_allclose(np.linalg.norm(flat), row[1], rtol=norm_tolerance)
        assert np.all(np.abs(flat[picks] - row[3:]) <= limit * row[2]), name


@pytest.mark.slow_on("jax", "torch")
def test_converted_weights_survive_keras_own_format(tmp_path):
    model, x = golden_network("As", tmp_path / "legacy.h5")
    model.save_weights(tmp_path / "ours.weights.h5")
    copy = models.build("mpii-2d", tmp_path / "ours.weights.h5", **{
        "input_shape": (128, 128, 3), "num_blocks": 2, "concat_visibility": True,
    })  # fmt: skip
    for a, b in zip(outputs_of(model, x), outputs_of(copy, x), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow_on("jax", "torch")
def test_a_file_of_another_input_size_is_refused(tmp_path):
    """Only its fixed grids depend on the size of the picture; the original would use them as they are."""
    model = models.build("mpii-2d", input_shape=(64, 64, 3), num_blocks=2)
    with pytest.raises(ValueError, match=r"group sSAM.*\(8, 8, 16, 1\)"):
        legacy_file.load_legacy_weights(model, golden_file("As", tmp_path / "legacy.h5"))
