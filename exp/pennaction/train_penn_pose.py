"""Train the pose network of the Penn Action clip network, on MPII and Penn Action together (75 to 25), 16 joints.

Data     MPII (see exp/mpii/train_mpii_singleperson.py); Penn Action's labels and frames, official training videos; or
         people made to order in both formats: datasets/make_synthetic.py --format mpii and --format penn
Command  python exp/pennaction/train_penn_pose.py --mpii images --mpii-train RELEASE.mat --mpii-validation valid.h5
         --labels labels --frames frames
Time     not measured on the real data, which was not at hand; meant for GPUs (--strategy mirrored)
Score    PCKh@0.5 on MPII's validation people; not measured on the real data
Result   runs/penn_pose/best.weights.h5, last.weights.h5, log.csv, model.json
Recipe   paper section 5.2 and appendix B: RMSprop 0.001, x 0.2 on a plateau
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

import keras

from deephar import config, distribution, files, layouts, models, options, training
from deephar.data import clips, crops, loader, mpii, pennaction, queues
from deephar.evaluation import pose2d
from deephar.models import outputs
from deephar.weights.description import Description


def arguments():
    parser = options.training(__doc__, "runs/penn_pose")
    parser.add_argument("--mpii", required=True, type=pathlib.Path, help="folder of MPII's photographs")
    parser.add_argument("--mpii-train", required=True, type=pathlib.Path, help="RELEASE .mat, train.json or train.h5")
    parser.add_argument("--mpii-validation", required=True, type=pathlib.Path, help="valid.h5 or valid.json")
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="folder or zip of Penn Action's labels")
    parser.add_argument("--frames", required=True, type=pathlib.Path, help="folder of Penn Action's frames")
    parser.add_argument("--every", type=int, default=5, help="take every how manieth frame of a video")
    parser.add_argument(
        "--small", action="store_true", help="a narrower network on crops of 96 pixels, with heat-map loss"
    )
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--batch-size", type=int, default=24)
    args = parser.parse_args()
    args.overrides = {}
    if args.small or args.smoke:
        args.overrides = {"input_shape": (96, 96, 3), "width": 144, "num_blocks": 2}
    if args.smoke:
        args.epochs, args.batch_size = 1, 8
        args.overrides = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}
    try:
        files.new_run(args.out, args.overwrite)
        train = mpii.Mpii(mpii.open_people(args.mpii_train, "train", args.mpii_validation), args.mpii)
        annotated = args.mpii_validation if args.mpii_train.suffix.lower() != ".mat" else args.mpii_train
        held_out = mpii.Mpii(mpii.open_people(annotated, "validation", args.mpii_validation), args.mpii)
        actions = pennaction.found_actions(args.labels)
        videos = pennaction.PennAction(args.labels, args.frames, "train", actions)
        return args, train, held_out, clips.VideoFrames(videos, args.every)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, people, held_out, frames = arguments()
    keras.utils.set_random_seed(args.seed)
    layout = layouts.get("pa16j")
    exported = {"export_heatmaps": True} if args.small else {}
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build("penn-pose", **exported, **args.overrides)
        training.compile_model(model, keras.optimizers.RMSprop(1e-3))
    size = model.input_shape[1:3]
    shares = config.POSE_MIXTURES["penn"]
    counts = queues.counts_by_ratio(args.batch_size, (shares["mpii"], shares["penn"]))
    batches = loader.PoseLoader(
        list(zip((people, frames), counts, strict=True)),
        size,
        outputs.kinds(model),
        on_broken="skip",
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        layout=layout,
        augmentation=("mpii", "penn"),
        seed=args.seed,
    )
    validation = crops.Crops(held_out, size, layout)

    def pckh(model):
        predictions = pose2d.predict(model, validation, on_broken="skip")
        return pose2d.pckh_scores(predictions, layout)["pckh@0.5"]

    about = Description(preset="penn-pose", overrides=args.overrides, layout=layout)
    about.write(args.out / "model.json")
    score = training.Score(pckh, args.out, "val_pckh")
    rate, log = training.plateau_schedule("val_pckh"), keras.callbacks.CSVLogger(args.out / "log.csv")
    training.fit(model, batches, args.epochs, [score, rate, log])
    print(f"best PCKh@0.5 on validation: {score.best:.1f} %; weights in {args.out}")
    print(f"samples that could not be read: {len(batches.broken)}")


if __name__ == "__main__":
    main()
