"""`deephar export`: writes a network for another runtime."""

import argparse
import pathlib
import sys
import tempfile
import typing
from collections.abc import Sequence

if typing.TYPE_CHECKING:
    from deephar.runtimes.about import Moved

FORMATS = ("onnx", "openvino", "litert", "saved_model")


def main(arguments: Sequence[str]) -> int:
    """Write a network for another runtime, and compare the results with those of Keras before the file is kept."""
    parser = argparse.ArgumentParser(prog="deephar export", description=main.__doc__)
    parser.add_argument("weights", metavar="NAME|FILE", help="weights, as for deephar predict; people: the detector's")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="(default: %(default)s)")
    parser.add_argument("--out", metavar="FILE", help="to write; by default named after the weights, in this folder")
    parser.add_argument("--all-outputs", action="store_true", help="those of every block, not of the last alone")
    parser.add_argument("--precision", choices=("float32", "int8"), default="float32", help="(default: %(default)s)")
    parser.add_argument("--calibration", metavar="FOLDER", help="of photographs like yours, for --precision int8")
    parser.add_argument("--quiet", action="store_true", help="do not report the differences")
    options = parser.parse_args(arguments)
    if options.precision == "int8" and options.format != "openvino":
        parser.error("--precision int8 is for --format openvino")
    if options.calibration and options.precision != "int8":
        parser.error("--calibration is for --precision int8")
    from deephar.export import writing

    out = options.out or pathlib.Path(options.weights).name.partition(".")[0] + writing.SUFFIXES[options.format]
    try:
        writing.check_name(out, options.format)
        if not options.quiet:
            print(f"writing {out}, and comparing it with Keras: about a minute", file=sys.stderr)
        if options.precision == "int8":
            moved = _in_int8(options, out)
            if not options.quiet:
                print(f"wrote {out}\n  {moved}")
            return 0
        written = writing.export(options.weights, options.format, out, options.all_outputs)
    except (ValueError, OSError, ImportError) as error:
        parser.exit(1, f"deephar export: {error}\n")
    if not options.quiet:
        rows = [f"  {name}: at most {found:.1g} from Keras" for name, found in written.differences.items()]
        print("\n".join([f"wrote {written.path}", *rows]))
    return 0


def _in_int8(options: argparse.Namespace, out: str) -> "Moved":
    """Write a network in int8, by way of one in float32; how far its joints have moved."""
    from deephar.export import int8, writing

    with tempfile.TemporaryDirectory() as folder:
        plain = writing.export(options.weights, "openvino", f"{folder}/plain.xml", options.all_outputs)
        return int8.write(plain.path, out, options.calibration)
