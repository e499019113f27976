"""Clips a second of SPNet beside the merge networks.

Command  python benchmarks/spnet.py [--rounds 5]
Data     none; weights are random
Task     one clip at a time, float32: the pose of the last block and the last action output, as one compiled function
Result   parameters, clips and frames a second (median of alternating rounds, and the range), and the ratio to the merge
         network of the same dataset; clips have as many frames as each network's script gives it
"""

import argparse
import statistics
import time

from networks import example

from deephar import models
from deephar.models import outputs
from deephar.runtimes import compiled

PAIRS = {"spnet-penn": "penn-merge", "spnet-ntu": "ntu-merge"}
"""Every SPNet, and the merge network of the same dataset."""


def seconds(parts, rounds):
    """Seconds that every network takes for a clip, by its name: a list with an entry for every round."""
    clips = {name: example(part.input_shape, 1) for name, part in parts.items()}
    taken = {name: [] for name in parts}
    for number in range(rounds + 1):
        for name, part in parts.items():
            start = time.perf_counter()
            part.predict_on_batch(clips[name])
            if number:  # the first one compiles
                taken[name].append(time.perf_counter() - start)
    return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    networks = {name: models.build(name) for pair in PAIRS.items() for name in pair}
    parts = {name: compiled.Compiled(network, outputs.final(network)) for name, network in networks.items()}
    taken = seconds(parts, args.rounds)
    for name, network in networks.items():
        middle, frames = statistics.median(taken[name]), network.input_shape[1]
        ratio = f"  {statistics.median(taken[PAIRS[name]]) / middle:.2f} times {PAIRS[name]}" if name in PAIRS else ""
        spread = f"({1 / max(taken[name]):.2f} to {1 / min(taken[name]):.2f})"
        print(f"{name:<11}{network.count_params():>12,} parameters{1 / middle:6.2f} clips/s {spread} "
              f"{frames / middle:6.2f} frames/s{ratio}")  # fmt: skip


if __name__ == "__main__":
    main()
