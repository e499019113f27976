"""Speed of networks in every runtime and precision, one table per machine.

Command  python benchmarks/runtimes.py [--models mpii-2d lite-2d] [--runtimes keras openvino] [--rounds 5] [--out FILE]
         [--compare FILE] [--page docs/runtimes.md]
Data     none; weights are random
Time     some minutes for each network, most of it exporting
Result   milliseconds of a batch of 1 and of 8: the median of alternating rounds, all runtimes in turn, beside the range
         of the middle half; the rate of a float32 product of two 2048 x 2048 matrices on the same threads; for every
         exported file its size and the largest difference from Keras; memory above that of the process before
         anything ran. `predict` is `keras.Model.predict`, and `keras` the path of predictors and evaluations.
         --out keeps all that as JSON with the processor's name and flags; --compare prints the ratios to such a file;
         --page writes the table between two marks of a page.
         Compare ratios within one run, not times: times drift from run to run.
"""

import argparse
import json
import pathlib
import platform
import statistics
import tempfile
import time

import keras
import numpy as np

from deephar import files, models, surroundings
from deephar.export import writing
from deephar.models import outputs
from deephar.runtimes import choosing, compiled

FORMAT = "deephar-runtimes-1"
BATCHES = (1, 8)
SIDE = 2048
MARKS = "<!-- benchmarks/runtimes.py -->", "<!-- end -->"


def memory_mb(field):
    """Of this process: "VmRSS" now, "VmHWM" at most; NaN where the system does not say."""
    status = pathlib.Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), float("nan"))


def machine():
    """What the numbers depend on."""
    about = surroundings.processor().facts
    text = surroundings.CPUINFO.read_text(encoding="utf-8") if surroundings.CPUINFO.is_file() else ""
    flags = next((line.partition(":")[2].split() for line in text.splitlines() if line.startswith("flags")), [])
    return {**about, "flags": flags, "system": platform.platform(), "keras": keras.__version__}


def exported(model, wanted, names, folder):
    """Network, size in MB and difference from Keras by (runtime, precision), of those that are installed and able."""
    found = {}
    for name in names:
        runtime = choosing.RUNTIMES[name]
        if not surroundings.installed(runtime.library):
            print(f"  {name}: not installed")
            continue
        path = pathlib.Path(folder) / f"{model.name}-{name}{runtime.suffixes[0]}"
        written = writing.write(model, runtime.format, path, model.name, None, wanted)
        size = sum(file.stat().st_size for file in path.parent.glob(f"{path.stem}.*")) / 1e6
        for precision in runtime.precisions:
            try:
                network = choosing.open_file(path, name, precision)
            except ValueError as error:
                print(f"  {name} {precision}: {error}")
                continue
            found[f"{name} {precision}"] = network, size, max(written.differences.values())
    return found


def seconds(task):
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def measured(tasks, rounds):
    """Median and middle half in seconds of every task, all in turn."""
    for task in tasks.values():
        task()
        task()
    times = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            times[name].append(seconds(task))
    return {name: [statistics.median(found), *np.quantile(found, [0.25, 0.75])] for name, found in times.items()}


def multiplied(rounds):
    """GFLOP/s of a matrix product."""
    matrix = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype("float32"))
    task = {"": lambda: keras.ops.convert_to_numpy(keras.ops.matmul(matrix, matrix))}
    return 2 * SIDE**3 / measured(task, rounds)[""][0] / 1e9


def benchmark(preset, names, rounds, folder):
    """Rows of a network: runtime and batch to numbers."""
    before = memory_mb("VmRSS")
    model = models.build(preset)
    wanted = outputs.final(model)
    known = exported(model, wanted, [name for name in names if name != "keras"], folder)
    rows = {}
    for count in BATCHES:
        shape = [length or 16 for length in model.input_shape[1:]]
        x = np.random.default_rng(0).uniform(-1, 1, (count, *shape)).astype("float32")
        tasks = {
            "predict float32": lambda x=x: model.predict(x, verbose=0),
            "keras float32": lambda x=x: compiled.of(model, wanted).predict_on_batch(x),
        }
        tasks |= {name: lambda x=x, one=one: one.predict_on_batch(x) for name, (one, *_) in known.items()}
        for name, (middle, low, high) in measured(tasks, rounds).items():
            _, size, difference = known.get(name, (None, None, None))
            rows[f"{name}, batch {count}"] = {
                "ms": 1e3 * middle, "spread_ms": [1e3 * low, 1e3 * high], "megabytes": size, "difference": difference,
            }  # fmt: skip
    print(f"{preset}: at most {memory_mb('VmHWM') - before:.0f} MB above the process before it")
    return {"rows": rows, "peak_mb": memory_mb("VmHWM") - before}


def table(found):
    """Markdown: a row for each network and runtime."""
    lines = ["| network | runtime | file, MB | largest difference | batch 1, ms | batch 8, ms | against `predict` |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for preset, one in found["networks"].items():
        rows = one["rows"]
        for name in dict.fromkeys(key.rpartition(", batch")[0] for key in rows):
            pair = [rows[f"{name}, batch {count}"] for count in BATCHES]
            plain = [rows[f"predict float32, batch {count}"]["ms"] for count in BATCHES]
            times = [f"{row['ms']:.1f} ({row['spread_ms'][0]:.1f} to {row['spread_ms'][1]:.1f})" for row in pair]
            ratios = ", ".join(f"{whole / row['ms']:.1f}x" for whole, row in zip(plain, pair, strict=True))
            size, far = pair[0]["megabytes"], pair[0]["difference"]
            file = ["", ""] if size is None else [f"{size:.1f}", f"{far:.0e}"]
            lines.append(f"| {' | '.join([preset, name, *file, *times, ratios])} |")
    return "\n".join(lines)


def compare(found, former):
    """Ratios of the medians of two runs, each in units of its own matrix product."""
    for preset, one in found["networks"].items():
        for name, row in one["rows"].items():
            old = former["networks"].get(preset, {}).get("rows", {}).get(name)
            if old:
                ratio = old["ms"] * former["matrix_gflops"] / (row["ms"] * found["matrix_gflops"])
                print(f"  {preset}, {name}: {ratio:.2f} times as fast as before, in products of matrices")


def put_into(page, text):
    """Replace what is between the marks of a page."""
    path = pathlib.Path(page)
    before, _, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
    with files.whole_file(path) as temporary:
        temporary.write_text(
            f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{rest.partition(MARKS[1])[2]}", encoding="utf-8"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=["mpii-2d", "lite-2d"], choices=models.NAMES)
    parser.add_argument("--runtimes", nargs="*", default=list(choosing.NAMES), choices=choosing.NAMES)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", metavar="FILE", help="JSON to write")
    parser.add_argument("--compare", metavar="FILE", help="JSON of an earlier run")
    parser.add_argument("--page", metavar="FILE", help="page to put the table into")
    args = parser.parse_args()
    found = {"format": FORMAT, "machine": machine(), "matrix_gflops": multiplied(args.rounds), "networks": {}}
    with tempfile.TemporaryDirectory() as folder:
        for preset in args.models:
            found["networks"][preset] = benchmark(preset, args.runtimes, args.rounds, folder)
    about = (
        f"{found['machine']['name']}, {found['machine']['cores']}; {found['matrix_gflops']:.0f} GFLOP/s of a product"
    )
    text = f"{about}. Median of {args.rounds} rounds in turn, and the middle half.\n\n{table(found)}"
    print(text)
    if args.compare:
        compare(found, json.loads(pathlib.Path(args.compare).read_bytes()))
    if args.out:
        with files.whole_file(args.out) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if args.page:
        put_into(args.page, text)


if __name__ == "__main__":
    main()
