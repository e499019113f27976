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
    where.add_argument("--box", metavar="X,Y,W,H", help="around one person, in pixels of the upright photograph")
    where.add_argument(
        "--boxes", metavar="FILE", help="JSON: [[X, Y, W, H], ...] for one photograph, {name: [...]} for several"
    )
    parser.add_argument("--weights", metavar="NAME|FILE", default="lsp-lite-2d", help="(default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="where to write the joints; '-' or nothing: print them")
    parser.add_argument("--picture", metavar="FILE", help="where to draw; with several photographs, a folder")
    parser.add_argument("--no-flip", action="store_true", help="do not average with the mirrored photograph: faster")
    options = parser.parse_args(arguments)
    try:
        return _predict(options)
    except (ValueError, OSError) as error:
        parser.exit(1, f"deephar predict: {error}\n")


def _predict(options):
    from deephar import predict
    from deephar.evaluation import report

    boxes = [boxes_of(options, photo) for photo in options.photos]
    predictor = predict.PosePredictor.from_weights(options.weights, flip=not options.no_flip)
    entries = [_photo(options, predictor, *pair) for pair in zip(options.photos, boxes, strict=True)]
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


def boxes_of(options, photo):
    """Boxes (N, 4) x1, y1, x2, y2 that the options give for a photograph; None where they give none."""
    if options.box:
        return to_corners([options.box.split(",")])
    if not options.boxes:
        return None
    try:
        given = json.loads(pathlib.Path(options.boxes).read_text())
    except ValueError as error:
        raise ValueError(f"{options.boxes} is not JSON: {error}") from None
    if isinstance(given, dict):
        given = given.get(photo, given.get(pathlib.Path(photo).name))
        if given is None:
            raise ValueError(f"{options.boxes} has no boxes for {photo}")
    elif len(options.photos) > 1:
        raise ValueError(f"For several photographs, {options.boxes} must be an object of their names")
    return to_corners(given)


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


def _photo(options, predictor, photo, boxes):
    """The JSON entry of a photograph; of several, a bad one is reported and the others go on."""
    from deephar.data import frames

    try:
        image = frames.to_rgb(frames.open_image(photo), photo)
        people = predictor(image, boxes)
    except ValueError as error:
        if len(options.photos) == 1:
            raise
        return {"photo": photo, "error": str(error), "people": []}
    if options.picture:
        several = len(options.photos) > 1
        path = pathlib.Path(options.picture)
        _draw(image, people, predictor.layout, path / (pathlib.Path(photo).stem + ".png") if several else path)
    return {
        "photo": photo,
        "width": image.width,
        "height": image.height,
        "people": [_person(person, estimated=boxes is None) for person in people],
    }


def _draw(image, people, layout, path):
    from deephar import draw
    from deephar.files import whole_file

    for person in people:
        image = draw.draw_pose(image, person.pose_px, layout)
    with whole_file(path) as temporary:
        image.save(temporary)


def _person(person, estimated):
    x1, y1, x2, y2 = person.box_px.tolist()
    return {
        "box": [x1, y1, x2 - x1, y2 - y1],
        "box_is_estimated": estimated,
        "pose": person.pose_px.tolist(),
        "confidence": person.confidence.tolist(),
    }


if __name__ == "__main__":
    sys.exit(main())
