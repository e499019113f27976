"""Train 3D pose on Human3.6M, by itself or mixed half and half with MPII, whose people have no depth.

Data     the release with pictures by datasets/prepare_human36m.py, or takes of datasets/make_synthetic.py --format
         h36m; images/ and annotations of MPII as for exp/mpii, or people of --format mpii
Command  python exp/h36m/train_h36m.py --h36m H36M --images images --train RELEASE.mat --validation valid.h5
         --sources h36m: the laboratory alone (paper, table 6);  --small --size 128: a network for a CPU
Time     not measured, Human3.6M was not at hand. Meant for GPUs (--strategy mirrored)
Score    not measured; its authors report 55.1 mm mixed and 67.3 mm alone on S9 and S11, single crop
Result   runs/h36m/best.weights.h5, last.weights.h5, log.csv, model.json
Recipe   paper appendix B: RMSprop 0.001, batch 24, x 0.2 on a plateau. The epoch is chosen by the last block's MPJPE on
         a subject of the training set that is not trained on, root depth given; never on S9 and S11. --choose none
         trains on all five subjects, as the paper's numbers do, with --schedule cosine, and keeps the last weights
Joints   pa17j by names, where the neck is unknown on Human3.6M; with --joints published by the original's map
2D data  the coordinates of people without depth give the depth maps no gradient at all; their visibility, weighed by
         0.01, does, as it is read off both kinds of maps
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import dataclasses
import pathlib

import keras

from deephar import config, distribution, files, layouts, models, options, training
from deephar.data import crops, human36m, loader, mpii, queues
from deephar.evaluation import pose3d
from deephar.models import outputs
from deephar.weights.description import Description

LAYOUT = layouts.get("pa17j")


def arguments():
    parser = options.training(__doc__, "runs/h36m", "one step of a tiny network, to see that all works")
    parser.add_argument("--h36m", required=True, type=pathlib.Path, help="folder with S1 and so on, and metadata.xml")
    parser.add_argument("--sources", default="h36m+mpii", choices=["h36m", "h36m+mpii"])
    parser.add_argument("--images", type=pathlib.Path, help="folder of MPII's photographs")
    parser.add_argument("--train", type=pathlib.Path, help="MPII's RELEASE .mat, train.json or train.h5")
    parser.add_argument("--validation", type=pathlib.Path, help="valid.h5, with a RELEASE: whom not to train on")
    parser.add_argument("--choose", default="S8", help="subject to choose the epoch by, e.g. S8; or none")
    parser.add_argument("--choose-step", type=int, default=320, help="between its frames; a multiple of 5")
    parser.add_argument("--parts", type=int, default=16, help="an epoch is one part in so many, drawn anew for each")
    parser.add_argument("--joints", choices=["names", "published"], default="names", help="by names or the original's")
    parser.add_argument("--small", action="store_true", help="a network for a CPU, see the next four")
    parser.add_argument("--size", type=int, default=128, help="of its crops in pixels, a multiple of 32")
    parser.add_argument("--width", type=int, default=288, help="channels of its features")
    parser.add_argument("--blocks", type=int, default=2, help="its prediction blocks")
    parser.add_argument("--depth-maps", type=int, default=16, help="its depth cells per joint")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=24)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--schedule", default="plateau", choices=["plateau", "cosine"], help="of the learning rate")
    parser.add_argument("--augmentation", choices=config.AUGMENT, help="of all; by default each dataset's")
    parser.add_argument("--weights", help="start from these")
    args = parser.parse_args()
    if args.smoke:
        args.small, args.size, args.width, args.blocks, args.depth_maps = True, 64, 32, 1, 4
        args.epochs, args.batch_size, args.parts = 1, 2, 1_000_000
    args.model, args.overrides = ("lite-3d", small_3d(args)) if args.small else ("h36m-3d", {})
    try:
        files.new_run(args.out, args.overwrite)
        return args, *sources(args)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def small_3d(args):
    return {
        "input_shape": (args.size, args.size, 3), "width": args.width, "num_blocks": args.blocks,
        "depth_maps": args.depth_maps,
    }  # fmt: skip


def sources(args):
    """Readers to train on with their share of a batch, and the reader of the subject to choose by, or None."""
    subjects, step = human36m.SPLITS["train"]
    if args.choose not in (*subjects, "none") or args.choose_step % step:
        raise ValueError(f"--choose must be one of {', '.join(subjects)} or none, --choose-step a multiple of {step}")
    if args.choose == "none" and args.schedule == "plateau":
        raise ValueError("--schedule plateau needs a subject to choose by; --choose none goes with --schedule cosine")
    joints = (LAYOUT.name, True) if args.joints == "published" else ()
    others = [subject for subject in subjects if subject != args.choose]
    train = human36m.Human36M(human36m.open_release(args.h36m, "train", others), args.h36m, *joints)
    choose = held_out(args) if args.choose != "none" else None
    if args.sources == "h36m":
        return [(train, args.batch_size)], choose
    if not args.images or not args.train:
        raise ValueError("--sources h36m+mpii needs --images and --train of MPII; --sources h36m does without")
    flat = mpii.Mpii(mpii.open_people(args.train, "train", args.validation), args.images)
    counts = queues.counts_by_ratio(args.batch_size, (50, 50))
    return list(zip((train, flat), counts, strict=True)), choose


def held_out(args):
    """The reader of the subject to choose by."""
    recordings = human36m.open_release(args.h36m, "train", [args.choose], args.choose_step)
    if args.smoke:
        recordings = [dataclasses.replace(r, frames=r.frames[:1], poses=r.poses[:1]) for r in recordings[:2]]
    return human36m.Human36M(recordings, args.h36m, LAYOUT.name, args.joints == "published")


def main():
    args, readers, choose = arguments()
    keras.utils.set_random_seed(args.seed)
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build(args.model, args.weights, **args.overrides)
    size = model.input_shape[1:3]
    batches = loader.PoseLoader(
        readers,
        size,
        outputs.kinds(model),
        on_broken="skip",
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        layout=LAYOUT,
        dim=3,
        augmentation=args.augmentation or ("h36m", "mpii")[: len(readers)],
        seed=args.seed,
        shard=(0, args.parts),  # the queues are shuffled anew for every epoch
    )
    rate = args.learning_rate
    if args.schedule == "cosine":
        steps = args.epochs * len(batches)
        rate = training.cosine_schedule(rate, steps, warmup_steps=steps // 20)
    with distribution.scope_of(model):
        training.compile_model(model, keras.optimizers.RMSprop(rate))
    unread = {}

    def minus_mpjpe(model):
        predictions = pose3d.predict(model, crops.Crops(choose, size), on_broken="skip")
        unread.update(predictions.broken)
        return -pose3d.scores(predictions, LAYOUT, choose.joint_set)["mpjpe"]

    about = Description(
        preset=args.model,
        overrides=args.overrides,
        layout=LAYOUT,
        joints=args.joints,
        training={"sources": args.sources},
    )
    about.write(args.out / "model.json")
    score = training.Score(minus_mpjpe if choose else None, args.out, "val_minus_mpjpe")
    plateau = [training.plateau_schedule("val_minus_mpjpe")] if args.schedule == "plateau" else []
    log = keras.callbacks.CSVLogger(args.out / "log.csv")
    training.fit(model, batches, args.epochs, [score, *plateau, log])
    if choose:
        print(f"best MPJPE on {args.choose}, root depth given, {choose.joint_set}: {-score.best:.1f} mm; in {args.out}")
    print(f"pictures that could not be read: {len(batches.broken)} to train on, {len(unread)} to choose by")


if __name__ == "__main__":
    main()
