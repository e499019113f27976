"""People in COCO's keypoint format: COCO's own files, and those of tools that annotate photographs in its format."""

import json
import pathlib
import typing
from collections.abc import Mapping

import numpy as np

from deephar import geometry, layouts, sides
from deephar.data.readers.base import Sample
from deephar.data.readers.names import stored
from deephar.data.readers.reading import reading
from deephar.data.samples.frames import open_image
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Path

_Entry: typing.TypeAlias = Mapping[str, typing.Any]


class CocoPeople:
    """Reader of people with keypoints, one by one; crowds and people without any located joint are left out.

    A joint with flag 0 is unknown; those that are hidden but labelled count as located. The window is 1.25 times the
    square around the box. Coordinates are taken as measured from the photograph's corner, as COCO says.

    Attributes:
        layout: `coco17` for COCO's 17 joints; for others, a layout of the category's names and skeleton.

    Args:
        annotations: JSON with `images`, `annotations` and `categories`.
        images: folder of the photographs.
        least_joints: located joints that a person needs.
        category: name of the category; by default, the first that has keypoints.

    Raises:
        ValueError: if a file is missing or damaged, or there is no such category or no person.

    Example:
        >>> people = CocoPeople("person_keypoints_train2017.json", "train2017")
    """

    def __init__(self, annotations: Path, images: Path, least_joints: int = 1, category: str | None = None) -> None:
        self.images: pathlib.Path = pathlib.Path(images)
        if not self.images.is_dir():
            raise ValueError(f"Expected the folder of the photographs. Received: {images}")
        with reading(annotations, "people in COCO's keypoint format"):
            content = json.loads(pathlib.Path(annotations).read_bytes())
            found = _category(content["categories"], category)
            self.layout: PoseLayout = _layout(found)
            self._files: dict[object, str] = {one["id"]: one["file_name"] for one in content["images"]}
            self._people: list[tuple[object, Floats, Floats]] = [
                (one["image_id"], _keypoints(one, self.layout), np.asarray(one["bbox"], dtype=np.float64).reshape(4))
                for one in content["annotations"]
                if one["category_id"] == found["id"] and not one.get("iscrowd") and "keypoints" in one
            ]
        self._people = [one for one in self._people if (one[1][:, 2] > 0).sum() >= max(1, least_joints)]
        if not self._people:
            raise ValueError(f"{annotations} has no person of whom {max(1, least_joints)} joints are located")

    def __len__(self) -> int:
        return len(self._people)

    def sample(self, index: int) -> Sample:
        """The person at a position: `Sample` whose unknown joints have no weight."""
        image, joints, box = self._people[index]
        if image not in self._files:
            raise ValueError(f"person {index} is in photograph {image}, which is not among the images")
        name = f"{self._files[image]}, person {index}"
        located = joints[:, 2] > 0
        pose = np.where(located[:, None], joints[:, :2], np.nan)
        corners = np.concatenate([box[:2], box[:2] + box[2:]])
        around = corners if np.all(box[2:] > 0) else geometry.points_box(pose)
        window = geometry.person_window(around, name=name)
        opened = open_image(stored(self.images / self._files[image]))
        return Sample(name, opened, pose, *window, joint_weight=located.astype(np.float64))


def _category(categories: list[_Entry], name: str | None) -> _Entry:
    """The category with keypoints."""
    known = {str(one["name"]): one for one in categories if one.get("keypoints")}
    chosen = next(iter(known), None) if name is None else name
    if chosen not in known:
        raise ValueError(f"expected a category with keypoints ({', '.join(known) or 'there is none'}), not {chosen!r}")
    return known[chosen]


def _layout(category: _Entry) -> PoseLayout:
    names, coco = list(category["keypoints"]), layouts.get("coco17")
    if [sides.canonical(name) for name in names] == [sides.canonical(name) for name in coco.names]:
        return coco
    links = [(names[first - 1], names[last - 1]) for first, last in category.get("skeleton", ())]
    return PoseLayout(str(category["name"]), names, links)


def _keypoints(annotation: _Entry, layout: PoseLayout) -> Floats:
    """(J, 3): x, y and flag."""
    return np.asarray(annotation["keypoints"], dtype=np.float64).reshape(len(layout), 3)
