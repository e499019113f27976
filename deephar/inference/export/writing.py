"""What all writers of results share: a `with`, lines that are on the disk at once, whole files at the end."""

import abc
import contextlib
import pathlib
import typing
from collections.abc import Iterator

from deephar import files
from deephar.inference.results import Result
from deephar.typed import Path


class Writer(abc.ABC):
    """Takes one `deephar.inference.results.Result` after the other; the end of a `with` closes it, on every way out."""

    @abc.abstractmethod
    def write(self, result: Result) -> None:
        """Take the next result.

        Raises:
            ValueError: if the format cannot hold it, or the writer is closed.
            OSError: if the file cannot be written; it names the file.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Finish the file; harmless if it is finished.

        Raises:
            OSError: if the file cannot be written; it names the file.
        """

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Lines:
    """A file that grows by whole lines, each handed to the operating system at once.

    Args:
        path: of the file; its folder is created if missing.
        header: the first line.
        keep: number of bytes of an existing file, header and all, to go on after; the rest is dropped. 0 begins anew.

    Raises:
        OSError: if the file cannot be written; it names the file.
    """

    def __init__(self, path: Path, header: bytes, keep: int = 0) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self._end = keep
        there = self.path.exists()
        with naming(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab" if keep else "wb", buffering=0)  # noqa: SIM115
            try:
                if keep:
                    self._file.truncate(keep)
                else:
                    self.add(header)
            except BaseException:
                self._file.close()
                if not there:
                    self.path.unlink()
                raise

    def add(self, lines: bytes) -> None:
        """Append lines, all or none of them.

        Raises:
            ValueError: if the file is closed.
            OSError: if they cannot be written, naming the file, which then ends as it did before.
        """
        if self._file.closed:
            raise ValueError(f"{self.path} is closed; nothing more can be written to it")
        with naming(self.path):
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[self._file.write(rest) :]
            except BaseException:
                with contextlib.suppress(OSError):  # what is no ordinary file cannot be shortened
                    self._file.truncate(self._end)
                raise
        self._end += len(lines)

    def close(self) -> None:
        """Close the file; harmless if it is closed."""
        with naming(self.path):
            self._file.close()


class Collecting(Writer):
    """A writer of a format that can only be written when all results are known.

    What was collected is written at the end of a `with`, also when an exception or Ctrl-C ends it.

    Args:
        path: of the file.

    Attributes:
        written: paths of the files, once closed; empty if there was nothing to write.

    Raises:
        ValueError: if `path` is a folder.
        OSError: if its folder cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self.written: list[pathlib.Path] = []
        self._closed = False
        with naming(self.path):
            files.check_writable(self.path)

    def write(self, result: Result) -> None:
        """Keep the numbers of the next result.

        Raises:
            ValueError: if the format cannot hold it, or the writer is closed.
        """
        if self._closed:
            raise ValueError(f"{self.path} is closed; nothing more can be written to it")
        self._collect(result)

    def close(self) -> None:
        """Write what was collected; harmless if that is done.

        Raises:
            OSError: if a file cannot be written; it names the file, and closing may be tried again.
        """
        if self._closed:
            return
        self.written = []
        for path, text in self._texts():
            with naming(path), files.whole_file(path) as temporary:
                temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
            self.written.append(path)
        self._closed = True

    @abc.abstractmethod
    def _collect(self, result: Result) -> None: ...

    @abc.abstractmethod
    def _texts(self) -> Iterator[tuple[pathlib.Path, str]]:
        """Every file, one after the other."""


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of the operating system name this file, whatever the one at hand is called."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
