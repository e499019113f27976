"""Speed against accuracy of SPNet on Penn Action: the network is cut after every prediction, and timed.

Data     none for the speed; Penn Action's labels and frames for the accuracy (--penn-labels, --penn-frames, --weights)
Command  python exp/pennaction/eval_speed2d.py [--weights runs/penn_multimodel/best.weights.h5 --penn-labels labels
         --penn-frames frames]
Score    not measured on the real data, which was not available
Result   a table: frames/s and clips/s after every prediction, accuracy if there is data; OUT/speed.json
Network  without weights, the original script's: 6 pyramids, actions in all of them, replica; random weights
Protocol batches of --batch-size clips, alternating rounds, medians; one clip in the middle of a video, frame stride 6
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import functools
import pathlib
import statistics

import numpy as np

from deephar import models, multitask
from deephar.data.readers import arguments
from deephar.evaluation import report
from deephar.models import outputs
from deephar.runtimes import compiled
from deephar.stopwatch import in_turn
from deephar.weights import loading

NETWORK = {"action_pyramids": (1, 2, 3, 4, 5, 6)}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add(parser, ["penn"], training=False)
    parser.add_argument("--weights", help="a name that `deephar pretrained` lists, or a file")
    parser.add_argument("--batch-size", type=int, default=1, help="clips")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", default="runs/speed2d", type=pathlib.Path)
    args = parser.parse_args()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        about = loading.describe(args.weights) if args.weights else None
        return args, about, arguments.testing(args, "penn") if args.weights and args.penn_labels else None
    except (ValueError, OSError) as error:
        parser.error(str(error))


def times(parts, clip, rounds):
    """Median of the seconds that every part takes for a batch, by its name."""
    taken = in_turn({name: functools.partial(part.predict_on_batch, clip) for name, part in parts.items()}, rounds)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def main():
    args, about, videos = options()
    model = loading.load(args.weights) if args.weights else models.build("spnet-penn", **NETWORK)
    shape = (args.batch_size, *model.input_shape[1:])
    parts = {output.name: compiled.Compiled(model, [output]) for output in outputs.judges(model)}
    seconds = times(parts, np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32), args.rounds)
    own = next(iter(about.sets), None) or None if about else None  # of several sets, Penn's comes first
    right = multitask.accuracy(model, about, videos, own, stride=6)["outputs"] if videos else {}
    rows = []
    for name, taken in seconds.items():
        clips = args.batch_size / taken
        rows.append({"output": name, "clips_per_second": clips, "accuracy": right.get(name)})
        accuracy = f"{right[name]:8.1f} %" if name in right else ""
        print(f"{name:<12}{clips:8.2f} clips/s{clips * shape[1]:9.1f} frames/s{accuracy}")
    report.save_json({"weights": args.weights, "batch_size": args.batch_size, "rows": rows}, args.out / "speed.json")
    print(f"wrote {args.out / 'speed.json'}")


if __name__ == "__main__":
    main()
