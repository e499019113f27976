"""Train a small 2D pose network on Leeds Sports Pose Extended.

Data     the official folder or a zip of it (joints.mat and images/); photographs 1-3500 train, 3501-3700 choose
Command  python exp/lsp/train_lsp.py --data lspet_dataset.zip
Time     about 90 seconds an epoch on two cores of an AVX2 server CPU, where the C library keeps freed memory:
         MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456
Score    PCK@0.2 of 42.3 % on photographs 3501-3700 after 37 epochs that began from 13 % (mean pose: 5.5 %)
Result   runs/lsp/best.weights.h5, last.weights.h5, small.weights.h5 (best, to pass on), log.csv, model.json
Shipped  weights/README.md tells how weights/lsp-lite-2d.weights.h5 was made with it
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

import keras

from deephar import distribution, files, models, options, training
from deephar.data import cached, crops, loader, lsp
from deephar.evaluation import pose2d
from deephar.models import outputs
from deephar.weights.description import Description


def arguments():
    parser = options.training(__doc__, "runs/lsp", "a few steps of a tiny network, to see that all works")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="at its peak")
    parser.add_argument("--augmentation", default="lsp", choices=["none", "flip", "mpii", "lsp"])
    parser.add_argument("--size", type=int, default=96, help="of the crop in pixels, a multiple of 32")
    parser.add_argument("--width", type=int, default=288, help="channels of the features")
    parser.add_argument("--blocks", type=int, default=2, help="prediction blocks")
    parser.add_argument("--weights", help="start from this .weights.h5")
    parser.add_argument("--schedule", default="cosine", choices=["cosine", "plateau"], help="of the learning rate")
    args = parser.parse_args()
    train, choose = lsp.SPLITS["train"], lsp.SPLITS["choose"]
    if args.smoke:
        train, choose = range(1, 9), range(9, 13)
        args.epochs, args.batch_size, args.size, args.width, args.blocks = 1, 4, 64, 32, 1
    try:
        files.new_run(args.out, args.overwrite)
        return args, lsp.LspExtended(args.data, train), lsp.LspExtended(args.data, choose)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, train, choose = arguments()
    size = (args.size, args.size)
    keras.utils.set_random_seed(args.seed)
    overrides = {"num_joints": 14, "input_shape": (*size, 3), "width": args.width, "num_blocks": args.blocks}
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build("lite-2d", args.weights, export_heatmaps=True, **overrides)
    batches = loader.PoseLoader(
        [(cached.Cached(train, size), args.batch_size)],
        size,
        outputs.kinds(model),
        on_broken="skip",
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        augmentation=args.augmentation,
        seed=args.seed,
    )
    steps = args.epochs * len(batches)
    rate = args.learning_rate
    if args.schedule == "cosine":
        rate = training.cosine_schedule(rate, steps, warmup_steps=steps // 20)
    with distribution.scope_of(model):
        training.compile_model(model, keras.optimizers.Adam(rate))

    held_out = crops.Crops(choose, size)

    def pck(model):
        predictions = pose2d.predict(model, held_out, on_broken="skip")
        return pose2d.pck_scores(predictions, held_out.layout)["total"]

    about = Description(preset="lite-2d", overrides=overrides, layout=held_out.layout)
    about.write(args.out / "model.json")
    score = training.Score(pck, args.out, "val_pck")
    log = keras.callbacks.CSVLogger(args.out / "log.csv")
    plateau = [training.plateau_schedule("val_pck")] if args.schedule == "plateau" else []
    training.fit(model, batches, args.epochs, [score, *plateau, log])
    files.shrink_weights(args.out / "best.weights.h5", args.out / "small.weights.h5")
    print(f"best PCK@0.2 on the photographs to choose by: {score.best:.1f} %; weights in {args.out}")
    print(f"photographs that could not be read: {len(batches.broken)}")


if __name__ == "__main__":
    main()
