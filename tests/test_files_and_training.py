import contextlib
import errno
import itertools
import os
import threading

import h5py
import keras
import numpy as np
import pytest
from drawn import DrawnVideos, drawn_lsp
from helpers import eagerly, outputs_of

from deephar import distribution, files, layouts, models, training
from deephar.data.batches import loader
from deephar.data.readers import lsp
from deephar.data.synthetic.people import SyntheticPeople
from deephar.evaluation.judges import Judge
from deephar.models import outputs
from deephar.training import STAGES, Recipe, Stage, stages

TINY = {"num_joints": 14, "input_shape": (64, 64, 3), "width": 32, "num_blocks": 2, "concat_visibility": True}


def test_a_file_is_whole_or_absent(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with files.whole_file(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    with pytest.raises(RuntimeError), files.whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "one" and [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_link_and_a_pipe_stay_what_they_are(tmp_path):
    """As /dev/null and /dev/stdout do; nothing is left beside them."""
    link, pipe, got = tmp_path / "link", tmp_path / "pipe", []
    link.symlink_to(tmp_path / "file.txt")
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    for path in (link, pipe):
        files.check_writable(path)
        with files.whole_file(path) as temporary:
            temporary.write_text("one")
    reader.join(10)
    assert got == ["one"] and pipe.is_fifo()
    assert link.is_symlink() and (tmp_path / "file.txt").read_text() == "one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file.txt", "link", "pipe"]


def test_what_a_link_leads_to_must_be_writable(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "there" / "out.json")
    asked = []
    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda dir: asked.append(dir) or contextlib.nullcontext())
    files.check_writable(tmp_path / "link.json")
    assert asked == [tmp_path / "there"]
    with pytest.raises(OSError, match="too long"):
        files.check_writable(tmp_path / ("n" * 300))


def test_cosine_schedule_climbs_and_falls():
    rate = training.cosine_schedule(1e-3, 100, warmup_steps=10)
    values = [float(rate(step)) for step in (0, 10, 55, 100)]
    np.testing.assert_allclose(values, [1e-5, 1e-3, 5e-4, 0], atol=1e-9)
    assert float(training.cosine_schedule(1e-3, 100)(0)) == pytest.approx(1e-3)


@eagerly()
def test_training_learns_and_keeps_the_best_weights(tmp_path):
    """A tiny network learns to find drawn people; the best weights are those of the best score."""
    keras.utils.set_random_seed(0)
    options = {**TINY, "num_blocks": 1}
    model = models.build("lite-2d", **options)
    reader = lsp.LspExtended(drawn_lsp(tmp_path / "lspe"))
    batches = loader.PoseLoader([(reader, 6)], (64, 64), outputs.kinds(model), workers=1)
    training.compile_model(model, keras.optimizers.SGD(0.1))
    given, seen = iter([5.0, 9.0, 7.0]), []

    def score(model):
        seen.append(model.get_weights())
        return next(given)

    callback = training.Score(score, tmp_path / "out")
    history = model.fit(batches, epochs=3, verbose=0, callbacks=[callback]).history
    assert history["loss"][-1] < history["loss"][0]
    assert history["val_pck"] == [5.0, 9.0, 7.0] and callback.best == 9.0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["best.weights.h5", "last.weights.h5"]
    for name, epoch in (("best", 1), ("last", 2)):
        stored = models.build("lite-2d", tmp_path / "out" / f"{name}.weights.h5", **options)
        for a, b in zip(seen[epoch], stored.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(seen[1][0], seen[2][0])


@eagerly()
def test_the_same_seed_gives_the_same_run_with_any_number_of_workers(tmp_path):
    def run(workers):
        keras.utils.set_random_seed(1)
        model = models.build("lite-2d", **{**TINY, "num_blocks": 1})
        batches = loader.PoseLoader(
            [(reader, 4)], (64, 64), outputs.kinds(model), augmentation="lsp", seed=1, workers=workers
        )
        training.compile_model(model, "sgd")
        return model.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]

    reader = lsp.LspExtended(drawn_lsp(tmp_path / "lspe", people=8))
    np.testing.assert_allclose(run(workers=0), run(workers=2), rtol=1e-5)


def test_a_score_that_is_not_a_number_is_the_worst(tmp_path):
    given = iter([float("nan"), 1.0, float("nan")])
    score = training.Score(lambda model: next(given), tmp_path)
    score.set_model(models.build("lite-2d", **{**TINY, "num_blocks": 1}))
    score.set_params({"epochs": 3})
    bests = []
    for epoch in range(3):
        score.on_epoch_end(epoch, {})
        bests.append(score.best)
    assert bests == [float("-inf"), 1.0, 1.0]
    assert (tmp_path / "best.weights.h5").is_file()


def test_step_schedule_by_hand():
    schedule = training.step_schedule(epochs=(1, 3), factor=0.2).schedule
    assert [schedule(epoch, 1.0) for epoch in range(5)] == [1.0, 0.2, 1.0, 0.2, 1.0]


def test_plateau_lowers_the_rate_where_the_score_stands():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0))
    plateau = training.plateau_schedule("val_pck", patience=2)
    plateau.verbose = 0
    plateau.set_model(model)
    plateau.on_train_begin()
    rates = []
    for epoch, score in enumerate([1.0, 3.0, 2.0, 3.0, 4.0]):
        plateau.on_epoch_end(epoch, {"val_pck": score})
        rates.append(float(model.optimizer.learning_rate))
    np.testing.assert_allclose(rates, [1.0, 1.0, 1.0, 0.2, 0.2])


def test_shrunk_weights_predict_alike(tmp_path):
    """No optimizer, about half the bytes, and every output within a hundredth; a failed copy leaves nothing."""
    model = models.build("lite-2d", **TINY)
    training.compile_model(model, keras.optimizers.Adam())
    model.optimizer.build(model.trainable_variables)
    files.save_weights(model, tmp_path / "full.weights.h5")
    files.shrink_weights(tmp_path / "full.weights.h5", tmp_path / "small.weights.h5")
    assert (tmp_path / "small.weights.h5").stat().st_size < 0.6 * (tmp_path / "full.weights.h5").stat().st_size
    small = models.build("lite-2d", tmp_path / "small.weights.h5", **TINY)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    for a, b in zip(outputs_of(model, image), outputs_of(small, image), strict=True):
        np.testing.assert_allclose(a, b, atol=0.01)
    (tmp_path / "broken.weights.h5").write_bytes(b"nothing")
    with pytest.raises(OSError):
        files.shrink_weights(tmp_path / "broken.weights.h5", tmp_path / "out.weights.h5")
    assert not list(tmp_path.glob("*out*"))


@eagerly()
def trained_in_stages(folder):
    """A clip network after two stages: the arrays of a layer of its pose part and of another after every epoch, the
    best scores, and the layers. The first epoch has the best score of all."""
    options = {"input_shape": (32, 32, 3), "num_blocks": 1, "width": 16, "frames": 4, "appearance_width": 16}
    model = models.build(
        "penn-merge", export_poses="last", concat_visibility=True, num_action_blocks=1, num_actions=2, **options
    )

    batches = loader.ClipLoader(
        [(DrawnVideos(), 3)], 4, (32, 32), outputs.kinds(model), layout=layouts.get("pa16j"), steps=1
    )
    watched = [model.get_layer(name) for name in ("stem_1", "pose_action1_maps")]
    given, seen = iter([3.0, *[1.0] * 20]), [[layer.get_weights()[0] for layer in watched]]

    def score(model):
        seen.append([layer.get_weights()[0] for layer in watched])
        return next(given)

    stages = (Stage("frozen", 20, True, 0.05, patience=6), Stage("tuning", 1, rate_factor=0.1))
    recipe = Recipe(preset="penn-merge", layout="pa16j", mixture={"drawn": 1}, batch_size=3, stages=stages)
    scores = training.train_stages(model, batches, recipe, Judge("val_accuracy", "a score", "", score), folder)
    return seen, scores, watched


def test_a_training_in_stages(tmp_path):
    """The pose part moves in its stage alone; both stages end with the best weights; the rate falls on a plateau."""
    seen, scores, watched = trained_in_stages(tmp_path)
    check_what_moves(seen)
    check_the_best_weights(seen, scores, watched, tmp_path)
    check_the_rates(tmp_path)


@eagerly()
def test_a_recipe_followed_from_python(tmp_path):
    """The seed decides the batches; batch norms follow as fast as the recipe says; the last weights are kept."""
    recipe = Recipe(
        preset="lite-2d",
        network={"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1},
        layout="pa16j",
        mixture={"drawn": 1},
        batch_size=2,
        steps=1,
        stages=(Stage("all", 1, rate=0.01, optimizer="adam", schedule="cosine"),),
        norm_momentum=0.5,
    )
    first = models.build(recipe.preset, **recipe.network).get_weights()

    def followed(folder, seed):
        model = models.build(recipe.preset, **recipe.network)
        model.set_weights(first)
        people = {"drawn": SyntheticPeople(20)}
        assert training.follow(recipe, model, people, tmp_path / folder, seed=seed, quiet=True) == [None]
        return model

    model, again, other = followed("one", 1), followed("again", 1), followed("other", 2)
    assert {norm.momentum for norm in distribution.batch_norms(model)} == {0.5}
    kept = models.build(recipe.preset, **recipe.network)
    kept.load_weights(tmp_path / "one" / "last.weights.h5")
    for one, saved, same, different, before in zip(
        *(model.get_weights() for model in (model, kept, again, other)), first, strict=True
    ):
        np.testing.assert_array_equal(one, saved)
        np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-6)
        assert not np.array_equal(one, different) and not np.array_equal(one, before)


def check_what_moves(seen):
    moved = [[not np.array_equal(a, b) for a, b in zip(*pair, strict=True)] for pair in itertools.pairwise(seen)]
    assert [pose for pose, _ in moved] == [False] * 7 + [True]
    assert all(action for _, action in moved)


def check_the_best_weights(seen, scores, watched, folder):
    """In memory and in the file those of the first epoch, which scored 3."""
    assert scores == [3.0, 3.0]
    for layer, best in zip(watched, seen[1], strict=True):
        np.testing.assert_array_equal(layer.get_weights()[0], best)
    with h5py.File(folder / "best.weights.h5") as file:
        arrays = []
        file["layers"].visititems(lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    for best in seen[1]:
        assert any(np.array_equal(array, best) for array in arrays)


def check_the_rates(folder):
    """By hand: after 5 epochs without a better score the rate falls to a fifth, after 6 the stage ends; the next begins
    at a tenth of its final rate."""
    first, second = (np.genfromtxt(folder / f"stage{n}.csv", delimiter=",", names=True) for n in (1, 2))
    np.testing.assert_allclose(first["learning_rate"], [0.05] * 6 + [0.01], rtol=1e-6)
    np.testing.assert_allclose(second["learning_rate"], 0.001, rtol=1e-6)


def test_the_recipes_of_stages():
    """The paper's second stage: 5 epochs at a tenth of the final rate; by another name the rates are fixed."""
    paper, tuning = STAGES["paper"]
    sgd = stages.optimizer(paper.optimizer, paper.first_rate(None))
    assert (type(sgd).__name__, sgd.momentum, sgd.nesterov) == ("SGD", 0.98, True)
    assert float(sgd.learning_rate) == pytest.approx(2e-4) and paper.patience > 0
    assert tuning.first_rate(4e-5) == pytest.approx(4e-6) and tuning.epochs == 5
    assert [stage.first_rate(1.0) for stage in STAGES["fixed"]] == [2e-4, 2e-5]
    assert type(stages.optimizer(STAGES["small"][0].optimizer, 1e-3)).__name__ == "AdamW"
    with pytest.raises(ValueError, match="first stage needs its own learning rate"):
        tuning.first_rate(None)


def test_a_folder_with_a_training_is_refused(tmp_path):
    files.new_run(tmp_path / "new")
    (tmp_path / "new" / "eval.json").write_text("{}")  # of an evaluation, not of a training
    files.new_run(tmp_path / "new")
    (tmp_path / "new" / "best.weights.h5").write_text("better")
    with pytest.raises(ValueError, match=r"already holds a training run \(best.weights.h5\).*--out.*--overwrite"):
        files.new_run(tmp_path / "new")
    files.new_run(tmp_path / "new", overwrite=True)
    assert (tmp_path / "new" / "best.weights.h5").read_text() == "better"


def test_batch_norms_forget_quicker():
    """With a momentum of 0 the moving statistics of every batch norm, those inside layers too, are the batch's."""
    keras.utils.set_random_seed(0)
    model = models.build("lite-2d", **TINY)
    assert training.set_momentum(model, 0.0) == sum("moving_mean" in weight.path for weight in model.weights) > 30
    x = np.random.default_rng(0).uniform(-1, 1, (8, 64, 64, 3)).astype("float32")
    model(x, training=True)
    np.testing.assert_allclose(model(x, training=False)[-1], model(x, training=True)[-1], atol=2e-3)


def test_a_folder_that_cannot_be_written_to_is_named_by_the_file(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/tmpa1b2")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", full)
    with pytest.raises(OSError, match="No space left") as fault:
        files.check_writable(tmp_path / "joints.json")
    assert fault.value.filename == str(tmp_path / "joints.json")
