"""Keypoint results in COCO's format, for pycocotools and whatever else reads them.

Joints are matched by name; those that a layout lacks (without a face: nose, eyes and ears) are [0, 0, 0]. COCO's
evaluation counts them as missed, so such results score below those of a network with all 17.
"""

import json
import math
import pathlib
import re
import typing
from collections.abc import Callable, Iterator

import numpy as np

from deephar import layouts
from deephar.inference.export.about import About
from deephar.inference.export.writing import Collecting
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Path

_PERSON = 1
"""COCO's category."""


class _Entry(typing.NamedTuple):
    picture: int
    """Position in the list of pictures."""
    score: float
    box: Floats
    keypoints: Floats


class Coco(Collecting):
    """Writes people as COCO keypoint results: a list of image_id, category_id, keypoints, score and bbox.

    Without `image_id`, the id of a photograph is the number at the end of its file's name (139 of 000000000139.jpg),
    if all results are of photographs with such numbers, all different; otherwise it is a result's index + 1.

    Args:
        path: of the file, written on closing.
        about: what all results have in common.
        image_id: function of a `deephar.inference.results.Result` that gives the id of its picture.

    Raises:
        ValueError: if the layout has no joint in common with COCO's, or `path` is a folder.
        OSError: if its folder cannot be written to.
    """

    def __init__(self, path: Path, about: About, image_id: Callable[[Result], int] | None = None) -> None:
        layouts.index_map(about.layout, "coco17")
        super().__init__(path)
        self._layout = about.layout
        self._image_id = image_id
        self._entries: list[_Entry] = []
        self._ids: list[tuple[int, int | None]] = []

    def _collect(self, result: Result) -> None:
        entries = [_entry(len(self._ids), person, self._layout) for person in result.people]
        number = result.index + 1 if self._image_id is None else self._image_id(result)
        self._ids.append((number, _number_in_name(result)))
        self._entries += entries

    def _texts(self) -> Iterator[tuple[pathlib.Path, str]]:
        ids, in_names = [number for number, _ in self._ids], [number for _, number in self._ids]
        if self._image_id is None and None not in in_names and len(set(in_names)) == len(ids):
            ids = in_names
        people = [
            {
                "image_id": ids[entry.picture],
                "category_id": _PERSON,
                "keypoints": entry.keypoints.round(3).ravel().tolist(),
                "score": entry.score,
                "bbox": entry.box.round(3).tolist(),
            }
            for entry in self._entries
        ]
        yield self.path, json.dumps(people, allow_nan=False) + "\n"


def _number_in_name(result: Result) -> int | None:
    """The digits at the end of a photograph's name before its suffix; None if there are none, or it is a frame."""
    found = re.fullmatch(r".*?([0-9]+)\.\w+", pathlib.PurePath(result.name).name, re.DOTALL)
    return int(found[1]) if found and math.isnan(result.seconds) else None


def _entry(picture: int, person: Person, layout: PoseLayout) -> _Entry:
    x1, y1, x2, y2 = person.box_px.tolist()
    if not np.isfinite([person.score, x1, y1, x2, y2]).all():
        raise ValueError(f"COCO's results need finite boxes and scores. Received: {person.box_px}, {person.score}")
    joints = np.concatenate([person.pose_px, person.confidence[:, None]], axis=1)
    keypoints = layouts.rearrange(joints, layout, "coco17")
    keypoints[~np.isfinite(keypoints).all(axis=1)] = 0
    return _Entry(picture, person.score, np.array([x1, y1, x2 - x1, y2 - y1]), keypoints)
