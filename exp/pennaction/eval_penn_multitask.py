"""Score one file of weights on poses and on actions: MPII's validation people and Penn Action's test videos.

Data     see train_penn_multimodel.py; synthetic people in the same formats: datasets/make_synthetic.py
Command  python exp/pennaction/eval_penn_multitask.py --mpii images --mpii-validation valid.h5
         --penn-labels labels --penn-frames frames --weights runs/penn_multimodel/best.weights.h5 [--multi-clip]
Score    not measured on the real data, which was not available
Result   tables of PCKh and of accuracy; OUT/poses.json, OUT/eval.json, blocks.png, classes.png, confusion.png
Protocol people: one crop each; videos: see eval_penn_ar_pe_merge.py, frame stride 6
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

from deephar import multitask
from deephar.data.readers import arguments
from deephar.data.samples import boxes, video_clips
from deephar.evaluation import figures, report
from deephar.models import splitting
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add(parser, ("mpii", "penn"), training=False)
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/penn_multimodel", type=pathlib.Path)
    parser.add_argument("--subsampling", type=int, default=6, help="frame stride of a clip")
    parser.add_argument("--boxes", default="truth", help="truth, full, or a file of exp/predict_bboxes.py")
    parser.add_argument("--multi-clip", action="store_true")
    parser.add_argument("--published", action="store_true", help="score as the original's code does")
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        people, test = (arguments.testing(args, name) for name in ("mpii", "penn"))
        args.cut = boxes.chooser(args.boxes, test)
        return args, people, test, loading.describe(args.weights)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, people, test, about = options()
    model = multitask.load(args.weights)
    scores = multitask.pckh(model, about, people)
    print(report.pckh_table(scores, "ours"))
    report.save_json(scores, args.out / "poses.json")
    videos = video_clips.as_benchmarked(
        test, about.settings, about.layout, args.cut, args.subsampling, args.multi_clip, args.published
    )
    how = "product" if args.published else "mean"
    own = next(iter(about.sets), None) or None  # of two sets, Penn Action's comes first
    figures.report_actions(splitting.action_network(model, own), videos, args.out, how, boxes=args.boxes)


if __name__ == "__main__":
    main()
