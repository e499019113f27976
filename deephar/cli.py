"""The command `deephar`: `predict` here, `convert` and `pretrained` from their modules."""

import argparse
import json
import pathlib
import sys

FORMAT = "deephar-poses-1"
"""Of the JSON that `deephar predict` writes; docs/predict.md describes it."""


def main(arguments=None):
    """Entry point of the command `deephar`; gives the exit status."""
    from deephar import convert, pretrained

    commands = {"predict": predict, "convert": convert.main, "pretrained": pretrained.main}
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if not arguments or arguments[0] not in commands:
        asked_for_help = arguments[:1] in (["-h"], ["--help"])
        text = f"usage: deephar {{{','.join(commands)}}} ...\n\n'deephar COMMAND --help' explains a command\n"
        print(text, end="", file=sys.stdout if asked_for_help else sys.stderr)
        return 0 if asked_for_help else 2
    return commands[arguments[0]](arguments[1:])


def predict(arguments=None):
    """Draw the skeletons of the people in photographs, and write their joints as JSON."""
    parser = argparse.ArgumentParser(prog="deephar predict", description=predict.__doc__)
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
        help="JSON: [[X, Y, W, H], ...] for one photograph, {name: [...]} for several, or a file that says how its "
        "boxes were made (docs/predict.md)",
    )
    parser.add_argument("--weights", metavar="NAME|FILE", default="lsp-lite-2d", help="(default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="where to write the joints; '-' or nothing: print them")
    parser.add_argument("--picture", metavar="FILE", help="where to draw; with several photographs, a folder")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored photograph: twice the time")
    options = parser.parse_args(arguments)
    try:
        return _predict(options)
    except (ValueError, OSError) as error:
        parser.exit(1, f"deephar predict: {error}\n")


def _predict(options):
    from deephar import predict
    from deephar.evaluation import report

    boxes, pictures = _read_boxes(options), _pictures(options)
    predictor = predict.PosePredictor.from_weights(options.weights, flip=options.flip)
    entries = [
        _photo(photo, boxes, picture, predictor) for photo, picture in zip(options.photos, pictures, strict=True)
    ]
    if len(entries) == 1 and "error" in entries[0]:
        raise ValueError(entries[0]["error"])
    result = {
        "format": FORMAT,
        "weights": options.weights,
        "layout": predictor.layout.name,
        "joints": list(predictor.layout.names),
        "photos": entries,
    }
    if options.json in (None, "-"):
        print(json.dumps(result, indent=2))
    else:
        report.save_json(result, options.json)
    failed = [entry for entry in entries if "error" in entry]
    if failed:
        print(f"{len(failed)} of {len(entries)} photographs failed: {failed[0]['error']}", file=sys.stderr)
    return 1 if failed else 0


def _read_boxes(options):
    """What the options say about boxes: None, one list for the one photograph, an object of lists by name, or a file.

    The last is a `deephar.data.box_file.BoxFile`.
    """
    if options.box:
        if len(options.photos) > 1:
            raise ValueError("--box is for one photograph; for several, give --boxes FILE")
        return [options.box.split(",")]
    if not options.boxes:
        return None
    try:
        given = json.loads(pathlib.Path(options.boxes).read_text())
    except ValueError as error:
        raise ValueError(f"{options.boxes} is not JSON: {error}") from None
    if isinstance(given, dict) and isinstance(given.get("format"), str):
        from deephar.data import box_file

        return box_file.parse(given, options.boxes)
    if not isinstance(given, dict) and len(options.photos) > 1:
        raise ValueError(f"For several photographs, {options.boxes} must be an object of their names")
    return given


def _pictures(options):
    """Where the picture of each photograph goes; None for nowhere."""
    if not options.picture:
        return [None] * len(options.photos)
    target = pathlib.Path(options.picture)
    several = len(options.photos) > 1
    pictures = [target / f"{pathlib.Path(photo).stem}.png" if several else target for photo in options.photos]
    taken = {pathlib.Path(photo).resolve() for photo in options.photos}
    for picture in pictures:
        if picture.resolve() in taken:
            raise ValueError(f"{picture} would replace a photograph or another picture; choose another --picture")
        taken.add(picture.resolve())
    return pictures


def boxes_of(boxes, photo, size):
    """Boxes (N, 4) x1, y1, x2, y2 for a photograph and its size from what `_read_boxes` gives; None if that is None."""
    from deephar.data import box_file

    if isinstance(boxes, box_file.BoxFile):
        return boxes.photograph([photo, pathlib.Path(photo).name], size)
    if isinstance(boxes, dict):
        if photo not in boxes and pathlib.Path(photo).name not in boxes:
            raise ValueError(f"the file of boxes has none for {photo}")
        boxes = boxes.get(photo, boxes.get(pathlib.Path(photo).name))
    return None if boxes is None else to_corners(boxes)


def to_corners(boxes):
    """Boxes [[x, y, width, height], ...] of numbers or their text, to (N, 4) x1, y1, x2, y2."""
    import numpy as np

    try:
        boxes = np.array(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        boxes = np.empty(0)
    if boxes.ndim == 1 and len(boxes) == 4:
        boxes = boxes[None]
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise ValueError("Boxes must be [[x, y, width, height], ...], at least one, all numbers")
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _photo(photo, boxes, picture, predictor):
    """The JSON entry of a photograph; a bad one is reported in it."""
    from deephar.data import frames

    try:
        image = frames.to_rgb(frames.open_image(photo), photo)
        corners = boxes_of(boxes, photo, image.size)
        people = predictor(image, corners)
    except ValueError as error:
        return {"photo": photo, "error": str(error), "people": []}
    if picture:
        _draw(image, people, predictor.layout, picture)
    return {
        "photo": photo,
        "width": image.width,
        "height": image.height,
        "people": [_person(person, estimated=corners is None) for person in people],
    }


def _draw(image, people, layout, path):
    from deephar import draw, draw3d
    from deephar.files import whole_file

    for person in people:
        image = draw.draw_pose(image, person.pose_px, layout)
    spaces = [person.pose_3d_mm for person in people if person.pose_3d_mm is not None]
    if spaces:
        image = draw3d.beside_photo(image, spaces, layout)
    with whole_file(path) as temporary:
        image.save(temporary)


def _person(person, estimated):
    x1, y1, x2, y2 = person.box_px.tolist()
    space = {} if person.pose_3d_mm is None else {"pose_3d": person.pose_3d_mm.tolist()}
    return {
        "box": [x1, y1, x2 - x1, y2 - y1],
        "box_is_estimated": estimated,
        "pose": person.pose_px.tolist(),
        **space,
        "confidence": person.confidence.tolist(),
    }


if __name__ == "__main__":
    sys.exit(main())
