"""Speed and memory of a training step, several ways in turn, each in a process of its own.

Command  python benchmarks/training_step.py [--model lite-2d] [--batch-size 32] [--overrides JSON]
         [--ways plain tensorflow torch jax] [--precisions float32 bfloat16] [--optimizer adam] [--rounds 9]
         [--smoke]
Data     none; weights, images and labels are random
Ways     `tensorflow`, `torch`, `jax`: the step of `deephar.training.fit` on that backend; `plain`: on TensorFlow with
         the layers as Keras computes them, without `deephar.runtimes.fusion`; `rematerialized`: `tensorflow` with
         `--rematerialize`
Result   for every way and precision the median of the rounds and their middle half, images a second; the seconds of
         processors, which say the same where other work runs beside; how many times as fast as the first one, the
         median over rounds; peak memory above that of the process before its network was there
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

WAYS = {
    "plain": "tensorflow",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "jax": "jax",
    "rematerialized": "tensorflow",
}


def compiled_step(way, precision, args):
    """What trains on one batch, the context to call it in, and memory in MB before its network."""
    from memory import forget_peak, resident_mb
    from networks import built, example, small

    from deephar import memory, training
    from deephar.runtimes.fusion import fused
    from deephar.training.rematerialization import rematerialized

    before = resident_mb("VmRSS")
    forget_peak()
    memory.keep_freed()
    model = built(args.model, precision, small(args.model) if args.smoke else args.overrides)
    training.compile_model(model, args.optimizer)
    x = example(model.input_shape, args.batch_size)
    y = [np.abs(example(output.shape, args.batch_size)) for output in model.outputs]
    contexts = contextlib.ExitStack()
    if way in ("tensorflow", "rematerialized"):
        contexts.enter_context(fused(model))
    if way == "rematerialized":
        contexts.enter_context(rematerialized(model))
    return (lambda: model.train_on_batch(x, y)), contexts, before


def serve(way, precision, args):
    """Train on one batch whenever a line comes, and say how long it took; at the end, peak memory."""
    from memory import resident_mb

    step, context, before = compiled_step(way, precision, args)
    with context:
        step()
        step()
        print(json.dumps("ready"), flush=True)
        for _ in sys.stdin:
            start, processors = time.perf_counter(), time.process_time()
            step()
            print(json.dumps([time.perf_counter() - start, time.process_time() - processors]), flush=True)
    peak = resident_mb("VmHWM")
    print(json.dumps(None if before is None or peak is None else peak - before), flush=True)


class Served:
    """A process that trains one way in one precision."""

    def __init__(self, way: str, precision: str) -> None:
        environment = {**os.environ, "KERAS_BACKEND": WAYS[way], "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, __file__, *sys.argv[1:], "--serve", way, precision]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.answer()

    def answer(self):
        """The next thing that it says, past what libraries print."""
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                return json.loads(line)
        raise SystemExit(f"A process ended with status {self.process.wait()}")

    def step(self):
        """Seconds of a step: of the clock, and of processors."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        """Peak memory in MB."""
        self.process.stdin.close()
        return self.answer()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lite-2d")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--overrides", type=json.loads, default={}, metavar="JSON")
    parser.add_argument("--ways", nargs="+", default=["plain", "tensorflow"], choices=WAYS)
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--precisions", nargs="+", default=["float32"], choices=("float32", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--smoke", action="store_true", help="a tiny network, to see whether all works")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(*args.serve, args)
        return
    served = {kind: Served(*kind) for kind in itertools.product(args.ways, args.precisions)}
    rounds = [{kind: one.step() for kind, one in served.items()} for _ in range(args.rounds)]
    peaks = {kind: one.end() for kind, one in served.items()}
    print(f"{args.model}, batch {args.batch_size}, {args.optimizer}, {args.rounds} rounds in turn")
    columns = "way", "precision", "step, s", "images a second", "seconds of processors", "times as fast", "peak, MB"
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    first = next(iter(served))
    for kind in served:
        times, processors = zip(*(one[kind] for one in rounds), strict=True)
        low, middle, high = np.quantile(times, [0.25, 0.5, 0.75])
        ratio = statistics.median(one[first][0] / one[kind][0] for one in rounds)
        peak = "" if peaks[kind] is None else f"{peaks[kind]:.0f}"
        cells = f"{middle:.3f} ({low:.3f} to {high:.3f})", f"{args.batch_size / middle:.1f}"
        cells = *kind, *cells, f"{statistics.median(processors):.3f}", f"{ratio:.2f}", peak
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
