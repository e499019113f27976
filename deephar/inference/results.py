"""What is found in one picture of a source."""

import dataclasses
import math
import typing
from collections.abc import Mapping

import numpy as np
from PIL import Image

from deephar import checks
from deephar.inference.people import Person, StoredPerson
from deephar.layouts import PoseLayout
from deephar.typed import Array, Size

FRAME_S = 1 / 30
"""Between two frames of a source that does not say when they were taken."""


class StoredResult(typing.TypedDict):
    """What `Result.to_dict` gives."""

    frame: int
    seconds: float | None
    name: str
    width: int
    height: int
    people: list[StoredPerson]


@dataclasses.dataclass(frozen=True)
class Result:
    """The people in one picture.

    Attributes:
        index, seconds, size, name, focal_px: of the picture, see `deephar.inference.frame.Frame`.
        layout: of the joints.
        people: list of `deephar.inference.people.Person`; empty where nobody is found.
        image: upright RGB, which is smaller than `size` where a huge photograph was decoded at a part of its size; None
            in what was read from a file of results.
    """

    index: int
    seconds: float
    size: Size
    name: str
    layout: PoseLayout
    people: list[Person]
    image: Image.Image | None = dataclasses.field(default=None, repr=False, compare=False)
    focal_px: float = dataclasses.field(default=math.nan, repr=False, compare=False)

    @property
    def time_s(self) -> float:
        """When the picture was taken, in seconds; at 30 pictures a second where that is unknown."""
        return self.seconds if math.isfinite(self.seconds) else self.index * FRAME_S

    def to_dict(self) -> dict[str, object]:
        """For JSON, as docs/results.md describes it."""
        return {
            "frame": self.index,
            "seconds": self.seconds if math.isfinite(self.seconds) else None,
            "name": self.name,
            "width": self.size[0],
            "height": self.size[1],
            "people": [person.to_dict() for person in self.people],
        }

    def to_numpy(self) -> dict[str, Array]:
        """All N people as arrays.

        Returns:
            dict: `boxes` (N, 4) x1, y1, x2, y2 and `poses` (N, J, 2), pixels; `confidences` (N, J) and `scores` (N,)
            in [0, 1]; `tracks` (N,) int, 0 for none; `poses_3d` (N, J, 3) and `positions` (N, 3) mm, NaN for none;
            `actions` (N,) str, the most probable of each, "" for none.
        """
        joints = len(self.layout)
        nowhere = np.full((joints, 3), np.nan)
        spaces = [nowhere if person.pose_3d_mm is None else person.pose_3d_mm for person in self.people]
        places = [nowhere[0] if person.position_mm is None else person.position_mm for person in self.people]
        return {
            "boxes": np.array([person.box_px for person in self.people], dtype=np.float64).reshape(-1, 4),
            "poses": np.array([person.pose_px for person in self.people], dtype=np.float64).reshape(-1, joints, 2),
            "confidences": np.array([p.confidence for p in self.people], dtype=np.float64).reshape(-1, joints),
            "scores": np.array([person.score for person in self.people], dtype=np.float64),
            "tracks": np.array([person.track or 0 for person in self.people], dtype=np.int64),
            "poses_3d": np.array(spaces, dtype=np.float64).reshape(-1, joints, 3),
            "positions": np.array(places, dtype=np.float64).reshape(-1, 3),
            "actions": np.array([next(iter(person.actions or ("",))) for person in self.people], dtype=np.str_),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, object], layout: PoseLayout) -> "Result":
        """The result that `to_dict` described, without its picture.

        Raises:
            ValueError: for a dict that is none, or people of another number of joints.
        """
        given = typing.cast(StoredResult, stored)
        try:
            seconds = math.nan if given["seconds"] is None else float(given["seconds"])
            size = checks.whole("width", given["width"]), checks.whole("height", given["height"])
            index, name = checks.whole("frame", given["frame"], least=0), str(given["name"])
            everybody = list(given["people"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"Expected a result as deephar writes it. Received: {error}") from None
        found = [Person.from_dict(person) for person in everybody]
        if any(len(person.pose_px) != len(layout) for person in found):
            raise ValueError(f"Expected the {len(layout)} joints of {layout.name}. Received: another number")
        return cls(index, seconds, size, name, layout, found)
