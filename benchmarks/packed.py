"""Seconds from the start of the NTU training to its first batch, with 40,000 packed clips; imports are not counted.

Command  python benchmarks/packed.py [--clips 40000] [--out FOLDER] [--processes 0]
Task     pack generated clips of 8 frames of 64 x 36, unless FOLDER holds them; then run
         exp/ntu/train_ntu_ar_pe_merge.py --packed FOLDER --smoke up to the first batch
Result   seconds since the start: readers open, network built, first batch; and how long packing took
"""

import argparse
import contextlib
import importlib.util
import itertools
import pathlib
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from deephar.data.readers import clip_packing, ntu
from deephar.data.readers.base import Video
from deephar.training import trainer

SIZE, FRAMES = (64, 36), 8
SCRIPT = pathlib.Path(__file__).parents[1] / "exp" / "ntu" / "train_ntu_ar_pe_merge.py"


class Generated:
    """Clips of somebody who stands before noise, with the names of NTU RGB+D."""

    layout, actions = ntu.Ntu.layout, ntu.ACTIONS[:60]

    def __init__(self, count):
        numbers = itertools.product(range(1, 18), range(1, 4), range(1, 41), (1, 2), range(1, 61))
        every = [f"S{s:03d}C{c:03d}P{p:03d}R{r:03d}A{a:03d}" for s, c, p, r, a in itertools.islice(numbers, 10 * count)]
        self.names = every[:: len(every) // count][:count]

    def __len__(self):
        return len(self.names)

    def labelled_frames(self, index):
        return np.arange(FRAMES)

    def video(self, index):
        generator = np.random.default_rng(index)
        pose = generator.uniform((20, 6, 2900), (44, 30, 3100), (FRAMES, 25, 3))
        picture = Image.fromarray(generator.integers(0, 256, (SIZE[1] // 4, SIZE[0] // 4, 3), np.uint8)).resize(SIZE)
        action = ntu.parse_name(self.names[index]).action - 1
        return Video(self.names[index], action, pose, SIZE, lambda number: picture)


def to_the_first_batch(folder, processes, out):
    """Run the training script until it has a batch; dict of what was done to the seconds since the start."""
    specification = importlib.util.spec_from_file_location("script", SCRIPT)
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    arguments = ["--packed", folder, "--smoke", "--out", out, "--processes", processes]
    sys.argv = [str(SCRIPT), *map(str, arguments)]
    begin, times = time.perf_counter(), {}

    def train(args, sources, judge, start, **about):
        times["readers open"] = time.perf_counter() - begin
        trainer.fingerprint.fingerprints(sources)
        model = trainer.new_network(args, start)
        times["network built"] = time.perf_counter() - begin
        with contextlib.closing(trainer.make_loader(args.recipe, model, sources, args.seed, args.processes)) as loader:
            loader[0]
            times["first batch"] = time.perf_counter() - begin
        print(f"{len(sources['ntu'])} training clips, {len(loader)} batches in an epoch")

    script.train = train
    script.main()
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=40_000)
    parser.add_argument("--out", type=pathlib.Path, help="folder of the packed clips (default: a temporary one)")
    parser.add_argument("--processes", type=int, default=0, help="that make batches")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, begin = args.out or pathlib.Path(temporary, "packed"), time.perf_counter()
        clip_packing.pack_clips(Generated(args.clips), folder, progress=True)
        print(f"packing: {time.perf_counter() - begin:.1f} s")
        for what, seconds in to_the_first_batch(folder, args.processes, pathlib.Path(temporary, "run")).items():
            print(f"{what}: {seconds:.2f} s")


if __name__ == "__main__":
    main()
