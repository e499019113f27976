"""Cost of the clip network: frames folded into the batch and one contraction vs. loops and tiled tensors.

Command  python benchmarks/clips.py [--model penn-merge] [--runs 5]
Task     clips per second at batch size 1, float32, and peak memory of a dedicated process; `folded` is the network as
         it is built, `looped` applies the same layers frame by frame and multiplies features tiled for every
         joint, as a direct translation of the original does
Result   both, and their ratios, in one run; the median of the runs
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time


def folded(name):
    """The network as it is built."""
    from deephar import models

    return models.build(name)


def looped(name):
    """The same layers, frame by frame, with appearance features from tiled tensors."""
    import keras
    from keras import ops

    from deephar.layers import SpatialSoftmax
    from deephar.models import registry
    from deephar.models.action import network as action

    settings = registry.settings(name)
    pose = settings.network
    frame = keras.Input(pose.input_shape)
    block = action.prediction_blocks(frame, pose, action.VISIBILITY_SCALE[pose.dim])
    per_frame = keras.Model(
        frame, [block[-1].pose, block[-1].visibility, SpatialSoftmax()(block[-1].heatmaps), block[0].features]
    )
    joints = (settings.frames, pose.num_joints)
    inputs = [keras.Input((*joints, n)) for n in (pose.dim, 1, pose.width)]
    poses = action.pose_branch(inputs[0], inputs[1], settings)
    appearances = action.appearance_branch(inputs[2], settings)
    head = keras.Model(inputs, action.merge_maps(poses[-1], appearances[-1], settings.sets))

    class Looped(keras.Model):
        def call(self, clip):
            frames = [per_frame(clip[:, number]) for number in range(settings.frames)]
            pose, visibility, probability, features = (ops.stack(part, axis=1) for part in zip(*frames, strict=True))
            shape = (*probability.shape, features.shape[-1])
            tiled = ops.broadcast_to(features[..., None, :], shape) * ops.broadcast_to(probability[..., None], shape)
            return head([pose, visibility, ops.sum(tiled, axis=(2, 3))])

    return Looped()


def measure(which, name, runs):
    """Print seconds per clip and peak memory of this process, as JSON."""
    import numpy as np

    from deephar.models import registry

    settings = registry.settings(name)
    model = {"folded": folded, "looped": looped}[which](name)
    clip = (
        np.random.default_rng(0).uniform(-1, 1, (1, settings.frames, *settings.network.input_shape)).astype("float32")
    )
    model.predict_on_batch(clip)
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        model.predict_on_batch(clip)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": statistics.median(seconds), "peak_mib": peak}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="penn-merge", choices=["penn-merge", "ntu-merge", "lite-merge"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--measure", choices=["folded", "looped"], help="one of them in this process")
    args = parser.parse_args()
    if args.measure:
        measure(args.measure, args.model, args.runs)
        return
    found = {}
    for which in ("folded", "looped"):
        command = [sys.executable, __file__, "--model", args.model, "--runs", str(args.runs), "--measure", which]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[which] = json.loads(done.stdout.strip().splitlines()[-1])
        print(f"{which}: {1 / found[which]['seconds']:.2f} clips per second, {found[which]['peak_mib']:.0f} MiB peak")
    speed, memory = (found["looped"][key] / found["folded"][key] for key in ("seconds", "peak_mib"))
    print(f"folded is {speed:.2f} times as fast and looped takes {memory:.2f} times the memory")


if __name__ == "__main__":
    main()
