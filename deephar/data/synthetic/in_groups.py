"""A reader of people one by one from synthetic groups, with bystanders and people who hide each other."""

import numpy as np
from PIL import Image

from deephar import geometry
from deephar.data.readers.base import Sample
from deephar.data.synthetic.groups import Groups
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints

LEAST_SHARE = 0.4
"""Of a person's body that is inside the picture and not hidden by others."""

LEAST_SIDE = 0.2
"""Longer side of a person's box as a share of the picture's height."""


TRIES = 100
"""Pictures that are looked at before there is nobody."""


class PeopleInGroups:
    """People of `deephar.data.synthetic.groups.Groups`, one a sample; see `deephar.data.readers.base.PoseDataset`.

    Joints hidden by the body or by others are located, those outside the picture are not.

    Args:
        count: number of people.
        groups: the pictures, of any number: the next ones follow where one shows nobody well.
    """

    def __init__(self, count: int, groups: Groups) -> None:
        self.count = count
        self.groups = groups
        self.layout: PoseLayout = groups.layout

    def __len__(self) -> int:
        return self.count

    def sample(self, index: int) -> Sample:
        """The person at a position: `deephar.data.readers.base.Sample` in the window around the located joints.

        Raises:
            ValueError: if none of many pictures shows anybody well.
        """
        for picture in range(index, index + TRIES * self.count, self.count):
            truth = self.groups.truth(picture)
            worthy = self._worthy(truth.boxes, truth.share)
            if len(worthy):
                person = int(np.random.default_rng([self.groups.seed, picture, 1]).choice(worthy))
                return self._sample(picture, person, truth.pose_px[person].copy())
        raise ValueError(f"None of {TRIES} synthetic groups shows a person of {LEAST_SIDE:g} of the picture's height")

    def _sample(self, picture: int, person: int, pose: Floats) -> Sample:
        pose[((pose < 0) | (pose >= self.groups.size)).any(axis=1)] = np.nan
        name = f"person {person + 1} of synthetic group {picture}"
        center, window = geometry.person_window(geometry.points_box(pose), name=name)
        return Sample(name, Image.fromarray(self.groups.image(picture)), pose, center, window)

    def _worthy(self, boxes: Floats, share: Floats) -> Ints:
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        return np.flatnonzero((share >= LEAST_SHARE) & (sides >= LEAST_SIDE * self.groups.size[1]))
