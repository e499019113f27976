"""Train SPNet's 3D poses on stills of four datasets: MPII, Human3.6M, Penn Action and NTU RGB+D (14, 14, 2, 2 of 32).

Data     MPII and Human3.6M (see exp/h36m/train_h36m.py), frames of the videos of Penn Action and NTU RGB+D; or
         synthetic people in these formats: datasets/make_synthetic.py
Command  python exp/ntu/train_pose_baseline.py --mpii images --mpii-train RELEASE.mat --mpii-validation valid.h5
         --h36m H36M --penn-labels labels --penn-frames frames --ntu-skeletons skeletons --ntu-frames frames
Time     not measured on the real data, which was not available; meant for GPUs (--strategy mirrored)
Score    the mean of PCKh@0.5 on MPII's validation people and of the joints within 150 mm on a held-out subject of
         Human3.6M; not measured on the real data
Result   runs/pose_baseline/best.weights.h5, last.weights.h5, small.weights.h5, log.csv, model.json; --resume continues
Recipe   the original script's mixture, optimizer and constant rate; people without depth train x and y only
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

from deephar import multitask
from deephar.data.readers import arguments
from deephar.data.samples import clips
from deephar.training import Recipe, Stage, options, train

RECIPE = Recipe(
    preset="spnet-pose3d",
    layout="pa17j",
    mixture={"mpii": 14, "h36m": 14, "penn": 2, "ntu": 2},
    augmentation={"mpii": "mpii", "h36m": "h36m", "penn": "penn", "ntu": "ntu"},
    batch_size=32,
    stages=(Stage("all", epochs=60, rate=1e-3, optimizer="rmsprop", schedule="constant"),),
)
SMOKE = {"input_shape": (32, 32, 3), "num_pyramids": 2, "num_levels": 2, "growth": 8, "epochs": 1, "steps": 2}


def open_sources(args):
    """Training readers by name, and those of what chooses the epoch."""
    readers = {name: arguments.training(args, name) for name in arguments.DATASETS}
    stills = {name: pair[0] for name, pair in readers.items()}
    stills.update({name: clips.VideoFrames(stills[name], args.every) for name in ("penn", "ntu")})
    return stills, {name: readers[name][1] for name in ("mpii", "h36m")}


def main():
    parser = options.parser(__doc__, RECIPE, "runs/pose_baseline", "two steps of a tiny network")
    arguments.add(parser, arguments.DATASETS)
    parser.add_argument("--every", type=int, default=20, help="frame stride within a video")
    args, (stills, choose) = options.parsed(parser, open_sources, SMOKE)
    train(args, stills, multitask.judge(args.recipe, choose))


if __name__ == "__main__":
    main()
