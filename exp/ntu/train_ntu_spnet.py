"""Train poses and actions together in space: SPNet on stills with 2D and 3D poses and on NTU RGB+D's videos.

Data     NTU RGB+D, MPII and Human3.6M, see train_ntu_pose.py; or synthetic people in these formats:
         datasets/make_synthetic.py
Command  python exp/ntu/train_ntu_spnet.py --mpii images --mpii-train RELEASE.mat --mpii-validation valid.h5
         --h36m H36M --ntu-skeletons skeletons --ntu-frames frames --pose-weights runs/pose_baseline/best.weights.h5
         --recipe ntu: stills from the frames of NTU's own videos alone, as the original's script has it
Time     not measured on the real data, which was not available; meant for GPUs (--strategy mirrored)
Score    accuracy on held-out subjects of the training split; not measured on the real data
Result   runs/ntu_spnet/best.weights.h5, last.weights.h5, small.weights.h5, log.csv, model.json; --resume continues
Recipe   the original script's network, batch, weights, rate and number of epochs; its rate falls at fixed epochs, ours
         on a plateau
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import dataclasses

from deephar import multitask
from deephar.data.readers import arguments
from deephar.data.samples import clips
from deephar.training import ClipSampling, Joint, Recipe, Stage, options, train, transfer

MIXED = Recipe(
    preset="spnet-ntu",
    layout="pa17j",
    mixture={"mpii": 2, "h36m": 1, "frames": 1, "ntu": 4},
    augmentation={"mpii": "mpii", "h36m": "h36m", "frames": "ntu", "ntu": "ntu-action"},
    batch_size=4,
    stages=(Stage("all", epochs=70, rate=1e-3, optimizer="sgd"),),
    clips=ClipSampling(subsampling=(1, 2, 3, 4)),
    joint=Joint({"ntu": "ntu"}, {"actions": 0.1}, "alternating"),
)
NTU = dataclasses.replace(MIXED, mixture={"frames": 100, "ntu": 100})
SMOKE = {
    "input_shape": (32, 32, 3), "num_levels": 2, "growth": 8, "frames": 4, "pose_features": 16, "visual_features": 16,
    "epochs": 1, "steps": 2,
}  # fmt: skip


def open_sources(args):
    """Training readers by name, and the validation videos."""
    names = [name for name in args.recipe.mixture if name != "frames"]
    readers = {name: arguments.training(args, name) for name in names}
    videos, validation = readers["ntu"]
    args.recipe = args.recipe.replaced(num_actions=len(videos.actions))
    frames = clips.VideoFrames(videos, args.every)
    return {"frames": frames, **{name: pair[0] for name, pair in readers.items()}}, validation


def main():
    recipes = {"mixed": MIXED, "ntu": NTU}
    parser = options.parser(__doc__, recipes, "runs/ntu_spnet", "two steps of a tiny network")
    arguments.add(parser, ("mpii", "h36m", "ntu"))
    parser.add_argument("--every", type=int, default=20, help="frame stride within a video, for stills")
    parser.add_argument("--pose-weights", help="weights of an SPNet for poses, to start from")
    args, (sources, validation) = options.parsed(parser, open_sources, SMOKE)
    judge = multitask.judge(args.recipe, {"ntu": validation})
    train(args, sources, judge, transfer.fitting_part_of(args.pose_weights), actions=sources["ntu"].actions)


if __name__ == "__main__":
    main()
