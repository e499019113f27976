"""Train poses and actions together: SPNet on MPII's people and Penn Action's videos, with the same weights.

Data     MPII (see exp/mpii/train_mpii_singleperson.py); Penn Action's labels and frames, its training videos, every
         fifth of a class for validation; or synthetic people in these formats: datasets/make_synthetic.py
Command  python exp/pennaction/train_penn_multimodel.py --mpii images --mpii-train RELEASE.mat
         --mpii-validation valid.h5 --penn-labels labels --penn-frames frames
Time     not measured on the real data, which was not available; meant for GPUs (--strategy mirrored)
Score    accuracy on the validation videos; not measured on the real data
Result   runs/penn_multimodel/best.weights.h5, last.weights.h5, small.weights.h5, stage1.csv and stage2.csv, model.json;
         --resume continues
Recipe   the original script's network (2 pyramids, actions in both, no replica), batch and weights; poses first stay as
         they are, then a step for poses and a step for actions take turns. Its rate falls at fixed epochs, ours on a
         plateau
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

from deephar.data.readers import arguments
from deephar.data.samples import video_clips
from deephar.evaluation import judges
from deephar.training import ClipSampling, Joint, Recipe, Stage, options, train, transfer

RECIPE = Recipe(
    preset="spnet-penn",
    network={"num_pyramids": 2, "action_pyramids": (1, 2), "replica": False},
    layout="pa16j",
    mixture={"mpii": 100, "penn": 100},
    augmentation={"mpii": "mpii", "penn": "penn-action"},
    batch_size=4,
    stages=(
        Stage("frozen pose", epochs=2, frozen=True, rate=1e-3, optimizer="rmsprop", schedule="constant"),
        Stage("all", epochs=28, rate=1e-3, optimizer="rmsprop"),
    ),
    clips=ClipSampling(subsampling=(4, 5, 6)),
    joint=Joint({"penn": "penn"}, {"actions": 0.01}, "alternating"),
)
SMOKE = {
    "input_shape": (32, 32, 3), "num_levels": 2, "growth": 8, "frames": 4, "pose_features": 16, "visual_features": 16,
    "epochs": 1, "batch_size": 2, "steps": 2,
}  # fmt: skip


def open_sources(args):
    """Training readers by name, and the validation videos."""
    people, _ = arguments.training(args, "mpii")
    videos, validation = arguments.training(args, "penn")
    args.recipe = args.recipe.replaced(num_actions=len(videos.actions))
    return {"mpii": people, "penn": videos}, validation


def main():
    parser = options.parser(__doc__, RECIPE, "runs/penn_multimodel", "two steps of a tiny network per stage")
    arguments.add(parser, ("mpii", "penn"))
    parser.add_argument("--pose-weights", help="weights of an SPNet for poses, to start from")
    args, (sources, validation) = options.parsed(parser, open_sources, SMOKE)
    own = args.recipe.settings
    clips = video_clips.VideoClips(
        validation, own.frames, args.recipe.size, "single", (6,), layout=args.recipe.pose_layout
    )
    judge = judges.accuracy(clips, "the validation split")
    train(args, sources, judge, transfer.fitting_part_of(args.pose_weights), actions=sources["penn"].actions)


if __name__ == "__main__":
    main()
