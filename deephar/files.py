"""Files that are either whole or absent."""

import contextlib
import os
import pathlib


@contextlib.contextmanager
def whole_file(path):
    """A temporary path beside `path` that replaces it on success and vanishes on failure.

    The temporary name keeps every suffix of `path` (Keras insists on `.weights.h5`).

    Args:
        path: where the finished file shall be; its folder is made if missing.

    Yields:
        `pathlib.Path` to write to.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_weights(model, path):
    """Save a Keras model's weights so that no half-written file is ever seen under `path`."""
    with whole_file(path) as temporary:
        model.save_weights(temporary)
