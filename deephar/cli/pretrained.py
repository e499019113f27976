"""`deephar pretrained`: lists the weights available by name; downloads a published file."""

import argparse
from collections.abc import Sequence

from deephar.weights.catalogue import PUBLISHED, SHIPPED
from deephar.weights.download import fetch
from deephar.weights.loading import weight_file


def main(arguments: Sequence[str]) -> int:
    """List the weights that come with deephar and the original's, or download one of the latter."""
    parser = argparse.ArgumentParser(prog="deephar pretrained", description=main.__doc__)
    parser.add_argument("name", nargs="?", help="weights to download; without it, list them all")
    options = parser.parse_args(arguments)
    if not options.name:
        for name, entry in {**SHIPPED, **PUBLISHED}.items():
            where = f"{entry.url}\n  md5 {entry.md5}" if entry.url else "comes with deephar"
            print(f"{name}\n  {where}, for {entry.about.preset}, {entry.about.score}\n  {entry.licence}")
        return 0
    try:
        print(weight_file(options.name) if options.name in SHIPPED else fetch(options.name))
    except ValueError as error:
        parser.exit(1, f"deephar pretrained: {error}\n")
    return 0
