"""Train action recognition from RGB on NTU RGB+D: 3D poses, appearance and their aggregation, in stages.

Data     .skeleton files with frames (datasets/prepare_ntu.py) or the .avi files; the training set of a protocol, of
         which ntu.hold_out keeps a tenth for validation; or synthetic people: datasets/make_synthetic.py --format ntu
Command  python exp/ntu/train_ntu_ar_pe_merge.py --skeletons nturgb+d_skeletons --frames frames
         --missing NTU_RGBD_samples_with_missing_skeletons.txt --pose-weights runs/ntu_pose/best.weights.h5
         --packed FOLDER instead of --skeletons and what follows it: packed once by datasets/pack.py, opened at once
Time     not measured on the real data, which was not available; meant for GPUs (--strategy mirrored)
Score    not measured on the real data; the paper reports 85.5 % cross-subject, multi-clip
Result   runs/ntu_action/best.weights.h5, last.weights.h5, small.weights.h5, stage1.csv and so on, model.json;
         --resume continues
Stages   --stages paper: pose frozen until the score plateaus, then everything; joint: everything from the start;
         fixed: 30 epochs, then 5 at 0.00002
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.data.readers import ntu, packed_clips
from deephar.data.samples import video_clips
from deephar.evaluation import judges
from deephar.training import STAGES, ClipSampling, Recipe, options, train, transfer

RECIPE = Recipe(  # paper appendix B
    preset="ntu-merge",
    network={"export_poses": "last"},
    layout="pa20j",
    mixture={"ntu": 100},
    augmentation="ntu-action",
    batch_size=2,
    stages=STAGES["paper"],
    clips=ClipSampling(subsampling=(1, 2, 3)),
)
SMOKE = {
    "frames": 4, "appearance_width": 16, "num_action_blocks": 1, "input_shape": (32, 32, 3), "width": 16,
    "num_blocks": 1, "depth_maps": 4, "epochs": 1,
}  # fmt: skip


def open_sources(args):
    """Readers of the training and validation clips."""
    args.recipe = transfer.with_pose(
        args.recipe.replaced(num_actions=args.classes), args.pose_weights, options.named(args)
    )
    if args.packed:
        every = packed_clips.PackedClips(args.packed)
        if len(every.actions) != args.classes:
            raise ValueError(f"{args.packed} holds {len(every.actions)} classes. Received: --classes {args.classes}")
        parts = ntu.hold_out(ntu.of_split(every.names, args.split, True, args.classes), args.split)
        return tuple(packed_clips.PackedClips(args.packed, names) for names in parts)
    if not args.skeletons:
        raise ValueError("--frames and --videos need --skeletons")
    given = {"frames": args.frames, "videos": args.videos, "classes": args.classes, "missing": args.missing}
    parts = ntu.hold_out(ntu.Ntu(args.skeletons, args.split, True, **given).names, args.split)
    return tuple(ntu.Ntu(args.skeletons, names=names, **given) for names in parts)


def main():
    parser = options.parser(__doc__, RECIPE, "runs/ntu_action", "one epoch per stage of a tiny network")
    parser.add_argument("--skeletons", type=pathlib.Path, help="folder of the .skeleton files")
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of frames, see datasets/prepare_ntu.py")
    pictures.add_argument("--videos", type=pathlib.Path, help="folder of the .avi files")
    pictures.add_argument("--packed", type=pathlib.Path, help="instead of all that: folder of datasets/pack.py")
    parser.add_argument("--missing", type=pathlib.Path, nargs="*", help="official lists of clips to leave out")
    parser.add_argument("--split", default="cross_subject", choices=ntu.SPLITS)
    parser.add_argument("--classes", type=int, default=60, choices=[60, 120])
    parser.add_argument("--pose-weights", help="weights from train_ntu_pose.py, beside their model.json")
    args, (videos, validation) = options.parsed(parser, open_sources, SMOKE)
    clips = video_clips.VideoClips(
        validation, args.recipe.settings.frames, args.recipe.size, "single", (2,), layout=args.recipe.pose_layout, dim=3
    )
    judge = judges.accuracy(clips, "the validation split")
    train(args, {"ntu": videos}, judge, transfer.pose_of(args.pose_weights), actions=videos.actions)


if __name__ == "__main__":
    main()
