"""Predict where the person is in the first, middle and last frames of clips, for evaluation without true boxes.

Data     Penn Action's labels and frames, or NTU RGB+D's skeletons and frames (only their names and lengths are used)
Command  python exp/predict_bboxes.py --dataset penn --labels labels --frames frames
         --weights runs/penn_pose/best.weights.h5
Time     that of the pose network for every --every th frame, twice: on the whole picture and on the box
Result   OUT, {video: {frame: [x, y, width, height]}}, for eval_*_ar_pe_merge.py --boxes OUT; goes on where it stopped
Protocol paper section 5: a first prediction on the whole picture gives the box; ours: a second one on it refines it
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import json
import pathlib

import numpy as np
from tqdm import tqdm

from deephar import geometry, predict
from deephar.data import boxes, frames, ntu, pennaction
from deephar.evaluation import report


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, choices=["penn", "ntu"])
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="Penn Action's labels or NTU's skeletons")
    parser.add_argument("--frames", required=True, type=pathlib.Path, help="folder of frames")
    parser.add_argument("--weights", required=True, help="of a pose network: a name of deephar.pretrained or a file")
    parser.add_argument("--out", default="runs/boxes.json", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=8, help="predict for every how manieth frame, and for the last")
    parser.add_argument("--videos", type=int, help="only so many")
    args = parser.parse_args()
    try:
        if args.dataset == "penn":
            reader = pennaction.PennAction(args.labels, args.frames, None, pennaction.found_actions(args.labels))
        else:
            reader = ntu.Ntu(args.labels, frames=args.frames)
        stored = boxes.read_boxes(args.out) if args.out.is_file() else {}
        return args, reader, stored, predict.PosePredictor.from_weights(args.weights)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def box_of(predictor, video, number):
    """[x, y, width, height] of the person in a frame."""
    (person,) = predictor(frames.to_rgb(video.frame(number), video.name))
    seen = person.confidence >= min(0.5, np.median(person.confidence))
    x1, y1, x2, y2 = geometry.points_box(person.pose_px[seen]).tolist()
    return [x1, y1, max(x2 - x1, 1.0), max(y2 - y1, 1.0)]


def main():
    args, reader, stored, predictor = options()
    broken = 0
    for index in tqdm(range(min(args.videos or len(reader), len(reader))), desc="boxes", unit="video"):
        try:
            video = reader.video(index)
            if video.name in stored:
                continue
            numbers = sorted({*range(0, len(video), args.every), len(video) - 1})
            stored[video.name] = {str(number): box_of(predictor, video, number) for number in numbers}
        except ValueError as error:
            broken += 1
            tqdm.write(f"left out: {error}")
        if index % 50 == 49:
            report.save_json({"format": boxes.FORMAT, "boxes": stored}, args.out)
    report.save_json({"format": boxes.FORMAT, "boxes": stored}, args.out)
    print(json.dumps({"videos": len(stored), "left out": broken, "file": str(args.out)}))


if __name__ == "__main__":
    main()
