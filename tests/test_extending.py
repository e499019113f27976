"""A toy dataset, variant, recipe and command, added as docs/extend.md says, work everywhere without another line."""

import sys
import types

import numpy as np
from helpers import eagerly
from PIL import Image

import deephar
from deephar import cli, geometry, layouts
from deephar.data.readers.base import Sample
from deephar.data.samples.crops import Crops
from deephar.evaluation import judges
from deephar.models import registry
from deephar.training import Recipe, Stage, options, train

STICK = layouts.PoseLayout("stick", ["top", "l_end", "r_end"], [("top", "l_end"), ("top", "r_end")])


class Sticks:
    """A toy dataset: three joints on black, with a head size."""

    layout = STICK

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def sample(self, index):
        pose = np.array([[50.0, 20.0 + index], [60.0, 80.0], [40.0, 80.0]])
        window = geometry.person_window(geometry.points_box(pose))
        return Sample(f"stick {index}", Image.new("RGB", (100, 100)), pose, *window, head_px=20.0)


RECIPE = Recipe(
    preset="toy",
    network={"num_joints": 3},
    layout=STICK,
    mixture={"short": 3, "long": 1},
    augmentation={"short": "flip", "long": "none"},
    batch_size=4,
    stages=(Stage("all", epochs=1, rate=1e-3, optimizer="adam"),),
)
"""A toy recipe: two sources of the toy dataset, and a network that is a toy variant."""


@eagerly()
def test_a_dataset_a_variant_and_a_recipe(monkeypatch, tmp_path, capsys):
    small = registry.settings("lite-2d", width=16, num_blocks=1, input_shape=(32, 32, 3))
    monkeypatch.setitem(registry.FAMILIES["reception"], "toy", small)
    monkeypatch.setattr(sys, "argv", ["train_sticks.py", "--out", str(tmp_path / "run"), "--steps", "2"])
    parser = options.parser("Train on sticks.", RECIPE, "runs/sticks")
    args, sources = options.parsed(parser, lambda args: {"short": Sticks(6), "long": Sticks(2)})
    judge = judges.pckh(Crops(Sticks(2), args.recipe.size), "sticks")
    trained = train(args, sources, judge)
    assert "best PCKh@0.5 on sticks" in capsys.readouterr().out and len(trained.scores) == 1
    again = deephar.load(tmp_path / "run" / "best.weights.h5")
    assert again.output_names == ["block1_pose", "block1_visibility"]
    predictor = deephar.PosePredictor.from_weights(tmp_path / "run" / "small.weights.h5", detector=None)
    (person,) = predictor(np.zeros((100, 100, 3), np.uint8))
    assert person.pose_px.shape == (3, 2) and predictor.layout == STICK


def test_a_command(monkeypatch, capsys):
    toy = types.ModuleType("deephar.cli.toy")
    toy.main = lambda arguments: len(arguments)
    monkeypatch.setitem(sys.modules, "deephar.cli.toy", toy)
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, "toy"))
    assert cli.main(["toy", "a", "b", "c"]) == 3
    assert cli.main(["--help"]) == 0 and "runs,toy" in capsys.readouterr().out
