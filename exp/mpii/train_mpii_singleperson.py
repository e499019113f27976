"""Train 2D pose on MPII, single person, by the published recipe.

Data     images/ and annotations of MPII: the RELEASE .mat with pose-hg's valid.h5, or HRNet's train.json and valid.json
Command  python exp/mpii/train_mpii_singleperson.py --images images --train RELEASE.mat --validation valid.h5
Time     120 epochs of 22,246 people; not measured, MPII was not at hand. Meant for GPUs (--strategy mirrored)
Score    not measured; its authors report a PCKh@0.5 of 89.1 on validation, single crop
Result   runs/mpii/best.weights.h5, last.weights.h5, log.csv, model.json
Recipe   paper appendix B and published script: RMSprop 0.001, batch 24, x 0.2 on a plateau or at epochs 80 and 100
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

import keras

from deephar import config, distribution, files, layouts, models, options, training
from deephar.data import crops, loader, mpii
from deephar.evaluation import pose2d
from deephar.models import outputs
from deephar.weights.description import Description


def arguments():
    parser = options.training(__doc__, "runs/mpii", "one step of a tiny network, to see that all works")
    parser.add_argument("--images", required=True, type=pathlib.Path, help="folder of the photographs")
    parser.add_argument("--train", required=True, type=pathlib.Path, help="RELEASE .mat, train.json or train.h5")
    parser.add_argument(
        "--validation", required=True, type=pathlib.Path, help="valid.h5 (with a RELEASE) or valid.json"
    )
    parser.add_argument("--model", default="mpii-2d", choices=["mpii-2d", "lite-2d"])
    parser.add_argument("--schedule", default="steps", choices=["steps", "plateau"], help="of the learning rate")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--augmentation", default="mpii", choices=config.AUGMENT)
    parser.add_argument("--weights", help="start from these")
    args = parser.parse_args()
    args.overrides = {}
    if args.smoke:
        args.model, args.epochs, args.batch_size = "lite-2d", 1, 2
        args.overrides = {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 1}
    try:
        files.new_run(args.out, args.overwrite)
        train = mpii.Mpii(mpii.open_people(args.train, "train", args.validation), args.images)
        kinds = args.train.suffix.lower(), args.validation.suffix.lower()
        annotated = args.train if kinds == (".mat", ".h5") else args.validation
        return args, train, mpii.Mpii(mpii.open_people(annotated, "validation", args.validation), args.images)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, train, validation = arguments()
    keras.utils.set_random_seed(args.seed)
    layout = layouts.get("pa16j")
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build(args.model, args.weights, **args.overrides)
        training.compile_model(model, keras.optimizers.RMSprop(1e-3))
    size = model.input_shape[1:3]

    batches = loader.PoseLoader(
        [(train, args.batch_size)],
        size,
        outputs.kinds(model),
        on_broken="skip",
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        layout=layout,
        augmentation=args.augmentation,
        seed=args.seed,
    )
    held_out = crops.Crops(validation, size, layout)

    def pckh(model):
        predictions = pose2d.predict(model, held_out, on_broken="skip")
        return pose2d.pckh_scores(predictions, layout)["pckh@0.5"]

    about = Description(preset=args.model, overrides=args.overrides, layout=layout)
    about.write(args.out / "model.json")
    score = training.Score(pckh, args.out, "val_pckh")
    rate = training.step_schedule() if args.schedule == "steps" else training.plateau_schedule("val_pckh")
    log = keras.callbacks.CSVLogger(args.out / "log.csv")
    training.fit(model, batches, args.epochs, [score, rate, log])
    print(f"best PCKh@0.5 on validation: {score.best:.1f} %; weights in {args.out}")
    print(f"photographs that could not be read: {len(batches.broken)}")


if __name__ == "__main__":
    main()
