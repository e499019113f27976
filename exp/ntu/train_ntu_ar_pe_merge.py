"""Train action recognition from RGB on NTU RGB+D: 3D poses, appearance and their aggregation, stage by stage.

Data     .skeleton files with frames (datasets/prepare_ntu.py) or the .avi files; training part of a split, of which
         ntu.hold_out keeps a tenth to choose by; or people made to order: datasets/make_synthetic.py --format ntu
Command  python exp/ntu/train_ntu_ar_pe_merge.py --skeletons nturgb+d_skeletons --frames frames
         --missing NTU_RGBD_samples_with_missing_skeletons.txt --pose-weights runs/ntu_pose/best.weights.h5
Time     not measured on the real data, which was not at hand; meant for GPUs (--strategy mirrored)
Score    not measured on the real data; the paper reports 85.5 % cross-subject, multi-clip
Result   runs/ntu_action/best.weights.h5, last.weights.h5, stage1.csv, stage2.csv, model.json
Recipe   paper appendix B (--stages paper): pose frozen, SGD with Nesterov momentum 0.98, 0.0002, x 0.2 on a plateau, 2
         clips, until the score stagnates; then everything at a tenth of the final rate for 5 epochs. --stages joint:
         everything from the start; fixed: 30 epochs, then 5 at 0.00002
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import dataclasses
import pathlib

import keras

from deephar import config, distribution, files, layouts, models, options, training
from deephar.data import loader, ntu, video_clips
from deephar.evaluation import action
from deephar.models import outputs, surgery
from deephar.weights import loading
from deephar.weights.description import Description


def arguments():
    parser = options.training(__doc__, "runs/ntu_action", "one epoch a stage of a tiny network, to see that all works")
    parser.add_argument("--skeletons", required=True, type=pathlib.Path, help="folder of the .skeleton files")
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of frames, see datasets/prepare_ntu.py")
    pictures.add_argument("--videos", type=pathlib.Path, help="folder of the .avi files")
    parser.add_argument("--missing", type=pathlib.Path, nargs="*", help="official lists of clips to leave out")
    parser.add_argument("--split", default="cross_subject", choices=ntu.SPLITS)
    parser.add_argument("--classes", type=int, default=60, choices=[60, 120])
    parser.add_argument("--pose-weights", help="of a network trained by train_ntu_pose.py, beside its model.json")
    parser.add_argument("--clip-frames", type=int, default=20, help="frames of a clip")
    parser.add_argument("--stages", default="paper", choices=config.STAGES)
    parser.add_argument("--epochs", type=int, help="of every stage; by default the recipe's")
    parser.add_argument("--batch-size", type=int, default=2, help="clips")
    args = parser.parse_args()
    args.overrides = {"frames": args.clip_frames, "num_actions": args.classes}
    if args.smoke:
        args.epochs = 1
        args.overrides |= {"frames": 4, "appearance_width": 16, "num_action_blocks": 1}
        args.overrides |= {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "depth_maps": 4}
    try:
        files.new_run(args.out, args.overwrite)
        given = {"frames": args.frames, "videos": args.videos, "classes": args.classes, "missing": args.missing}
        learn, choose = ntu.hold_out(ntu.Ntu(args.skeletons, args.split, True, **given).names, args.split)
        args.pose = loading.describe(args.pose_weights) if args.pose_weights else None
        args.overrides |= args.pose.overrides if args.pose else {}
        return (
            args,
            ntu.Ntu(args.skeletons, names=learn, **given),
            ntu.Ntu(args.skeletons, names=choose, **given),
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, train, choose = arguments()
    keras.utils.set_random_seed(args.seed)
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build("ntu-merge", export_poses="last", **args.overrides)
        if args.pose:
            surgery.copy_pose(loading.load(args.pose_weights), model)
    frames, size = model.input_shape[1], model.input_shape[2:4]
    layout = args.pose.layout if args.pose else layouts.get("pa20j")
    batches = loader.ClipLoader(
        [(train, args.batch_size)],
        frames,
        size,
        outputs.kinds(model),
        on_broken="skip",
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        layout=layout,
        dim=3,
        subsampling=(1, 2, 3),
        augmentation="ntu-action",
        seed=args.seed,
    )
    held_out = video_clips.VideoClips(choose, frames, size, "single", (2,), layout=layout, dim=3)

    def accuracy(model):
        return action.action_scores(action.predict(model, held_out, on_broken="skip"), choose.actions)["accuracy"]

    about = Description(preset="ntu-merge", overrides=args.overrides, layout=layout, actions=train.actions)
    about.write(args.out / "model.json")
    stages = config.STAGES[args.stages]
    if args.epochs:
        stages = [dataclasses.replace(stage, epochs=args.epochs) for stage in stages]
    scores = training.train_stages(model, batches, stages, accuracy, args.out)
    for stage, score in zip(stages, scores, strict=True):
        print(f"best accuracy on the clips to choose by, after {stage.name}: {score:.1f} %")
    print(f"weights in {args.out}; samples that could not be read: {len(batches.broken)}")


if __name__ == "__main__":
    main()
