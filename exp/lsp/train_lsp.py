"""Train a 2D pose network on photographs: Leeds Sports Pose Extended, and pseudo-labelled street photographs.

Data     LSP-extended, the official folder or a zip; splits as in `deephar.data.readers.lsp.SPLITS`.
         Recipe annotation: these alone, as annotated, or with the joints of --poses as well. Recipe fused: with the
         joints that two networks predicted in them (--poses, an .npz of `name`, `thunder` (N, 17, 3) and `heavy`
         (N, 33, 5)), and a zip of street photographs of one person each (--street) with predicted joints
         (--street-poses), of which 1-1700 are for training
Command  python exp/lsp/train_lsp.py --data lspet_dataset.zip
         python exp/lsp/train_lsp.py --data lspet_dataset.zip --recipe fused --poses lspe.npz --street ccp.zip
         --street-poses ccp.npz; --recipe base with the same files and --weights photo-lite-2d: four blocks, of which
         the first two, a lite-2d, begin with these weights; cut_lsp.py makes a lite-2d of them again
Time     recipe fused: about a second per batch on two cores of an AVX2 server CPU, so about four hours in all;
         recipe base: about 100 minutes on two AVX-512 cores beside other work; on AVX2 alone (of AMD, say) it is 1.4
         times as fast with TF_ENABLE_ONEDNN_OPTS=1
Score    PCK@0.2 of recipe base, with fewer half bodies, run three times, each time with the weights of the time before:
         60.5, 62.0, then 65.4 % on the validation split; 65.3, 67.7, then 70.1 % on photographs 3701-4200; of its first
         two blocks, trained on alone (--preset lite-2d --num-blocks 2): 62.3 and 66.1 %; both trained on and averaged
         with what they were (`photo-base-2d`, `photo-lite-2d`): 65.4 and 70.6 %, 62.6 and 66.2 %, and more of those who
         are cut off; recipe fused was not run from its beginning to its end, see weights/README.md
Result   runs/lsp/best.weights.h5, last.weights.h5, small.weights.h5 (best, for distribution), log.csv, model.json;
         --resume continues
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.data.batches import cached
from deephar.data.readers import fused, lsp
from deephar.data.samples import crops
from deephar.evaluation import judges
from deephar.training import Recipe, Stage, options, train, transfer
from deephar.weights import loading

FUSED = Recipe(
    preset="lite-2d",
    network={"num_joints": 14, "export_heatmaps": True},
    layout="lsp14",
    mixture={"lsp": 20, "street": 8, "drawn": 2, "beside": 1, "empty": 1},
    augmentation={**dict.fromkeys(("lsp", "street", "drawn"), "photographs"), "beside": "flip", "empty": "flip"},
    batch_size=32,
    steps=300,
    stages=(Stage("all", epochs=45, rate=2e-3, optimizer="adam", schedule="cosine"),),
)
BASE = FUSED.replaced(preset="base-2d", input_shape=(160, 160, 3), rate=1.5e-3, epochs=26, steps=200)
FULL = BASE.replaced(preset="mpii-2d", input_shape=(256, 256, 3))  # for a GPU
ANNOTATION = FUSED.replaced(mixture={"lsp": 100}, augmentation="photographs")
RECIPES = {"annotation": ANNOTATION, "fused": FUSED, "base": BASE, "full": FULL}
SMOKE = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 1, "epochs": 1, "batch_size": 32, "steps": 2}


def open_sources(args):
    """The training photographs, keyed as in the mixture, and those of the validation split."""
    if args.weights:
        loading.weight_file(args.weights)  # says whether there is one
    if args.packed:
        fused.check_packed(args.recipe.mixture, vars(args))
        sources = fused.packed_sources(args.packed, args.seed)
        return kept(sources, args), crops.Crops(sources["validation"], args.recipe.size)
    if not args.data:
        raise ValueError("Expected the photographs: --data, or --packed")
    parts = (range(1, 9), range(9, 13)) if args.smoke else (lsp.SPLITS["train"], lsp.SPLITS["choose"])
    people, validation = (lsp.LspExtended(args.data, part) for part in parts)
    sources = {"lsp": people}
    if "street" in args.recipe.mixture:
        sources = fused.sources(people, args.poses, args.street, args.street_poses, args.seed)
    elif args.street or args.street_poses:
        raise ValueError("--street and --street-poses are for the other recipes")
    elif args.poses:
        sources = {"lsp": fused.seen(people, args.poses)}
    return kept(sources, args), crops.Crops(validation, args.recipe.size)


def kept(sources, args):
    """The sources, of which every photograph is decoded, and every person drawn, only once."""
    detail = {"lsp": 1.5, "street": 1.5}  # parts of people are shown
    return {name: cached.Cached(source, args.recipe.size, detail.get(name, 1.0)) for name, source in sources.items()}


def main():
    parser = options.parser(__doc__, RECIPES, "runs/lsp", "a few steps of a tiny network, to see that all works")
    parser.add_argument("--data", type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--packed", type=pathlib.Path, help="folder of datasets/pack_lsp.py, instead of all these")
    parser.add_argument("--poses", type=pathlib.Path, help=".npz of what two networks found in it")
    parser.add_argument("--street", type=pathlib.Path, help="folder or zip of photographs of one person each")
    parser.add_argument("--street-poses", type=pathlib.Path, help=".npz of two networks' predictions on these")
    parser.add_argument("--weights", help="initial weights: a name that `deephar pretrained` lists, or a file")
    args, (sources, validation) = options.parsed(parser, open_sources, SMOKE)
    start = transfer.all_of if args.recipe.preset == FUSED.preset else transfer.fitting_part_of
    train(args, sources, judges.pck(validation, "the validation split"), start(args.weights))


if __name__ == "__main__":
    main()
