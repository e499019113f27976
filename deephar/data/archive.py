"""Files of a dataset, in a folder or in a zip of it."""

import os
import pathlib
import zipfile
import zlib


class Archive:
    """Files below a folder or inside a zip; every process opens the zip for itself.

    Args:
        path: folder or zip.
        dataset: its name, for messages.

    Raises:
        ValueError: if there is neither a folder nor a zip.
    """

    def __init__(self, path, dataset):
        self.path = pathlib.Path(path)
        self._archive, self._process = None, None
        if self.path.is_dir():
            self.names = sorted(str(f.relative_to(self.path)) for f in self.path.rglob("*") if f.is_file())
        elif zipfile.is_zipfile(self.path):
            self.names = sorted(self._zip().namelist())
        else:
            raise ValueError(f"Expected a folder or a zip of {dataset}. Received: {self.path}")

    def read(self, name):
        """Content of a file, bytes. Raises ValueError if it is missing or damaged; the message names it."""
        try:
            if self.path.is_dir():
                return (self.path / name).read_bytes()
            return self._zip().read(name)
        except (FileNotFoundError, KeyError):
            raise ValueError(f"{self.path} lacks {name}") from None
        except (zipfile.BadZipFile, zlib.error, OSError) as error:
            raise ValueError(f"{name} in {self.path} is damaged: {error}") from None

    def _zip(self):
        if self._process != os.getpid():
            try:
                self._archive, self._process = zipfile.ZipFile(self.path), os.getpid()
            except zipfile.BadZipFile as error:
                raise ValueError(f"{self.path} is a damaged zip: {error}") from None
        return self._archive

    def __getstate__(self):
        return {**self.__dict__, "_archive": None, "_process": None}
