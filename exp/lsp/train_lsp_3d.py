"""Train a small 3D pose network whose depth comes from synthetic people and, recipe fused, from another network.

Data     LSP-extended, the official folder or a zip, training split (`deephar.data.readers.lsp.SPLITS`). It draws the
         synthetic people itself. Recipe fused: besides, what train_lsp.py --recipe fused needs, here with depth, and
         captured poses of people (--captured, see deephar.data.synthetic.captured), of whom S1 trains
Command  python exp/lsp/train_lsp_3d.py --data lspet_dataset.zip --weights lsp-lite-2d
         python exp/lsp/train_lsp_3d.py --data lspet_dataset.zip --weights lsp-lite-2d --recipe fused --poses lspe.npz
         --street ccp.zip --street-poses ccp.npz --captured h36m.npz; --recipe base with the same files and --weights
         photo-base-2d: four blocks, of which cut_lsp.py keeps the first two for a lite-3d
Time     recipe synthetic: 79 minutes on one core of an AVX2 server CPU, beside other work; recipe base in bfloat16: 104
         minutes on two AVX-512 cores that have it, beside other work
Score    MPJPE of synthetic people in the wild, root depth given, 145.4 mm (mean pose 257.1; true x, y at the root's
         depth 173.7); photographs 3701-4200 47.9 %; both when trained on photographs 1-3500 only
         recipe base, five times, each from the weights of the one before, all by earlier recipes
         (`photo-base-3d`, weights/README.md): 102.7 mm and 68.8 %
Result   runs/lsp_3d/best.weights.h5, by 200 synthetic people of another seed, in captured poses those of held-out
         sequences of S1; last.weights.h5, small.weights.h5 (for distribution), log.csv, model.json; then eval_lsp_3d.py
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.config import AugmentConfig, Interval
from deephar.data.batches import cached
from deephar.data.readers import fused, lsp
from deephar.data.samples import crops
from deephar.data.synthetic import captured
from deephar.data.synthetic.people import CapturedPeople, SyntheticPeople
from deephar.evaluation import judges
from deephar.option_types import at_least
from deephar.training import Recipe, Stage, options, train, transfer
from deephar.weights import loading

SYNTHETIC = Recipe(  # half with depth, half with x and y alone, as in the paper; the heat-map loss is not of the paper
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
PEOPLE = dict.fromkeys(("captured", "synthetic", "lsp", "street"), "photographs")
FUSED = SYNTHETIC.replaced(
    input_shape=(128, 128, 3),
    mixture={"captured": 9, "synthetic": 4, "lsp": 13, "street": 4, "beside": 1, "empty": 1},
    augmentation={**PEOPLE, "beside": "flip", "empty": "flip"},
    steps=300,
    epochs=30,
)
BASE = FUSED.replaced(
    preset="base-3d",
    input_shape=(160, 160, 3),
    mixture={"captured": 18, "synthetic": 3, "lsp": 8, "street": 1, "beside": 1, "empty": 1},
    stages=(Stage("all", epochs=24, rate=1e-3, optimizer="adam", schedule="cosine", pose_weight=4.0),),
    steps=200,
)
FULL = BASE.replaced(preset="h36m-3d", input_shape=(256, 256, 3))  # for a GPU
RECIPES = {"synthetic": SYNTHETIC, "fused": FUSED, "base": BASE, "full": FULL}
SMOKE = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 1, "epochs": 1, "steps": 2, "batch_size": 32}


VALIDATION_SEED = 500
"""Added to the seed of the people to train on; `eval_lsp_3d.py` has 1000."""


def open_sources(args):
    """What to train on, keyed as in the mixture, and synthetic people for validation."""
    if args.weights:
        loading.describe(args.weights)  # says whether there are any
    count, judged, part = (48, 8, range(1, 5)) if args.smoke else (args.people, 200, lsp.SPLITS["train"])
    if not (args.data or args.packed):
        raise ValueError("Expected the photographs: --data, or --packed")
    if args.packed:
        fused.check_packed(args.recipe.mixture, vars(args))
        sources = fused.packed_sources(args.packed, args.seed)
    else:
        sources = {"lsp": lsp.LspExtended(args.data, part)}
    given = [name for name in ("poses", "street", "street_poses", "captured") if getattr(args, name)]
    if given and "captured" not in args.recipe.mixture:
        raise ValueError(f"--{given[0].replace('_', '-')} is for recipes of photographs with depth, not synthetic")
    sources["synthetic"] = SyntheticPeople(count, layout=SYNTHETIC.layout, seed=args.seed)
    validation = SyntheticPeople(judged, layout=SYNTHETIC.layout, seed=args.seed + VALIDATION_SEED)
    if "captured" in args.recipe.mixture:
        if not args.packed:
            sources |= fused.sources(sources["lsp"], args.poses, args.street, args.street_poses, args.seed, depth=True)
        if not args.captured:
            raise ValueError("This recipe needs --captured; or take --recipe synthetic")
        poses, held = (captured.read_poses(args.captured, ["S1"], use) for use in captured.PARTS)
        sources["captured"] = CapturedPeople(poses, count, layout=SYNTHETIC.layout, seed=args.seed)
        validation = CapturedPeople(held, judged, layout=SYNTHETIC.layout, seed=args.seed + VALIDATION_SEED)
    size = args.recipe.size
    detail = {"lsp": 1.5, "street": 1.5}  # parts of people are shown
    kept = {name: cached.Cached(sources[name], size, detail.get(name, 1.0)) for name in args.recipe.mixture}
    return kept, crops.Crops(validation, size)


def main():
    parser = options.parser(__doc__, RECIPES, "runs/lsp_3d", "two steps of a tiny network, to see that all works")
    parser.add_argument("--data", type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--packed", type=pathlib.Path, help="folder of datasets/pack_lsp.py, instead of photographs")
    parser.add_argument("--poses", type=pathlib.Path, help=".npz of what two networks found in it, with depth")
    parser.add_argument("--street", type=pathlib.Path, help="folder or zip of photographs of one person each")
    parser.add_argument("--street-poses", type=pathlib.Path, help=".npz of what two networks found in these")
    parser.add_argument("--captured", type=pathlib.Path, help=".npz of captured poses by SUBJECT/SEQUENCE")
    parser.add_argument("--weights", help="of a 2D network: a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--people", type=at_least(1), default=12000, help="synthetic ones, of either kind")
    args, (readers, validation) = options.parsed(parser, open_sources, SMOKE)
    judge = judges.mpjpe(validation, "all joints", "synthetic people of another seed")
    train(args, readers, judge, transfer.fitting_part_of(args.weights))


if __name__ == "__main__":
    main()
