"""`deephar predict`: poses of the people in photographs, as JSON and pictures."""

import argparse
import json
import os
import pathlib
import sys
import typing
import warnings
from collections.abc import Sequence

if typing.TYPE_CHECKING:
    from PIL import Image

    from deephar.inference import Person, PosePredictor
    from deephar.layouts import PoseLayout
    from deephar.typed import Floats, Path, Size

FORMAT = "deephar-poses-1"
"""Format of the JSON that `deephar predict` writes; docs/predict.md describes it."""


def main(arguments: Sequence[str]) -> int:
    """Draw the skeletons of the people in photographs, and write their joints as JSON."""
    parser = argparse.ArgumentParser(prog="deephar predict", description=main.__doc__)
    parser.add_argument("photos", nargs="+", metavar="PHOTO")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--box",
        metavar="X,Y,W,H",
        help="around one person, in pixels (--box=-5,0,90,80 if x is negative)",
    )
    where.add_argument(
        "--boxes",
        metavar="FILE",
        help="JSON: [[X, Y, W, H], ...] for one photograph, {name: [...]} for several, or a box file (docs/predict.md)",
    )
    parser.add_argument("--weights", metavar="NAME|FILE", default="lsp-lite-2d", help="(default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="file for the joints; without it, or with '-', print them")
    parser.add_argument("--picture", metavar="FILE", help="file to draw to, or a folder for one .png per PHOTO")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored photograph, in twice the time")
    parser.add_argument("--quiet", action="store_true", help="no progress bar (never shown outside a terminal)")
    options = parser.parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # about oddities in photographs; errors are reported
            return _predict(options)
    except (ValueError, OSError) as error:
        parser.exit(1, f"deephar predict: {error}\n")


def _predict(options: argparse.Namespace) -> int:
    boxes, pictures = _read_boxes(options), _outputs(options)

    from tqdm import tqdm

    from deephar.inference import PosePredictor

    predictor = PosePredictor.from_weights(options.weights, flip=options.flip)
    silent = True if options.quiet or len(pictures) == 1 else None  # None: silent unless standard error is a terminal
    entries = [
        _photo(photo, boxes, picture, predictor)
        for photo, picture in tqdm(list(zip(options.photos, pictures, strict=True)), unit="photo", disable=silent)
    ]
    failed = [entry["error"] for entry in entries if "error" in entry]
    if len(entries) == 1 and failed and not entries[0]["people"]:
        raise ValueError(failed[0])
    result = {
        "format": FORMAT,
        "weights": options.weights,
        "layout": predictor.layout.name,
        "joints": list(predictor.layout.names),
        "photos": entries,
    }
    written = _write(result, options.json)
    if failed:
        print(f"{len(failed)} of {len(entries)} photographs failed: {failed[0]}", file=sys.stderr)
    return 0 if written and not failed else 1


def _write(result: dict[str, object], path: str | None) -> bool:
    """Write the JSON, or print it if requested or if the file cannot be written; returns whether all succeeded."""
    from deephar.evaluation import report

    if path not in (None, "-"):
        try:
            report.save_json(result, path)
            return True
        except OSError as error:
            print(f"{path} cannot be written: {error}. Its content is printed instead", file=sys.stderr)
    print(report.as_json(result))
    return path in (None, "-")


def _read_boxes(options: argparse.Namespace) -> object:
    """Boxes from the options: None, a list for a single photograph, a dict of lists by name, or a box file.

    The last is a `deephar.data.samples.box_file.BoxFile`.
    """
    if options.box is not None:
        if len(options.photos) > 1:
            raise ValueError("--box is for one photograph; for several, give --boxes FILE")
        return [options.box.split(",")]
    if not options.boxes:
        return None
    try:
        given = json.loads(pathlib.Path(options.boxes).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{options.boxes} is not JSON: {error}") from None
    if isinstance(given, dict) and isinstance(given.get("format"), str):
        from deephar.data.samples import box_file

        return box_file.parse(given, options.boxes)
    if not isinstance(given, dict) and len(options.photos) > 1:
        raise ValueError(f"For several photographs, {options.boxes} must be an object keyed by their names")
    return given


def _outputs(options: argparse.Namespace) -> Sequence[pathlib.Path | None]:
    """Output path of each photograph's picture, None for no picture; checks first that the outputs can be written.

    Raises:
        ValueError, OSError: if an output cannot be written, or would replace a photograph, its boxes or another output.
    """
    from deephar.files import check_writable

    json_files = [] if options.json in (None, "-") else [pathlib.Path(options.json)]
    folder, pictures = _pictures(options)
    taken = {pathlib.Path(file).resolve() for file in [*options.photos, *filter(None, [options.boxes])]}
    for output in [*json_files, *pictures]:
        if output.resolve() in taken:
            raise ValueError(f"{output} would replace a photograph, its boxes or another output; choose another name")
        taken.add(output.resolve())
    for output in [*json_files, *([folder / "picture.png"] if folder else pictures)]:
        check_writable(output)
    return pictures or [None] * len(options.photos)


def _pictures(options: argparse.Namespace) -> tuple[pathlib.Path | None, list[pathlib.Path]]:
    """The folder of the pictures, None if a single file is named; and the path of each."""
    if not options.picture:
        return None, []
    target = pathlib.Path(options.picture)
    if len(options.photos) > 1 or target.is_dir() or options.picture.endswith(("/", os.sep)):
        return target, [target / f"{pathlib.Path(photo).stem}.png" for photo in options.photos]
    from PIL import Image

    if Image.registered_extensions().get(target.suffix.lower()) not in Image.SAVE:
        raise ValueError(f"{target} has no suffix of a writable image format; use .png or .jpg, for example")
    return None, [target]


def boxes_of(boxes: object, photo: str, size: "Size") -> "Floats | None":
    """Boxes (N, 4) x1, y1, x2, y2 of a photograph of some size from the result of `_read_boxes`; None for None."""
    from deephar.data.samples import box_file

    if isinstance(boxes, box_file.BoxFile):
        return boxes.photograph([photo, pathlib.Path(photo).name], size)
    if isinstance(boxes, dict):
        if photo not in boxes and pathlib.Path(photo).name not in boxes:
            raise ValueError(f"the box file has none for {photo}")
        boxes = boxes.get(photo, boxes.get(pathlib.Path(photo).name))
    return None if boxes is None else to_corners(boxes)


def to_corners(boxes: object) -> "Floats":
    """Boxes [[x, y, width, height], ...], numbers or strings, to (N, 4) x1, y1, x2, y2."""
    import numpy as np

    try:
        boxes = np.array(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        boxes = np.empty((0, 4))
    if boxes.ndim == 1 and len(boxes) == 4:
        boxes = boxes[None]
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise ValueError("Boxes must be [[x, y, width, height], ...], at least one, all numbers")
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _photo(photo: str, boxes: object, picture: pathlib.Path | None, predictor: "PosePredictor") -> dict[str, object]:
    """The JSON entry of a photograph. Failures are reported in it, so that other photographs' results are not lost."""
    from deephar.data.samples import frames

    entry = {"photo": photo, "people": []}
    try:
        image = frames.open_image(photo)
        size = frames.upright_size(image, photo)
        corners = boxes_of(boxes, photo, size)
        people = predictor(image, corners, photo)
        entry = {
            "photo": photo,
            "width": size[0],
            "height": size[1],
            "people": [_person(person, estimated=corners is None) for person in people],
        }
        if picture:
            _draw(frames.to_rgb(image, photo), size[0], people, predictor.layout, picture)
    except Exception as error:
        entry["error"] = str(error) or type(error).__name__
    return entry


def _draw(image: "Image.Image", width: int, people: "list[Person]", layout: "PoseLayout", path: "Path") -> None:
    """Draw people, whose joints are in pixels of a photograph of some width, on its image, which may be smaller."""
    from deephar import viz
    from deephar.files import whole_file

    for person in people:
        image = viz.draw_pose(image, person.pose_px * (image.width / width), layout)
    spaces = [person.pose_3d_mm for person in people if person.pose_3d_mm is not None]
    if spaces:
        image = viz.beside_photo(image, spaces, layout)
    with whole_file(path) as temporary:
        image.save(temporary)


def _person(person: "Person", estimated: bool) -> dict[str, object]:
    x1, y1, x2, y2 = person.box_px.tolist()
    space = {} if person.pose_3d_mm is None else {"pose_3d": person.pose_3d_mm.tolist()}
    return {
        "box": [x1, y1, x2 - x1, y2 - y1],
        "box_is_estimated": estimated,
        "pose": person.pose_px.tolist(),
        **space,
        "confidence": person.confidence.tolist(),
    }
