"""Predict the person's bounding box in the frames of videos, for evaluating clips without ground-truth boxes.

Data     Penn Action's labels and frames, or NTU RGB+D's skeletons and frames (only their names and lengths are used)
Command  python exp/predict_bboxes.py --dataset penn --labels labels --frames frames
         --weights runs/penn_pose/best.weights.h5
Time     two runs of the pose network per predicted frame: on the whole frame and on the box
Result   OUT, a box file (docs/predict.md), for eval_*_ar_pe_merge.py --boxes OUT; resumes an interrupted run
Protocol paper section 5: a first prediction on the whole frame gives the box; ours: a second, on the box, refines it.
         OUT holds the extents of the joints; the published margin of 1.5 is added when clips are cropped
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import hashlib
import json
import pathlib

from tqdm import tqdm

from deephar.data.readers import ntu, pennaction
from deephar.data.samples import box_file, frames
from deephar.inference import PosePredictor, boxes
from deephar.weights import loading

HOW = "a prediction on the whole picture, a second on its box; joints of confidence 0.5 or the surer half"


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, choices=["penn", "ntu"])
    parser.add_argument("--labels", required=True, type=pathlib.Path, help="Penn Action's labels or NTU's skeletons")
    parser.add_argument("--frames", required=True, type=pathlib.Path, help="folder of frames")
    parser.add_argument(
        "--weights", required=True, help="of a pose network: a name that `deephar pretrained` lists, or a file"
    )
    parser.add_argument("--out", default="runs/boxes.json", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=8, help="frame stride of predictions; the last frame is included")
    parser.add_argument("--videos", type=int, help="at most this many")
    args = parser.parse_args()
    try:
        if args.dataset == "penn":
            reader = pennaction.PennAction(args.labels, args.frames, None, pennaction.found_actions(args.labels))
        else:
            reader = ntu.Ntu(args.labels, frames=args.frames)
        return args, reader, stored_boxes(args), PosePredictor.from_weights(args.weights, detector=None)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def stored_boxes(args):
    """The box file to resume, or a new one. Raises ValueError if the file was made with other settings."""
    source = {"penn": "Penn Action", "ntu": "NTU RGB+D"}[args.dataset]
    digest = hashlib.sha256(loading.weight_file(args.weights).read_bytes()).hexdigest()
    network = loading.describe(args.weights).preset
    made_by = {"network": network, "weights_sha256": digest, "every": args.every, "how": HOW}
    if not args.out.is_file():
        return box_file.BoxFile(source, made_by, path=str(args.out))
    stored = box_file.read(args.out)
    now, then = ({"source": s, **made} for s, made in ((source, made_by), (stored.source, stored.made_by)))
    other = [f"{key} was {then.get(key)!r}, now {now[key]!r}" for key in now if then.get(key) != now[key]]
    if other:
        raise ValueError(f"{args.out} was made with other settings: {'; '.join(other)}. Choose another --out")
    return stored


def boxes_of(predictor, video, every):
    """`Boxes` of a video, at a frame stride plus the last frame."""
    numbers = sorted({*range(0, len(video), every), len(video) - 1})
    found = {number: box_of(predictor, video, number) for number in numbers}
    return box_file.Boxes(tuple(video.size_px), frames=found)


def box_of(predictor, video, number):
    """[x, y, width, height] of the person in a frame, from the outermost joint to the outermost joint."""
    (person,) = predictor(frames.to_rgb(video.frame(number), video.name))
    x1, y1, x2, y2 = boxes.extent(person.pose_px, person.confidence).tolist()
    return [x1, y1, x2 - x1, y2 - y1]


def main():
    args, reader, stored, predictor = options()
    broken = 0
    for index in tqdm(range(min(args.videos or len(reader), len(reader))), desc="boxes", unit="video"):
        try:
            with reader.video(index) as video:
                if video.name not in stored.pictures:
                    stored.pictures[video.name] = boxes_of(predictor, video, args.every)
                elif stored.pictures[video.name].size_px != tuple(video.size_px):
                    raise SystemExit(f"{args.out} has {video.name} with another frame size; choose another --out")
        except ValueError as error:
            broken += 1
            tqdm.write(f"skipped: {error}")
        if index % 50 == 49:
            stored.save(args.out)
    stored.save(args.out)
    print(json.dumps({"videos": len(stored.pictures), "left out": broken, "file": str(args.out)}))


if __name__ == "__main__":
    main()
