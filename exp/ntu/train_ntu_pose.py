"""Train the pose network of the NTU clip network, 3D with 20 joints, on NTU, MPII and Human3.6M (10, 45, 45 percent).

Data     NTU RGB+D: .skeleton files with frames or .avi; MPII (see exp/mpii/train_mpii_singleperson.py); Human3.6M (see
         exp/h36m/train_h36m.py); or synthetic people in the same formats: datasets/make_synthetic.py
Command  python exp/ntu/train_ntu_pose.py --skeletons nturgb+d_skeletons --frames frames --mpii images
         --mpii-train RELEASE.mat --mpii-validation valid.h5 --h36m H36M
Time     not measured on the real data, which was not available; meant for GPUs (--strategy mirrored)
Score    PCKh@0.5 on MPII's validation people; not measured on the real data
Result   runs/ntu_pose/best.weights.h5, last.weights.h5, small.weights.h5, log.csv, model.json; --resume continues
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

from deephar.data.readers import human36m, mpii, ntu, packed_clips
from deephar.data.samples import clips, crops
from deephar.evaluation import judges
from deephar.training import Recipe, Stage, options, train

RECIPE = Recipe(  # paper section 5.2 and appendix B; MPII's people train x and y only
    preset="ntu-pose",
    layout="pa20j",
    mixture={"ntu": 10, "mpii": 45, "h36m": 45},
    augmentation={"ntu": "ntu", "mpii": "mpii", "h36m": "h36m"},
    batch_size=24,
    stages=(Stage("all", epochs=120, rate=1e-3, optimizer="rmsprop", schedule="plateau"),),
)
SMOKE = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "depth_maps": 4, "epochs": 1}


def open_sources(args):
    """Training readers by name, and the people of MPII's validation split."""
    frames = clips.VideoFrames(open_clips(args), args.every)
    people, validation = mpii.open_training(args.mpii, args.mpii_train, args.mpii_validation)
    laboratory = human36m.Human36M(human36m.open_release(args.h36m, "train"), args.h36m, "h36m32")
    return {"ntu": frames, "mpii": people, "h36m": laboratory}, validation


def open_clips(args):
    """Reader of NTU's training clips."""
    if args.packed:
        every = packed_clips.PackedClips(args.packed)
        names = ntu.of_split(every.names, "cross_subject", True, len(every.actions))
        return packed_clips.PackedClips(args.packed, names)
    if not args.skeletons:
        raise ValueError("--frames and --videos need --skeletons")
    given = {"frames": args.frames, "videos": args.videos, "missing": args.missing}
    return ntu.Ntu(args.skeletons, "cross_subject", True, **given)


def main():
    parser = options.parser(__doc__, RECIPE, "runs/ntu_pose")
    parser.add_argument("--skeletons", type=pathlib.Path, help="folder of NTU's .skeleton files")
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of NTU's frames, see datasets/prepare_ntu.py")
    pictures.add_argument("--videos", type=pathlib.Path, help="folder of NTU's .avi files")
    pictures.add_argument("--packed", type=pathlib.Path, help="instead of both: folder of datasets/pack.py")
    parser.add_argument("--missing", type=pathlib.Path, nargs="*", help="official lists of NTU's clips to leave out")
    parser.add_argument("--every", type=int, default=20, help="frame stride within a clip")
    parser.add_argument("--mpii", required=True, type=pathlib.Path, help="folder of MPII's photographs")
    parser.add_argument("--mpii-train", required=True, type=pathlib.Path, help="RELEASE .mat, train.json or train.h5")
    parser.add_argument("--mpii-validation", required=True, type=pathlib.Path, help="valid.h5 or valid.json")
    parser.add_argument("--h36m", required=True, type=pathlib.Path, help="folder with S1 and so on, and metadata.xml")
    args, (readers, validation) = options.parsed(parser, open_sources, SMOKE)
    crops_of = crops.Crops(validation, args.recipe.size, args.recipe.pose_layout)
    train(args, readers, judges.pckh(crops_of, "MPII's validation"))


if __name__ == "__main__":
    main()
