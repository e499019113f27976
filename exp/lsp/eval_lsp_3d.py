"""Score a 3D network on held-out synthetic people, and its x and y on photographs (LSP-extended).

Data     LSP-extended, the official folder or a zip, photographs 3701-4200. It draws the synthetic people itself, in
         captured poses of S9 with --captured, see train_lsp_3d.py
Command  python exp/lsp/eval_lsp_3d.py --data lspet_dataset.zip [--weights runs/lsp_3d/last.weights.h5] [--flip]
         [--captured h36m.npz] [--poses lspe.npz]
Time     40 seconds on two cores of an AVX2 server CPU
Result   a table; OUT/eval.json, OUT/space.png: people, and their 3D poses over the true ones in grey
Protocol one crop; MPJPE with roots aligned and the root's depth given, beside the mean pose of people of the training
         seed and the true x, y with all joints at the root's depth; photographs: PCK@0.2 of the torso and,
         with --poses, PA-MPJPE against the depth that BlazePose sees in them, of the joints about which it is sure (its
         mirrored view agrees) and people with six of them
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import functools
import pathlib

import numpy as np

from deephar.data.readers import lsp
from deephar.data.readers.space_files import SpaceFile
from deephar.data.samples import crops
from deephar.data.synthetic import captured
from deephar.data.synthetic.people import CapturedPeople, SyntheticPeople
from deephar.evaluation import agreement, pose2d, pose3d, report
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="folder or zip of LSP-extended; synthetic people need none")
    parser.add_argument("--weights", default="photo-lite-3d", help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--captured", type=pathlib.Path, help=".npz of captured poses by SUBJECT/SEQUENCE; S9 is taken")
    parser.add_argument("--poses", type=pathlib.Path, help=".npz of what another network found in the photographs")
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
        if args.poses and not args.data:
            raise ValueError("--poses are of the photographs: give --data too")
        args.out.mkdir(parents=True, exist_ok=True)
        about = loading.describe(args.weights)
        if about.network.dim != 3 or about.judges_actions:
            raise ValueError(f"Expected weights of a pose network with depth. Received: {args.weights}")
        args.judged, args.known = (args.captured and captured.read_poses(args.captured, [s]) for s in ("S9", "S1"))
        args.poses = SpaceFile(args.poses, "blazepose33", "heavy_world_mm") if args.poses else None
        return args, about, lsp.LspExtended(args.data, test) if args.data else None
    except (ValueError, OSError) as error:
        parser.error(str(error))


def people_of(poses, count, layout, seed=0):
    """Synthetic people in captured poses, or of the project's own actions."""
    if poses is None:
        return SyntheticPeople(count, layout=layout, seed=seed)
    return CapturedPeople(poses, count, layout=layout, seed=seed)


def in_camera(sample):
    """A person's joints (J, 3) in camera mm."""
    return sample.camera.unproject(sample.pose_px)


def main():
    args, about, photographs = options()
    model = loading.load(args.weights)
    layout, size = about.layout, model.input_shape[1:3]
    people = crops.Crops(people_of(args.judged, args.people, layout, args.seed), size)
    predictions = pose3d.predict(model, people, flip=args.flip)
    known = people_of(args.known, 2 * args.people, layout)
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
        seen = pose2d.predict(model, cuts, flip=args.flip, on_broken="skip")
        result["photographs"] = pose2d.pck_scores(seen, layout)
        print(report.pck_table(result["photographs"]))
    if photographs and args.poses:
        result["agreement"] = agreement.agreement(model, cuts, args.poses, flip=args.flip, on_broken="skip")
        told = "photographs, against {joints} of BlazePose's metric joints, {people} people: PA-MPJPE {pa_mpjpe:.1f} mm"
        print(told.format(**result["agreement"]))
    report.save_json(result, args.out / "eval.json")
    views = functools.partial(pose3d.draw_views, predictions, layout=layout)
    report.save_pictures(people, predictions, args.out / "space.png", people=12, columns=2, views=views)
    print(f"wrote eval.json and space.png to {args.out}")


if __name__ == "__main__":
    main()
