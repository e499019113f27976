"""The command `deephar`: one module a command, each with a `main` of its arguments that gives the exit status.

0: all went well; 1: something failed, and a sentence says what; 2: the arguments are wrong; 130: interrupted.
"""

import importlib
import os
import sys
from collections.abc import Iterable

import deephar

COMMANDS = ("predict", "convert", "pretrained", "doctor")


def main(arguments: Iterable[str] | None = None) -> int:
    """Entry point of the command `deephar`; gives the exit status."""
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
        status = importlib.import_module(f"deephar.cli.{arguments[0]}").main(arguments[1:])
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
