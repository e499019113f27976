"""Train action recognition from annotated poses on Penn Action: the pose-based network alone, no pictures.

Data     the official labels, a folder or a zip; the official training videos
Command  python exp/pennaction/train_penn_pose_only.py --labels labels.zip --seed 0
Time     about 17 minutes on one core of an AVX2 server CPU (TF_NUM_INTRAOP_THREADS=1), a second one working besides
Score    98.6, 98.9 and 98.6 % single-clip, 98.7, 98.4 and 98.5 % multi-clip (seeds 0, 1 and 2), official test videos
Result   runs/penn_pose_only/last.weights.h5, small.weights.h5 (to pass on), log.csv, model.json
Recipe   paper section 4.1 with ours of training: AdamW 0.002 along a cosine, 32 clips, label smoothing 0.1; clips of
         16 frames spread over half to all of a video; the box around all joints of the clip; joints moved by noise and
         left out. Chosen on two quarters of the training videos; no test video did
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

import keras

from deephar import config, distribution, files, models, options, training
from deephar.data import clips, loader, pennaction
from deephar.models import outputs
from deephar.models.action.config import POSE_BRANCH
from deephar.weights.description import Description

AUGMENTATION = config.AugmentConfig(
    angle=config.Interval(-15, 15),
    scale=config.Interval(0.75, 1.25),
    shift_x=config.Interval(-0.1, 0.1),
    shift_y=config.Interval(-0.1, 0.1),
    shift_unit="window",
    flip=True,
)
NOISE = config.PoseNoise(jitter=0.015, dropout=0.1)


def arguments():
    parser = options.training(__doc__, "runs/penn_pose_only", "one epoch of few steps, to see that all works")
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="folder or zip of Penn Action's labels")
    parser.add_argument("--split", default="train", choices=["train", "learn"])
    parser.add_argument("--classes", choices=["official", "found"], default="official", help="found: in the labels")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="at its peak")
    parser.add_argument("--width", type=int, default=112, choices=POSE_BRANCH, help="of the network")
    parser.add_argument("--visible-only", action="store_true", help="leave out joints flagged invisible")
    args = parser.parse_args()
    if args.smoke:
        args.epochs = 1
    try:
        files.new_run(args.out, args.overwrite)
        args.actions = pennaction.ACTIONS if args.classes == "official" else pennaction.found_actions(args.labels)
        reader = pennaction.PennAction(args.labels, None, args.split, args.actions, hidden=not args.visible_only)
        return args, reader
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, reader = arguments()
    keras.utils.set_random_seed(args.seed)
    overrides = {"num_actions": len(args.actions), "pose_width": args.width}
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build("penn-pose-only", **overrides)
    batches = loader.ClipLoader(
        [(reader, args.batch_size)],
        model.input_shape[1],
        None,
        outputs.kinds(model),
        given=True,
        spread=(0.5, 1.0),
        augmentation=AUGMENTATION,
        noise=NOISE,
        boxes=clips.extent_boxes,
        seed=args.seed,
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        steps=2 if args.smoke else None,
    )
    steps = args.epochs * len(batches)
    rate = training.cosine_schedule(args.learning_rate, steps, warmup_steps=steps // 20)
    with distribution.scope_of(model):
        training.compile_model(model, keras.optimizers.AdamW(rate, weight_decay=1e-2), label_smoothing=0.1)
    about = Description(preset="penn-pose-only", overrides=overrides, layout=reader.layout, actions=args.actions)
    about.write(args.out / "model.json")
    log = keras.callbacks.CSVLogger(args.out / "log.csv")
    training.fit(model, batches, args.epochs, [log])
    files.save_weights(model, args.out / "last.weights.h5")
    files.shrink_weights(args.out / "last.weights.h5", args.out / "small.weights.h5")
    print(f"weights in {args.out}")


if __name__ == "__main__":
    main()
