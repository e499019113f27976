"""Where the time of a network goes: its operations in OpenVINO, by kind.

Command  python benchmarks/layers.py [--models mpii-2d lite-2d] [--batch-size 1] [--precision float32] [--rounds 30]
         [--page docs/runtimes.md]
Data     none; weights are random
Result   for every kind of operation, as OpenVINO runs it, on one thread: number, share of the time, GFLOP of an image,
         GFLOP/s; at the end the rate of a product of two 1024 x 1024 matrices on one thread. What is fused with a
         convolution (batch normalisation, bias, ReLU, a sum) counts as a part of it. --page writes the table between
         two marks of a page. Times are the least of all rounds, for each operation.
FLOPs    2 per multiply-and-add of the convolutions
"""

import argparse
import pathlib
import tempfile
import time

import numpy as np
import openvino
from runtimes import put_into

from deephar import models
from deephar.export import int8, writing
from deephar.models import outputs

SIDE = 1024
MARKS = "<!-- benchmarks/layers.py -->", "<!-- end of layers -->"


def shape(port):
    return list(port.get_partial_shape().to_shape())


def kind_and_flops(operation):
    """What an operation of the compiled graph is, and its FLOPs."""
    layer = str(operation.get_rt_info()["layerType"].value)
    if layer != "Convolution":
        return {"Subgraph": "ReLU and other elementwise"}.get(layer, layer.lower()), 0
    kernel, out = shape(operation.input(1)), shape(operation.output(0))
    rows, columns = kernel[-2:]
    grouped = len(kernel) == 5
    flops = 2 * out[0] * out[2] * out[3] * int(np.prod(kernel))
    return f"convolution {rows} x {columns}" + (", depthwise" if grouped else ""), flops


def exported(preset, precision, folder):
    path, model = pathlib.Path(folder) / f"{preset}.xml", models.build(preset)
    writing.write(model, "openvino", path, preset, None, outputs.final(model))
    if precision == "int8":
        int8.write(path, path.with_name("int8.xml"))
        path = path.with_name("int8.xml")
    return path, model.input_shape[1:]


def profile(path, size, rounds):
    """For every kind: operations, seconds, FLOPs; of a batch of some size."""
    core = openvino.Core()
    graph = core.read_model(path)
    graph.reshape(size)
    hints = {"PERF_COUNT": True, "INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(graph, "CPU", hints)
    request = compiled.create_infer_request()
    x = np.random.default_rng(0).uniform(-1, 1, size).astype("float32")
    least = {}
    for _ in range(rounds):
        request.infer([x])
        for one in request.get_profiling_info():
            if one.status == openvino.ProfilingInfo.Status.EXECUTED:
                seconds = one.real_time.total_seconds()
                least[one.node_name] = min(seconds, least.get(one.node_name, seconds))
    kinds = {}
    for operation in compiled.get_runtime_model().get_ordered_ops():
        seconds = least.get(operation.get_friendly_name())
        if seconds is not None:
            kind, flops = kind_and_flops(operation)
            kinds.setdefault(kind, []).append((seconds, flops))
    return {kind: (len(found), *map(sum, zip(*found, strict=True))) for kind, found in kinds.items()}


def product_rate(rounds):
    """GFLOP/s of a product of matrices on one thread of OpenVINO."""
    given = openvino.opset13.parameter([SIDE, SIDE], np.float32)
    matrix = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype("float32")
    graph = openvino.Model([openvino.opset13.matmul(given, matrix, False, False)], [given])
    hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(graph, "CPU", hints).create_infer_request()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        request.infer([matrix])
        times.append(time.perf_counter() - start)
    return 2 * SIDE**3 / min(times) / 1e9


def table(preset, found, count):
    """Markdown: a row for each kind, the longest first."""
    whole = sum(seconds for _, seconds, _ in found.values())
    lines = [f"| {preset} | number | time | GFLOP | GFLOP/s |", "| --- | --- | --- | --- | --- |"]
    for kind, (number, seconds, flops) in sorted(found.items(), key=lambda item: -item[1][1]):
        work = [f"{flops / count / 1e9:.3f}", f"{flops / seconds / 1e9:.0f}"] if flops else ["", ""]
        lines.append(f"| {' | '.join([kind, str(number), f'{100 * seconds / whole:.1f} %', *work])} |")
    flops = sum(flops for *_, flops in found.values())
    lines.append(
        f"| all | | {1e3 * whole / count:.1f} ms an image | {flops / count / 1e9:.3f} | {flops / whole / 1e9:.0f} |"
    )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=["mpii-2d", "lite-2d"], choices=models.NAMES)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--precision", default="float32", choices=("float32", "int8"))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--page", metavar="FILE", help="page to put the tables into")
    args = parser.parse_args()
    texts = []
    with tempfile.TemporaryDirectory() as folder:
        for preset in args.models:
            path, image = exported(preset, args.precision, folder)
            found = profile(path, [args.batch_size, *image], args.rounds)
            texts.append(table(preset, found, args.batch_size))
    rate = f"A product of two {SIDE} x {SIDE} matrices: {product_rate(args.rounds):.0f} GFLOP/s."
    text = "\n\n".join([*texts, f"{args.precision}, batch {args.batch_size}, one thread. {rate}"])
    print(text)
    if args.page:
        put_into(args.page, text, MARKS)


if __name__ == "__main__":
    main()
