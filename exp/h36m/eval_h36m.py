"""Score a 3D pose network on Human3.6M, by action as in the paper's table 1, by joint and by block.

Data     the release with frames from datasets/prepare_human36m.py, or takes from datasets/make_synthetic.py --format
         h36m; or mmpose's h36m_test.npz or h36m_coco.json with --images and --cameras; or the original's
         annotations.mat beside images/
Command  python exp/h36m/eval_h36m.py --data H36M --weights h36m-3d-cvpr18 --published
         --multi-crop --flip: as for the paper's second row;  --training H36M: also the mean pose of its people
Score    the published weights: 55.1 mm, single crop, as their authors report; not measured (weights not available)
Result   tables, OUT/eval.json, and OUT/predictions.png: crops, and predicted 3D poses over the ground truth in grey
Protocol S9 and S11 except one video that is corrupt in the release; frames 1, 65 and so on; roots aligned; root depth
         given (ground truth); the last block. With --published, the block that is best on this very test set, and crops
         cut as in the original. Whatever the root depth, a crop is centred on the true pelvis and 2.25 m wide at its
         true depth. The paper's rows by action used every 60th frame; some takes of S9 have shifted labels
Joints   tables are for the joints that the network was trained on (--joints) and, for data with 32 joints, also for the
         other set. Of the 17 joints that most papers evaluate, ours cover 16: the face is missing
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import dataclasses
import functools
import pathlib

import numpy as np

from deephar import layouts
from deephar.data.readers import human36m
from deephar.data.samples import crops
from deephar.evaluation import pose3d, report
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of the release, or .npz, .json, .mat")
    parser.add_argument("--images", type=pathlib.Path, help="folder of the images; default: the folder of the release")
    parser.add_argument("--cameras", type=pathlib.Path, help="camera file, e.g. metadata.xml, for .npz, .json")
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument(
        "--joints", choices=["names", "published"], help="joint set that it was trained on; default: as in model.json"
    )
    parser.add_argument("--out", default="runs/h36m", type=pathlib.Path)
    parser.add_argument("--training", type=pathlib.Path, help="positions of training people, as for --data")
    parser.add_argument("--root-depth", default="given", choices=["given", "estimated"], help="estimated by --training")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored crop")
    parser.add_argument("--multi-crop", action="store_true", help="average over 5 displaced crops")
    parser.add_argument("--published", action="store_true", help="cut crops and choose the block as the original does")
    parser.add_argument("--smoke", action="store_true", help="one frame of four recordings only")
    args = parser.parse_args()
    args.images = args.images or args.data
    if args.root_depth == "estimated" and not args.training:
        parser.error("--root-depth estimated needs the bone lengths of --training people")
    if args.multi_crop and args.published:
        parser.error("--published is a single crop; leave out --multi-crop")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        about = loading.describe(args.weights)
        if about.network.dim != 3:
            raise ValueError(f"Expected weights of a network with depth. Received: {args.weights}")
        args.joints = args.joints or about.joints
        people = readers(args, args.data, "test", about.layout)
        training = args.training and readers(args, args.training, "train", about.layout)
        if training and set(people) != set(training):
            raise ValueError("--training and --data must have the same joints, all 17 or all 32")
        model = loading.load(args.weights)
        return args, model, about.layout, people, training
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def readers(args, path, split, layout):
    """Readers of the same people by joint set: "names" and, if the files have its joints, "published"."""
    if path.is_dir():
        recordings = human36m.open_release(path, split)
    elif path.suffix.lower() == ".mat":
        recordings = human36m.open_original(path, split)
    elif not args.cameras:
        raise ValueError(f"{path} has no cameras, which errors in mm require; give --cameras")
    else:
        recordings = human36m.open_mmpose(path, args.cameras)
    if args.smoke:
        recordings = [dataclasses.replace(r, frames=r.frames[:1], poses=r.poses[:1]) for r in recordings[:4]]
    folder, down_px = args.images if split == "test" else path.parent, float(args.published)
    sets = {"names": human36m.Human36M(recordings, folder, layout, down_px=down_px)}
    if layouts.exception(human36m.SOURCES[recordings[0].poses.shape[1]], layout):
        sets["published"] = human36m.Human36M(recordings, folder, layout, published=True, down_px=down_px)
    return sets


def positions(reader, place):
    """Positions of every person, (N, J, 3): `place` is `Human36M.pose_world` or `pose_camera`."""
    return np.stack([place(reader, index) for index in range(len(reader))])


def relabelled(predictions, reader):
    """The same predictions with labels of another joint set of the same people."""
    true_mm, true_px = positions(reader, human36m.Human36M.pose_world), np.full_like(predictions.true_px, np.nan)
    true_mm[list(predictions.broken)] = np.nan
    for index, camera in enumerate(predictions.cameras):
        if camera is not None:
            true_px[index] = camera.world_to_uvd(true_mm[index])
    return dataclasses.replace(predictions, true_mm=true_mm, true_px=true_px)


def score(args, predictions, reader, training, layout):
    """Print the table of a joint set, and return its scores with those of the baselines."""
    actions = [reader.action_of(index) for index in range(len(reader))]

    def scores_of(predictions, block=-1):
        return pose3d.scores(predictions, layout, reader.joint_set, actions, block)

    scores = scores_of(predictions, "best" if args.published else -1)
    print(pose3d.table(scores, "ours"))
    scores["root_at_depth"] = scores_of(pose3d.flat(predictions, layout))["mpjpe"]
    print(f"ground-truth x and y, all joints at the root's true depth: {scores['root_at_depth']:.1f} mm")
    if training:
        local = positions(training, human36m.Human36M.pose_camera)
        scores["mean_pose"] = scores_of(pose3d.mean_pose(predictions, local, layout))["mpjpe"]
        print(f"mean pose of {len(training)} training people at the true root: {scores['mean_pose']:.1f} mm")
    print()
    return scores


def main():
    args, model, layout, people, training = options()
    own = args.joints
    if own not in people:
        print("these files lack the published joint set that the network was trained on; thorax, neck and spine differ")
        own = "names"
    size, bones = model.input_shape[1:3], None
    if args.root_depth == "estimated":
        bones = pose3d.bone_lengths(positions(training[own], human36m.Human36M.pose_world), layout)
    plain = crops.Crops(people[own], size, truncate_corners=args.published)
    cuts = crops.displaced_crops(people[own], size) if args.multi_crop else [plain]
    predictions = pose3d.average(
        [pose3d.predict(model, cut, bones, flip=args.flip, progress=True, on_broken="skip") for cut in cuts]
    )
    results = []
    for name in sorted(people, key=lambda name: name != own):
        labelled = predictions if name == own else relabelled(predictions, people[name])
        results.append(score(args, labelled, people[name], training and training[name], layout))
    how = {"weights": args.weights, "trained_on": args.joints, "multi_crop": args.multi_crop, "flip": args.flip}
    unread = {"could_not_read": list(predictions.broken.values())}
    report.save_json({**how, "published_crops": args.published, **unread, "results": results}, args.out / "eval.json")
    views = functools.partial(pose3d.draw_views, predictions, layout=layout)
    report.save_pictures(plain, predictions, args.out / "predictions.png", columns=2, views=views)
    print(f"images that could not be read: {len(predictions.broken)}")
    print(f"wrote {args.out / 'eval.json'} and {args.out / 'predictions.png'}")


if __name__ == "__main__":
    main()
