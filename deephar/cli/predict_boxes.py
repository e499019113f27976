"""Boxes on the command line of `deephar predict`: around one person, or in a file."""

import argparse
import json
import pathlib
import typing

if typing.TYPE_CHECKING:
    from deephar.typed import Floats, Size


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--box` and `--boxes`."""
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


def read(options: argparse.Namespace, photographs: int) -> object:
    """Boxes from the options: None, a list for a single photograph, a dict of lists by name, or a box file.

    The last is a `deephar.data.samples.box_file.BoxFile`.

    Args:
        options: with `box` and `boxes`.
        photographs: how many there are.

    Raises:
        ValueError, OSError: for a file that cannot be read or is none, one box of several photographs, and options
            that are about people who are found.
    """
    if options.box is not None or options.boxes:
        _check_alone(options)
    if options.box is not None:
        if photographs > 1:
            raise ValueError("--box is for one photograph; for several, give --boxes FILE")
        return [options.box.split(",")]
    if not options.boxes:
        return None
    try:
        given = json.loads(pathlib.Path(options.boxes).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{options.boxes} is not JSON: {error}") from None
    if given is None:
        raise ValueError(f"{options.boxes} holds no boxes")
    if isinstance(given, dict) and isinstance(given.get("format"), str):
        from deephar.data.samples import box_file

        return box_file.parse(given, options.boxes)
    if not isinstance(given, dict) and photographs > 1:
        raise ValueError(f"For several photographs, {options.boxes} must be an object keyed by their names")
    return given


def _check_alone(options):
    """Refuse options about people who are found."""
    for name in ("one_person", "max_people", "conf", "detector"):
        value = getattr(options, name)
        if value is not None and value is not False:
            option = name.replace("_", "-")
            raise ValueError(f"--{option} is for people who are found; with --box and --boxes nobody is searched for")


def of_photograph(boxes: object, photo: str, size: "Size") -> "Floats":
    """Boxes (N, 4) x1, y1, x2, y2 of a photograph of some size from the result of `read`."""
    from deephar.data.samples import box_file

    if isinstance(boxes, box_file.BoxFile):
        return boxes.photograph([photo, pathlib.Path(photo).name], size)
    if isinstance(boxes, dict):
        if photo not in boxes and pathlib.Path(photo).name not in boxes:
            raise ValueError(f"the box file has none for {photo}")
        boxes = boxes.get(photo, boxes.get(pathlib.Path(photo).name))
    return to_corners(boxes)


def to_corners(boxes: object) -> "Floats":
    """Boxes [[x, y, width, height], ...], numbers or strings, to (N, 4) x1, y1, x2, y2; [] to none."""
    import numpy as np

    if boxes == []:
        return np.empty((0, 4))
    try:
        boxes = np.array(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        boxes = np.empty((0, 4))
    if boxes.ndim == 1 and len(boxes) == 4:
        boxes = boxes[None]
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise ValueError("Boxes must be [[x, y, width, height], ...], all numbers")
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
