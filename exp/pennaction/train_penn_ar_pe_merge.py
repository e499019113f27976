"""Train action recognition from RGB on Penn Action: poses, appearance and their aggregation, in stages.

Data     Penn Action's labels and frames, official training videos, every fifth of a class for validation; or synthetic
         people: datasets/make_synthetic.py --format penn
Command  python exp/pennaction/train_penn_ar_pe_merge.py --labels labels --frames frames
         --pose-weights runs/penn_pose/best.weights.h5;  --packed FOLDER instead of both: of datasets/pack.py
Time     not measured on the real frames, which were not available; meant for GPUs (--strategy mirrored)
Score    not measured on the real frames; the paper reports 97.4 % multi-clip
Result   runs/penn_action/best.weights.h5, last.weights.h5, small.weights.h5, stage1.csv and so on, model.json;
         --resume continues
Stages   --stages paper: pose frozen until the score plateaus, then everything; joint: everything from the start;
         fixed: 30 epochs, then 5 at 0.00002
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.data.readers import packed_clips, pennaction
from deephar.data.samples import video_clips
from deephar.evaluation import judges
from deephar.training import STAGES, ClipSampling, Recipe, options, train, transfer

RECIPE = Recipe(  # paper appendix B
    preset="penn-merge",
    network={"export_poses": "last"},
    layout="pa16j",
    mixture={"penn": 100},
    augmentation="penn-action",
    batch_size=2,
    stages=STAGES["paper"],
    clips=ClipSampling(subsampling=(1, 2, 3)),
)
SMOKE = {"frames": 4, "appearance_width": 16, "num_action_blocks": 1, "epochs": 1}
TINY = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}


def open_sources(args):
    """Readers of the training and validation videos."""
    if args.packed:
        readers = tuple(packed_clips.PackedClips(args.packed, splits=[split]) for split in ("learn", "choose"))
    else:
        if not args.labels:
            raise ValueError("--frames needs --labels")
        actions = pennaction.ACTIONS if args.classes == "official" else pennaction.found_actions(args.labels)
        readers = tuple(
            pennaction.PennAction(args.labels, args.frames, split, actions) for split in ("learn", "choose")
        )
    pose = TINY if args.smoke and not args.pose_weights else {}
    recipe = args.recipe.replaced(num_actions=len(readers[0].actions), **pose)
    args.recipe = transfer.with_pose(recipe, args.pose_weights, options.named(args))
    return readers


def main():
    parser = options.parser(__doc__, RECIPE, "runs/penn_action", "one epoch per stage of a tiny network")
    parser.add_argument("--labels", type=pathlib.Path, help="folder or zip of Penn Action's labels")
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of Penn Action's frames")
    pictures.add_argument("--packed", type=pathlib.Path, help="instead of both: folder of datasets/pack.py")
    parser.add_argument("--classes", choices=["official", "found"], default="official", help="found: as in the labels")
    parser.add_argument("--pose-weights", help="weights from train_penn_pose.py, beside their model.json")
    args, (videos, validation) = options.parsed(parser, open_sources, SMOKE)
    clips = video_clips.VideoClips(
        validation, args.recipe.settings.frames, args.recipe.size, "single", (2,), layout=args.recipe.pose_layout
    )
    judge = judges.accuracy(clips, "the validation split")
    train(args, {"penn": videos}, judge, transfer.pose_of(args.pose_weights), actions=videos.actions)


if __name__ == "__main__":
    main()
