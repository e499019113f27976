"""File names spelt differently in a list and on disk."""

import pathlib
import unicodedata
from collections.abc import Iterator

from deephar.typed import Path


def folded(name: str) -> str:
    """A normalized name for comparison: composed or decomposed accents (NFC, NFD), `.jpg` or `.JPG` compare equal."""
    return unicodedata.normalize("NFC", name).casefold()


def stored(path: Path) -> pathlib.Path:
    """A path as it is spelt on disk.

    Args:
        path: may spell accents, anywhere, in another Unicode form (NFC, NFD) than the disk, or the suffix in
            another case (`.jpg`, `.JPG`).

    Returns:
        `pathlib.Path`; the given one if nothing is found.
    """
    path = pathlib.Path(path)
    found = pathlib.Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        found = next((found / form for form in _spellings(part) if (found / form).exists()), found / part)
    return found if found.exists() else path


def _spellings(name: str) -> Iterator[str]:
    stem, dot, suffix = name.rpartition(".")
    for cased in (suffix, suffix.lower(), suffix.upper()):
        for form in ("NFC", "NFD"):
            yield unicodedata.normalize(form, f"{stem}{dot}{cased}")
