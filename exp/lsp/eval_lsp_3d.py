"""Score a 3D network on held-out synthetic people, and its x and y on photographs (LSP-extended).

Data     LSP-extended, the official folder or a zip, photographs 3701-4200; the synthetic people are drawn on the fly
Command  python exp/lsp/eval_lsp_3d.py --data lspet_dataset.zip [--weights runs/lsp_3d/last.weights.h5] [--flip]
Time     40 seconds on two cores of an AVX2 server CPU
Result   a table; OUT/eval.json, OUT/space.png: people, and their 3D poses over the ground truth in grey
Protocol one crop; MPJPE with roots aligned and the root's depth given, compared with the mean pose of people from the
         training seed and with the true x, y and all joints at the root's depth; photographs: PCK@0.2 of the torso
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import functools
import pathlib

import numpy as np

from deephar.data.readers import lsp
from deephar.data.samples import crops
from deephar.data.synthetic.people import SyntheticPeople
from deephar.evaluation import pose2d, pose3d, report
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="folder or zip of LSP-extended; synthetic people need none")
    parser.add_argument("--weights", default="lsp-lite-3d", help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/lsp_3d", type=pathlib.Path)
    parser.add_argument("--people", type=int, default=500, help="number of synthetic people")
    parser.add_argument("--seed", type=int, default=1000, help="for the synthetic people; training uses 0")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored crop")
    parser.add_argument("--smoke", action="store_true", help="a few people only")
    args = parser.parse_args()
    test = lsp.SPLITS["test"]
    if args.smoke:
        args.people, test = 4, range(5, 9)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        about = loading.describe(args.weights)
        if about.network.dim != 3:
            raise ValueError(f"Expected weights of a network with depth. Received: {args.weights}")
        return args, about, lsp.LspExtended(args.data, test) if args.data else None
    except (ValueError, OSError) as error:
        parser.error(str(error))


def in_camera(sample):
    """A person's joints (J, 3) in camera mm."""
    return sample.camera.unproject(sample.pose_px)


def main():
    args, about, photographs = options()
    model = loading.load(args.weights)
    layout, size = about.layout, model.input_shape[1:3]
    people = crops.Crops(SyntheticPeople(args.people, layout=layout, seed=args.seed), size)
    predictions = pose3d.predict(model, people, flip=args.flip)
    known = SyntheticPeople(2 * args.people, layout=layout)
    mean = pose3d.mean_pose(predictions, np.stack([in_camera(known.sample(i)) for i in range(len(known))]), layout)
    scores = pose3d.scores(predictions, layout, "synthetic people, all joints")
    print(pose3d.table(scores, "ours"))
    result = {
        **scores,
        "mean_pose": pose3d.scores(mean, layout, "")["mpjpe"],
        "root_at_depth": pose3d.scores(pose3d.flat(predictions, layout), layout, "")["mpjpe"],
    }
    print(f"mean pose of {len(known)} training people: {result['mean_pose']:.1f} mm")
    print(f"ground-truth x and y, all joints at the root's depth: {result['root_at_depth']:.1f} mm")
    if photographs:
        cuts = crops.Crops(photographs, size, layout)
        result["photographs"] = pose2d.pck_scores(pose2d.predict(model, cuts, flip=args.flip), layout)
        print(report.pck_table(result["photographs"]))
    report.save_json(result, args.out / "eval.json")
    views = functools.partial(pose3d.draw_views, predictions, layout=layout)
    report.save_pictures(people, predictions, args.out / "space.png", people=12, columns=2, views=views)
    print(f"wrote eval.json and space.png to {args.out}")


if __name__ == "__main__":
    main()
