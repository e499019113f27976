"""Files that `deephar predict` writes: none replaces what is read, or another."""

import pathlib
from collections.abc import Iterable

from deephar.typed import Path


def check_apart(inputs: Iterable[Path], outputs: Iterable[Path]) -> None:
    """Refuse outputs that would replace something.

    Args:
        inputs: paths of what is read.
        outputs: paths of what is to be written.

    Raises:
        ValueError: if an output is one of the inputs, or another output.
    """
    taken = {pathlib.Path(path).resolve() for path in inputs}
    for output in map(pathlib.Path, outputs):
        if output.resolve() in taken:
            raise ValueError(f"{output} would replace a source, its boxes or another output; choose another name")
        taken.add(output.resolve())
