"""Which files a user means by a path, a folder, a pattern or a list of these, and which of them are photographs."""

import contextlib
import glob
import os
import pathlib
import re
import typing
import urllib.parse
import urllib.request
from collections.abc import Iterable

from PIL import Image, UnidentifiedImageError

from deephar.data.readers import names, video_files
from deephar.data.samples import frames
from deephar.typed import Path

PHOTOGRAPHS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".heic", ".heif",
    ".hif", ".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".apng",
)  # fmt: skip
"""Suffixes of the files in a folder that are taken for photographs; a file that is named itself may have any."""


class Found(typing.NamedTuple):
    """What is meant.

    Attributes:
        items: paths of photographs, and whatever else a list held.
        ignored: number of other files in the folders, or that the patterns match.
    """

    items: list[object]
    ignored: int


def local(text: str) -> str | pathlib.Path:
    """The path that a URL of a file means; any other text as it is.

    Raises:
        ValueError: for an empty text, which would mean the current folder.
    """
    if not text:
        raise ValueError("Expected a path or a URL. Received: an empty text (is a variable unset?)")
    if not text.lower().startswith("file://"):
        return text
    return pathlib.Path(urllib.request.url2pathname(urllib.parse.urlsplit(text).path))


def natural(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """By which names sort as people count: img2 before img10, whatever the case and the form of accents."""
    parts = re.split(r"(\d+)", names.folded(name))
    numbered = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part)
    return numbered, name


def expanded(source: Path) -> Found:
    """The photographs that a path means.

    Args:
        source: of a file, which is taken as it is, present or not; a folder, not the folders within; or a pattern with
            *, ?, [...], and ** for folders at any depth.

    Raises:
        ValueError: if there is no photograph in the folder or among what the pattern matches.
    """
    path, text = pathlib.Path(source), os.fspath(source)
    if path.is_dir():
        found = _photographs(entry for entry in path.iterdir() if entry.is_file())
        where = f"in the folder {source}"
    elif glob.has_magic(text) and not names.stored(path).is_file():
        found = _photographs(pathlib.Path(match) for match in glob.glob(text, recursive=True) if os.path.isfile(match))
        where = f"among what {source} matches"
    else:
        return Found([path], 0)
    if not found.items:
        others = f"{found.ignored} other files; a video is opened by its own path" if found.ignored else "no files"
        raise ValueError(f"Expected photographs ({', '.join(PHOTOGRAPHS[:6])} ...) {where}. Received: {others}")
    return found


def _photographs(paths: Iterable[pathlib.Path]) -> Found:
    """Those with the suffix of a photograph, in natural order; what macOS puts beside a file, "._a.jpg", is none."""
    every = sorted(paths, key=lambda path: natural(str(path)))
    chosen = [path for path in every if path.suffix.lower() in PHOTOGRAPHS and not path.name.startswith(".")]
    return Found([*chosen], len(every) - len(chosen))


def expanded_list(sources: Iterable[object]) -> Found:
    """The photographs that a list means: of each path in it what `expanded` gives, anything else as it is.

    Raises:
        ValueError: if it is empty, or something in it is the path of a video or the URL of a stream.
    """
    items: list[object] = []
    ignored = 0
    for source in sources:
        source = local(source) if isinstance(source, str) else source
        if isinstance(source, str) and "://" in source:
            raise ValueError(f"A list is of photographs, and a stream is opened by its own URL. Received: {source}")
        if isinstance(source, (str, os.PathLike)):
            found = expanded(source)
            items.extend(found.items)
            ignored += found.ignored
        else:
            items.append(source)
    films = [item for item in items if isinstance(item, pathlib.Path) and item.is_file() and is_video(item)]
    if films:
        raise ValueError(f"A list is of photographs, and a video is opened by its own path. Received: {films[0]}")
    if not items:
        raise ValueError("Expected photographs. Received: an empty list")
    return Found(items, ignored)


ANIMATED = (".gif", ".png", ".apng")
"""Suffixes of photographs that may hold a moving picture which FFmpeg plays."""


def moves(path: pathlib.Path) -> bool:
    """Whether a file that exists, named like a photograph, holds a moving picture."""
    if path.suffix.lower() not in ANIMATED:
        return False
    try:
        with Image.open(path) as image:
            return getattr(image, "is_animated", False)
    except Exception:  # opening it as a photograph tells
        return False


def is_more(source: object) -> bool:
    """Whether something is a path or a URL of what is not one photograph: a folder, a pattern, a video, a stream."""
    if not isinstance(source, (str, os.PathLike)):
        return False
    with contextlib.suppress(OSError):  # of a name that is too long; opening it tells
        path, text = names.stored(os.fspath(source)), str(source)
        if path.is_file():
            return is_video(path) or moves(path)
        return path.is_dir() or "://" in text or glob.has_magic(text)
    return False


def is_video(path: pathlib.Path) -> bool:
    """Whether a file that exists is to be opened as a video: by its suffix, or else because it is no photograph."""
    suffix = path.suffix.lower()
    if suffix in video_files.SUFFIXES or suffix in PHOTOGRAPHS:
        return suffix in video_files.SUFFIXES
    with path.open("rb") as file:
        beginning = file.read(256)
        if frames.is_heif(beginning):
            return False
        file.seek(0)
        try:
            with Image.open(file):
                return False
        except UnidentifiedImageError:
            return bool(beginning)
        except Exception:  # a photograph, if a damaged or a huge one
            return False
