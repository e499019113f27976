"""Score action recognition from annotated poses on Penn Action, compared with three baselines.

Data     the official labels, a folder or a zip
Command  python exp/pennaction/eval_penn_pose_only.py --labels labels.zip --weights penn-pose-only
Time     36 s on two cores of an AVX2 server CPU
Result   a table; OUT/eval.json, blocks.png, classes.png, confusion.png (paper figures 8 and 9); --json prints the
         scores as JSON and nothing else, and writes no file
Protocol single clip: 16 frames spread over the whole video; multi-clip: that clip and two over seven tenths of the
         video, at its start and at its end, each also mirrored; mean of the scores (--combine product: as in the
         published code). In a video shorter than 16 frames, frames repeat; no video is skipped
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib
import sys

import numpy as np

from deephar.data.readers import misjudged, pennaction
from deephar.data.samples import clips, video_clips
from deephar.evaluation import action, figures, report
from deephar.weights import loading


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="folder or zip of Penn Action's labels")
    parser.add_argument("--weights", default="penn-pose-only", help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--out", default="runs/penn_pose_only", type=pathlib.Path)
    parser.add_argument("--split", default="test", choices=["test", "choose"])
    parser.add_argument("--classes", choices=["official", "found"], default="official", help="found: as in the labels")
    parser.add_argument("--combine", default="mean", choices=action.COMBINATIONS)
    parser.add_argument("--errors", type=pathlib.Path, help="of an estimator, to add: .npz of eval_lsp.py --errors")
    parser.add_argument("--visible-only", action="store_true", help="leave out joints flagged invisible")
    parser.add_argument("--no-baselines", action="store_true", help="skip them; they take half of the time")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    args = parser.parse_args()
    try:
        actions = pennaction.ACTIONS if args.classes == "official" else pennaction.found_actions(args.labels)
        train, test = (
            pennaction.PennAction(args.labels, None, split, actions, hidden=not args.visible_only)
            for split in ("learn" if args.split == "choose" else "train", args.split)
        )
        return args, train, test, loading.load(args.weights)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def videos(reader, frames, protocol, shares, flip):
    return video_clips.VideoClips(
        reader, frames, None, protocol, shares=shares, flip=flip, given=True, boxes=clips.extent_boxes
    )


def features(reader, what):
    """One row per video for the baselines: labels of 16 frames spread over it, in the box of the visible joints."""
    rows = []
    for labels in reader.labels:
        numbers = np.linspace(0, len(labels.pose) - 1, 16).round().astype(int)
        pose, visible = labels.pose[numbers], labels.visible[numbers]
        located = pose[visible] if visible.any() else pose.reshape(-1, 2)
        low, high = located.min(axis=0), located.max(axis=0)
        pose = (pose - low) / np.maximum(high - low, 1)
        rows.append({"all": pose, "middle": pose[8], "visible": visible}[what].ravel())
    return np.array(rows), np.array([reader.actions.index(labels.action) for labels in reader.labels])


def baselines(train, test):
    """Accuracies of 500 extremely randomised trees, in percent; {} without scikit-learn."""
    try:
        from sklearn.ensemble import ExtraTreesClassifier
    except ImportError:
        print('the baselines need scikit-learn: pip install "deephar[baselines]"', file=sys.stderr)
        return {}
    scores = {}
    for name, what in {"16 frames": "all", "visibility flags alone": "visible", "one middle frame": "middle"}.items():
        (x, y), (x_test, y_test) = features(train, what), features(test, what)
        trees = ExtraTreesClassifier(500, n_jobs=-1, random_state=0).fit(x, y)
        scores[name] = 100 * float(np.mean(trees.predict(x_test) == y_test))
    return scores


def main():
    args, train, test, model = options()
    frames = model.input_shape[1]
    judged = misjudged.Misjudged(test, args.errors) if args.errors else test
    single = action.predict(model, videos(judged, frames, "single", (1.0,), False), args.combine, 128)
    multi = action.predict(model, videos(judged, frames, "multi", (1.0, 0.7), True), args.combine, 128)
    scores = {"single": action.action_scores(single, test.actions), "multi": action.action_scores(multi, test.actions)}
    result = {
        "accuracy_single_clip": scores["single"]["accuracy"],
        "accuracy_multi_clip": scores["multi"]["accuracy"],
        "per_class": scores["multi"]["per_class"],
        "videos": scores["multi"]["videos"],
        "combine": args.combine,
        "by_block": {name: s["outputs"] for name, s in scores.items()},
        "per_class_single_clip": scores["single"]["per_class"],
        "confusion": scores["multi"]["confusion"],
        "baselines": {} if args.no_baselines else baselines(train, test),
    }
    if args.json:
        print(report.as_json(result))
        return
    print("single clip: " + report.action_table(scores["single"]))
    print("multi-clip: " + report.action_table(scores["multi"]))
    for name, value in result["baselines"].items():
        print(f"  500 extremely randomised trees on {name}: {value:.1f} %")
    figures.save_action_report(scores["multi"], args.out, **result)


if __name__ == "__main__":
    main()
