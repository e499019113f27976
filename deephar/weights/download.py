"""Downloads published weight files, resumes interrupted downloads, and checks them."""

import contextlib
import hashlib
import os
import pathlib
import urllib.error
import urllib.request
from collections.abc import Iterator

from tqdm import tqdm

from deephar.typed import Path
from deephar.weights.catalogue import PUBLISHED, Entry


def cache_folder() -> pathlib.Path:
    """Folder for downloads: `DEEPHAR_CACHE`, or `~/.cache/deephar`."""
    return pathlib.Path(os.environ.get("DEEPHAR_CACHE") or pathlib.Path.home() / ".cache" / "deephar")


def fetch(name: str, folder: "Path | None" = None) -> pathlib.Path:
    """Local path of a published file, downloaded if needed (or resumed) and checked.

    Args:
        name: a key of `PUBLISHED`.
        folder: where files are kept; `cache_folder()` by default.

    Returns:
        `pathlib.Path` of a file with the correct md5.

    Raises:
        ValueError: for an unknown name, a failed download (the message says what to download by hand and where to
            put it) or a wrong md5.
    """
    if name not in PUBLISHED:
        raise ValueError(f"Unknown weights {name!r}; the published ones are {', '.join(PUBLISHED)}")
    entry = PUBLISHED[name]
    path = pathlib.Path(folder or cache_folder()) / entry.file
    if path.is_file():
        _check(path, entry, "Delete it and try again")
        return path
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(partial):
            if not path.is_file():  # or another process has downloaded it meanwhile
                _download(entry.url, partial)
                _check(partial, entry, "It was deleted; try again")
                partial.replace(path)
    except (urllib.error.URLError, OSError) as error:
        raise ValueError(
            f"Could not download {entry.url} ({error}). Download it by other means and put it at {path}"
        ) from None
    except ValueError:
        partial.unlink(missing_ok=True)
        raise
    return path


@contextlib.contextmanager
def _alone(path: pathlib.Path) -> Iterator[None]:
    """Wait until no other process downloads to a file; where the system has no such locks, do not wait."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check(path: pathlib.Path, entry: Entry, advice: str) -> None:
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if digest != entry.md5:
        raise ValueError(f"{path} is damaged: expected md5 {entry.md5}. Received: {digest}. {advice}")


def _download(url, partial):
    """Download to `partial`, resuming an earlier attempt, with a progress bar."""
    have = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing left to download
            return
        raise
    with answer:
        have = have if answer.status == 206 else 0
        total = have + int(answer.headers.get("Content-Length") or 0)
        with (
            open(partial, "ab" if have else "wb") as file,
            tqdm(total=total or None, initial=have, unit="B", unit_scale=True, desc=partial.stem) as bar,
        ):
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                bar.update(len(chunk))
    if total and partial.stat().st_size != total:
        raise OSError(f"the connection ended after {partial.stat().st_size} of {total} bytes")
