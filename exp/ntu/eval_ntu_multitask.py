"""Score one file of weights on 3D poses and on actions: Human3.6M's test people and NTU RGB+D's test videos.

Data     see train_ntu_spnet.py; synthetic people in the same formats: datasets/make_synthetic.py
Command  python exp/ntu/eval_ntu_multitask.py --h36m H36M --ntu-skeletons skeletons --ntu-frames frames
         --weights runs/ntu_spnet/best.weights.h5 [--multi-clip]
Score    not measured on the real data, which was not available
Result   tables of errors in mm and of accuracy; OUT/poses.json, OUT/eval.json, blocks.png, classes.png, confusion.png
Protocol people: one crop each, root depth given; videos: see eval_ntu_ar_pe_merge.py
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

from deephar import multitask
from deephar.data.readers import arguments
from deephar.data.samples import boxes, video_clips
from deephar.evaluation import figures, pose3d, report
from deephar.models import splitting
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add(parser, ("h36m", "ntu"), training=False)
    parser.add_argument("--weights", required=True, help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/ntu_spnet", type=pathlib.Path)
    parser.add_argument("--subsampling", type=int, default=4, help="frame stride of a clip")
    parser.add_argument("--boxes", default="truth", help="truth, full, or a file of exp/predict_bboxes.py")
    parser.add_argument("--multi-clip", action="store_true")
    parser.add_argument("--published", action="store_true", help="score as the original's code does")
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        people, test = (arguments.testing(args, name) for name in ("h36m", "ntu"))
        args.cut = boxes.chooser(args.boxes, test)
        return args, people, test, loading.describe(args.weights)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def main():
    args, people, test, about = options()
    model = multitask.load(args.weights)
    scores = multitask.errors3d(model, about, people)
    print(pose3d.table(scores, "ours"))
    report.save_json(scores, args.out / "poses.json")
    videos = video_clips.as_benchmarked(
        test, about.settings, about.layout, args.cut, args.subsampling, args.multi_clip, args.published
    )
    how = "product" if args.published else "mean"
    own = next(reversed(about.sets), None) or None  # of two sets, Penn Action's comes first
    figures.report_actions(splitting.action_network(model, own), videos, args.out, how, boxes=args.boxes)


if __name__ == "__main__":
    main()
