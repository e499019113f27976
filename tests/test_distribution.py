import json

import pytest
from scripts import hiding, printed

from deephar import distribution, models

TWO_COPIES = """
import json, keras, numpy as np
from unittest import mock
import test_keras_metrics as of_metrics
from drawn import Noise
from helpers import eagerly
from together import difference, trained
from deephar import distribution, layouts, training
from deephar.data.batches import loader
from deephar.inference import running
from deephar.models import outputs

def scores():
    "PCK and PCKh, of two copies and by hand; their halves of a batch have different numbers of labels."
    with distribution.scope("mirrored"):
        image = keras.Input((48,))
        model = keras.Model(image, keras.layers.Reshape((16, 3))(image))
        metrics = [of_metrics.PCK("pa16j"), of_metrics.PCKh("pa16j")]
        model.compile(loss=of_metrics.losses.PoseLoss(), metrics=metrics)
    y_true, y_pred = of_metrics.poses(8)
    y_true[1:4, 3:, :2] = of_metrics.MISSING
    found = model.evaluate(y_pred.reshape(8, 48), y_true, batch_size=8, verbose=0, return_dict=True)
    by_hand = of_metrics.expected_pck(y_true, y_pred), of_metrics.expected_pckh(y_true, y_pred)
    return [found["pck"], found["pckh"]], by_hand

def refused(action, *arguments, **options):
    try:
        action(*arguments, **options)
    except ValueError as error:
        return str(error)

def seen(model):
    "Pictures that either of two copies has of five, the poses found, and how far they are from those that one finds."
    shares, share = [], distribution._shared

    def noted(model, batch):
        parts = share(model, batch)
        shares.append([len(rows) for (rows,) in model.distribute_strategy.experimental_local_results(parts)])
        return parts

    images = np.random.default_rng(0).uniform(-1, 1, (5, 64, 64, 3)).astype("float32")
    with mock.patch.object(distribution, "_shared", noted):
        found, _ = running.predict_crops(model, images, layouts.get("lsp14"))
    expected, _ = outputs.poses(model, model(images))
    return shares, found.shape[1], float(np.abs(found - expected).max())

together, copies = trained("mirrored", 2)
assert distribution.loader_threads(together) == 1
result = {"copies": copies, "split again": refused(distribution.scope, "mirrored", 3)}
three = loader.PoseLoader([(Noise(0, 40), 3)], (64, 64), "pose_visibility", steps=1)
result["three"] = refused(training.fit, together, three, verbose=0)
result["scores"] = scores()
result["shares"], result["seen"], result["seen otherwise"] = seen(together)
result["left synchronised"] = sum(norm.synchronized for norm in distribution.batch_norms(together))

with eagerly():
    alone, _ = trained("none")
assert distribution.loader_threads(alone) == 2
result["learned"], result["moving statistics"] = (difference(together, alone, moving) for moving in (False, True))
print(json.dumps(result))
"""

ON_JAX = """
import os
os.environ["KERAS_BACKEND"] = "jax"
""" + TWO_COPIES.replace("64, 64", "32, 32").replace('"width": 32', '"width": 16')

STAGES = """
import json, sys, keras, numpy as np
from drawn import DrawnVideos
from deephar import distribution, layouts, models, training
from deephar.data.batches import loader
from deephar.evaluation.judges import Judge
from deephar.models import outputs

with distribution.scope("mirrored", 2):
    model = models.build("penn-merge", input_shape=(32, 32, 3), width=16, num_blocks=1, frames=4, appearance_width=16,
                         num_action_blocks=1, num_actions=2, export_poses="last", concat_visibility=True)
batches = loader.ClipLoader([(DrawnVideos(), 2)], 4, (32, 32), outputs.kinds(model), steps=1,
                            layout=layouts.get("pa16j"))
stem, head = model.get_layer("stem_1"), model.get_layer("pose_action1_maps")
seen, given = [(stem.get_weights()[0], head.get_weights()[0])], iter([1.0, 3.0, 2.0, 1.0])

def score(model):
    seen.append((stem.get_weights()[0], head.get_weights()[0]))
    return next(given)

stages = (training.Stage("frozen pose", 2, True, 0.05), training.Stage("fine-tuning", 2, rate_factor=0.1))
recipe = training.Recipe(preset="penn-merge", layout="pa16j", mixture={"drawn": 1}, batch_size=2, stages=stages)
scores = training.train_stages(model, batches, recipe, Judge("val_accuracy", "a score", "", score), sys.argv[1])
result = {"scores": scores, "stem moved": [bool(np.any(a[0] != b[0])) for a, b in zip(seen, seen[1:])]}
result["head moved"] = [bool(np.any(a[1] != b[1])) for a, b in zip(seen, seen[1:])]
result["best restored"] = bool(np.all(head.get_weights()[0] == seen[2][1]))
print(json.dumps(result))
"""

LOADER = """
import sys, keras
from deephar import distribution, models, training
from deephar.data.batches import loader
from deephar.data.readers import lsp
from deephar.data.samples import crops
from deephar.evaluation import pose2d

with distribution.scope("mirrored", 2):
    image = keras.Input((16, 16, 3))
    flat = keras.layers.Dense(42, "sigmoid")(keras.layers.Flatten()(image))
    names = ["block1_pose_visibility", "block2_pose_visibility"]
    model = keras.Model(image, [keras.layers.Reshape((14, 3), name=name)(flat) for name in names])
    training.compile_model(model, keras.optimizers.Adam(1e-3))
reader = lsp.LspExtended(sys.argv[1])

def pck(model):
    return pose2d.pck_scores(pose2d.predict(model, crops.Crops(reader, (16, 16))), reader.layout)["total"]

score = training.Score(pck, sys.argv[2])
batches = loader.PoseLoader([(reader, 4)], (16, 16), ["pose_visibility"] * 2)
history = training.fit(model, batches, 4, [score], verbose=0).history
model.load_weights(score.folder / "best.weights.h5")
print(history["loss"][-1] < history["loss"][0], score.best == max(history["val_pck"]) == pck(model) > 0)
"""


@pytest.fixture(scope="module")
def two_copies():
    """What a program on two logical CPUs found out."""
    return json.loads(printed(hiding() + TWO_COPIES)[-1])


def test_two_copies_learn_what_one_learns(two_copies):
    """Half of every batch is dark, half bright: weights and moving statistics are those of one device.

    The tolerances are of float32 rounding: sums in another order over 2 steps; a variance as E(x^2) - E(x)^2.
    """
    assert two_copies["copies"] == 2
    assert two_copies["learned"] < 1e-6 and two_copies["moving statistics"] < 1e-5


def test_two_copies_share_out_what_is_predicted(two_copies):
    """Five pictures, which two cannot have equally, have the poses that one copy finds."""
    assert two_copies["shares"] == [[3, 3]] and two_copies["seen"] == 5 and two_copies["seen otherwise"] < 1e-6


def test_batch_norms_are_synchronised_while_fitting_alone(two_copies):
    assert two_copies["left synchronised"] == 0


def test_metrics_of_two_copies_count_together(two_copies):
    found, by_hand = two_copies["scores"]
    assert found == pytest.approx(by_hand, rel=1e-5) and 0 < by_hand[0] < 1


@pytest.mark.slow
def test_two_copies_learn_what_one_learns_on_jax():
    """One program over both devices: the statistics are those of the whole batch without any synchronisation."""
    found = json.loads(printed(ON_JAX, timeout=1800)[-1])
    assert found["copies"] == 2 and found["left synchronised"] == 0
    assert found["learned"] < 1e-5 and found["moving statistics"] < 1e-5


@pytest.mark.slow
def test_two_copies_train_stage_by_stage(tmp_path):
    """The pose part moves in the second stage alone, and every stage ends with the best weights so far."""
    found = json.loads(printed(STAGES, tmp_path)[-1])
    assert found["scores"] == [3.0, 3.0] and found["stem moved"] == [False, False, True, True]
    assert all(found["head moved"]) and found["best restored"]


def test_what_copies_cannot_do_is_said(two_copies):
    assert two_copies["split again"] == "The CPU can only be split before TensorFlow's first computation"
    assert two_copies["three"] == (
        "A batch is split evenly among 2 replicas of the network; choose a batch size that is a multiple of 2. "
        "Received: 3"
    )


@pytest.mark.slow
def test_the_loader_feeds_two_copies_and_scores_while_training(drawn, tmp_path):
    assert printed(LOADER, drawn, tmp_path) == ["True True"]


def test_no_strategy_is_one_copy():
    with distribution.scope("none") as copies:
        assert copies == 1
    assert distribution.loader_threads(models.build("lite-2d", width=32, num_blocks=1)) == 2


def test_what_cannot_be_done_is_said(monkeypatch):
    with pytest.raises(ValueError, match=r"one of none, mirrored, multiworker. Received: 'magic'"):
        distribution.scope("magic")
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"needs Keras on TensorFlow. Received: KERAS_BACKEND=jax"):
        distribution.scope("multiworker")
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    with pytest.raises(ValueError, match=r"needs Keras on TensorFlow or JAX. Received: KERAS_BACKEND=torch"):
        distribution.scope("mirrored")
