"""Train the pose network of the NTU clip network, 3D with 20 joints, on NTU, MPII and Human3.6M (10, 45, 45 percent).

Data     NTU RGB+D: .skeleton files with frames or .avi; MPII (see exp/mpii/train_mpii_singleperson.py); Human3.6M (see
         exp/h36m/train_h36m.py); or people made to order in these formats: datasets/make_synthetic.py
Command  python exp/ntu/train_ntu_pose.py --skeletons nturgb+d_skeletons --frames frames --mpii images
         --mpii-train RELEASE.mat --mpii-validation valid.h5 --h36m H36M
Time     not measured on the real data, which was not at hand; meant for GPUs (--strategy mirrored)
Score    PCKh@0.5 on MPII's validation people; not measured on the real data
Result   runs/ntu_pose/best.weights.h5, last.weights.h5, log.csv, model.json
Recipe   paper section 5.2 and appendix B: RMSprop 0.001, x 0.2 on a plateau; MPII's people train x and y alone
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import pathlib

import keras

from deephar import config, distribution, files, layouts, models, options, training
from deephar.data import clips, crops, human36m, loader, mpii, ntu, queues
from deephar.evaluation import pose2d
from deephar.models import outputs
from deephar.weights.description import Description


def arguments():
    parser = options.training(__doc__, "runs/ntu_pose")
    parser.add_argument("--skeletons", required=True, type=pathlib.Path, help="folder of NTU's .skeleton files")
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of NTU's frames, see datasets/prepare_ntu.py")
    pictures.add_argument("--videos", type=pathlib.Path, help="folder of NTU's .avi files")
    parser.add_argument("--missing", type=pathlib.Path, nargs="*", help="official lists of NTU's clips to leave out")
    parser.add_argument("--every", type=int, default=20, help="take every how manieth frame of a clip")
    parser.add_argument("--mpii", required=True, type=pathlib.Path, help="folder of MPII's photographs")
    parser.add_argument("--mpii-train", required=True, type=pathlib.Path, help="RELEASE .mat, train.json or train.h5")
    parser.add_argument("--mpii-validation", required=True, type=pathlib.Path, help="valid.h5 or valid.json")
    parser.add_argument("--h36m", required=True, type=pathlib.Path, help="folder with S1 and so on, and metadata.xml")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--batch-size", type=int, default=24)
    args = parser.parse_args()
    args.overrides = {}
    if args.smoke:
        args.epochs = 1
        args.overrides = {"input_shape": (32, 32, 3), "width": 16, "num_blocks": 1, "depth_maps": 4}
    try:
        files.new_run(args.out, args.overwrite)
        given = {"frames": args.frames, "videos": args.videos, "missing": args.missing}
        frames = clips.VideoFrames(ntu.Ntu(args.skeletons, "cross_subject", True, **given), args.every)
        people = mpii.Mpii(mpii.open_people(args.mpii_train, "train", args.mpii_validation), args.mpii)
        annotated = args.mpii_validation if args.mpii_train.suffix.lower() != ".mat" else args.mpii_train
        held_out = mpii.Mpii(mpii.open_people(annotated, "validation", args.mpii_validation), args.mpii)
        laboratory = human36m.Human36M(human36m.open_release(args.h36m, "train"), args.h36m, "h36m32")
        return args, {"ntu": frames, "mpii": people, "h36m": laboratory}, held_out
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def main():
    args, readers, held_out = arguments()
    keras.utils.set_random_seed(args.seed)
    layout = layouts.get("pa20j")
    with distribution.scope(args.strategy, args.logical_cpus):
        model = models.build("ntu-pose", **args.overrides)
        training.compile_model(model, keras.optimizers.RMSprop(1e-3))
    size, shares = model.input_shape[1:3], config.POSE_MIXTURES["ntu"]
    counts = queues.counts_by_ratio(args.batch_size, tuple(shares.values()))
    batches = loader.PoseLoader(
        [(readers[name], count) for name, count in zip(shares, counts, strict=True)],
        size,
        outputs.kinds(model),
        on_broken="skip",
        processes=args.processes,
        workers=distribution.loader_threads(args.strategy),
        layout=layout,
        dim=3,
        augmentation=tuple(shares),  # of each dataset, by its name
        seed=args.seed,
    )
    validation = crops.Crops(held_out, size, layout)

    def pckh(model):
        predictions = pose2d.predict(model, validation, on_broken="skip")
        return pose2d.pckh_scores(predictions, layout)["pckh@0.5"]

    about = Description(preset="ntu-pose", overrides=args.overrides, layout=layout)
    about.write(args.out / "model.json")
    score = training.Score(pckh, args.out, "val_pckh")
    rate, log = training.plateau_schedule("val_pckh"), keras.callbacks.CSVLogger(args.out / "log.csv")
    training.fit(model, batches, args.epochs, [score, rate, log])
    print(f"best PCKh@0.5 on MPII's validation: {score.best:.1f} %; weights in {args.out}")
    print(f"samples that could not be read: {len(batches.broken)}")


if __name__ == "__main__":
    main()
