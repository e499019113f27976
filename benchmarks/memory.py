"""Peak memory of a network in one runtime, above that of the process before it was there.

Command  python benchmarks/memory.py PRESET [--path predict] [--precision bfloat16] [--batch-size 8]
         python benchmarks/memory.py FILE --runtime openvino [--precision int8]
Data     none; weights are random
Result   MB of the process (Linux) and of the accelerator, if there is one, as JSON; its libraries were imported before
"""

import argparse
import contextlib
import importlib
import json
import pathlib

import numpy as np

STATUS, REFERENCES = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")


def resident_mb(field):
    """Of this process: "VmRSS" now, "VmHWM" at most; None where the system does not say."""
    lines = STATUS.read_text(encoding="utf-8").splitlines() if STATUS.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), None)


def forget_peak():
    """Begin anew with the peak of this process, on Linux; where that is refused, it includes what came before."""
    with contextlib.suppress(OSError):
        REFERENCES.write_text("5", encoding="utf-8")


def device_mb():
    """Peak of the accelerator's memory that the backend has used; None without an accelerator."""
    import keras

    if keras.backend.backend() == "torch":
        torch = importlib.import_module("torch")
        return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None
    if keras.backend.backend() == "jax":
        known = importlib.import_module("jax").devices()[0].memory_stats()
        return known["peak_bytes_in_use"] / 2**20 if known else None
    return None


def keras_task(preset, path, precision, count, overrides):
    """What predicts a batch, not built yet."""
    import networks

    def begin():
        model = networks.built(preset, precision, overrides)
        return networks.task_of(model, path), networks.example(model.input_shape, count)

    return begin


def exported_task(file, runtime, precision, count):
    from deephar.runtimes import choosing

    importlib.import_module(choosing.RUNTIMES[runtime].library)

    def begin():
        network = choosing.open_file(file, runtime, precision)
        shape = network.input_shape
        x = np.random.default_rng(0).uniform(-1, 1, (count, *(n or 16 for n in shape[1:]))).astype("float32")
        return network.predict_on_batch, x

    return begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", metavar="PRESET|FILE")
    parser.add_argument("--runtime", default="keras")
    parser.add_argument("--path", default="keras", choices=("predict", "keras", "frames"))
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--overrides", type=json.loads, default={}, metavar="JSON")
    args = parser.parse_args()
    if args.runtime == "keras":
        begin = keras_task(args.network, args.path, args.precision, args.batch_size, args.overrides)
    else:
        begin = exported_task(args.network, args.runtime, args.precision, args.batch_size)
    before = resident_mb("VmRSS")
    forget_peak()
    task, x = begin()
    for _ in range(3):
        task(x)
    peak = resident_mb("VmHWM")
    print(
        json.dumps(
            {
                "process": None if before is None or peak is None else peak - before,
                "device": device_mb() if args.runtime == "keras" else None,
            }
        )
    )


if __name__ == "__main__":
    main()
