"""File names that are spelt in one way where they are listed, and in another where the files lie."""

import pathlib
import unicodedata
from collections.abc import Iterator

from deephar.typed import Path


def folded(name: str) -> str:
    """A name by which spellings compare equal: composed or decomposed accents (NFC, NFD), `.jpg` or `.JPG`."""
    return unicodedata.normalize("NFC", name).casefold()


def stored(path: Path) -> pathlib.Path:
    """A path as it lies on the disk.

    Args:
        path: that may spell accents in another Unicode form (NFC, NFD) than the disk, at any place, or the suffix in
            other letters (`.jpg`, `.JPG`).

    Returns:
        `pathlib.Path`; the one given where nothing else is found.
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
