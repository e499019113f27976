"""Train the pose network of the Penn Action clip network, on MPII and Penn Action together (75 to 25), 16 joints.

Data     MPII (see exp/mpii/train_mpii_singleperson.py); Penn Action's labels and frames, official training videos; or
         synthetic people in the same formats: datasets/make_synthetic.py --format mpii and --format penn
Command  python exp/pennaction/train_penn_pose.py --mpii images --mpii-train RELEASE.mat --mpii-validation valid.h5
         --labels labels --frames frames;  --recipe small: a narrower network on crops of 96 pixels, with heat-map loss
Time     not measured on the real data, which was not available; meant for GPUs (--strategy mirrored)
Score    PCKh@0.5 on MPII's validation people; not measured on the real data
Result   runs/penn_pose/best.weights.h5, last.weights.h5, small.weights.h5, log.csv, model.json; --resume continues
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import dataclasses
import pathlib

from deephar.data.readers import mpii, packed_clips, pennaction
from deephar.data.samples import clips, crops
from deephar.evaluation import judges
from deephar.training import Recipe, Stage, options, train

PAPER = Recipe(  # paper section 5.2 and appendix B
    preset="penn-pose",
    layout="pa16j",
    mixture={"mpii": 75, "penn": 25},
    augmentation={"mpii": "mpii", "penn": "penn"},
    batch_size=24,
    stages=(Stage("all", epochs=120, rate=1e-3, optimizer="rmsprop", schedule="plateau"),),
)
NARROW = {"input_shape": (96, 96, 3), "width": 144, "num_blocks": 2, "export_heatmaps": True}
RECIPES = {"paper": PAPER, "small": dataclasses.replace(PAPER, network=NARROW)}
SMOKE = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "epochs": 1, "batch_size": 8}


def open_sources(args):
    """Training readers by name, and the people of MPII's validation split."""
    people, validation = mpii.open_training(args.mpii, args.mpii_train, args.mpii_validation)
    if args.packed:
        videos = packed_clips.PackedClips(args.packed, splits=["learn", "choose"])
    elif args.labels:
        videos = pennaction.PennAction(args.labels, args.frames, "train", pennaction.found_actions(args.labels))
    else:
        raise ValueError("--frames needs --labels")
    return {"mpii": people, "penn": clips.VideoFrames(videos, args.every)}, validation


def main():
    parser = options.parser(__doc__, RECIPES, "runs/penn_pose")
    parser.add_argument("--mpii", required=True, type=pathlib.Path, help="folder of MPII's photographs")
    parser.add_argument("--mpii-train", required=True, type=pathlib.Path, help="RELEASE .mat, train.json or train.h5")
    parser.add_argument("--mpii-validation", required=True, type=pathlib.Path, help="valid.h5 or valid.json")
    parser.add_argument("--labels", type=pathlib.Path, help="folder or zip of Penn Action's labels")
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of Penn Action's frames")
    pictures.add_argument("--packed", type=pathlib.Path, help="instead of both: folder of datasets/pack.py")
    parser.add_argument("--every", type=int, default=5, help="frame stride within a video")
    args, (readers, validation) = options.parsed(parser, open_sources, SMOKE)
    crops_of = crops.Crops(validation, args.recipe.size, args.recipe.pose_layout)
    train(args, readers, judges.pckh(crops_of, "MPII's validation"))


if __name__ == "__main__":
    main()
