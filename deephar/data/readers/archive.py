"""Files of a dataset, in a folder or a zip."""

import os
import pathlib
import zipfile

from deephar.data.readers.names import folded
from deephar.typed import Path


class Archive:
    """Files below a folder or inside a zip; every process opens its own handle of the zip.

    Attributes:
        names: sorted list of the files, their folders separated by "/".

    Args:
        path: folder or zip.
        dataset: name of the dataset, for messages.

    Raises:
        ValueError: if there is neither a folder nor a zip, or the zip is damaged.
    """

    def __init__(self, path: Path, dataset: str) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self.names: list[str]
        self._archive: zipfile.ZipFile | None = None
        self._process: int | None = None
        if self.path.is_dir():
            self.names = sorted(f.relative_to(self.path).as_posix() for f in self.path.rglob("*") if f.is_file())
        elif zipfile.is_zipfile(self.path):
            self.names = sorted(name for name in self._zip().namelist() if not name.endswith("/"))
        else:
            raise ValueError(f"Expected a folder or a zip of {dataset}. Received: {self.path}")
        self._spellings = {folded(name): name for name in self.names} | {name: name for name in self.names}

    def read(self, name: str) -> bytes:
        """Content of a file, bytes.

        Args:
            name: as in `names`, or in another spelling, see `deephar.data.readers.names`.

        Raises:
            ValueError: if it is missing or damaged; the message names it.
        """
        stored = self._spellings.get(name) or self._spellings.get(folded(name), name)
        try:
            return (self.path / stored).read_bytes() if self.path.is_dir() else self._zip().read(stored)
        except (FileNotFoundError, KeyError):
            raise ValueError(f"{self.path} lacks {name}") from None
        except Exception as error:
            raise ValueError(f"{name} in {self.path} is damaged: {error!r}") from None

    def _zip(self) -> zipfile.ZipFile:
        if self._archive is None or self._process != os.getpid():
            try:
                self._archive, self._process = _open_zip(self.path), os.getpid()
            except Exception as error:
                raise ValueError(f"{self.path} is a damaged zip: {error}") from None
        return self._archive

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_archive": None, "_process": None}


def _open_zip(path: pathlib.Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path, metadata_encoding="utf-8")  # for names not marked as UTF-8, as from macOS
    except UnicodeDecodeError:
        return zipfile.ZipFile(path)
