"""`deephar predict` with photographs: one JSON of all, and a picture of each."""

import argparse
import contextlib
import os
import pathlib
import sys
import typing
from collections.abc import Iterator, Sequence

from deephar import console
from deephar.cli import predict_boxes, predict_network, predict_outputs

if typing.TYPE_CHECKING:
    from PIL import Image

    from deephar.inference import Person, PosePredictor, Result, Source
    from deephar.inference.export import Writer
    from deephar.inference.frame import Frame
    from deephar.inference.placing import Place
    from deephar.typed import Floats

FORMAT = "deephar-poses-1"
"""Format of the JSON that `deephar predict` writes of photographs; docs/predict.md describes it."""

Entry: typing.TypeAlias = dict[str, object]


def run(options: argparse.Namespace, source: "Source") -> int:
    """Find people in photographs; the exit status."""
    photos = names(source)
    check(options)
    boxes, pictures = predict_boxes.read(options, len(photos)), outputs(options, photos)

    from tqdm import tqdm

    silent = True if options.quiet or len(photos) == 1 else None  # None: silent unless standard error is a terminal
    found: dict[int, Entry] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(predict_network.device(options))
        predictor = predict_network.predictor(options)
        place = predict_network.place(options, predictor)
        shown = stack.enter_context(predict_outputs.window(source)) if options.show else None
        writers = _writers(options, source, predictor, stack)
        progress = stack.enter_context(tqdm(total=len(photos), unit="photo", disable=silent))
        try:
            for index, entry, result in entries(predictor, place, source, boxes, pictures):
                found[index] = entry
                if result is not None:
                    for writer in writers:
                        writer.write(result)
                    if shown is not None and shown.show(_drawn(result)):
                        shown.wait()
                progress.update()
        except (Exception, KeyboardInterrupt):
            if found:
                _write(_stored(options, predictor, [found[index] for index in sorted(found)]), options.json)
            raise
        progress.close()
        found |= {index: {"photo": photos[index], "people": [], "error": text} for index, text in source.broken.items()}
        return _report(options, predictor, [found[index] for index in range(len(photos))])


def names(source: "Source") -> list[str]:
    """Of all photographs."""
    return [source.frame_name(index) for index in range(source.length or 0)]


def check(options: argparse.Namespace) -> None:
    """Refuse options that photographs cannot have."""
    from deephar.inference import export
    from deephar.viz import film

    given = [name for name in ("smooth", "actions", "classes") if getattr(options, name)]
    if options.stride != 1:
        given.append("stride")
    if given:
        raise ValueError(f"--{given[0]} is for videos, streams and cameras")
    films = [name for name in options.out if film.is_film(name)]
    if films:
        raise ValueError(f"--out {films[0]} would be a film, which is of a video; --picture draws photographs")
    takes = [name for name in options.out if export.end_of(name) in (".trc", ".bvh")]
    if takes:
        raise ValueError(f"--out {takes[0]} would be motion over time, which photographs do not have")


def entries(
    predictor: "PosePredictor",
    place: "Place",
    source: "Source",
    boxes: object,
    pictures: Sequence[pathlib.Path | None],
) -> "Iterator[tuple[int, Entry, Result | None]]":
    """Entries and results of the photographs that can be read. A fault is noted in one, and loses no other."""
    from deephar.inference.ahead import ahead
    from deephar.inference.watching import attempts

    def boxes_of(frame: "Frame") -> "Floats":
        return predict_boxes.of_photograph(boxes, frame.name, frame.size)

    with contextlib.closing(ahead(iter(source))) as frames:
        for frame, people in attempts(predictor, frames, None if boxes is None else boxes_of):
            entry: Entry = {"photo": frame.name}
            result = people if isinstance(people, Exception) else _placed(place, predictor.result(frame, people))
            if isinstance(result, Exception):
                entry |= {"people": [], "error": console.reason(result)}
                result = None
            else:
                described = [_person(person, estimated=boxes is None) for person in result.people]
                entry |= {"width": frame.size[0], "height": frame.size[1], "people": described}
                try:
                    _draw(result, pictures[frame.index])
                except Exception as error:
                    entry["error"] = f"{pictures[frame.index]} cannot be written: {console.reason(error)}"
            yield frame.index, entry, result


def _placed(place: "Place", result: "Result") -> "Result | ValueError":
    """A result with the places of its people; the fault of a photograph that is not of the camera."""
    try:
        return place(result)
    except ValueError as error:
        return ValueError(f"{result.name}: {error}")


def _writers(
    options: argparse.Namespace, source: "Source", predictor: "PosePredictor", stack: contextlib.ExitStack
) -> "list[Writer]":
    """Of all that `--out` names."""
    from deephar.inference import export

    about = predict_outputs.about(options, predictor, source)
    names = sorted(options.out, key=predict_outputs.begun_at_once)
    return [stack.enter_context(export.open_writer(name, about, predictor.depth)) for name in names]


def _person(person: "Person", estimated: bool) -> Entry:
    return {**person.to_dict(), "box_is_estimated": estimated}


def _draw(result: "Result", path: pathlib.Path | None) -> None:
    if path is None:
        return
    from deephar.files import whole_file

    with whole_file(path) as temporary:
        _drawn(result).save(temporary)


def _drawn(result: "Result") -> "Image.Image":
    from deephar import viz

    return viz.draw_result(result)


def _report(options: argparse.Namespace, predictor: "PosePredictor", entries: list[Entry]) -> int:
    """Write the JSON, and say what failed; the exit status."""
    failed = [str(entry["error"]) for entry in entries if "error" in entry]
    if len(entries) == 1 and failed and "width" not in entries[0]:
        raise ValueError(failed[0])
    written = _write(_stored(options, predictor, entries), options.json)
    if failed:
        print(f"{len(failed)} of {len(entries)} photographs failed: {failed[0]}", file=sys.stderr)
    return 0 if written and not failed else 1


def _stored(options: argparse.Namespace, predictor: "PosePredictor", entries: list[Entry]) -> Entry:
    """What the JSON says."""
    layout = {"layout": predictor.layout.name, "joints": list(predictor.layout.names)}
    return {"format": FORMAT, "weights": options.weights, **layout, "photos": entries}


def _write(result: Entry, path: str | None) -> bool:
    """Write the JSON, or print it if requested or if the file cannot be written; returns whether all succeeded."""
    from deephar.evaluation import report

    if path not in (None, "-"):
        try:
            report.save_json(result, path)
            return True
        except OSError as error:
            fault = error.strerror or error
            print(f"{path} cannot be written: {fault}. Its content is printed instead", file=sys.stderr)
    print(report.as_json(result))
    return path in (None, "-")


def outputs(options: argparse.Namespace, photos: Sequence[str]) -> Sequence[pathlib.Path | None]:
    """Output path of each photograph's picture, None for no picture; checks first that the outputs can be written.

    Raises:
        ValueError, OSError: if an output cannot be written, or would replace a photograph, its boxes or another output.
    """
    from deephar.files import check_writable

    json_files = [] if options.json in (None, "-") else [pathlib.Path(options.json)]
    folder, pictures = _pictures(options, photos)
    predict_outputs.check_apart(options, photos, [*json_files, *pictures, *options.out])
    for output in [*json_files, *([folder / "picture.png"] if folder else pictures)]:
        check_writable(output)
    return pictures or [None] * len(photos)


def _pictures(options: argparse.Namespace, photos: Sequence[str]) -> tuple[pathlib.Path | None, list[pathlib.Path]]:
    """The folder of the pictures, None if a single file is named; and the path of each."""
    if not options.picture:
        return None, []
    target = pathlib.Path(options.picture)
    if len(photos) > 1 or target.is_dir() or options.picture.endswith(("/", os.sep)):
        return target, [target / f"{pathlib.Path(photo).stem}.png" for photo in photos]
    from PIL import Image

    if Image.registered_extensions().get(target.suffix.lower()) not in Image.SAVE:
        raise ValueError(f"{target} has no suffix of a writable image format; use .png or .jpg, for example")
    return None, [target]
