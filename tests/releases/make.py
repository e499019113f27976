"""Keep files of a release, for tests/test_releases.py to read in all later versions.

Command  python tests/releases/make.py, in the release's commit
Result   tests/releases/VERSION/: small.weights.h5 and model.json of a tiny network, expected.npz (its outputs for one
         input), picture.png, boxes.json, poses.json of `deephar predict`
"""

import json
import pathlib

import keras
import numpy as np
from PIL import Image

import deephar
from deephar import cli, files, layouts
from deephar.data.samples import box_file
from deephar.weights.description import Description

NETWORK = {"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}


def picture():
    """A fixed input: uint8 (48, 40, 3)."""
    return np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)


def image():
    """A fixed input of the network: float32 (1, 32, 32, 3)."""
    return np.random.default_rng(1).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)


def main():
    folder = pathlib.Path(__file__).parent / deephar.__version__
    folder.mkdir()
    keras.utils.set_random_seed(0)
    model = deephar.build("lite-2d", **NETWORK)
    files.save_weights(model, folder / "full.weights.h5")
    files.shrink_weights(folder / "full.weights.h5", folder / "small.weights.h5")
    (folder / "full.weights.h5").unlink()
    about = Description(preset="lite-2d", overrides=NETWORK, layout=layouts.get("lsp14"), score="none: random weights")
    about.write(folder / "model.json")
    loaded = deephar.load(folder / "small.weights.h5")
    pose, visibility = loaded.predict(image(), verbose=0)
    np.savez(folder / "expected.npz", pose=pose, visibility=visibility)
    boxes = box_file.Boxes((48, 40), people=[[1.0, 2.0, 30.0, 35.0]])
    box_file.BoxFile("a release", {"by": "hand"}, pictures={"picture.png": boxes}).save(folder / "boxes.json")
    Image.fromarray(picture()).save(folder / "picture.png")
    weights = ["--weights", str(folder / "small.weights.h5")]
    cli.main(["predict", str(folder / "picture.png"), *weights, "--json", str(folder / "poses.json")])
    stored = json.loads((folder / "poses.json").read_bytes())
    stored["photos"][0]["photo"], stored["weights"] = "picture.png", "small.weights.h5"
    (folder / "poses.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
