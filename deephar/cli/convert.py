"""`deephar convert`: converts a weight file of the original implementation to Keras 3."""

import argparse
import ast
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Convert a weight file of the original implementation; report every array; refuse a file that does not match."""
    parser = argparse.ArgumentParser(prog="deephar convert", description=main.__doc__)
    parser.add_argument("file", help="weight file of the original implementation (.h5)")
    parser.add_argument("--model", required=True, help="name of the model, e.g. mpii-2d")
    parser.add_argument("--out", required=True, help="Keras 3 file to write, must end in .weights.h5")
    parser.add_argument(
        "--override", action="append", default=[], type=_override, metavar="KEY=VALUE", help="e.g. num_blocks=2"
    )
    parser.add_argument("--quiet", action="store_true", help="do not report the arrays")
    options = parser.parse_args(arguments)
    if not options.out.endswith(".weights.h5"):
        parser.error(f"--out must end in .weights.h5. Received: {options.out}")
    from deephar import files
    from deephar.models import registry
    from deephar.weights.legacy_file import load_legacy_weights

    try:
        model = registry.build(options.model, **dict(options.override))
        report = load_legacy_weights(model, options.file)
        files.save_weights(model, options.out)
    except (ValueError, OSError) as error:
        parser.exit(1, f"deephar convert: {error}\n")
    if not options.quiet:
        print(f"{report}\nwrote {options.out}")
    return 0


def _override(text: str) -> tuple[str, object]:
    """`key=value` with a Python literal as value."""
    key, _, value = text.partition("=")
    try:
        return key, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return key, value
