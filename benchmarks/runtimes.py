"""Speed and memory of networks in every runtime and precision, one table per machine: processors and GPUs.

Command  python benchmarks/runtimes.py [--models mpii-2d lite-2d] [--runtimes keras openvino] [--batches 1 8]
         [--rounds 7] [--no-int8] [--out FILE] [--compare FILE] [--page docs/runtimes.md] [--smoke]
         KERAS_BACKEND=jax python benchmarks/runtimes.py --runtimes keras --precisions float32 bfloat16 --minutes 7
Data     none; weights are random
Time     some minutes for each network, most of it exporting or compiling; no network is begun after --minutes
Result   milliseconds of a batch of 1 and of 8: the median of alternating rounds, all runtimes in turn, beside the range
         of the middle half; the share of the rate of a float32 product of two matrices on the same threads (or the
         same GPU) that the convolutions reach; for every exported file its size and the largest difference from Keras;
         peak memory with the larger batch above that of a process that has the libraries alone, and of the GPU.
         `predict` is `keras.Model.predict`, `keras` the path of predictors and evaluations, and `frames` that of
         streams, a frame of a clip at a time. Networks are exported on TensorFlow alone; on JAX and PyTorch, these are
         measured.
         --out keeps all that as JSON with the processor's name and flags and the devices, anew after each network;
         --compare prints the ratios to such a file; --page writes the table between two marks of a page.
         Compare ratios within one run, not times: times drift from run to run.
"""

import argparse
import contextlib
import functools
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np
from networks import built, example, has_parts, small, task_of
from speed import convolution_flops, traced_flops

from deephar import files, models, surroundings
from deephar.export import int8, writing
from deephar.models import outputs
from deephar.runtimes import choosing
from deephar.stopwatch import in_turn

FORMAT = "deephar-runtimes-2"
SIDE, PRODUCTS = 2048, 4
MARKS = "<!-- benchmarks/runtimes.py -->", "<!-- end -->"


def machine():
    """What the numbers depend on."""
    about = surroundings.processor().facts
    text = surroundings.CPUINFO.read_text(encoding="utf-8") if surroundings.CPUINFO.is_file() else ""
    flags = next((line.partition(":")[2].split() for line in text.splitlines() if line.startswith("flags")), [])
    versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
    return {**about, "flags": flags, "system": platform.platform(), **versions, "devices": devices()}


def compile_once(folder):
    """Have JAX keep what it compiles, for the processes that measure memory."""
    if keras.backend.backend() == "jax":
        import jax

        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
        jax.config.update("jax_compilation_cache_dir", folder)


def devices():
    """GPUs by name, a list; empty on a processor alone."""
    if keras.backend.backend() == "torch":
        import torch

        return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if keras.backend.backend() == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


def exported(model, names, folder, without=()):
    """File, network and difference from Keras by runtime and precision, of those that are installed and able."""
    found = {}
    for name in names:
        runtime = choosing.RUNTIMES[name]
        if not surroundings.installed(runtime.library):
            print(f"  {name}: not installed")
            continue
        path = pathlib.Path(folder) / f"{model.name}-{name}{runtime.suffixes[0]}"
        written = writing.write(model, runtime.format, path, model.name, None, outputs.final(model))
        for precision in sorted({*runtime.precisions} - {*without}, key=runtime.precisions.index):
            with reporting(f"{name} {precision}"):
                file = quantised(path) if precision == "int8" else path
                far = None if precision == "int8" else max(written.differences.values())
                found[f"{name} {precision}"] = file, choosing.open_file(file, name, precision), far
    return found


@contextlib.contextmanager
def reporting(name):
    """What is not possible is said, and left out."""
    try:
        yield
    except (ValueError, ImportError) as error:
        print(f"  {name}: {error}")


def quantised(path):
    small = path.with_name(f"{path.stem}-int8{path.suffix}")
    int8.write(path, small)
    return small


def measured(tasks, rounds):
    """Median and middle half in seconds of every task, all in turn."""
    times = in_turn(tasks, rounds)
    return {name: [statistics.median(found), *np.quantile(found, [0.25, 0.75])] for name, found in times.items()}


def multiplied(rounds):
    """GFLOP/s of a matrix product."""
    matrix = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype("float32"))

    def multiply():
        product = matrix
        for _ in range(PRODUCTS):
            product = keras.ops.matmul(product, matrix) / SIDE
        keras.ops.convert_to_numpy(product[0, 0])

    return PRODUCTS * 2 * SIDE**3 / measured({"": multiply}, rounds)[""][0] / 1e9


def benchmark(preset, args, rate, folder, until):
    """Rows of a network: runtime and batch to numbers; memory as long as there is time."""
    overrides = small(preset) if args.smoke else {}
    networks = {precision: built(preset, precision, overrides) for precision in args.precisions}
    plain = next(iter(networks.values()))
    others = [name for name in args.runtimes if name != "keras"]
    without = ("int8",) if args.no_int8 else ()
    known = exported(built(preset, "float32", overrides), others, folder, without) if others else {}
    flops = flops_of(plain)
    rows = {}
    for count in args.batches:
        x = example(plain.input_shape, count)
        first, model = next(iter(networks.items()))
        tasks = {f"predict {first}": functools.partial(task_of(model, "predict"), x)}
        tasks |= {f"keras {one}": functools.partial(task_of(model, "keras"), x) for one, model in networks.items()}
        if has_parts(model):
            tasks[f"frames {first}"] = functools.partial(task_of(model, "frames"), x)
        tasks |= {name: functools.partial(one.predict_on_batch, x) for name, (_, one, _) in known.items()}
        for name, (middle, low, high) in measured(tasks, args.rounds).items():
            file, _, difference = known.get(name, (None, None, None))
            rows[f"{name}, batch {count}"] = {
                "ms": 1e3 * middle, "spread_ms": [1e3 * low, 1e3 * high], "megabytes": file and megabytes(file),
                "difference": difference, "share": flops and count * flops / middle / 1e9 / rate,
            }  # fmt: skip
    for name in dict.fromkeys(key.rpartition(", batch")[0] for key in rows):
        if time.monotonic() < until:
            rows[f"{name}, batch {args.batches[-1]}"] |= peaks(preset, name, known, overrides, args.batches[-1])
    return {"rows": rows}


def flops_of(model):
    """FLOPs of the convolutions for a picture or a clip; None where they are not known."""
    if len(model.input_shape) == 4:
        return convolution_flops(model)
    return traced_flops(model) if keras.backend.backend() == "tensorflow" else None


def megabytes(file):
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.stem}.*")) / 1e6


def peaks(preset, name, known, overrides, count):
    """Peak memory in MB of a row, in a process of its own."""
    way, precision = name.split()
    script = [sys.executable, str(pathlib.Path(__file__).with_name("memory.py"))]
    if name in known:
        options = [str(known[name][0]), "--runtime", way]
    else:
        options = [preset, "--path", way, "--overrides", json.dumps(overrides)]
    options += ["--precision", precision, "--batch-size", str(count)]
    done = subprocess.run([*script, *options], capture_output=True, text=True)
    if done.returncode:
        print(f"  memory of {name}: {done.stderr.strip().splitlines()[-1:]}")
        return {}
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return {"peak_mb": found["process"], "device_peak_mb": found["device"]}


def table(found, batches):
    """Markdown: a row for each network and runtime."""
    columns = ["network", "runtime", "file, MB", "largest difference", *(f"batch {count}, ms" for count in batches),
               "against `predict`", "share of the product", "peak, MB"]  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", f"| {' | '.join(['---'] * len(columns))} |"]
    for preset, one in found["networks"].items():
        rows = one["rows"]
        first = next(iter(rows)).rpartition(", batch")[0]
        plain = [rows[f"{first}, batch {count}"]["ms"] for count in batches]
        for name in dict.fromkeys(key.rpartition(", batch")[0] for key in rows):
            pair = [rows[f"{name}, batch {count}"] for count in batches]
            times = [f"{row['ms']:.1f} ({row['spread_ms'][0]:.1f} to {row['spread_ms'][1]:.1f})" for row in pair]
            ratios = ", ".join(f"{whole / row['ms']:.1f}x" for whole, row in zip(plain, pair, strict=True))
            shares = ", ".join(written(row["share"], ".2f") for row in pair)
            peak = " + ".join(written(pair[-1].get(key), ".0f") for key in ("peak_mb", "device_peak_mb")).rstrip(" +")
            file = [written(pair[0]["megabytes"], ".1f"), written(pair[0]["difference"], ".0e")]
            lines.append(f"| {' | '.join([preset, name, *file, *times, ratios, shares, peak])} |")
    return "\n".join(lines)


def written(number, form):
    return "" if number is None else format(number, form)


def compare(found, former):
    """Ratios of the medians of two runs, each in units of its own matrix product."""
    for preset, one in found["networks"].items():
        for name, row in one["rows"].items():
            old = former["networks"].get(preset, {}).get("rows", {}).get(name)
            if old:
                ratio = old["ms"] * former["matrix_gflops"] / (row["ms"] * found["matrix_gflops"])
                print(f"  {preset}, {name}: {ratio:.2f} times as fast as before, in products of matrices")


def put_into(page, text, marks=MARKS):
    """Replace what is between the marks of a page."""
    path = pathlib.Path(page)
    before, _, rest = path.read_text(encoding="utf-8").partition(marks[0])
    with files.whole_file(path) as temporary:
        temporary.write_text(
            f"{before}{marks[0]}\n\n{text}\n\n{marks[1]}{rest.partition(marks[1])[2]}", encoding="utf-8"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=["mpii-2d", "lite-2d"], choices=models.NAMES)
    parser.add_argument("--runtimes", nargs="*", default=list(choosing.NAMES), choices=choosing.NAMES)
    parser.add_argument(
        "--precisions", nargs="*", default=["float32"], choices=("float32", "bfloat16"), help="of Keras"
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8], metavar="N")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=60, help="after which no network is begun")
    parser.add_argument("--no-int8", action="store_true", help="whose calibration takes minutes for a large network")
    parser.add_argument("--smoke", action="store_true", help="tiny networks, to see whether all works")
    parser.add_argument("--out", metavar="FILE", help="JSON to write")
    parser.add_argument("--compare", metavar="FILE", help="JSON of an earlier run")
    parser.add_argument("--page", metavar="FILE", help="page to put the table into")
    args = parser.parse_args()
    former = json.loads(pathlib.Path(args.compare).read_bytes()) if args.compare else None
    if former and former.get("format") != FORMAT:
        parser.error(f"--compare {args.compare} is no file of --out, or of another version")
    until = time.monotonic() + 60 * args.minutes
    if keras.backend.backend() != "tensorflow":
        args.runtimes = ["keras"]
        print("Networks are exported on TensorFlow alone; Keras is measured")
    rate = multiplied(args.rounds)
    found = {"format": FORMAT, "machine": machine(), "matrix_gflops": rate, "networks": {}}
    with tempfile.TemporaryDirectory() as folder:
        compile_once(folder)
        for preset in args.models:
            if time.monotonic() > until:
                print(f"{preset} and what follows is left out: {args.minutes:g} minutes are over")
                break
            found["networks"][preset] = benchmark(preset, args, rate, folder, until)
            if args.out:
                with files.whole_file(args.out) as temporary:
                    temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    known = found["machine"]
    about = f"{', '.join([known['name'], *known['devices']])}, cores: {known['cores']}; Keras on {known['backend']}; "
    about += f"{rate:.0f} GFLOP/s of a product"
    text = f"{about}. Median of {args.rounds} rounds in turn, and the middle half.\n\n{table(found, args.batches)}"
    print(text)
    if former:
        compare(found, former)
    if args.page:
        put_into(args.page, text)


if __name__ == "__main__":
    main()
