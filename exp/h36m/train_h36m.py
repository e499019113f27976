"""Train 3D pose on Human3.6M, alone or mixed half and half with MPII, whose people have no depth.

Data     the release with frames from datasets/prepare_human36m.py, or takes from datasets/make_synthetic.py --format
         h36m; images/ and annotations of MPII as for exp/mpii, or synthetic people from --format mpii
Command  python exp/h36m/train_h36m.py --h36m H36M --images images --train RELEASE.mat --validation valid.h5
         --sources h36m: the laboratory alone (paper, table 6);  --recipe small: a network for a CPU
Time     not measured, Human3.6M was not available. Meant for GPUs (--strategy mirrored)
Score    not measured; its authors report 55.1 mm mixed and 67.3 mm alone on S9 and S11, single crop
Result   runs/h36m/best.weights.h5, last.weights.h5, small.weights.h5, log.csv, model.json; --resume continues
Epoch    chosen by the last block's MPJPE on a held-out subject of the training set, root depth given; never on S9 and
         S11. --choose none trains on all five subjects, as for the paper's numbers, with --schedule cosine, and keeps
         the last weights
Joints   pa17j by names, where Human3.6M lacks the neck; with --joints published, by the original's mapping
2D data  the coordinates of people without depth give the depth maps no gradient at all; their visibility, weighted by
         0.01, does, as it is computed from both kinds of maps
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import dataclasses
import pathlib

from deephar.data.readers import human36m, mpii
from deephar.data.samples import crops
from deephar.evaluation import judges
from deephar.training import Recipe, Stage, options, train

PAPER = Recipe(  # paper appendix B
    preset="h36m-3d",
    layout="pa17j",
    mixture={"h36m": 50, "mpii": 50},
    augmentation={"h36m": "h36m", "mpii": "mpii"},
    batch_size=24,
    parts=16,
    stages=(Stage("all", epochs=60, rate=1e-3, optimizer="rmsprop", schedule="plateau"),),
)
SMALL = dataclasses.replace(PAPER, preset="lite-3d", network={"depth_maps": 16})
SMOKE = {
    "preset": "lite-3d", "input_shape": (64, 64, 3), "width": 32, "num_blocks": 1, "depth_maps": 4, "epochs": 1,
    "batch_size": 2, "parts": 1_000_000,
}  # fmt: skip


def open_sources(args):
    """Training readers by name, and the reader of the validation subject, or None."""
    subjects, step = human36m.SPLITS["train"]
    if args.choose not in (*subjects, "none") or args.choose_step % step:
        raise ValueError(f"--choose must be one of {', '.join(subjects)} or none, --choose-step a multiple of {step}")
    if args.choose == "none" and args.recipe.stages[0].schedule == "plateau":
        raise ValueError("--schedule plateau needs a validation subject; use --choose none with --schedule cosine")
    joints = ("pa17j", True) if args.joints == "published" else ()
    others = [subject for subject in subjects if subject != args.choose]
    readers = {"h36m": human36m.Human36M(human36m.open_release(args.h36m, "train", others), args.h36m, *joints)}
    if args.sources == "h36m":
        args.recipe = args.recipe.replaced(mixture={"h36m": 100})
    elif not args.images or not args.train:
        raise ValueError("--sources h36m+mpii needs --images and --train of MPII; --sources h36m does not")
    else:
        readers["mpii"] = mpii.Mpii(mpii.open_people(args.train, "train", args.validation), args.images)
    return readers, held_out(args) if args.choose != "none" else None


def held_out(args):
    """The reader of the validation subject."""
    recordings = human36m.open_release(args.h36m, "train", [args.choose], args.choose_step)
    if args.smoke:
        recordings = [dataclasses.replace(r, frames=r.frames[:1], poses=r.poses[:1]) for r in recordings[:2]]
    return human36m.Human36M(recordings, args.h36m, "pa17j", args.joints == "published")


def main():
    parser = options.parser(__doc__, {"paper": PAPER, "small": SMALL}, "runs/h36m")
    parser.add_argument("--h36m", required=True, type=pathlib.Path, help="folder with S1 and so on, and metadata.xml")
    parser.add_argument("--sources", default="h36m+mpii", choices=["h36m", "h36m+mpii"])
    parser.add_argument("--images", type=pathlib.Path, help="folder of MPII's photographs")
    parser.add_argument("--train", type=pathlib.Path, help="MPII's RELEASE .mat, train.json or train.h5")
    parser.add_argument("--validation", type=pathlib.Path, help="valid.h5, with a RELEASE: people not to train on")
    parser.add_argument(
        "--choose", default="S8", help="validation subject, whose score chooses the epoch, e.g. S8; or none"
    )
    parser.add_argument("--choose-step", type=int, default=320, help="its frame stride; a multiple of 5")
    parser.add_argument("--joints", choices=["names", "published"], default="names", help="by name or the original's")
    args, (readers, choose) = options.parsed(parser, open_sources, SMOKE)
    judge = choose and judges.mpjpe(crops.Crops(choose, args.recipe.size), choose.joint_set, args.choose)
    train(args, readers, judge, joints=args.joints, training={"sources": args.sources})


if __name__ == "__main__":
    main()
