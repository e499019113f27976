"""Train action recognition from poses on Penn Action: the pose-based network alone, no images.

Data     the official labels, a folder or a zip; the official training videos. Recipe estimated: besides, the errors of
         a pose network on held-out photographs (--errors), which half of the clips get
Command  python exp/pennaction/train_penn_pose_only.py --labels labels.zip --seed 0
         python exp/lsp/eval_lsp.py --data lspet_dataset.zip --split choose --errors errors.npz
         python exp/pennaction/train_penn_pose_only.py --labels labels.zip --recipe estimated --errors errors.npz
Time     about 17 minutes on one core of an AVX2 server CPU (TF_NUM_INTRAOP_THREADS=1), with a second one busy
Score    98.6, 98.9 and 98.6 % single-clip, 98.7, 98.4 and 98.5 % multi-clip (seeds 0, 1 and 2), official test videos
Result   runs/penn_pose_only/last.weights.h5, small.weights.h5 (to share), log.csv, model.json; --resume continues
Recipe   the network of paper section 4.1, trained our way: clips of 16 frames spread over half to all of a video; the
         box around all joints of the clip; joint noise and dropout. Chosen on two quarters of the training videos,
         never on test videos
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.config import AugmentConfig, Interval, PoseNoise
from deephar.data.readers import misjudged, pennaction
from deephar.data.samples import clips
from deephar.training import ClipSampling, Recipe, Stage, options, train

RECIPE = Recipe(
    preset="penn-pose-only",
    network={"pose_width": 112},
    layout="penn13",
    mixture={"penn": 100},
    augmentation=AugmentConfig(
        Interval(-15, 15), Interval(0.75, 1.25), Interval(-0.1, 0.1), Interval(-0.1, 0.1), "window", flip=True
    ),
    batch_size=32,
    stages=(Stage("all", epochs=80, rate=2e-3, optimizer="adamw", schedule="cosine"),),
    clips=ClipSampling(
        spread=(0.5, 1.0), given=True, noise=PoseNoise(jitter=0.015, dropout=0.1), boxes=clips.extent_boxes
    ),
    label_smoothing=0.1,
)
ESTIMATED = RECIPE.replaced(mixture={"penn": 50, "misjudged": 50})
RECIPES = {"annotated": RECIPE, "estimated": ESTIMATED}
SMOKE = {"epochs": 1, "steps": 2}


def open_sources(args):
    actions = pennaction.ACTIONS if args.classes == "official" else pennaction.found_actions(args.labels)
    args.recipe = args.recipe.replaced(num_actions=len(actions))
    sources = {"penn": pennaction.PennAction(args.labels, None, args.split, actions, hidden=not args.visible_only)}
    if "misjudged" in args.recipe.mixture:
        if not args.errors:
            raise ValueError("Recipe estimated needs --errors; or take --recipe annotated")
        sources["misjudged"] = misjudged.Misjudged(sources["penn"], args.errors, args.seed)
    return sources


def main():
    parser = options.parser(
        __doc__, RECIPES, "runs/penn_pose_only", "one epoch of a few steps, to check that all works"
    )
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="folder or zip of Penn Action's labels")
    parser.add_argument("--errors", type=pathlib.Path, help=".npz that eval_lsp.py --errors wrote")
    parser.add_argument("--split", default="train", choices=["train", "learn"])
    parser.add_argument("--classes", choices=["official", "found"], default="official", help="found: as in the labels")
    parser.add_argument("--visible-only", action="store_true", help="leave out joints flagged invisible")
    args, sources = options.parsed(parser, open_sources, SMOKE)
    train(args, sources, actions=sources["penn"].actions)


if __name__ == "__main__":
    main()
