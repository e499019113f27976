"""Train a small 2D pose network on Leeds Sports Pose Extended.

Data     the official folder or a zip of it (joints.mat and images/); photographs 1-3500 train, 3501-3700 validation
Command  python exp/lsp/train_lsp.py --data lspet_dataset.zip
Time     about 90 seconds an epoch on two cores of an AVX2 server CPU
Score    PCK@0.2 of 42.3 % on photographs 3501-3700 after 37 epochs that began from 13 % (mean pose: 5.5 %)
Result   runs/lsp/best.weights.h5, last.weights.h5, small.weights.h5 (best, to pass on), log.csv, model.json; --resume
         goes on
Shipped  weights/README.md tells how weights/lsp-lite-2d.weights.h5 was made with it
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.data.batches import cached
from deephar.data.readers import lsp
from deephar.data.samples import crops
from deephar.evaluation import judges
from deephar.training import Recipe, Stage, options, train, transfer
from deephar.weights import loading

RECIPE = Recipe(
    preset="lite-2d",
    network={"num_joints": 14, "input_shape": (96, 96, 3), "export_heatmaps": True},
    layout="lsp14",
    mixture={"lsp": 100},
    augmentation="lsp",
    batch_size=8,
    stages=(Stage("all", epochs=40, rate=2e-3, optimizer="adam", schedule="cosine"),),
)
SMOKE = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 1, "epochs": 1, "batch_size": 4}


def open_sources(args):
    """The photographs to train on and those of the validation split."""
    if args.weights:
        loading.weight_file(args.weights)  # says whether there is one
    parts = (range(1, 9), range(9, 13)) if args.smoke else (lsp.SPLITS["train"], lsp.SPLITS["choose"])
    people, validation = (lsp.LspExtended(args.data, part) for part in parts)
    return cached.Cached(people, args.recipe.size), crops.Crops(validation, args.recipe.size)


def main():
    parser = options.parser(__doc__, RECIPE, "runs/lsp", "a few steps of a tiny network, to see that all works")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--weights", help="start from these: a name that `deephar pretrained` lists, or a file")
    args, (people, validation) = options.parsed(parser, open_sources, SMOKE)
    train(args, {"lsp": people}, judges.pck(validation, "the validation split"), transfer.all_of(args.weights))


if __name__ == "__main__":
    main()
