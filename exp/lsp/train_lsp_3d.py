"""Train a small 3D pose network on synthetic people with depth and photographs without (LSP-extended).

Data     LSP-extended, the official folder or a zip; training split: photographs 1-3500 and 4201-8500. The synthetic
         people are drawn on the fly
Command  python exp/lsp/train_lsp_3d.py --data lspet_dataset.zip --weights lsp-lite-2d
Time     79 minutes on one core of an AVX2 server CPU of a shared machine
Score    MPJPE of synthetic people in the wild, root depth given, 145.4 mm (mean pose 257.1; true x, y at the root's
         depth 173.7); photographs 3701-4200 47.9 %; both when trained on photographs 1-3500 only
Result   runs/lsp_3d/last.weights.h5, small.weights.h5 (for distribution), log.csv, model.json; then eval_lsp_3d.py
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.config import AugmentConfig, Interval
from deephar.data.batches import cached
from deephar.data.readers import lsp
from deephar.data.synthetic.people import SyntheticPeople
from deephar.training import Recipe, Stage, options, train, transfer
from deephar.weights import loading

RECIPE = Recipe(  # half with depth, half with x and y only, as in the paper; the heat-map loss is not from the paper
    preset="lite-3d",
    network={"input_shape": (96, 96, 3), "export_heatmaps": True},
    layout="pa17j",
    mixture={"synthetic": 50, "lsp": 50},
    augmentation=AugmentConfig(
        Interval(-30, 30), Interval(0.7, 1.2), Interval(-0.06, 0.06), Interval(-0.06, 0.06), "window", flip=True,
        power=Interval(0.7, 1.4),
    ),
    batch_size=32,
    steps=3600,
    stages=(Stage("all", epochs=1, rate=2e-3, optimizer="adam", schedule="cosine"),),
)  # fmt: skip
SMOKE = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 1, "steps": 2, "batch_size": 4}


def open_sources(args):
    if args.weights:
        loading.describe(args.weights)  # raises if there are none
    people, part = (48, range(1, 5)) if args.smoke else (args.people, lsp.SPLITS["train"])
    people = SyntheticPeople(people, layout=RECIPE.layout, seed=args.seed)
    readers = {"synthetic": people, "lsp": lsp.LspExtended(args.data, part)}
    return {name: cached.Cached(reader, args.recipe.size) for name, reader in readers.items()}


def main():
    parser = options.parser(__doc__, RECIPE, "runs/lsp_3d", "two steps of a tiny network, to check that all works")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--weights", help="initial weights, of a 2D network: name (see `deephar pretrained`) or file")
    parser.add_argument("--people", type=int, default=12000, help="number of synthetic people")
    args, readers = options.parsed(parser, open_sources, SMOKE)
    train(args, readers, start=transfer.fitting_part_of(args.weights))


if __name__ == "__main__":
    main()
