"""What a terminal shows of a command: no log messages of other libraries, and errors in words."""

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
import tempfile

_LEVEL, _NOTHING = "TF_CPP_MIN_LOG_LEVEL", "3"


def quiet_tensorflow() -> None:
    """Keep TensorFlow's own log messages (oneDNN, CUDA, absl) off the terminal; call it before TensorFlow is imported.

    Other backends are not affected, and nothing is imported here. Errors are still raised as Python exceptions. If the
    user has set TF_CPP_MIN_LOG_LEVEL to a value other than 3, this does nothing.
    """
    if os.environ.setdefault(_LEVEL, _NOTHING) == _NOTHING and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietImport())


class _QuietImport(importlib.abc.MetaPathFinder):
    """Imports TensorFlow with standard error redirected: its libraries log before they check the log level."""

    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path) if name == "tensorflow" else None
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _stderr_aside()(spec.loader.exec_module)
        return spec


@contextlib.contextmanager
def _stderr_aside():
    """Capture standard error, also from native libraries, and show it only if an exception follows."""
    try:
        terminal = os.dup(2)
    except OSError:
        terminal = None
    if terminal is None:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            aside.seek(0)
            os.write(terminal, aside.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def reason(error: Exception) -> str:
    """What an error says to a user: of the system's errors the file and the fault, without their number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__
