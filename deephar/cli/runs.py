"""`deephar runs`: compares training runs in a table and a figure."""

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Compare training runs: what they reached, how they ended, and in what their recipes differ."""
    parser = argparse.ArgumentParser(prog="deephar runs", description=main.__doc__)
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folder of a run, or a folder of such")
    parser.add_argument("--figure", metavar="FILE", help="draw loss and score over the epochs, as PNG")
    options = parser.parse_args(arguments)
    from deephar import runs

    problems: list[str] = []
    found = runs.find(options.folders, problems.append)
    for problem in problems:
        print(f"deephar runs: left out: {problem}", file=sys.stderr)
    if found:
        print(runs.as_table(runs.compare(found)))
    if found and options.figure:
        from deephar.evaluation import curves

        try:
            curves.save_runs(found, options.figure)
        except (ValueError, OSError) as error:
            parser.exit(1, f"deephar runs: {error}\n")
    return 1 if problems else 0
