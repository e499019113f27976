"""`deephar predict` with very many photographs: one share of them as JSON Lines, which can be gone on with."""

import argparse
import contextlib
import sys
import typing

from deephar.cli import predict_boxes, predict_network, predict_outputs, predict_photos

if typing.TYPE_CHECKING:
    from deephar.inference import PosePredictor, Result, Source
    from deephar.inference.export import JsonLines
    from deephar.inference.shares import Share


def run(options: argparse.Namespace, source: "Source") -> int:
    """Find people in a share of the photographs; the exit status."""
    from deephar.inference.shares import Share

    share = Share(0, 1) if options.shard is None else Share.parse(options.shard)
    if options.shard is not None:
        options = _for_part(options, share)
    photos = predict_photos.names(source)
    predict_photos.check(options)
    if options.show:
        raise ValueError("--show waits for somebody who looks: not with JSON Lines of photographs")
    lines, others = predict_outputs.lines_among(options)
    if lines is not None and not lines.lower().endswith(".jsonl"):
        raise ValueError(f"With --shard and --resume, --json is of JSON Lines: FILE.jsonl. Received: {lines}")
    if options.resume:
        predict_outputs.check_continued(lines, others)
    boxes, pictures = predict_boxes.read(options, len(photos)), predict_photos.outputs(options, photos)

    from tqdm import tqdm

    faults: dict[int, str] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(predict_network.device(options))
        predictor = predict_network.predictor(options)
        place = predict_network.place(options, predictor)
        writers, kept = _writers(options, source, predictor, stack)
        rest = _rest(share, source, lines, kept.last if kept is not None else None)
        source = stack.enter_context(source.between(rest.start, rest.stop))
        progress = stack.enter_context(tqdm(total=len(rest), unit="photo", disable=True if options.quiet else None))
        for index, entry, result in predict_photos.entries(predictor, place, source, boxes, pictures):
            if "error" in entry:
                faults[index] = str(entry["error"])
            if result is not None:
                for writer in writers:
                    writer.write(result)
            progress.update()
    missing = rest.start - share.of(len(photos)).start - (kept.count if kept is not None else 0)
    return _report(faults | source.broken, photos, len(rest), missing)


def _for_part(options: argparse.Namespace, share: "Share") -> argparse.Namespace:
    """The options, whose files are those of a part; pictures of all parts may share a folder."""
    named = options.json not in (None, "-")
    files = {"out": [str(share.part(name)) for name in options.out], "json": options.json}
    return argparse.Namespace(
        **{**vars(options), **files, **({"json": str(share.part(options.json))} if named else {})}
    )


def _writers(
    options: argparse.Namespace, source: "Source", predictor: "PosePredictor", stack: contextlib.ExitStack
) -> "tuple[list[predict_outputs.Taker], JsonLines | None]":
    """See `predict_outputs.opened`."""
    from deephar.inference import export

    about = predict_outputs.about(options, predictor, source)

    def make(name: str) -> predict_outputs.Taker:
        return export.open_writer(name, about, predictor.depth)

    return predict_outputs.opened(stack, options, about, make)


def _rest(share: "Share", source: "Source", lines: str | None, last: "Result | None") -> range:
    """Indices of the photographs of a share that are still to be looked at, after the last line that there is.

    Raises:
        ValueError: if the file to go on with is of other photographs.
    """
    own = share.of(source.length or 0)
    if last is None:
        return own
    if last.index not in own or last.name != source.frame_name(last.index):
        raise ValueError(
            f"{lines} ends with {last.name}, photograph {last.index}, which is another one now, or of another "
            "share: the photographs have changed. Begin anew without --resume"
        )
    return range(last.index + 1, own.stop)


def _report(faults: dict[int, str], photos: list[str], total: int, missing: int) -> int:
    """Name every photograph that failed: nothing else does; the exit status.

    Args:
        faults: by index.
        photos: names of all photographs.
        total: number of those that were looked at.
        missing: number of those before, looked at by an earlier run, that have no line.
    """
    for index, fault in sorted(faults.items()):
        print(fault if photos[index] in fault else f"{photos[index]}: {fault}", file=sys.stderr)
    if faults:
        print(f"{len(faults)} of {total} photographs failed", file=sys.stderr)
    if missing:
        print(f"earlier photographs without a line, as a previous run failed at them: {missing}", file=sys.stderr)
    return 1 if faults or missing else 0
