"""Every clip network, SPNets beside the merge networks: parameters, operations, and clips a second.

Command  python benchmarks/spnet.py [--models spnet-penn penn-merge] [--rounds 5] [--smoke]
Data     none; weights are random
Task     one clip at a time, float32: the pose of the last block and the last action output, as one compiled function;
         of `spnet-pose3d`, which takes pictures, one picture
Result   a table: parameters, GFLOP of the convolutions for a clip, clips and frames a second (median of rounds in turn,
         and their range), and the ratio to the merge network of the same dataset; clips have as many frames as each
         network's script gives it
"""

import argparse
import statistics

import keras
from networks import built, example, small, task_of
from speed import traced_flops

from deephar.stopwatch import in_turn

PAIRS = {"spnet-penn": "penn-merge", "spnet-ntu": "ntu-merge", "spnet-lite": "lite-merge"}
"""SPNets, each with the merge network of the same dataset and size."""

ALL = [*(name for pair in PAIRS.items() for name in pair), "spnet-pose3d"]


def row(model, times, of_pair):
    """Cells of a network's row."""
    middle = statistics.median(times)
    frames = model.input_shape[1] if len(model.input_shape) == 5 else 1
    flops = f"{traced_flops(model) / 1e9:.1f}" if keras.backend.backend() == "tensorflow" else ""
    spread = f"{1 / middle:.2f} ({1 / max(times):.2f} to {1 / min(times):.2f})"
    ratio = f"{statistics.median(of_pair) / middle:.2f}" if of_pair else ""
    return f"{model.count_params():,}", flops, spread, f"{(frames or 16) / middle:.1f}", ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=ALL, choices=ALL)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="tiny networks, to see whether all works")
    args = parser.parse_args()
    networks = {name: built(name, overrides=small(name) if args.smoke else None) for name in args.models}
    clips = {name: example(network.input_shape, 1) for name, network in networks.items()}
    ways = {name: task_of(network, "keras") for name, network in networks.items()}
    times = in_turn({name: lambda name=name: ways[name](clips[name]) for name in networks}, args.rounds)
    print("| network | parameters | GFLOP | clips a second | frames a second | against its merge network |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, network in networks.items():
        print(f"| `{name}` | {' | '.join(row(network, times[name], times.get(PAIRS.get(name))))} |")


if __name__ == "__main__":
    main()
