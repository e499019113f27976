"""Command-line options that all training scripts share."""

import argparse
import pathlib

from deephar import distribution


def training(doc, out, smoke="one epoch of a tiny network, to see that all works"):
    """A parser with the options of every training script.

    Args:
        doc: of the script, for `--help`.
        out: folder for weights and logs by default.
        smoke: what `--smoke` does, in words.

    Returns:
        `argparse.ArgumentParser` with `out`, `overwrite`, `strategy`, `logical_cpus`, `processes`, `seed` and `smoke`.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=out, type=pathlib.Path, help="folder for weights and logs")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier training in that folder")
    parser.add_argument("--strategy", default="none", choices=distribution.STRATEGIES)
    parser.add_argument("--logical-cpus", type=int, default=0, help="split the CPU, to try --strategy mirrored")
    parser.add_argument("--processes", type=int, default=0, help="that make batches; 0: threads do")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help=smoke)
    return parser
