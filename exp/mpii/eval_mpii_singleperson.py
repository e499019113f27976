"""Score a 2D pose network on MPII's validation split, or write a submission file for MPII's test people.

Data     images/ and the RELEASE .mat with pose-hg's valid.h5, or HRNet's valid.json (head sizes from neck and head top)
Command  python exp/mpii/eval_mpii_singleperson.py --images images --annotations valid.json --weights mpii-2d-cvpr18
         --multi-crop --flip: as for the paper's test numbers;  --split test --submission FILE.mat: for the test server
Score    the published weights: PCKh@0.5 of 89.1, single crop, as their authors report; not measured (not available)
Result   PCKh per joint and block, a row formatted as in the paper's table 2; OUT/eval.json and OUT/predictions.png
Protocol all annotated joints except pelvis and thorax; with --published, only those inside the crop, and crops cut at
         whole pixels, as in the original
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

from deephar import layouts
from deephar.data.readers import mpii, mpii_files
from deephar.data.samples import crops
from deephar.evaluation import pose2d, report
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, type=pathlib.Path, help="folder of the photographs")
    parser.add_argument("--annotations", required=True, type=pathlib.Path, help="RELEASE .mat, valid.json or valid.h5")
    parser.add_argument("--validation", type=pathlib.Path, help="pose-hg's valid.h5, with a RELEASE")
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/mpii", type=pathlib.Path)
    parser.add_argument("--split", default="validation", choices=["validation", "test"])
    parser.add_argument("--submission", type=pathlib.Path, help="write predictions here instead of scoring them")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored crop")
    parser.add_argument("--multi-crop", action="store_true", help="average over 5 displaced crops")
    parser.add_argument("--published", action="store_true", help="count joints and cut crops as the original does")
    args = parser.parse_args()
    if args.split == "test" and not args.submission:
        parser.error("test people have no labels; give --submission FILE.mat")
    if args.submission and (args.split != "test" or args.annotations.suffix.lower() != ".mat"):
        parser.error("a submission is of --split test of the RELEASE .mat, which numbers the people as the server does")
    if args.multi_crop and args.published:
        parser.error("--published is a single crop; leave out --multi-crop")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        people = mpii.open_people(args.annotations, args.split, args.validation)
        base = 0.5 if args.published else mpii.INDEX_BASE
        return args, mpii.Mpii(people, args.images, base), loading.describe(args.weights)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, people, about = options()
    layout = about.layout
    model = loading.load(args.weights)
    size = model.input_shape[1:3]
    plain = crops.Crops(people, size, layout, truncate_corners=args.published)
    cuts = crops.displaced_crops(people, size, layout) if args.multi_crop else [plain]
    predictions = pose2d.average(
        [pose2d.predict(model, cut, flip=args.flip, progress=True, on_broken="skip") for cut in cuts]
    )
    if args.submission:
        to_files = people.index_base - 0.5
        poses = layouts.rearrange(predictions.pose_px[-1] + to_files, layout, people.layout)
        mpii_files.write_submission(args.submission, people.people, poses)
        broken = len(predictions.broken)
        print(f"wrote {len(poses) - broken} people to {args.submission}; {broken} could not be read")
        return
    scores = pose2d.pckh_scores(predictions, layout, inside_only=args.published)
    print(report.pckh_table(scores, "ours"))
    report.save_json(scores, args.out / "eval.json")
    report.save_pictures(plain, predictions, args.out / "predictions.png")
    print(f"wrote {args.out / 'eval.json'} and {args.out / 'predictions.png'}")


if __name__ == "__main__":
    main()
