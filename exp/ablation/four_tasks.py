"""Ablation: one network for four tasks against four dedicated ones, on synthetic people: the paper's thesis, in small.

Data     none; it makes people in the formats of MPII, Human3.6M, Penn Action and NTU RGB+D
Command  python exp/ablation/four_tasks.py;  --seeds 0 1 and, once the data is there, --seeds 2 beside it
Result   runs/ablation/four_tasks/: table.txt, four_tasks.png, a folder and a JSON file for every arm and seed; the same
         command continues one that was stopped
Arms     all: exp/multitask/train_four_tasks.py --recipe merge; pose2d, pose3d, action2d, action3d: with --task, on as
         many samples of the task, in as many steps, from the same weights of the pose network
Counts   a dedicated network that is better than the mean pose, or the most frequent action, by MARGIN or more
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import functools
import json
import pathlib
import statistics
import subprocess
import sys

import numpy as np

from deephar import multitask
from deephar.data.readers import arguments
from deephar.data.samples import crops
from deephar.evaluation import ablation
from deephar.inference import running
from deephar.stopwatch import in_turn
from deephar.training import state
from deephar.weights import loading

ROOT = pathlib.Path(__file__).parents[2]
SCORES = {
    "pose2d": "PCKh@0.5", "pose3d": "within 150 mm", "action2d": "20 actions, 2D", "action3d": "10 actions, 3D"
}  # fmt: skip
KEYS = {"pose2d": "pckh@0.5", "pose3d": "pck3d@150", "action2d": "accuracy", "action3d": "accuracy"}
"""Of the scores in the files of eval_four_tasks.py, in percent."""

ARMS = ("all", *SCORES)
MARGIN = 10.0
"""Points of a score."""


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="runs/ablation/four_tasks", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--pose-weights", default="drawn-lite-3d", help="that all networks begin with")
    parser.add_argument("--precision", default="float32", help="of training: float32 or bfloat16")
    parser.add_argument("--steps", type=int, default=100, help="per epoch")
    parser.add_argument("--people", type=int, default=1500)
    parser.add_argument("--takes", type=int, default=42, help="of Human3.6M")
    parser.add_argument("--videos", type=int, default=720, help="of Penn Action")
    parser.add_argument("--performances", type=int, default=200, help="of NTU RGB+D")
    parser.add_argument("--processes", type=int, default=2, help="worker processes that draw people")
    parser.add_argument("--smoke", action="store_true", help="two steps of tiny networks")
    return parser.parse_args()


def script(path, *arguments):
    """Run a script of the project in a process of its own."""
    subprocess.run([sys.executable, ROOT / path, *map(str, arguments)], check=True)


def make_data(args):
    """Draw the people, and give the options that name their files: to train, and to score."""
    folder = args.out / "data"
    counts = {"mpii": args.people, "h36m": args.takes, "penn": args.videos, "ntu": args.performances}
    for name, count in counts.items():
        more = ["--frames-only"] if name == "ntu" else []
        script("datasets/make_synthetic.py", "--format", name, "--out", folder / name, "--count", count,
               "--processes", args.processes, *more)  # fmt: skip
    images, frames, skeletons = folder / "mpii/images", folder / "ntu/frames", folder / "ntu/nturgb+d_skeletons"
    both = ["--mpii", images, "--mpii-validation", folder / "mpii/valid.h5", "--h36m", folder / "h36m",
            "--penn-labels", folder / "penn/labels", "--penn-frames", folder / "penn/frames", "--penn-classes", "found",
            "--ntu-skeletons", skeletons, "--ntu-frames", frames]  # fmt: skip
    return [*both, "--mpii-train", folder / "mpii/release.mat"], both


def train(args, data, arm, seed, folder):
    """Train and score a network; its scores by task."""
    again = "--resume" if any((folder / name).is_file() for name in state.FILES) else "--overwrite"
    steps = [] if args.smoke else ["--steps", args.steps]
    poses = [] if args.smoke else ["--pose-weights", args.pose_weights]
    how = ["--seed", seed, "--precision", args.precision, "--quiet", *poses, *steps]
    script("exp/multitask/train_four_tasks.py", *data[0], "--recipe", "merge", "--task", arm, "--out", folder, again,
           *how, *(["--smoke"] * args.smoke))  # fmt: skip
    tasks = SCORES if arm == "all" else [arm]
    script("exp/multitask/eval_four_tasks.py", *data[1], "--weights", folder / "best.weights.h5", "--out", folder,
           "--tasks", *tasks)  # fmt: skip
    found = json.loads((folder / "four_tasks.json").read_bytes())
    errors = {"mpjpe": found["pose3d"]["mpjpe"]} if "pose3d" in found else {}
    return {**{task: found[task][KEYS[task]] for task in tasks}, **errors}


class MeanPose:
    """A network that finds the mean pose of the training people in every crop (J, dim)."""

    output_names = ("block1_pose_visibility",)

    def __init__(self, people, about):
        self.input_shape = (None, *about.network.input_shape)
        cuts = crops.Crops(people, about.network.input_shape[:2], about.layout)
        chosen = np.linspace(0, len(cuts) - 1, min(300, len(cuts))).astype(int)
        poses = np.stack([cuts[index].pose_crop for index in chosen])
        known = np.isfinite(poses)
        mean = np.where(known, poses, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        self.joints = np.concatenate([mean, np.ones((len(mean), 1))], axis=1)

    def predict_on_batch(self, images):
        return [np.repeat(self.joints[None], len(images), axis=0)]


def trivial(args, data):
    """The scores of those who do not look: the mean pose, and the most frequent action of the test split."""
    parser = argparse.ArgumentParser()
    arguments.add(parser, arguments.DATASETS)
    files, about = parser.parse_args(list(map(str, data[0]))), loading.describe(args.pose_weights)
    learn = {name: arguments.training(files, name)[0] for name in ("mpii", "h36m")}
    exam = {name: arguments.testing(files, name) for name in arguments.DATASETS}
    pckh = multitask.pckh(MeanPose(learn["mpii"], about), about, exam["mpii"])["pckh@0.5"]
    errors = multitask.errors3d(MeanPose(learn["h36m"], about), about, exam["h36m"])
    shares = [most_frequent(exam[name]) for name in ("penn", "ntu")]
    return {**dict(zip(SCORES, [pckh, errors["pck3d@150"], *shares], strict=True)), "mpjpe": errors["mpjpe"]}


def most_frequent(videos):
    """Share of the most frequent action, in percent."""
    actions = [videos.video(index).action for index in range(len(videos))]
    return 100 * np.bincount(actions).max() / len(actions)


def cost(folder, seed, rounds=7):
    """Parameters, and median ms for the frames of a clip, of one network and of all dedicated ones, of a seed."""
    models = {arm: loading.load(folder / f"{arm}-{seed}" / "best.weights.h5") for arm in ARMS}
    _, frames, *size = models["all"].input_shape
    clip = np.zeros((1, frames, *size), "float32")
    given = {arm: clip if len(model.input_shape) == 5 else clip[0] for arm, model in models.items()}
    tasks = {arm: functools.partial(running.run, model, given[arm]) for arm, model in models.items()}
    spent = {arm: 1000 * statistics.median(seconds) for arm, seconds in in_turn(tasks, rounds).items()}
    counts = {arm: model.count_params() for arm, model in models.items()}
    return {
        name: (own["all"], sum(own[task] for task in SCORES)) for name, own in (("parameters", counts), ("ms", spent))
    }


def verdict(found, baseline):
    """Whether every dedicated network counts, in words."""
    means = {task: ablation.mean_deviation(found[task][task])[0] for task in SCORES if task in found}
    return [
        f"{task}: dedicated {mean:.1f}, trivial {baseline[task]:.1f}: "
        f"{'counts' if mean >= baseline[task] + MARGIN else 'does not count'}"
        for task, mean in means.items()
    ]


def main():
    args = options()
    data = make_data(args)
    ablation.run(lambda arm, seed, folder: train(args, data, arm, seed, folder), ARMS, args)
    baseline = trivial(args, data)
    others = {"mean pose, or most frequent action": baseline}
    ablation.save_report(ARMS, SCORES, args.out, "four_tasks", "%", others)
    found = ablation.collect(ARMS, args.out)
    spatial = {arm: found[arm] for arm in ("all", "pose3d")}
    print(ablation.table(spatial, {"mpjpe": "MPJPE, mm"}, others), *verdict(found, baseline), sep="\n")
    for name, (one, four) in cost(args.out, args.seeds[0]).items():
        print(f"{name}: {one:,.0f} of one network, {four:,.0f} of four dedicated ones")


if __name__ == "__main__":
    main()
