"""Draw the people whom a pose network finds worst, of many drawn ones: beside each, where the joints are in truth.

Data     none; it draws the people
Command  python exp/synthetic/show_failures.py --weights photo-base-2d
Time     half a minute on two AVX-512 cores
Result   OUT/failures.jpg, and a line on the errors of all people and of those shown
Protocol 300 synthetic people in the wild, one crop; the error of a person is the mean distance of the joints in the
         picture, in per cent of the crop's side; networks with depth are judged by x and y too
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

import numpy as np

from deephar import files, viz
from deephar.data.samples import crops
from deephar.data.synthetic.people import SyntheticPeople
from deephar.evaluation import pose2d
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="photo-lite-2d", help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/failures", type=pathlib.Path)
    parser.add_argument("--people", type=int, default=300, help="number of synthetic people")
    parser.add_argument("--seed", type=int, default=1000, help="for them; training uses 0")
    parser.add_argument("--shown", type=int, default=12, help="the worst of them")
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        return args, loading.describe(args.weights)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def errors(predictions, cuts):
    """Mean distance of every person's joints, in per cent of the crop's side (N,)."""
    far = np.linalg.norm(predictions.pose_px[-1, :, :, :2] - predictions.true_px[..., :2], axis=2)
    sides = np.array([1 / np.linalg.norm(cuts[index].px_to_crop[:2, 0]) for index in range(len(cuts))])
    return 100 * np.nanmean(np.where(predictions.inside, far, np.nan), axis=1) / sides


def pair(crop, predicted, layout):
    """What is predicted, and the truth, beside one another."""
    return viz.side_by_side([viz.draw_crop(crop, pose, layout) for pose in (predicted, crop.pose_px)])


def main():
    args, about = options()
    model = loading.load(args.weights)
    cuts = crops.Crops(SyntheticPeople(args.people, seed=args.seed), model.input_shape[1:3], about.layout)
    predictions = pose2d.predict(model, cuts, progress=True)
    found = errors(predictions, cuts)
    worst = np.argsort(-found)[: args.shown].tolist()
    pictures = [pair(cuts[index], predictions.pose_px[-1, index], about.layout) for index in worst]
    with files.whole_file(args.out / "failures.jpg") as temporary:
        viz.contact_sheet(pictures, 3, pictures[0].size).save(temporary, quality=85)
    print(
        f"errors of {len(found)} people: median {np.median(found):.1f} %, mean {found.mean():.1f} % of the crop's side"
    )
    print(f"of those shown: {found[worst].min():.1f} to {found[worst].max():.1f} %")
    print(f"wrote {args.out / 'failures.jpg'}")


if __name__ == "__main__":
    main()
