"""Two processes train together what one trains alone; who they are is read from the environment."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from drawn import Noise
from scripts import ROOT, hiding

from deephar import distribution
from deephar.data.batches import queues

SAME = """
import json
from deephar import distribution
with distribution.scope("multiworker"):
    pass  # before TensorFlow computes
from helpers import eagerly
from together import difference, trained

with eagerly():
    model, copies = trained("multiworker")
    result = {"copies": copies, "first weight": float(model.get_weights()[0].sum())}
    if distribution.is_chief(model):
        alone, _ = trained("none")
        result["learned"], result["moving statistics"] = (difference(model, alone, m) for m in (False, True))
print(json.dumps(result))
"""

TOGETHER = """
import contextlib, json, pathlib, sys
import keras
from drawn import Noise
from deephar import distribution, models, training
from deephar.data.batches import loader
from deephar.evaluation.judges import Judge
from deephar.training import checkpoint, fitting, signals, state
from helpers import eagerly
from together import difference

fitting.fused = contextlib.nullcontext  # one process computes its layers as two do

RECIPE = training.Recipe(
    preset="lite-2d",
    network={"num_joints": 14, "input_shape": (64, 64, 3), "width": 32, "num_blocks": 1},
    layout="lsp14", mixture={"dark": 1, "bright": 1}, batch_size=8, norm_momentum=0.5,
    stages=(training.Stage("all", 2, rate=0.001),),
)
DARK_AND_BRIGHT = [(Noise(0, 40), 4), (Noise(200, 256), 4)]

class Late(checkpoint.Plan):
    "Asks to stop at a step, from 0, counted over all epochs."
    stop_at = None
    def asks(self, step, written):
        if self.stop_at == 0:
            self.requests.name = "SIGTERM"
        self.stop_at = self.stop_at and self.stop_at - 1
        return super().asks(step, written)

def trained(strategy, folder, earlier=None, stop_at=None):
    with distribution.scope(strategy):
        keras.utils.set_random_seed(0)
        model = models.build(RECIPE.preset, **RECIPE.network)
    part = distribution.part(model)
    batches = loader.PoseLoader(DARK_AND_BRIGHT, (64, 64), ["pose", "visibility"], steps=2, part=part)
    asked = []
    def score(one):
        asked.append(getattr(one, "distribute_strategy", None) is not model.distribute_strategy)
        return float(abs(one.get_weights()[0]).sum())
    plan = Late()
    plan.stop_at = stop_at
    judge = Judge("val_sum", "a sum", "", score)
    try:
        scores = training.train_stages(model, batches, RECIPE, judge, folder, earlier, plan=plan, quiet=True)
    except signals.Interrupted as request:
        return str(request), model, asked
    return scores, model, asked

shared, own = map(pathlib.Path, sys.argv[1:])
number, several = distribution.worker()
with distribution.scope("multiworker"):
    pass  # before TensorFlow computes
eager = eagerly()
eager.__enter__()
scores, model, asked = trained("multiworker", own)
stopped, _, _ = trained("multiworker", shared if number == 0 else own, stop_at=3 if number else None)
resumed, again, _ = trained("multiworker", shared, state.read(shared))
chief = distribution.is_chief(model)
result = {"number": number, "scores": scores, "asked": asked, "stopped": stopped, "resumed": resumed}
result["files"] = sorted(path.name for path in own.iterdir())
result["first weight"] = float(model.get_weights()[0].sum())
result["wish"] = [distribution.agreed(model, not chief), distribution.agreed(model, False)]
result["told"] = distribution.from_chief(model, lambda: 0.1)
if chief:
    alone_scores, alone, _ = trained("none", shared / "alone")
    result["alone"] = alone_scores
    for name, one in (("learned", model), ("resumed learned", again)):
        result[name] = [difference(one, alone, moving) for moving in (False, True)]
    result["logs"] = [(folder / "log.csv").read_text() for folder in (own, shared, shared / "alone")]
print(json.dumps(result))
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def of_two(code, *arguments):
    """What two processes that train together print: a list of dicts.

    Args:
        code: of their program.
        *arguments: of each.
    """
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    processes = []
    for index in range(2):
        own = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), "KERAS_BACKEND": "tensorflow"}
        own["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        command = [sys.executable, "-c", hiding() + code, *(str(one[index]) for one in arguments)]
        processes.append(
            subprocess.Popen(
                command, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    try:
        outputs = [process.communicate(timeout=600) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "".join(errors[-3000:] for _, errors in outputs)
    return [json.loads(printed.splitlines()[-1]) for printed, _ in outputs]


def test_two_processes_learn_what_one_learns():
    """Half of every batch is dark, half bright, and people lack labels: weights and statistics are those of one.

    The tolerances are of float32 rounding: sums in another order; a variance as E(x^2) - E(x)^2. Further steps magnify
    it, see `together.trained`.
    """
    chief, other = of_two(SAME)
    assert chief["copies"] == other["copies"] == 2 and chief["first weight"] == other["first weight"]
    assert chief["learned"] < 1e-6 and chief["moving statistics"] < 1e-5


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes found out that train by a recipe, are stopped and go on."""
    folder = tmp_path_factory.mktemp("together")
    own = [folder / str(index) for index in range(2)]
    for one in own:
        one.mkdir()
    return of_two(TOGETHER, [folder / "shared"] * 2, own)


@pytest.mark.slow
def test_two_processes_that_were_stopped_learn_what_one_learns(two):
    """Weights and moving statistics of a recipe's network are those of one process, whether stopped meanwhile or not.

    The tolerances are of float32 rounding: sums in another order over 4 steps; a variance as E(x^2) - E(x)^2. With a
    rate of 0.005 and the momentum of 0.98, or on maps of a single cell, the network itself magnifies them.
    """
    chief, other = two
    for name in ("learned", "resumed learned"):
        assert chief[name][0] < 1e-6 and chief[name][1] < 1e-5, name
    assert chief["first weight"] == other["first weight"]


@pytest.mark.slow
def test_the_first_of_two_processes_scores_and_writes(two):
    chief, other = two
    assert chief["asked"] == [True, True] and other["asked"] == []
    assert chief["scores"] == other["scores"] == pytest.approx(chief["alone"], rel=1e-6)
    assert other["files"] == []
    assert {"best.weights.h5", "last.weights.h5", "log.csv", "resume.weights.h5"} <= set(chief["files"])
    together, resumed, alone = (
        np.array([line.split(",") for line in log.split()[1:]], dtype=float) for log in chief["logs"]
    )
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    np.testing.assert_allclose(resumed, alone, rtol=1e-5)


@pytest.mark.slow
def test_two_processes_agree(two):
    """A signal to the second stops both before the same step, from which both go on."""
    chief, other = two
    assert chief["stopped"] == "stopped by a signal to another process before step 2 of epoch 2"
    assert other["stopped"] == "stopped by SIGTERM before step 2 of epoch 2"
    assert chief["resumed"] == other["resumed"] == pytest.approx(chief["scores"], rel=1e-6)
    assert [one["wish"] for one in two] == [[True, False]] * 2 and [one["told"] for one in two] == [0.1, 0.1]


def test_the_parts_of_a_batch_make_up_the_batch():
    sources = [(Noise(0, 40), 4), (Noise(200, 256), 2)]
    whole = list(queues.Queues(sources).rows(3))
    parts = [list(queues.Queues(sources, part=(number, 3)).rows(3)) for number in range(3)]
    assert [row for part in parts for row in part] == whole and {len(part) for part in parts} == {2}
    assert queues.Queues(sources, part=(1, 3)).batch_size == 6
    with pytest.raises(ValueError, match=r"which divide the batch. Received: \(0, 4\) of 6 samples"):
        queues.Queues(sources, part=(0, 4))


def test_who_a_process_is(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="told apart by TF_CONFIG or by Slurm .* Received: neither"):
        distribution.worker()
    monkeypatch.setenv("SLURM_PROCID", "2")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert distribution.worker() == (2, 4)
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 1}}))
    assert distribution.worker() == (2, 3)
    monkeypatch.setenv("TF_CONFIG", '{"cluster": 3}')
    with pytest.raises(ValueError, match=r'TF_CONFIG must be .*Received: {"cluster": 3}'):
        distribution.worker()
