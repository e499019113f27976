"""The command `deephar`: one module per command, whose `main` takes the arguments and returns the exit status.

0: success; 1: something failed, and a message says what; 2: invalid arguments; 130: interrupted, by SIGTERM too.
"""

import contextlib
import importlib
import os
import signal
import sys
import threading
import types
from collections.abc import Iterable, Iterator

import deephar

COMMANDS = ("predict", "export", "convert", "pretrained", "doctor", "runs")


def main(arguments: Iterable[str] | None = None) -> int:
    """Entry point of the command `deephar`; returns the exit status."""
    from deephar import console

    console.quiet_tensorflow()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:
        print(f"deephar {deephar.__version__}")
        return 0
    if not arguments or arguments[0] not in COMMANDS:
        asked_for_help = arguments[:1] in (["-h"], ["--help"])
        text = f"usage: deephar {{{','.join(COMMANDS)}}} ...\n\n'deephar COMMAND --help' explains a command\n"
        print(text, end="", file=sys.stdout if asked_for_help else sys.stderr)
        return 0 if asked_for_help else 2
    try:
        with _interrupted_by_sigterm():
            status = importlib.import_module(f"deephar.cli.{arguments[0]}").main(arguments[1:])
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


@contextlib.contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM, by which clusters stop a program, ends it as Ctrl-C does: what was written is finished."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # another would cut short what the first one finishes
    raise KeyboardInterrupt
