"""Ablation: does adding people without depth help 3D pose? The paper's table 6 at small scale, on synthetic people.

Data     none; it makes takes in a laboratory (Human3.6M's format, subjects S9 and S11 for testing), images of people
         in the wild without depth (MPII's format), and draws other people in the wild for testing
Command  python exp/ablation/mixed_data.py;  --seeds 0 1 and, in parallel, --seeds 2: two commands share the work
Result   runs/ablation/mixed_data/: table.txt, mixed_data.png, a folder and a JSON file for every arm and seed
Arms     laboratory: all crops of a batch from it; mixed: half of them from the wild, which have x and y only. Both see
         the same number of crops. Untrained baselines: mean_pose, that of the laboratory's training people; and
         root_depth, ground-truth x and y with all joints at the root's depth. MPJPE with the root's depth given
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import keras
import numpy as np

from deephar import config, layouts, models, training
from deephar.data.readers import human36m, mpii, mpii_files
from deephar.data.samples import crops
from deephar.data.synthetic import write_h36m, write_mpii
from deephar.data.synthetic.people import SyntheticPeople
from deephar.data.synthetic.writing import Settings
from deephar.evaluation import ablation, pose3d
from deephar.training import Recipe, Stage

ARMS = ("laboratory", "mixed", "mean_pose", "root_depth")
SCORES = {"wild": "wild, mm", "laboratory": "laboratory, mm"}
ABOUT = "MPJPE in mm, root depth given, 16 joints by names (no neck)"
PAPER = {"paper, Human3.6M alone": {"laboratory": 67.3}, "paper, with MPII": {"laboratory": 55.1}}
LAYOUT = layouts.get("pa17j")
AUGMENTATION = config.AugmentConfig(
    config.Interval(-10, 10), config.Interval(0.8, 1.2), config.Interval(-0.05, 0.05), config.Interval(-0.05, 0.05),
    "window", flip=True, power=config.Interval(0.8, 1.25),
)  # fmt: skip
LABORATORY = Recipe(
    preset="lite-3d",
    layout=LAYOUT,
    mixture={"laboratory": 1},
    augmentation=AUGMENTATION,
    batch_size=32,
    stages=(Stage("poses", 1, rate=2e-3, optimizer="adam", schedule="cosine"),),
)
RECIPES = {"laboratory": LABORATORY, "mixed": LABORATORY.replaced(mixture={"laboratory": 1, "wild": 1})}


def options():
    parser = ablation.parser(__doc__, "mixed_data")
    parser.add_argument("--takes", type=int, default=210, help="in the laboratory, each recorded by four cameras")
    parser.add_argument("--people", type=int, default=4000, help="in the wild, without depth")
    parser.add_argument("--steps", type=int, default=1000, help="per arm")
    return parser.parse_args()


def make_data(args):
    """Readers: training people in the laboratory, people in the wild without depth, and test people by domain."""
    laboratory, folder, size = args.out / "laboratory", args.out / "people", (128, 128)
    takes = Settings("h36m", size, "laboratory", tuple(write_h36m.ACTIONS.values()), length=(60, 120))
    write_h36m.write(takes, laboratory, args.takes, args.processes)
    write_mpii.write(Settings("mpii", size), folder, args.people, args.processes)
    people = mpii.Mpii(mpii_files.read_release(folder / "release.mat"), folder / "images")
    train, test = (human36m.Human36M(human36m.open_release(laboratory, s), laboratory) for s in ("train", "test"))
    return train, people, {"wild": SyntheticPeople(500, size, layout="h36m32", seed=1000), "laboratory": test}


def baselines(laboratory):
    """Untrained baselines by name: functions that replace predictions, using their labels."""
    known = human36m.Human36M(laboratory.recordings, laboratory.images, LAYOUT.name)
    poses = np.stack([known.pose_camera(index) for index in range(0, len(known), 5)])
    return {
        "mean_pose": lambda predictions: pose3d.mean_pose(predictions, poses, LAYOUT),
        "root_depth": lambda predictions: pose3d.flat(predictions, LAYOUT),
    }


def main():
    args = options()
    laboratory, people, tests = make_data(args)
    size = (args.size, args.size)
    network = {"input_shape": (*size, 3), "width": args.width}
    sources = {"laboratory": laboratory, "wild": people}
    untrained = baselines(laboratory)

    def train(arm, seed, folder):
        keras.utils.set_random_seed(seed)
        model = models.build("lite-3d", **network)
        if arm in RECIPES:
            recipe = RECIPES[arm].replaced(**network, batch_size=args.batch_size, steps=args.steps)
            training.follow(recipe, model, sources, folder, seed=seed, quiet=True)
        scores = {}
        for domain, reader in tests.items():
            predictions = pose3d.predict(model, crops.Crops(reader, size, LAYOUT))
            predictions = untrained[arm](predictions) if arm in untrained else predictions
            scores[domain] = pose3d.scores(predictions, LAYOUT, "by names")["mpjpe"]
        return scores

    ablation.run(train, ARMS, args)
    ablation.save_report(ARMS, SCORES, args.out, "mixed_data", "mm", PAPER, ABOUT)


if __name__ == "__main__":
    main()
