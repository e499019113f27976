"""`deephar predict`: the people in photographs, videos, streams and what a camera sees, as data and pictures."""

import argparse
import typing
import warnings
from collections.abc import Sequence

from deephar import console
from deephar.cli import predict_boxes, predict_network
from deephar.option_types import at_least

if typing.TYPE_CHECKING:
    from deephar.inference import Source


def main(arguments: Sequence[str]) -> int:
    """Find the people in photographs, videos, streams or what a camera sees; write their joints, and draw them."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        with warnings.catch_warnings(), _opened(options) as source:
            warnings.filterwarnings("ignore", module="PIL")  # about oddities in photographs; errors are reported
            return _run(options, source)
    except BrokenPipeError:  # of standard output; not a fault
        raise
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        parser.exit(1, f"deephar predict: {console.reason(error)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deephar predict", description=main.__doc__)
    parser.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE",
        help="photographs, folders and patterns of them; or a video, the URL of a stream, or the number of a camera",
    )
    predict_boxes.add_options(parser)
    predict_network.add_options(parser)
    parser.add_argument("--json", metavar="FILE", help="file for the people; without it, or with '-', print them")
    parser.add_argument("--picture", metavar="FILE", help="file to draw to, or a folder for one .png per photograph")
    parser.add_argument(
        "--out",
        metavar="FILE",
        action="append",
        default=[],
        help="by its suffix: .jsonl, .csv, .coco.json, .trc, .bvh, or a film, .mp4, .gif ...; may be repeated",
    )
    parser.add_argument("--stride", type=at_least(1), default=1, metavar="N", help="of a video, every N-th frame")
    parser.add_argument(
        "--actions",
        nargs="?",
        const="penn-pose-only",
        metavar="NAME|FILE",
        help="name what a video's people do, by their poses, with these weights (default: %(const)s)",
    )
    parser.add_argument("--classes", metavar="NAME,...", help="only people who most probably do these actions")
    parser.add_argument("--smooth", action="store_true", help="steady the joints of a video's people")
    parser.add_argument("--show", action="store_true", help="people in a window: a video's while they are found")
    parser.add_argument("--resume", action="store_true", help="go on after the last frame or photograph of --json FILE")
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="one of N shares of the photographs, I from 0 to N - 1, as JSON Lines: people-00003-of-00008.jsonl",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar (never shown outside a terminal)")
    return parser


def _opened(options: argparse.Namespace) -> "Source":
    from deephar.inference import open_source

    given = options.source
    return open_source(given[0] if len(given) == 1 else given, stride=options.stride)


def _run(options: argparse.Namespace, source: "Source") -> int:
    from deephar.cli import predict_photos, predict_shares, predict_video

    if source.kind != "photographs":
        return predict_video.run(options, source)
    in_lines = options.shard is not None or options.resume or str(options.json).lower().endswith(".jsonl")
    return (predict_shares if in_lines else predict_photos).run(options, source)
