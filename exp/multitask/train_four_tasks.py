"""Train one network for 2D poses, 3D poses and two sets of actions at once, or a dedicated one for each with --task.

Data     MPII, Human3.6M, Penn Action and NTU RGB+D, see exp/mpii, exp/h36m, exp/pennaction and exp/ntu; or synthetic
         people in these formats: datasets/make_synthetic.py
Command  python exp/multitask/train_four_tasks.py --mpii images --mpii-train RELEASE.mat --mpii-validation valid.h5
         --h36m H36M --penn-labels labels --penn-frames frames --ntu-skeletons skeletons --ntu-frames frames
         --recipe merge --pose-weights drawn-lite-3d: a network that begins with trained poses, for little time
         --task pose2d --steps 500: a dedicated network, trained on as many samples of its task, in as many steps
Time     not measured on the real data, which was not available
Score    the mean of PCKh@0.5, joints within 150 mm and both accuracies on validation splits; of its task for --task
Result   runs/four_tasks/best.weights.h5, last.weights.h5, small.weights.h5, log.csv (of several stages, stage1.csv and
         so on), model.json; --resume continues
Recipe   ours: a batch has as many stills of MPII as of Human3.6M, and as many clips of Penn as of NTU; the losses of
         actions have a tenth of the weight of those of poses, of the recipe merge a hundredth
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import dataclasses

from deephar import multitask
from deephar.data.batches import joint
from deephar.data.readers import arguments
from deephar.training import ClipSampling, Joint, Recipe, Stage, options, train, transfer

TASKS = {"pose2d": "mpii", "pose3d": "h36m", "action2d": "penn", "action3d": "ntu"}
"""Dataset of every task."""

RECIPE = Recipe(
    preset="spnet-lite",
    layout="pa17j",
    mixture=dict.fromkeys(arguments.DATASETS, 25),
    augmentation={"mpii": "mpii", "h36m": "h36m", "penn": "penn-action", "ntu": "ntu-action"},
    batch_size=4,
    stages=(Stage("all", epochs=60, rate=1e-3, optimizer="adamw", schedule="cosine"),),
    clips=ClipSampling(subsampling=(1, 2, 3)),
    joint=Joint({"penn": "penn", "ntu": "ntu"}, {"actions_set1": 0.1, "actions_set2": 0.1}),
)
POSES = {"num_joints": 17, "dim": 3, "num_context": 0, "depth_maps": 8, "input_shape": (128, 128, 3)}
"""The pose network of `drawn-lite-3d`."""

MERGE = (
    Stage("actions", epochs=6, frozen=True, rate=1e-3, optimizer="adamw", schedule="cosine"),
    Stage("all", epochs=5, rate=3e-4, optimizer="adamw", schedule="cosine"),
)
GENTLE = Joint(RECIPE.joint.sets, dict.fromkeys(RECIPE.joint.weights, 0.01))
"""Of actions, which with more weight take trained poses away from where they began."""

RECIPES = {
    "spnet": RECIPE.replaced(export_heatmaps=True),  # their loss is not of the paper: soft-argmax learns faster with it
    "merge": RECIPE.replaced(
        preset="lite-merge",
        **POSES,
        export_poses="all",
        concat_visibility=True,
        batch_size=8,
        steps=100,
        stages=MERGE,
        joint=GENTLE,
    ),
}
TINY = {
    "spnet-lite": {"num_levels": 2, "growth": 8, "pose_features": 16, "visual_features": 16},
    "lite-merge": {"num_blocks": 1, "width": 16, "depth_maps": 4, "appearance_width": 16, "num_action_blocks": 1},
}


def smoke(recipe):
    """What makes a recipe two steps of a tiny network."""
    return {"input_shape": (32, 32, 3), "frames": 4, "epochs": 1, "steps": 2, **TINY[recipe.preset]}


def dedicated(recipe, task):
    """The recipe of a network for one task: of every batch, the part that is of that task."""
    if recipe.steps is None:
        raise ValueError("--task takes as many steps as the network of all tasks; --steps says how many an epoch has")
    rows, loss = recipe.batch_size // 2, recipe.joint.weights["actions_set1"]
    fields = {"mixture": {TASKS[task]: 100}, "joint": None, "batch_size": rows}
    if "action" in task:
        stages = tuple(dataclasses.replace(stage, pose_weight=1 / loss) for stage in recipe.stages)
        return recipe.replaced(**fields, stages=stages)
    poses = tuple(stage for stage in recipe.stages if not stage.frozen)
    fields |= {"batch_size": rows * recipe.settings.frames, "clips": None, "stages": poses}
    if recipe.preset == "spnet-lite":
        return recipe.replaced(**fields).replaced(frames=0, num_actions=(), action_pyramids=())
    return recipe.replaced(**fields, preset="lite-3d", network=dataclasses.asdict(recipe.settings.network))


def open_sources(args):
    """Training readers by name, and those of the validation splits."""
    args.recipe = transfer.with_pose(args.recipe, args.pose_weights, options.named(args))
    names = arguments.DATASETS if args.task == "all" else [TASKS[args.task]]
    readers = {name: arguments.training(args, name) for name in names}
    learn, choose = ({name: pair[number] for name, pair in readers.items()} for number in (0, 1))
    if args.task == "all":
        args.recipe = args.recipe.replaced(num_actions=tuple(len(learn[name].actions) for name in ("penn", "ntu")))
    else:
        args.recipe = dedicated(args.recipe, args.task)
        if "action" in args.task:
            args.recipe = args.recipe.replaced(num_actions=len(learn[names[0]].actions))
    return learn, choose


def main():
    parser = options.parser(__doc__, RECIPES, "runs/four_tasks", "two steps of a tiny network")
    arguments.add(parser, arguments.DATASETS)
    parser.add_argument("--task", default="all", choices=["all", *TASKS], help="train a dedicated network")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--weights", help="of the same network, to start from")
    begin.add_argument("--pose-weights", help="of its pose network, which has the same blocks, or more")
    args, (learn, choose) = options.parsed(parser, open_sources, smoke)
    videos = {name: learn[name].actions for name in ("penn", "ntu") if name in learn}
    actions = joint.classes(videos) if args.task == "all" else tuple(*videos.values())
    start = transfer.all_of(args.weights) or transfer.pose_of(args.pose_weights)
    train(args, learn, multitask.judge(args.recipe, choose), start, actions=actions)


if __name__ == "__main__":
    main()
