"""Train a small 3D pose network on synthetic people alone: no photograph, so nobody's terms but those of deephar.

Data     none; it draws the people
Command  python exp/synthetic/train_pose_3d.py
Time     31 minutes on two cores with bfloat16 (--precision bfloat16), beside other work
Score    `drawn-lite-3d`: MPJPE of synthetic people of another seed, root depth given, 129.8 mm (mean pose 257.1);
         photographs 3701-4200 of LSP-extended: PCK@0.2 10.0 %, which is nearly nothing
Result   runs/synthetic_3d/best.weights.h5, last.weights.h5, small.weights.h5 (best, for distribution), log.csv,
         model.json; then exp/lsp/eval_lsp_3d.py; --resume continues
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

from deephar.data.batches import cached
from deephar.data.samples import crops
from deephar.data.synthetic.empty import EmptyScenes
from deephar.data.synthetic.people import SyntheticPeople
from deephar.evaluation import judges
from deephar.training import Recipe, Stage, options, train

LITE = Recipe(
    preset="lite-3d",
    network={"input_shape": (128, 128, 3), "export_heatmaps": True},
    layout="pa17j",
    mixture={"people": 30, "empty": 2},
    augmentation={"people": "photographs", "empty": "flip"},
    batch_size=32,
    steps=200,
    stages=(Stage("all", epochs=16, rate=2e-3, optimizer="adam", schedule="cosine"),),
)
RECIPES = {"lite": LITE}
SMOKE = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 1, "epochs": 1, "steps": 2, "batch_size": 32}

VALIDATION_SEED = 500
"""Added to the seed of the people to train on; `eval_lsp_3d.py` has 1000."""


def open_sources(args):
    """What to train on, keyed as in the mixture, and people for validation."""
    size = args.recipe.size
    count, judged, scenes = (48, 8, 16) if args.smoke else (args.people, 200, 2000)
    people = SyntheticPeople(count, layout=LITE.layout, seed=args.seed)
    sources = {"people": people, "empty": EmptyScenes(scenes, layout=LITE.layout, seed=args.seed)}
    others = SyntheticPeople(judged, layout=LITE.layout, seed=args.seed + VALIDATION_SEED)
    return {name: cached.Cached(source, size) for name, source in sources.items()}, crops.Crops(others, size)


def main():
    parser = options.parser(__doc__, RECIPES, "runs/synthetic_3d", "two steps of a tiny network, to see that all works")
    parser.add_argument("--people", type=int, default=12000, help="to draw")
    args, (sources, validation) = options.parsed(parser, open_sources, SMOKE)
    train(args, sources, judges.mpjpe(validation, "all joints", "people of another seed"))


if __name__ == "__main__":
    main()
