"""Train action recognition from RGB on Penn Action: poses, appearance and their aggregation, stage by stage.

Data     Penn Action's labels and frames, official training videos, of which every fifth of a class chooses; or people
         made to order: datasets/make_synthetic.py --format penn
Command  python exp/pennaction/train_penn_ar_pe_merge.py --labels labels --frames frames
         --pose-weights runs/penn_pose/best.weights.h5
Time     not measured on the real frames, which were not at hand; meant for GPUs (--strategy mirrored)
Score    not measured on the real frames; the paper reports 97.4 % multi-clip
Result   runs/penn_action/best.weights.h5, last.weights.h5, stage1.csv, stage2.csv, model.json
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
from deephar.data import loader, pennaction, video_clips
from deephar.evaluation import action
from deephar.models import outputs, surgery
from deephar.weights import loading
from deephar.weights.description import Description


def arguments():
    parser = options.training(__doc__, "runs/penn_action", "one epoch a stage of a tiny network, to see that all works")
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="folder or zip of Penn Action's labels")
    parser.add_argument("--frames", required=True, type=pathlib.Path, help="folder of Penn Action's frames")
    parser.add_argument("--classes", choices=["official", "found"], default="official", help="found: in the labels")
    parser.add_argument("--pose-weights", help="of a network trained by train_penn_pose.py, beside its model.json")
    parser.add_argument("--clip-frames", type=int, default=16, help="frames of a clip")
    parser.add_argument("--stages", default="paper", choices=config.STAGES)
    parser.add_argument("--epochs", type=int, help="of every stage; by default the recipe's")
    parser.add_argument("--batch-size", type=int, default=2, help="clips")
    args = parser.parse_args()
    args.overrides = {"frames": args.clip_frames}
    if args.smoke:
        args.epochs, args.overrides = 1, {"frames": 4, "appearance_width": 16, "num_action_blocks": 1}
        if not args.pose_weights:
            args.overrides |= {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1}
    try:
        files.new_run(args.out, args.overwrite)
        actions = pennaction.ACTIONS if args.classes == "official" else pennaction.found_actions(args.labels)
        train, choose = (pennaction.PennAction(args.labels, args.frames, s, actions) for s in ("learn", "choose"))
        args.pose = loading.describe(args.pose_weights) if args.pose_weights else None
        args.overrides |= {"num_actions": len(actions), **(args.pose.overrides if args.pose else {})}
        return args, train, choose
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, train, choose = arguments()
    keras.utils.set_random_seed(args.seed)
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build("penn-merge", export_poses="last", **args.overrides)
        if args.pose:
            surgery.copy_pose(loading.load(args.pose_weights), model)
    frames, size = model.input_shape[1], model.input_shape[2:4]
    layout = args.pose.layout if args.pose else layouts.get("pa16j")
    batches = loader.ClipLoader(
        [(train, args.batch_size)],
        frames,
        size,
        outputs.kinds(model),
        on_broken="skip",
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        layout=layout,
        subsampling=(1, 2, 3),
        augmentation="penn-action",
        seed=args.seed,
    )
    held_out = video_clips.VideoClips(choose, frames, size, "single", (2,), layout=layout)

    def accuracy(model):
        return action.action_scores(action.predict(model, held_out, on_broken="skip"), choose.actions)["accuracy"]

    about = Description(preset="penn-merge", overrides=args.overrides, layout=layout, actions=train.actions)
    about.write(args.out / "model.json")
    stages = config.STAGES[args.stages]
    if args.epochs:
        stages = [dataclasses.replace(stage, epochs=args.epochs) for stage in stages]
    scores = training.train_stages(model, batches, stages, accuracy, args.out)
    for stage, score in zip(stages, scores, strict=True):
        print(f"best accuracy on the videos to choose by, after {stage.name}: {score:.1f} %")
    print(f"weights in {args.out}; samples that could not be read: {len(batches.broken)}")


if __name__ == "__main__":
    main()
