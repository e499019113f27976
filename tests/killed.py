"""A training in a process of its own, which is killed again and again; `python killed.py FOLDER [OPTION ...]`.

Its batches come from a worker process, slowly; a file `progress` grows by a byte with every second sample. While a
checkpoint is half written, there is a file `writing`. With FULL=1, two checkpoints find no space.
"""

import itertools
import os
import pathlib
import sys
import time
import types

from drawn import Noise, Told


def recipe():
    from deephar.training import Recipe, Stage

    return Recipe(
        preset="lite-2d",
        network={"num_joints": 14, "input_shape": (32, 32, 3), "width": 16, "num_blocks": 1},
        layout="lsp14",
        mixture={"dark": 1, "bright": 1},
        augmentation="flip",
        batch_size=4,
        steps=200,
        stages=(
            Stage("first", 4, rate=1e-3, optimizer="adam", schedule="steps"),
            Stage("second", 3, rate=1e-4, optimizer="adam", schedule="cosine"),
        ),
    )


def make_slow(mark):
    """Checkpoints take a moment, in the middle of which a file exists."""
    from deephar.training import state

    digest = state._digest

    def slow(file, text):
        if file.mode == "r+":
            file.flush()
            mark.write_text("half of it is written")
            time.sleep(0.2)
            mark.unlink()
        return digest(file, text)

    state._digest = slow


def make_full():
    """There is no space for the third and the fourth checkpoint."""
    from deephar.training import state

    check, count = state.files.check_space, itertools.count(1)

    def full(folder, size):
        check(folder, 2**60 if next(count) in (3, 4) else size)

    state.files = types.SimpleNamespace(**{**vars(state.files), "check_space": full})


def main():
    from deephar import console

    console.quiet_tensorflow()
    from deephar.training import options, train

    folder, *more = sys.argv[1:]
    folder = pathlib.Path(folder)
    make_slow(folder / "writing")
    if os.environ.get("FULL"):
        make_full()
    run = ["--out", str(folder / "run"), "--quiet", "--checkpoint-steps", "10", "--processes", "1"]
    sys.argv = ["killed.py", *run, *more]
    readers = {"dark": Told(0, 40, folder / "progress"), "bright": Noise(200, 256)}
    args, sources = options.parsed(options.parser("", recipe(), "runs"), lambda args: readers)
    train(args, sources)


if __name__ == "__main__":
    main()
