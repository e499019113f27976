"""Score action recognition from RGB on Penn Action, every output, single-clip and multi-clip.

Data     Penn Action's labels and frames; or synthetic people: datasets/make_synthetic.py --format penn
Command  python exp/pennaction/eval_penn_ar_pe_merge.py --labels labels --frames frames
         --weights runs/penn_action/best.weights.h5 [--multi-clip] [--boxes boxes.json]
Score    not measured on the real frames, which were not available; the paper reports 97.4 % multi-clip
Result   a table; OUT/eval.json, blocks.png, classes.png, confusion.png (paper figures 8 and 9)
Protocol --boxes truth: around the joints of a clip's first, middle and last frame; full: the whole frame; FILE.json:
         written by exp/predict_bboxes.py. Multi-clip: clips spaced T/2, mean of the scores (paper); with --published,
         the original's spacing, also mirrored clips, product of the scores, windows that are not square
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

from deephar.data.readers import pennaction
from deephar.data.samples import boxes, video_clips
from deephar.evaluation import figures
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="folder or zip of Penn Action's labels")
    parser.add_argument("--frames", required=True, type=pathlib.Path, help="folder of Penn Action's frames")
    parser.add_argument("--classes", choices=["official", "found"], default="official", help="found: as in the labels")
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/penn_action", type=pathlib.Path)
    parser.add_argument("--split", default="test", choices=["test", "choose"])
    parser.add_argument("--subsampling", type=int, default=2, help="frame stride of a clip")
    parser.add_argument("--boxes", default="truth", help="truth, full, or a file of exp/predict_bboxes.py")
    parser.add_argument("--multi-clip", action="store_true")
    parser.add_argument("--published", action="store_true", help="score as the original's code does")
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        actions = pennaction.ACTIONS if args.classes == "official" else pennaction.found_actions(args.labels)
        test = pennaction.PennAction(args.labels, args.frames, args.split, actions)
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


if __name__ == "__main__":
    main()
