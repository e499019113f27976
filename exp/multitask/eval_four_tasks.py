"""Score one file of weights on 2D poses, 3D poses and two sets of actions; or a dedicated network on its task.

Data     see train_four_tasks.py: MPII's validation people, the test splits of Human3.6M, Penn Action and NTU RGB+D
Command  python exp/multitask/eval_four_tasks.py --weights runs/four_tasks/best.weights.h5 --mpii images
         --mpii-validation valid.h5 --h36m H36M --penn-labels labels --penn-frames frames --ntu-skeletons skeletons
         --ntu-frames frames
         --tasks pose2d: only some of the four
Score    not measured on the real data, which was not available
Result   a table with a row for every task; OUT/four_tasks.json with all numbers
Protocol one crop for every person, root depth given; one clip in the middle of every video (--multi-clip: T/2 apart,
         mean of the scores), windows around the annotated joints, frame stride 2
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

from deephar import multitask
from deephar.data.readers import arguments
from deephar.evaluation import report
from deephar.weights import loading

TASKS = {
    "pose2d": ("mpii", "PCKh@0.5", "%", "pckh@0.5"),
    "pose3d": ("h36m", "MPJPE", "mm", "mpjpe"),
    "action2d": ("penn", "accuracy", "%", "accuracy"),
    "action3d": ("ntu", "accuracy", "%", "accuracy"),
}
"""Dataset, score and unit of every task, and what it is called in the report."""


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add(parser, arguments.DATASETS, training=False)
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--subsampling", type=int, default=2, help="frame stride of a clip")
    parser.add_argument("--multi-clip", action="store_true")
    parser.add_argument("--out", default="runs/four_tasks", type=pathlib.Path)
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        readers = {task: arguments.testing(args, TASKS[task][0]) for task in args.tasks}
        return args, readers, loading.describe(args.weights)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def score(args, model, about, task, reader):
    """All scores of a task."""
    if task == "pose2d":
        return multitask.pckh(model, about, reader)
    if task == "pose3d":
        return multitask.errors3d(model, about, reader)
    names = list(about.sets)
    own = names[task == "action3d"] if len(names) > 1 else None
    return multitask.accuracy(model, about, reader, own, args.subsampling, args.multi_clip)


def main():
    args, readers, about = options()
    model = multitask.load(args.weights)
    scores = {task: score(args, model, about, task, reader) for task, reader in readers.items()}
    print(f"{'task':<12}{'data':<8}{'score':<12}{'':>8}")
    for task, found in scores.items():
        data, name, unit, key = TASKS[task]
        print(f"{task:<12}{data:<8}{name:<12}{found[key]:>8.1f} {unit}")
    facts = {"weights": str(args.weights), "parameters": model.count_params()}
    report.save_json(
        {**facts, "stride": args.subsampling, "multi_clip": args.multi_clip, **scores}, args.out / "four_tasks.json"
    )
    print(f"{model.count_params():,} parameters; wrote {args.out / 'four_tasks.json'}")


if __name__ == "__main__":
    main()
