"""Score action recognition from RGB on NTU RGB+D, every output, single-clip and multi-clip.

Data     .skeleton files with frames (datasets/prepare_ntu.py) or the .avi files; the test set of a protocol
Command  python exp/ntu/eval_ntu_ar_pe_merge.py --skeletons nturgb+d_skeletons --frames frames
         --weights runs/ntu_action/best.weights.h5 [--multi-clip] [--boxes boxes.json]
Score    not measured on the real data, which was not available; the paper reports 85.5 % cross-subject, multi-clip
Result   a table; OUT/eval.json, blocks.png, classes.png, confusion.png (paper figures 8 and 9)
Protocol --boxes truth: around the joints of a clip's first, middle and last frame; full: the whole frame; FILE.json:
         written by exp/predict_bboxes.py. Multi-clip: clips spaced T/2, mean of the scores (paper); with --published,
         the original's spacing, also mirrored clips, product of the scores, windows that are not square
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

from deephar.data.readers import ntu
from deephar.data.samples import boxes, video_clips
from deephar.evaluation import figures
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skeletons", required=True, type=pathlib.Path, help="folder of the .skeleton files")
    pictures = parser.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of frames, see datasets/prepare_ntu.py")
    pictures.add_argument("--videos", type=pathlib.Path, help="folder of the .avi files")
    parser.add_argument("--missing", type=pathlib.Path, nargs="*", help="official lists of clips to leave out")
    parser.add_argument("--split", default="cross_subject", choices=ntu.SPLITS)
    parser.add_argument("--classes", type=int, default=60, choices=[60, 120])
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/ntu_action", type=pathlib.Path)
    parser.add_argument("--subsampling", type=int, default=2, help="frame stride of a clip")
    parser.add_argument("--boxes", default="truth", help="truth, full, or a file of exp/predict_bboxes.py")
    parser.add_argument("--multi-clip", action="store_true")
    parser.add_argument("--published", action="store_true", help="score as the original's code does")
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        given = {"frames": args.frames, "videos": args.videos, "classes": args.classes, "missing": args.missing}
        test = ntu.Ntu(args.skeletons, args.split, False, **given)
        args.cut = boxes.chooser(args.boxes, test)
        return args, test, loading.describe(args.weights)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, test, about = options()
    videos = video_clips.as_benchmarked(
        test, about.settings, about.layout, args.cut, args.subsampling, args.multi_clip, args.published
    )
    how = "product" if args.published else "mean"
    figures.report_actions(loading.load(args.weights), videos, args.out, how, boxes=args.boxes)
    print({reason: len(names) for reason, names in test.left_out.items()} or "no clip was left out")


if __name__ == "__main__":
    main()
