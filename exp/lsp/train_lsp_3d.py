"""Train a small 3D pose network whose depth comes from synthetic people and whose photographs have none (LSP-extended).

Data     LSP-extended, the official folder or a zip; photographs 1-3500 train. It draws the synthetic people itself
Command  python exp/lsp/train_lsp_3d.py --data lspet_dataset.zip --weights lsp-lite-2d
Time     79 minutes on one core of an AVX2 server CPU, beside other work
Score    MPJPE of synthetic people in the wild, root depth given, 145.4 mm (mean pose 257.1; true x, y at the root's
         depth 173.7); photographs 3701-4200 47.9 %
Result   runs/lsp_3d/last.weights.h5, small.weights.h5 (to pass on), log.csv, model.json; then eval_lsp_3d.py
Recipe   half of a batch has depth, half gives x and y alone, as in the paper; and a loss on the heat maps over x and y,
         which is not of the paper. Features start from a 2D network's
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

import keras

from deephar import config, distribution, files, layouts, models, options, training
from deephar.data import cached, loader, lsp
from deephar.data.synthetic.people import SyntheticPeople
from deephar.models import outputs, surgery
from deephar.weights import loading
from deephar.weights.description import Description

LAYOUT = layouts.get("pa17j")
AUGMENTATION = config.AugmentConfig(
    config.Interval(-30, 30), config.Interval(0.7, 1.2), config.Interval(-0.06, 0.06), config.Interval(-0.06, 0.06),
    "window", flip=True, power=config.Interval(0.7, 1.4),
)  # fmt: skip


def arguments():
    parser = options.training(__doc__, "runs/lsp_3d", "two steps of a tiny network, to see that all works")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--weights", help="of a 2D network, a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--people", type=int, default=12000, help="synthetic ones")
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="at its peak")
    parser.add_argument("--size", type=int, default=96, help="of the crop in pixels, a multiple of 32")
    parser.add_argument("--width", type=int, default=288, help="channels of the features")
    parser.add_argument("--blocks", type=int, default=2, help="prediction blocks")
    parser.add_argument("--depth-maps", type=int, default=8, help="depth cells per joint")
    args = parser.parse_args()
    train = lsp.SPLITS["train"]
    if args.smoke:
        train = range(1, 5)
        args.people, args.steps, args.batch_size, args.size, args.width, args.blocks = 48, 2, 4, 64, 32, 1
    try:
        files.new_run(args.out, args.overwrite)
        args.source = loading.describe(args.weights) if args.weights else None
        return args, lsp.LspExtended(args.data, train)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def build(args):
    overrides = {
        "input_shape": (args.size, args.size, 3), "width": args.width, "num_blocks": args.blocks,
        "depth_maps": args.depth_maps,
    }  # fmt: skip
    model = models.build("lite-3d", export_heatmaps=True, **overrides)
    if args.source:
        source = loading.load(args.weights)
        print(f"not in {args.weights}: {', '.join(surgery.copy_fitting(source, model))}")
    Description(preset="lite-3d", overrides=overrides, layout=LAYOUT).write(args.out / "model.json")
    return model


def main():
    args, photographs = arguments()
    keras.utils.set_random_seed(args.seed)
    size, half = (args.size, args.size), args.batch_size // 2
    people = SyntheticPeople(args.people, layout=LAYOUT.name, seed=args.seed)
    sources = [(cached.Cached(people, size), args.batch_size - half), (cached.Cached(photographs, size), half)]
    with distribution.scope(args.strategy, args.logical_cpus):
        model = build(args)
    batches = loader.PoseLoader(
        sources, size, outputs.kinds(model), on_broken="skip", layout=LAYOUT, dim=3, augmentation=AUGMENTATION,
        seed=args.seed, steps=args.steps, processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
    )  # fmt: skip
    rate = training.cosine_schedule(args.learning_rate, args.steps, args.steps // 20)
    with distribution.scope_of(model):
        training.compile_model(model, keras.optimizers.Adam(rate))
    log = keras.callbacks.CSVLogger(args.out / "log.csv")
    training.fit(model, batches, callbacks=[log])
    files.save_weights(model, args.out / "last.weights.h5")
    files.shrink_weights(args.out / "last.weights.h5", args.out / "small.weights.h5")
    print(f"weights in {args.out}; photographs that could not be read: {len(batches.broken)}")


if __name__ == "__main__":
    main()
