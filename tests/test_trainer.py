"""The trainer goes on where it was interrupted, and a recipe's fields are replaced by name."""

import dataclasses
import functools
import pathlib
import shutil
import sys
import types

import keras
import numpy as np
import pytest
from helpers import eagerly

from deephar import files
from deephar.config import PoseNoise
from deephar.data.readers import lsp
from deephar.data.samples import boxes, crops
from deephar.data.samples.box_file import BoxFile
from deephar.data.samples.clips import extent_boxes
from deephar.evaluation import judges
from deephar.training import ClipSampling, Joint, Recipe, Stage, fingerprint, options, train, trainer

RECIPE = Recipe(
    preset="lite-2d",
    network={"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1},
    layout="lsp14",
    mixture={"drawn": 100},
    augmentation="lsp",
    batch_size=12,
    stages=(
        Stage("first", 2, rate=0.05, optimizer="sgd", schedule="plateau", patience=2),
        Stage("second", 2, rate_factor=0.1, optimizer="adamw", schedule="cosine"),
    ),
)
SCORES = (2.0, 1.0, 3.0, 4.0)


class Killed(Exception):
    pass


def run(drawn, folder, monkeypatch, *more, killed_at=None, first=0):
    """Train by the recipe on drawn people; scores are given, the one numbered `killed_at` does not come back."""
    reader, count = lsp.LspExtended(drawn), iter(range(first, 100))

    def score(model):
        number = next(count)
        if number == killed_at:
            raise Killed
        return SCORES[number]

    monkeypatch.setattr(sys, "argv", ["train.py", "--out", str(folder), *more])
    args, people = options.parsed(options.parser("", RECIPE, "runs"), lambda args: {"drawn": reader})
    crop = crops.Crops(reader, args.recipe.size)
    pck = judges.pck(crop, "drawn people")
    return train(args, people, judges.Judge(pck.log, pck.text, pck.unit, score))


@pytest.fixture(scope="module")
def whole(drawn, tmp_path_factory):
    """Folder of a training that was not interrupted, and what became of it."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch, eagerly():
        return folder, run(drawn, folder, patch)


def log(folder, stage):
    return np.genfromtxt(folder / f"stage{stage}.csv", delimiter=",", names=True)


@pytest.mark.slow
@eagerly()
def test_a_training_in_pieces_ends_as_if_nothing_had_been(whole, drawn, tmp_path, monkeypatch, capsys):
    """Every piece has time for one epoch: within the first stage, at its end, within the second, at the end of all."""
    folder, at_once = whole
    said = []
    for first in range(4):
        pieces = run(drawn, tmp_path, monkeypatch, "--minutes", "1e-9", *["--resume"][: first > 0], first=first)
        said.append("--resume continues" in capsys.readouterr().out)
        assert (tmp_path / "small.weights.h5").is_file()
    assert said == [True, True, True, False] and pieces.scores == at_once.scores
    for stage in (1, 2):
        np.testing.assert_allclose(log(tmp_path, stage)["loss"], log(folder, stage)["loss"], rtol=1e-5)


@eagerly()
def test_half_precision_is_of_the_layers_alone_and_quietly_there_is_no_progress_bar(
    drawn, tmp_path, monkeypatch, capsys
):
    """Weights and outputs stay float32, and so does what is built afterwards."""
    model = run(drawn, tmp_path, monkeypatch, "--precision", "bfloat16", "--epochs", "1", "--quiet").model
    assert len(capsys.readouterr().out.splitlines()) == 3  # what was reached, and where it is
    assert model.get_layer("stem_1").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"} == {output.dtype for output in model.outputs}
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
@eagerly()
@pytest.mark.parametrize("killed_at", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 3))])
def test_a_training_goes_on_as_if_nothing_had_been(killed_at, whole, drawn, tmp_path, monkeypatch, capsys):
    """After the first epoch its time is up; then killed before the end of the second epoch, of the second stage's first
    and of its last: the same losses, rates, scores and weights."""
    run(drawn, tmp_path, monkeypatch, "--minutes", "1e-9")
    assert "--resume continues" in capsys.readouterr().out and (tmp_path / "small.weights.h5").is_file()
    with pytest.raises(Killed):
        run(drawn, tmp_path, monkeypatch, "--resume", killed_at=killed_at, first=1)
    again = run(drawn, tmp_path, monkeypatch, "--resume", first=killed_at)
    folder, expected = whole
    assert again.scores == expected.scores == [2.0, 4.0]
    for stage in (1, 2):
        assert log(tmp_path, stage).dtype.names == log(folder, stage).dtype.names
        for name in log(folder, stage).dtype.names:
            np.testing.assert_allclose(log(tmp_path, stage)[name], log(folder, stage)[name], rtol=1e-5, err_msg=name)
    for a, b in zip(again.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_finished_training_has_nothing_left_to_do(whole, drawn, monkeypatch):
    folder, expected = whole
    rows = (folder / "stage2.csv").read_text()
    again = run(drawn, folder, monkeypatch, "--resume", killed_at=0)
    assert again.scores == expected.scores and (folder / "stage2.csv").read_text() == rows
    for a, b in zip(again.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def said(drawn, folder, monkeypatch, capsys, *more):
    with pytest.raises(SystemExit) as stop:
        run(drawn, folder, monkeypatch, *more)
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_what_cannot_go_on_is_said(whole, drawn, tmp_path, monkeypatch, capsys):
    folder, _ = whole
    err = said(drawn, folder, monkeypatch, capsys, "--resume", "--batch-size", "3")
    assert "from a different training run: batch_size was 12, now 3" in err
    assert "seed was 0, now 5" in said(drawn, folder, monkeypatch, capsys, "--resume", "--seed", "5")
    assert "Nothing to resume from" in said(drawn, tmp_path, monkeypatch, capsys, "--resume")
    (tmp_path / "resume.weights.h5").write_bytes((folder / "resume.weights.h5").read_bytes()[:5000])
    assert "Start over without --resume" in said(drawn, tmp_path, monkeypatch, capsys, "--resume")
    assert "already holds a training run" in said(drawn, folder, monkeypatch, capsys)


def test_damaged_best_weights_are_said(whole, drawn, tmp_path, monkeypatch, capsys):
    shutil.copytree(whole[0], tmp_path / "run")
    (tmp_path / "run" / "best.weights.h5").write_bytes(b"junk")
    assert "Start over without --resume" in said(drawn, tmp_path / "run", monkeypatch, capsys, "--resume")


@eagerly()
def test_what_is_overwritten_is_not_gone_on_with(whole, drawn, tmp_path, monkeypatch, capsys):
    shutil.copytree(whole[0], tmp_path / "run")
    with pytest.raises(Killed):
        run(drawn, tmp_path / "run", monkeypatch, "--overwrite", killed_at=0)
    assert not (tmp_path / "run" / "best.weights.h5").exists()
    assert "Nothing to resume from" in said(drawn, tmp_path / "run", monkeypatch, capsys, "--resume")


def test_a_third_stage_is_of_the_run_too(tmp_path):
    (tmp_path / "stage3.csv").write_text("epoch,loss")
    with pytest.raises(ValueError, match=r"already holds a training run \(stage3.csv\)"):
        files.new_run(tmp_path)
    (tmp_path / "tensorboard" / "stage1").mkdir(parents=True)
    (tmp_path / "tensorboard" / "stage1" / "events").write_bytes(b"of the earlier run")
    files.clear_run(tmp_path)
    assert not list(tmp_path.iterdir())


FROZEN = Stage("frozen", 1, frozen=True, rate=1e-3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stages": (dataclasses.replace(RECIPE.stages[1], rate=0.1), RECIPE.stages[1])}, "'second' ends, .* cosine"),
        ({"stages": (Stage("alone", 1),)}, "first stage needs its own learning rate"),
        ({"preset": "penn-pose-only", "network": {}, "layout": "penn13", "clips": ClipSampling(given=True),
          "stages": (FROZEN,)}, "penn-pose-only has no pose part to freeze"),
        ({"joint": Joint({}), "stages": (dataclasses.replace(FROZEN, pose_weight=2.0),)}, "a stage with `pose_weight`"),
        ({"joint": Joint({}), "clips": ClipSampling(noise=PoseNoise(0.1))}, "neither given nor disturbed"),
    ],
)  # fmt: skip
def test_recipes_that_cannot_be_followed_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(RECIPE, **fields).check()


def test_lists_of_paths_are_not_of_the_recipe(drawn, tmp_path, monkeypatch):
    parser = options.parser("", RECIPE, "runs")
    parser.add_argument("--missing", nargs="*", type=pathlib.Path)
    parser.add_argument("--names", nargs="*")
    monkeypatch.setattr(sys, "argv", ["train.py", "--out", str(tmp_path / "run"), "--missing", "a", "--names", "b"])
    args, _ = options.parsed(parser, lambda args: {})
    assert "missing" not in args.told and args.told["names"] == "['b']"


def test_a_recipe_reads_the_same_in_every_process():
    """Functions by their names, not by where they lie in memory."""
    clips = ClipSampling(spread=(0.5, 1.0), noise=PoseNoise(0.1), boxes=extent_boxes)
    told = RECIPE.replaced(clips=clips).to_json()["clips"]
    assert "boxes=deephar.data.samples.clips.extent_boxes" in told and " at 0x" not in told
    assert "noise=PoseNoise(jitter=0.1, dropout=0.0)" in told
    stored = [BoxFile(source, {}, path=path) for source, path in (("videos", "a"), ("videos", "b"), ("others", "a"))]
    chosen = [ClipSampling(boxes=functools.partial(boxes.predicted, file)) for file in stored]  # as `boxes.chooser`
    one, moved, other = (RECIPE.replaced(clips=clips).to_json()["clips"] for clips in chosen)
    assert "boxes=deephar.data.samples.boxes.predicted(" in one and one == moved != other


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--bach-size", "3"], "unrecognized arguments: --bach-size 3; did you mean --batch-size?"),
        ([""], "unrecognized arguments: "),
        (["--batch", "3"], "did you mean --batch-size?"), (["--xyz"], "arguments: --xyz; --help lists all"),
        (["--num-blocks", "0"], "`num_blocks` must be"), (["--width", "wide"], "`width` must be"),
        (["--preset", "lite-4d"], "Unknown model 'lite-4d'"), (["--epochs", "0"], "`epochs` must be"),
        (["--schedule", "steep"], "invalid choice: 'steep'"),
        (["--batch-size", "-3"], "`batch_size` must be"), (["--rate", "-1"], "`rate` must be"),
        (["--rate", "nan"], "`rate` must be"), (["--seed", "-1"], "must be 0 or more. Received: -1"),
        (["--num-joints", "10"], "The network has 10 joints, layout lsp14 has 14: r_ankle"),
    ],
)  # fmt: skip
def test_wrong_options_are_said(given, message, drawn, tmp_path, monkeypatch, capsys):
    assert message in said(drawn, tmp_path / "run", monkeypatch, capsys, *given)
    assert not (tmp_path / "run").exists()


def test_fields_are_replaced_by_name(monkeypatch, tmp_path):
    argv = "--batch-size 3 --epochs 7 --rate 0.5 --num-blocks 2 --input-shape 64 --augmentation flip --steps 4"
    monkeypatch.setattr(sys, "argv", ["train.py", "--out", str(tmp_path), "--smoke", *argv.split()])
    parser = options.parser("", {"paper": RECIPE, "other": RECIPE.replaced(width=32)}, "runs")
    args, given = options.parsed(parser, lambda args: args.recipe.size, {"width": 8, "epochs": 1})
    recipe = args.recipe
    assert given == (64, 64) and recipe.settings.network.width == 8 and recipe.settings.network.num_blocks == 2
    assert (recipe.batch_size, recipe.steps, recipe.augmentation_of("drawn")) == (3, 4, "flip")
    assert [(stage.epochs, stage.rate) for stage in recipe.stages] == [(7, 0.5), (7, None)]
    assert RECIPE.batch_size == 12 and RECIPE.settings.network.width == 16


def test_scores_that_were_never_numbers_are_said_to_be_none(tmp_path, capsys):
    """Not "inf mm"; and a score that is one, without its sign."""
    recipe = types.SimpleNamespace(stages=[types.SimpleNamespace(name=name) for name in ("first", "second")])
    judge = types.SimpleNamespace(text="MPJPE", unit="mm", broken={})
    trainer.say(recipe, judge, [float("-inf"), -98.76], types.SimpleNamespace(broken={}), tmp_path)
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == "best MPJPE, after first: none, it was never a number"
    assert second == "best MPJPE, after second: 98.8 mm"


def test_a_reader_of_nothing_has_a_fingerprint():
    """So that it is refused where the mixture says that every reader needs samples."""

    class Nothing:
        def __len__(self):
            return 0

    assert fingerprint.fingerprints({"a": Nothing()})["data.a"].startswith("0 samples")
