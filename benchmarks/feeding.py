"""Augmented crops a second from photographs of 1280 x 720, by this process alone and by worker processes.

Command  python benchmarks/feeding.py [--processes 0 1 2] [--rounds 7] [--batches 10]
Data     drawn: one JPEG with the detail of a photograph, cropped anew for every sample, as for training on MPII
Result   images a second, the median of rounds that take turns, while this process only receives; against one process,
         and against 28 a second and core, which the first version of this loader made; then what receiving alone takes
"""

import argparse
import contextlib
import statistics
import time

from loading import SIZE, Photograph, drawn_photo

from deephar.data.batches.loader import PoseLoader
from deephar.data.samples import frames

BATCH, BEFORE = 24, 28


def rate(loader, first, count):
    """Images a second of some batches."""
    begin = time.perf_counter()
    for index in range(first, first + count):
        loader[index]
    return count * BATCH / (time.perf_counter() - begin)


def receiving(loader):
    """Milliseconds of this process for an image, from bytes to the network's input."""
    batch = loader.mixture.batch(0, 0)
    times = []
    for _ in range(20):
        begin = time.process_time()
        frames.to_inputs(batch.pixels, batch.powers)
        times.append(1000 * (time.process_time() - begin) / BATCH)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=10)
    args = parser.parse_args()
    source = Photograph(drawn_photo())
    with contextlib.ExitStack() as stack:
        loaders = {}
        for count in args.processes:
            options = {"augmentation": "mpii", "processes": count}
            loaders[count] = PoseLoader([(source, BATCH)], SIZE, "pose_visibility", **options)
            stack.callback(loaders[count].close)
        rates = {count: [] for count in loaders}
        before = 4 * max(loaders) + 1  # what was prepared while the others had their turn, or they still prepare
        for number in range(args.rounds):
            for count, loader in loaders.items():
                first = number * (before + args.batches)
                rate(loader, first, before)
                rates[count].append(rate(loader, first + before, args.batches))
        medians = {count: statistics.median(found) for count, found in rates.items()}
        for count, found in medians.items():
            against = f", {found / medians[1]:.2f} times one process" if count > 1 and 1 in medians else ""
            print(f"{count} processes: {found:6.1f} images a second, {found / BEFORE:.2f} times {BEFORE}{against}")
        print(f"receiving: {receiving(next(iter(loaders.values()))):.2f} ms of this process for an image")


if __name__ == "__main__":
    main()
