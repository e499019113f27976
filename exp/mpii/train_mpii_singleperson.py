"""Train 2D pose on MPII, single person, with the published recipe.

Data     images/ and annotations of MPII: the RELEASE .mat with pose-hg's valid.h5, or HRNet's train.json and valid.json
Command  python exp/mpii/train_mpii_singleperson.py --images images --train RELEASE.mat --validation valid.h5
Time     120 epochs of 22,246 people; not measured, MPII was not available. Meant for GPUs (--strategy mirrored)
Score    not measured; its authors report a PCKh@0.5 of 89.1 on validation, single crop
Result   runs/mpii/best.weights.h5, last.weights.h5, small.weights.h5, log.csv, model.json; --resume continues
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.data.readers import mpii
from deephar.data.samples import crops
from deephar.evaluation import judges
from deephar.training import Recipe, Stage, options, train

RECIPE = Recipe(  # paper appendix B and published script; the paper lowers the rate on a plateau: --schedule plateau
    preset="mpii-2d",
    layout="pa16j",
    mixture={"mpii": 100},
    augmentation={"mpii": "mpii"},
    batch_size=24,
    stages=(Stage("all", epochs=120, rate=1e-3, optimizer="rmsprop", schedule="steps"),),
)
SMOKE = {
    "preset": "lite-2d", "network": {"input_shape": (64, 64, 3), "width": 32, "num_blocks": 1}, "epochs": 1,
    "batch_size": 2,
}  # fmt: skip


def main():
    parser = options.parser(__doc__, RECIPE, "runs/mpii")
    parser.add_argument("--images", required=True, type=pathlib.Path, help="folder of the photographs")
    parser.add_argument("--train", required=True, type=pathlib.Path, help="RELEASE .mat, train.json or train.h5")
    parser.add_argument(
        "--validation", required=True, type=pathlib.Path, help="valid.h5 (with a RELEASE) or valid.json"
    )
    args, (people, validation) = options.parsed(
        parser, lambda args: mpii.open_training(args.images, args.train, args.validation), SMOKE
    )
    judge = judges.pckh(crops.Crops(validation, args.recipe.size, args.recipe.pose_layout), "validation")
    train(args, {"mpii": people}, judge)


if __name__ == "__main__":
    main()
