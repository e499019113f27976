"""A reader of synthetic people with depth, drawn on demand: no files, any number, for 3D pose."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deephar import layouts
from deephar.data.readers.base import Sample
from deephar.data.synthetic import body, motion, scene
from deephar.geometry import WINDOW_MM
from deephar.layouts import PoseLayout
from deephar.typed import Size

FRAMES = 15
"""Frames of the action, one of which is drawn."""


class SyntheticPeople:
    """People with depth and their camera, one per image; see `deephar.data.readers.base.PoseDataset`.

    The window is Human3.6M's: 2.25 m wide at the pelvis, so that depth has the same range.

    Args:
        count: number of people.
        size: (width, height) of the images in pixels.
        domain: of `deephar.data.synthetic.scene.DOMAINS`.
        actions: keys of `deephar.data.synthetic.motion.ACTIONS`.
        layout: of the joints, a `PoseLayout` or a name; must have a pelvis.
        seed: the same seed and position give the same person, whatever the count.
    """

    def __init__(
        self,
        count: int,
        size: Size = (128, 128),
        domain: str = "wild",
        actions: Sequence[str] = tuple(motion.ACTIONS),
        layout: PoseLayout | str = "pa17j",
        seed: int = 0,
    ) -> None:
        self.count = count
        self.size: Size = (size[0], size[1])
        self.domain = domain
        self.actions: tuple[str, ...] = tuple(actions)
        self.seed = seed
        self.layout: PoseLayout = layouts.get(layout)
        self._order = body.order(self.layout)

    def __len__(self) -> int:
        return self.count

    def sample(self, index: int) -> Sample:
        """The person at a position: `deephar.data.readers.base.Sample`, all joints located."""
        generator = np.random.default_rng([self.seed, index])
        action = self.actions[generator.integers(len(self.actions))]
        picked = [int(generator.integers(FRAMES))]
        clip = scene.draw_clip(generator, action, FRAMES, self.size, domain=self.domain, picked=picked)
        uvd = clip.joints_uvd[0]
        root = uvd[body.INDEX["pelvis"]]
        window = np.full(2, WINDOW_MM * clip.camera.focal.max() / root[2])
        return Sample(
            f"synthetic person {index} ({action})",
            Image.fromarray(clip.images[0]),
            uvd[self._order],
            root[:2],
            window,
            root_mm=float(root[2]),
            camera=clip.camera,
        )
