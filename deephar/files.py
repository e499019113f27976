"""Atomic file writing, and the files of a training run."""

import contextlib
import errno
import json
import math
import os
import pathlib
import shutil
import tempfile
import typing
from collections.abc import Iterator, Mapping, Sequence

from deephar.typed import Path

_LONGEST_END = 200
"""Bytes at the end of a name that its temporary name keeps."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[pathlib.Path]:
    """A temporary path beside `path` that replaces it on success and is deleted on failure.

    The temporary name keeps every suffix of `path` (Keras insists on `.weights.h5`). A link stays, and what it leads
    to is replaced; a pipe or a device, as /dev/null, stays too, and is written to on success.

    Args:
        path: of the finished file; its folder is created if missing.

    Yields:
        `pathlib.Path` to write to.
    """
    path = pathlib.Path(path)
    if _is_device(path):
        with _handed_on(path) as temporary:
            yield temporary
        return
    path = _target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    end = os.fsencode(path.name)[-_LONGEST_END:].decode(errors="ignore")  # the name may already have the maximum length
    temporary = path.with_name(f".{os.getpid()}.partial.{end}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _target(path):
    """What is replaced: not a link, but what it leads to."""
    return path.resolve() if path.is_symlink() else path


@contextlib.contextmanager
def whole_files(path: Path) -> Iterator[pathlib.Path]:
    """A temporary path of the same name, in a folder of its own whose files replace those beside `path` on success.

    For what is written as several files, or as a folder, under one name.

    Args:
        path: of the finished file; its folder is created if missing.

    Yields:
        `pathlib.Path` to write to. Files are moved in the order of their names.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial.") as folder:
        yield pathlib.Path(folder) / path.name
        for file in sorted(pathlib.Path(folder).iterdir()):
            os.replace(file, path.parent / file.name)


def _is_device(path):
    """Whether something is there that is to be written to and not to be replaced: a device, a pipe, a socket."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextlib.contextmanager
def _handed_on(path):
    """A temporary path, whose content goes to a pipe or a device on success."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = pathlib.Path(folder) / path.name
        yield temporary
        with open(temporary, "rb") as content, open(path, "wb") as device:
            shutil.copyfileobj(content, device)


def check_writable(path: Path) -> None:
    """Check that a file can be written, without leaving a trace, before the long work whose result it will hold.

    Args:
        path: of the file; its folder may be missing.

    Raises:
        ValueError: if it is a folder, or its folder is a file.
        OSError: if its name is too long or its folder cannot be written to.
    """
    path = pathlib.Path(path)
    if _is_device(path):
        return
    if path.is_dir():
        raise ValueError(f"{path} is a folder; expected the name of a file")
    target = _target(path)
    folder = next(parent for parent in target.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; {path} needs a folder of that name")
    with contextlib.suppress(FileNotFoundError):
        os.lstat(target)  # raises if the name is too long
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:  # names the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from None


def check_space(folder: Path, size: int) -> None:
    """Check that a file of so many bytes has room in a folder.

    HDF5 may crash the process if it runs out of space while it writes.

    Args:
        folder: existing.
        size: in bytes.

    Raises:
        OSError: if it has not.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: about {size} bytes needed, {free} left", str(folder))


def bytes_of(variables: Sequence[typing.Any]) -> int:
    """Bytes that a file of some float32 variables takes, and some more."""
    return sum(4 * math.prod(variable.shape) + 4096 for variable in variables)


RUN = (
    "run.json", "model.json", "best.weights.h5", "last.weights.h5", "resume.weights.h5", "resume.previous.weights.h5",
    "small.weights.h5", "log.csv", "table.md",
)  # fmt: skip
"""Files that identify the folder of a training run, beside stage1.csv and so on."""


def new_run(folder: Path, overwrite: bool = False) -> None:
    """Create the folder of a new training run.

    Args:
        folder: path.
        overwrite: whether the files of an earlier run may be replaced.

    Raises:
        ValueError: if it holds an earlier run that may not be replaced.
    """
    folder = pathlib.Path(folder)
    found = [path.name for path in _run_files(folder)]
    if found and not overwrite:
        raise ValueError(
            f"{folder} already holds a training run ({', '.join(found)}). Choose another folder with --out, or give "
            "--overwrite to replace it"
        )
    folder.mkdir(parents=True, exist_ok=True)


def clear_run(folder: Path) -> None:
    """Remove the files of an earlier training run from a folder, so that none is mistaken for the new run's."""
    for path in _run_files(pathlib.Path(folder)):
        path.unlink()
    shutil.rmtree(pathlib.Path(folder) / "tensorboard", ignore_errors=True)
    clear_partial(folder)


def _run_files(folder):
    return [path for path in [*(folder / name for name in RUN), *sorted(folder.glob("stage*.csv"))] if path.exists()]


def clear_partial(folder: Path) -> None:
    """Remove the temporary files of `whole_file` that a process left in a folder when it was killed."""
    for path in pathlib.Path(folder).glob(".*.partial.*"):
        path.unlink(missing_ok=True)


class Weighted(typing.Protocol):
    """A `keras.Model`, as far as saving its weights goes."""

    @property
    def weights(self) -> Sequence[typing.Any]: ...

    def save_weights(self, filepath: pathlib.Path, /) -> object: ...


def save_weights(model: Weighted, path: Path) -> None:
    """Save a Keras model's weights so that no half-written file is ever seen under `path`.

    Raises:
        OSError: if there is no room for them.
    """
    with whole_file(path) as temporary:
        check_space(temporary.parent, bytes_of(model.weights))
        model.save_weights(temporary)


def shrink_weights(source: Path, path: Path) -> None:
    """Copy a Keras 3 `.weights.h5` for distribution: without the optimizer's state, kernels in half precision.

    Statistics and biases stay in float32. The copy loads like the original; in HDF5's newer form, that of 1.10, its
    headers are a third as large.

    Args:
        source: `.weights.h5` file.
        path: of the copy.
    """
    import h5py

    def copy(name, item):
        if name.split("/")[0] == "optimizer":
            return
        if isinstance(item, h5py.Group):
            group = small.require_group(name)
            group.attrs.update(item.attrs)
        else:
            values = item[()]
            small.create_dataset(name, data=values.astype("float16") if values.ndim > 1 else values)

    newer = {"libver": ("v110", "v110")}
    with h5py.File(source, "r") as full, whole_file(path) as temporary, h5py.File(temporary, "w", **newer) as small:
        small.attrs.update(full.attrs)
        full.visititems(copy)


def without_nan(value: object) -> object:
    """Values for JSON, which has no NaN and no infinity: they become None."""
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def keep_settings(path: pathlib.Path, settings: Mapping[str, object]) -> None:
    """Write settings as JSON, or compare them with the existing ones.

    Args:
        path: of the file.
        settings: dict.

    Raises:
        ValueError: if the file holds different settings.
    """
    wanted = json.loads(json.dumps(settings))
    if not path.is_file():
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
        return
    found = json.loads(path.read_bytes())
    other = [f"{key}={found.get(key)!r}, not {wanted[key]!r}" for key in wanted if found.get(key) != wanted[key]]
    if other:
        raise ValueError(f"{path.parent} was created with other settings: {'; '.join(other)}. Choose another folder")
