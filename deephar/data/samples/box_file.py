"""A self-describing file of boxes around people in photographs or videos; docs/predict.md shows one."""

import dataclasses
import json
import math
import pathlib
import typing
from collections.abc import Sequence

import numpy as np

from deephar import geometry
from deephar.files import whole_file
from deephar.typed import Floats, Json, Path, Size

FORMAT = "deephar-boxes-2"

COORDINATES = (
    "x, y, width, height in pixels of the upright picture, from 0, 0 at the upper left corner of its first pixel"
)
MARGIN = (
    "a box goes from the outermost joint to the outermost joint, times `margin` about its centre; whoever cuts adds a "
    "margin of its own: 1.25 around photographs, 1.5 around clips"
)


@dataclasses.dataclass(frozen=True)
class Boxes:
    """The boxes of one photograph or video.

    Attributes:
        size_px: (width, height) of the image, or of the video's frames.
        people: for a photograph, list of [x, y, width, height]; None for a video.
        frames: for a video, dict from a frame's number to the box of its person, None if nobody was found; None for
            a photograph.
    """

    size_px: Size
    people: list[list[float]] | None = None
    frames: dict[int, list[float] | None] | None = None


@dataclasses.dataclass(frozen=True)
class BoxFile:
    """The content of a box file.

    Attributes:
        source: name of the dataset or folder that the images are from.
        made_by: dict, the detector, or the network and its weights.
        pictures: dict from the name of a photograph or video to `Boxes`.
        margin: ratio of the boxes to the extent of the joints.
        path: of the file, for messages.
    """

    source: str
    made_by: dict[str, Json]
    pictures: dict[str, Boxes] = dataclasses.field(default_factory=dict)
    margin: float = 1.0
    path: str = dataclasses.field(default="the box file", compare=False)

    def photograph(self, names: Sequence[str], size_px: Size) -> Floats:
        """The boxes of a photograph, as the extents of the joints.

        Args:
            names: candidate names of the photograph; the first one in the file is used.
            size_px: (width, height) of the photograph, upright.

        Returns:
            float64 (N, 4) x1, y1, x2, y2.

        Raises:
            ValueError: if the file lacks it, has frames of a video under this name, or was made for a different size.
        """
        found = self._of(names, size_px)
        if found.people is None:
            raise ValueError(f"{self.path} has frames of a video under {names[0]}, not boxes of a photograph")
        return np.reshape([self._extent(box) for box in found.people], (-1, 4))

    def frames(self, name: str, size_px: Size) -> dict[int, Floats | None]:
        """The boxes of a video, as the extents of the joints: dict from frame to (4,) x1, y1, x2, y2 or None.

        Raises:
            ValueError: if the file lacks it or has no frame of it, or was made for a different size.
        """
        found = self._of([name], size_px)
        if not found.frames:
            raise ValueError(f"{self.path} has no frames of {name}")
        return {number: None if box is None else self._extent(box) for number, box in found.frames.items()}

    def _of(self, names: Sequence[str], size_px: Size) -> Boxes:
        found = next((self.pictures[name] for name in names if name in self.pictures), None)
        if found is None:
            raise ValueError(f"{self.path} has no boxes for {names[0]}")
        if tuple(found.size_px) != tuple(size_px):
            raise ValueError(
                f"{self.path} has boxes of {names[0]} in images of {_text(found.size_px)} pixels. Received: images "
                f"of {_text(size_px)} pixels. Use the images that the boxes were made from, or make the boxes again"
            )
        return found

    def _extent(self, box: Sequence[float]) -> Floats:
        x, y, width, height = box
        return geometry.enlarge_box([x, y, x + width, y + height], 1.0 / self.margin)

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        content = {
            "format": FORMAT,
            "source": self.source,
            "made_by": self.made_by,
            "coordinates": COORDINATES,
            "margin": self.margin,
            "margin_means": MARGIN,
            "pictures": {name: _entry(boxes) for name, boxes in self.pictures.items()},
        }
        text = json.dumps(content, allow_nan=False, indent=1)
        with whole_file(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")


def _entry(boxes: Boxes) -> dict[str, object]:
    size = {"size": list(boxes.size_px)}
    if boxes.frames is None:
        return {**size, "people": boxes.people}
    return {**size, "frames": {str(number): box for number, box in boxes.frames.items()}}


def _text(size_px: Size) -> str:
    return " x ".join(map(str, size_px))


def read(path: Path) -> BoxFile:
    """The content of a box file.

    Raises:
        ValueError: if it is missing, not a box file, or has an invalid number; the message says which.
    """
    try:
        stored = json.loads(pathlib.Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"Expected a box file, {FORMAT}, in {path}: {error}") from None
    return parse(stored, path)


def parse(stored: Json, path: Path) -> BoxFile:
    """`BoxFile` of JSON values; see `read`."""
    kind = stored.get("format") if isinstance(stored, dict) else None
    if kind == "deephar-boxes-1":
        raise ValueError(f"{path} is {kind}, which has neither sizes nor origin; make it again with this version")
    if kind != FORMAT:
        raise ValueError(f"Expected a box file, {FORMAT}, in {path}. Received: {kind or 'no format'}")
    assert isinstance(stored, dict)
    return _parsed(stored, path)


def _parsed(stored: dict[str, typing.Any], path: Path) -> BoxFile:
    try:
        margin, pictures = float(stored["margin"]), stored["pictures"].items()
        if not (math.isfinite(margin) and margin > 0):
            raise ValueError(f"`margin` must be above 0. Received: {margin}")
        made_by, source = dict(stored["made_by"]), str(stored["source"])
        boxes = {name: _parse_entry(name, entry) for name, entry in pictures}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        text = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path} is damaged: {text}") from None
    return BoxFile(source, made_by, boxes, margin, str(path))


def _parse_entry(name: str, entry: typing.Any) -> Boxes:
    try:
        sides = [int(side) for side in entry["size"]]
        if len(sides) != 2 or min(sides) < 1:
            raise ValueError(f"`size` must be [width, height]. Received: {entry['size']}")
        size = (sides[0], sides[1])
        if "frames" in entry:
            frames = {int(n): None if box is None else _parse_box(box) for n, box in entry["frames"].items()}
            return Boxes(size, frames=frames)
        return Boxes(size, people=[_parse_box(box) for box in entry["people"]])
    except KeyError as error:
        raise ValueError(f"{name} lacks {error}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{name}: {error}") from None


def _parse_box(box: typing.Any) -> list[float]:
    values = [float(value) for value in box]
    if len(values) != 4 or not all(map(math.isfinite, values)) or min(values[2:]) < 0:
        raise ValueError(f"a box must be [x, y, width, height], finite, with non-negative sides. Received: {box}")
    return values
