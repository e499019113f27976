"""Writers by the ends of file names."""

import os

from deephar.inference.export.about import About
from deephar.inference.export.coco import Coco
from deephar.inference.export.jsonl import JsonLines
from deephar.inference.export.table import Table
from deephar.inference.export.trc import Trc
from deephar.inference.export.writing import Writer
from deephar.typed import Path

ENDS = (".jsonl", ".csv", ".coco.json", ".trc", ".bvh")


def end_of(path: Path) -> str:
    """Which of `ENDS` the name of a file ends in, in any case.

    Raises:
        ValueError: for another end.
    """
    name = os.fspath(path).lower()
    end = next((end for end in ENDS if name.endswith(end)), None)
    if end is None:
        raise ValueError(f"Results go to files that end in {', '.join(ENDS)}. Received: {path}")
    return end


def open_writer(path: Path, about: About, depth: bool = False) -> Writer:
    """A writer of results for a new file, by the end of its name.

    Args:
        path: of the file, that ends in one of `ENDS`.
        about: what all results have in common.
        depth: whether the network gives 3D poses.

    Returns:
        `Writer`, to be used in a `with`.

    Raises:
        ValueError: for another end, or a format that cannot hold such results.
        OSError: if the file cannot be written.
    """
    end = end_of(path)
    if end == ".jsonl":
        return JsonLines(path, about)
    if end == ".csv":
        return Table(path, about, depth)
    if end == ".coco.json":
        return Coco(path, about)
    if not depth:
        raise ValueError(f"{path} needs 3D poses. Received: a network without depth")
    if end == ".trc":
        return Trc(path, about)
    from deephar.inference.export.bvh import Bvh  # with rotations from scipy, which takes long to import

    return Bvh(path, about)
