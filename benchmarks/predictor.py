"""The path into a network: from pictures and boxes to people, against the network alone and Keras' `predict`.

Command  python benchmarks/predictor.py [--model mpii-2d] [--batches 1 8] [--rounds 10] [--int8]
Data     none; weights and pictures are random
Time     some minutes, most of it exporting
Result   milliseconds for a batch, all ways in turn: the median of the rounds and their middle half. `bare` is OpenVINO
         asked for a batch of ready crops, without anything of this library, `predictor` a `PosePredictor` in the same
         runtime that cuts them out of decoded pictures first. Ratios are medians of those of every round: to `predict`,
         and of a predictor to the same runtime bare
"""

import argparse
import functools
import pathlib
import statistics
import tempfile

import numpy as np
from networks import built, example, task_of
from runtimes import exported

from deephar.inference import PosePredictor, open_source
from deephar.runtimes.exported import library
from deephar.stopwatch import in_turn

HINTS = {"float32": "f32", "bfloat16": "bf16"}
SIDE = 480


def bare(file, precision):
    """A batch through OpenVINO, all of whose outputs are fetched."""
    hints = {"INFERENCE_PRECISION_HINT": HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
    core = library("openvino", "openvino").Core()
    request = core.compile_model(core.read_model(file), "CPU", hints).create_infer_request()
    return lambda x: request.infer([x])


def tasks(model, known, count):
    """What is timed, by name, for a batch of some size."""
    x = example(model.input_shape, count)
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    (frame,) = open_source(picture)
    pictures = [(frame, np.array([[60.0, 40, 400, 440]]))] * count

    def predictor(network):
        return functools.partial(PosePredictor(network, "mpii16", detector=None).inside, pictures)

    found = {"predict": functools.partial(task_of(model, "predict"), x), "keras predictor": predictor(model)}
    for name, (file, network, _) in known.items():
        if name.endswith(tuple(HINTS)):
            found[f"{name} bare"] = functools.partial(bare(file, name.split()[1]), x)
        found[f"{name} predictor"] = predictor(network)
    return found


def against(times, name, other):
    """How many times as fast as another way, the median over rounds; nothing without such a way."""
    if other not in times:
        return ""
    return f"{statistics.median(two / one for one, two in zip(times[name], times[other], strict=True)):.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mpii-2d")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--int8", action="store_true", help="too, whose calibration takes minutes")
    args = parser.parse_args()
    model = built(args.model)
    with tempfile.TemporaryDirectory() as folder:
        known = exported(model, ["openvino"], pathlib.Path(folder), () if args.int8 else ("int8",))
        print(f"{args.model}, {args.rounds} rounds in turn")
        print("| batch | way | ms | against `predict` | against bare |\n| --- | --- | --- | --- | --- |")
        for count in args.batches:
            times = in_turn(tasks(model, known, count), args.rounds)
            for name, one in times.items():
                low, middle, high = 1e3 * np.quantile(one, [0.25, 0.5, 0.75])
                ratios = against(times, name, "predict"), against(times, name, name.replace("predictor", "bare"))
                print(f"| {count} | {name} | {middle:.1f} ({low:.1f} to {high:.1f}) | {' | '.join(ratios)} |")


if __name__ == "__main__":
    main()
