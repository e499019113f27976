"""Score actions named frame by frame, in windows that follow the person, beside the clip network in one window.

Data     test splits of Penn Action and NTU RGB+D, or of synthetic people in their formats: datasets/make_synthetic.py
Command  python exp/multitask/eval_streaming.py --penn-labels labels --penn-frames frames
         --tasks action3d --ntu-skeletons skeletons --ntu-frames frames: the other set of actions
Score    not measured on the real data, which was not available
Result   a table with a column for every way; OUT/streaming.json with all numbers
Protocol clip: one in the middle of every video, frame stride 2, in the window around the annotated joints of its
         first, middle and last frame. The others see every frame from the video's first, in a window that begins around
         the annotated joints, and are asked once, at the clip's last frame: followed, in the windows of
         `deephar.inference.seen.Following`, around the joints found in as many frames as the clip spans; jumping,
         around those of the frame before alone; annotated, around the annotated joints of every frame
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

import numpy as np
from tqdm import tqdm

from deephar import geometry
from deephar.data.readers import arguments
from deephar.data.samples import boxes, clips, frames
from deephar.evaluation import report
from deephar.inference import actions, running
from deephar.inference.seen import Following
from deephar.models import splitting
from deephar.models.action import streaming
from deephar.weights import loading

TASKS = {"action2d": "penn", "action3d": "ntu"}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add(parser, list(TASKS.values()), training=False)
    parser.add_argument("--weights", default="four-lite", help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--tasks", nargs="+", default=["action2d"], choices=TASKS)
    parser.add_argument("--subsampling", type=int, default=2, help="frame stride of a clip")
    parser.add_argument("--out", default="runs/streaming", type=pathlib.Path)
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        return args, {task: arguments.testing(args, TASKS[task]) for task in args.tasks}, loading.describe(args.weights)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def in_one_window(model, video, numbers):
    """Number of the most probable action of a clip."""
    window = geometry.window_to_crop(*clips.joints_window(video.pose_px[numbers], video.size_px))
    height, width = model.input_shape[2:4]
    seen = {number: video.frame(number) for number in sorted(set(numbers.tolist()))}
    cut = np.stack([frames.cut(seen[number], window, (width, height), video.name) for number in numbers])
    *_, scores = running.judge(model, frames.to_input(cut)[None]).values()
    return int(scores[0].argmax())


def annotated(video, number):
    """The window around the annotated joints of a frame."""
    pose = video.pose_px[min(number, len(video) - 1)]
    located = np.isfinite(pose).all(axis=-1).any()
    extent = geometry.points_box(pose) if located else None
    return geometry.box_to_window(boxes.frame_box(extent, video.size_px))


def streamed(stream, video, last):
    """Numbers of the most probable actions at a frame of a video, by way."""
    ways = {"followed": Following(stream.stride * (stream.frames - 1) + 1), "jumping": Following(1)}
    windows = dict.fromkeys([*ways, "annotated"], annotated(video, 0))
    for number in range(last):
        seen = stream(frames.to_rgb(video.frame(number), video.name), windows)
        windows = {way: follow(seen[way].pose_px, video.size_px) for way, follow in ways.items()}
        windows["annotated"] = annotated(video, number + 1)
    seen = stream(frames.to_rgb(video.frame(last), video.name), windows)
    return {way: int(judged.probabilities.argmax()) for way, judged in seen.items()}


def accuracies(model, about, reader, subsampling):
    """Share of the videos, in percent, whose action is right, by way; and their number."""
    parts, right = streaming.split(model), []
    for index in tqdm(range(len(reader)), unit="video"):
        with reader.video(index) as video:
            numbers = clips.clip_frames(len(video), about.settings.frames, subsampling)
            stride = int(max(np.diff(numbers).max(), 1))
            stream = actions.ActionStream(*parts, about.layout, about.settings.frames, stride)
            found = {"clip": in_one_window(model, video, numbers), **streamed(stream, video, numbers[-1])}
            right.append({way: action == video.action for way, action in found.items()})
    return {way: 100 * float(np.mean([one[way] for one in right])) for way in right[0]} | {"videos": len(right)}


def main():
    args, readers, about = options()
    model, names, scores = loading.load(args.weights), list(about.sets), {}
    for task, reader in readers.items():
        own = names[task == "action3d"] if len(names) > 1 else None
        scores[task] = accuracies(splitting.action_network(model, own), about, reader, args.subsampling)
    print(f"{'accuracy, %':<14}" + "".join(f"{name:>11}" for name in scores[args.tasks[0]]))
    for task, found in scores.items():
        print(f"{task:<14}" + "".join(f"{round(value, 1):>11}" for value in found.values()))
    report.save_json({"weights": str(args.weights), "stride": args.subsampling, **scores}, args.out / "streaming.json")


if __name__ == "__main__":
    main()
