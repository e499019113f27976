"""Ablation: how many prediction blocks? 2D pose of synthetic people with K = 1, 2 and 4 blocks, and after each block.

Data     none; it makes people in the wild in MPII's format, the last tenth of them for testing
Command  python exp/ablation/num_blocks.py;  --seeds 0 1 and, in parallel, --seeds 2: two commands share the work
Result   runs/ablation/num_blocks/: table.txt, num_blocks.png, a folder and a JSON file for every arm and seed
Arms     K1, K2, K4; every arm sees the same number of crops, so more blocks cost more time: the JSON files hold the
         ms per crop. PCKh@0.5 of the last block, and of each. The paper chose K = 8 for MPII and 4 for clips
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import time

import keras

from deephar import layouts, models, training
from deephar.data.batches import cached
from deephar.data.readers import mpii
from deephar.data.samples import crops
from deephar.data.synthetic import write_mpii
from deephar.data.synthetic.writing import Settings
from deephar.evaluation import ablation, pose2d
from deephar.training import Recipe, Stage

ARMS = {"K1": 1, "K2": 2, "K4": 4}
SCORES = {"pckh": "PCKh@0.5", **{f"block{n}": f"block {n}" for n in range(1, 5)}}
LAYOUT = layouts.get("pa16j")
RECIPE = Recipe(
    preset="lite-2d",
    network={"export_heatmaps": True},
    layout=LAYOUT,
    mixture={"people": 1},
    augmentation="synthetic",
    batch_size=32,
    stages=(Stage("poses", 1, rate=2e-3, optimizer="adam", schedule="cosine"),),
    norm_momentum=0.9,
)


def options():
    parser = ablation.parser(__doc__, "num_blocks")
    parser.add_argument("--people", type=int, default=6000, help="of which a tenth is for testing")
    parser.add_argument("--steps", type=int, default=500, help="per arm")
    return parser.parse_args()


def make_data(args):
    """Readers of training and test people."""
    folder = args.out / "people"
    write_mpii.write(Settings("mpii", (128, 128)), folder, args.people, args.processes)
    readers = [
        mpii.Mpii(mpii.open_people(folder / "release.mat", split, folder / "valid.h5"), folder / "images")
        for split in ("train", "validation")
    ]
    size = (args.size, args.size)
    return cached.Cached(readers[0], size), crops.Crops(readers[1], size, LAYOUT)


def main():
    args = options()
    people, exam = make_data(args)

    def train(arm, seed, folder):
        keras.utils.set_random_seed(seed)
        shape = (args.size, args.size, 3)
        recipe = RECIPE.replaced(
            num_blocks=ARMS[arm], input_shape=shape, width=args.width, batch_size=args.batch_size, steps=args.steps
        )
        model = models.build(recipe.preset, **recipe.network)
        start = time.monotonic()
        training.follow(recipe, model, {"people": people}, folder, seed=seed, quiet=True)
        seconds = time.monotonic() - start
        by_block = pose2d.pckh_scores(pose2d.predict(model, exam), LAYOUT)["blocks"]
        return {
            "pckh": by_block[-1],
            **{f"block{number}": score for number, score in enumerate(by_block, start=1)},
            "ms_per_crop": 1000 * seconds / (args.steps * args.batch_size),
        }

    ablation.run(train, ARMS, args)
    ablation.save_report(ARMS, SCORES, args.out, "num_blocks", "%")


if __name__ == "__main__":
    main()
