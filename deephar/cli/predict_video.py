"""`deephar predict` with a video, a stream or a camera: results frame by frame, as data and as a film."""

import argparse
import contextlib
import math
import sys
import typing
from collections.abc import Callable, Generator, Iterator

from deephar.cli import predict_network, predict_outputs

if typing.TYPE_CHECKING:
    from PIL import Image

    from deephar.inference import PosePredictor, Result, Source
    from deephar.inference.export import About, JsonLines
    from deephar.inference.tracks import Tracker

VIEWS = 2
"""3D poses beside the picture of a film, whoever is in it: all its pictures have the same size."""

FPS = 25.0
"""Of a film, if the source does not say how fast it is."""


def run(options: argparse.Namespace, source: "Source") -> int:
    """Find people in every frame; the exit status."""
    _check(options, source)
    with contextlib.ExitStack() as stack:
        stack.enter_context(predict_network.device(options))
        predictor = predict_network.predictor(options)
        steps = _steps(options, predictor, source.fps)
        shown = stack.enter_context(predict_outputs.window(source)) if options.show else None
        writers, lines = _writers(options, source, predictor, stack)  # last, so that other faults replace no file
        begin = lines.next_index if lines is not None else 0
        if begin:
            source = stack.enter_context(_reopened(options, begin))
        results = predictor.stream(source, tracker=_tracker(predictor, lines), then=steps)
        for result in _with_progress(options, source, begin, results):
            for writer in writers:
                writer.write(result)
            if shown is not None and not shown.show(_drawn(result, predictor)):
                break
        before = len(range(0, begin, options.stride)) - lines.count if lines is not None else 0
    return _report(source, before)


def _check(options: argparse.Namespace, source: "Source") -> None:
    """Refuse options that a video cannot have."""
    from deephar.inference import export
    from deephar.viz import film

    lines, others = predict_outputs.lines_among(options)
    for name in others:
        if not film.is_film(name):
            export.end_of(name)  # refuses another before any file is begun
    others = [*filter(None, [options.picture]), *others]
    predict_outputs.check_apart(options, [source.name], [*filter(None, [lines]), *others])
    if options.shard is not None:
        raise ValueError(f"--shard is for photographs; {source.name} is a {source.kind}: share whole videos")
    if options.box is not None or options.boxes:
        raise ValueError("--box and --boxes are for photographs; in a video, people are found and followed")
    if not options.resume:
        return
    if source.live:
        raise ValueError(f"{source.name} is live: what has passed cannot be resumed")
    predict_outputs.check_continued(lines, others)


def _writers(
    options: argparse.Namespace, source: "Source", predictor: "PosePredictor", stack: contextlib.ExitStack
) -> "tuple[list[predict_outputs.Taker], JsonLines | None]":
    """See `predict_outputs.opened`."""

    about = predict_outputs.about(options, predictor, source)
    drawn = [_Filmed(options.picture, source, predictor)] if options.picture else []

    def make(name: str) -> predict_outputs.Taker:
        return _writer(name, about, predictor, source)

    return predict_outputs.opened(stack, options, about, make, drawn)


def _writer(name: str, about: "About", predictor: "PosePredictor", source: "Source") -> predict_outputs.Taker:
    from deephar.inference import export
    from deephar.viz import film

    if film.is_film(name):
        return _Filmed(name, source, predictor)
    return export.open_writer(name, about, predictor.depth)


class _Filmed:
    """A film of the results."""

    def __init__(self, name: str, source: "Source", predictor: "PosePredictor") -> None:
        from deephar.viz import Film

        fps = source.fps if math.isfinite(source.fps) else FPS
        self._film = Film(name, fps, audio_from=source.name if source.kind == "video" else None)
        self._source, self._predictor = source, predictor

    def write(self, result: "Result") -> None:
        self._film.write(_drawn(result, self._predictor), result.seconds)

    def __enter__(self) -> typing.Self:
        self._film.__enter__()
        return self

    def __exit__(self, *raised: *predict_outputs.Raised) -> None:
        if self._source.broken and not self._film.pictures:  # which says more than that there is no film
            raised = ValueError, ValueError(), None
        self._film.__exit__(*raised)
        from deephar.video_writer import SUFFIXES

        notes = list(self._film.notes)
        recorded = self._source.kind == "stream" and not self._source.live
        if recorded and self._film.path.suffix.lower() in SUFFIXES:
            notes.append(f"{self._film.path} has no sound: only that of files on this computer is taken over")
        for note in notes:
            print(note, file=sys.stderr)


def _drawn(result: "Result", predictor: "PosePredictor") -> "Image.Image":
    from deephar import viz

    return viz.draw_result(result, views=VIEWS if predictor.depth else None)


def _reopened(options: argparse.Namespace, start: int) -> "Source":
    from deephar.inference import open_source

    return open_source(options.source[0], stride=options.stride, start=start)


def _tracker(predictor: "PosePredictor", lines: "JsonLines | None") -> "Tracker":
    """Of the people in a video; it goes on with those of the last line."""
    tracker = predictor.tracker()
    if lines is not None and lines.last is not None:
        tracker.go_on(lines.last.people, lines.last_track)
    return tracker


def _steps(options: argparse.Namespace, predictor: "PosePredictor", fps: float) -> "list[Callable[[Result], Result]]":
    """What is done to every result."""
    from deephar.inference import clip_actions
    from deephar.inference.pose_actions import PoseActions, doing
    from deephar.inference.smoothing import Smooth
    from deephar.runtimes import choosing

    steps: list[Callable[[Result], Result]] = [Smooth()] if options.smooth else []
    judge: PoseActions | clip_actions.FrameActions | clip_actions.ClipActions | None = None
    runtime, precision = options.runtime, choosing.beside(options.precision)
    if runtime is None and choosing.is_exported(options.weights):
        runtime = choosing.reader(options.weights, None, precision)
    if options.actions:
        judge = PoseActions.from_weights(options.actions, runtime, precision)
    elif predict_network.names_actions(options):
        judge = clip_actions.from_weights(options.weights, runtime, precision)
    if judge is not None:
        asked = options.actions or options.classes
        if asked and options.stride / fps > judge.span_s:  # never, where the rate is unknown
            raise ValueError(
                f"Actions are named by the last {judge.span_s:g} s. Received: --stride {options.stride}, frames "
                f"{options.stride / fps:.2g} s apart"
            )
        steps.append(judge)
    if options.classes:
        steps.append(doing(options.classes.split(","), judge.sets.values() if judge else ()))
    return [*steps, predict_network.place(options, predictor)]


def _with_progress(
    options: argparse.Namespace, source: "Source", begin: int, results: "Generator[Result]"
) -> "Iterator[Result]":
    """The results, with frames done, frames per second and the time left on standard error, if that is a terminal."""
    from tqdm import tqdm

    silent, total = options.quiet or not sys.stderr.isatty(), None
    if source.kind == "video" and not silent:
        with contextlib.suppress(ValueError):  # of a damaged one, its frames will tell
            total = len(range(0, source.length or 0, options.stride)) - len(range(0, begin, options.stride))
    with contextlib.closing(results):
        yield from tqdm(results, total=total, unit="frame", disable=silent)


def _report(source: "Source", missing: int = 0) -> int:
    """Say what went wrong; the exit status.

    Args:
        source: that was read.
        missing: number of frames before, read by an earlier run, that have no line.
    """
    if source.dropped:
        print(f"frames that came while the network was busy, and were left out: {source.dropped}", file=sys.stderr)
    if source.note:
        print(source.note, file=sys.stderr)
    if source.broken:
        print(source.faults, file=sys.stderr)
    if missing:
        print(f"earlier frames without a line, as a previous run could not read them: {missing}", file=sys.stderr)
    return 1 if source.broken or missing else 0
