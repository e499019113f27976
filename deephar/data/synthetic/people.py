"""Readers of synthetic people with depth, drawn on demand: no files, any number, for 3D pose."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deephar import layouts
from deephar.data.readers.base import Sample
from deephar.data.synthetic import body, captured, figure, motion, scene
from deephar.geometry import WINDOW_MM
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Size

FRAMES = 15
"""Frames of the action, one of which is drawn."""


class _Drawn:
    """What readers of synthetic people share: how many, how large, where, which joints, and the seed."""

    def __init__(self, count: int, size: Size, domain: str, layout: PoseLayout | str, seed: int) -> None:
        self.count = count
        self.size: Size = (size[0], size[1])
        self.domain = domain
        self.seed = seed
        self.layout: PoseLayout = layouts.get(layout)
        self._order = body.order(self.layout)

    def __len__(self) -> int:
        return self.count

    def _sample(self, name: str, clip: scene.Clip) -> Sample:
        """The first picture of a clip, in Human3.6M's window."""
        uvd = clip.joints_uvd[0]
        root = uvd[body.INDEX["pelvis"]]
        window = np.full(2, WINDOW_MM * clip.camera.focal.max() / root[2])
        image, depth = Image.fromarray(clip.images[0]), float(root[2])
        return Sample(name, image, uvd[self._order], root[:2], window, root_mm=depth, camera=clip.camera)


class SyntheticPeople(_Drawn):
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
        super().__init__(count, size, domain, layout, seed)
        self.actions: tuple[str, ...] = tuple(actions)

    def sample(self, index: int) -> Sample:
        """The person at a position: `deephar.data.readers.base.Sample`, all joints located."""
        generator = np.random.default_rng([self.seed, index])
        action = self.actions[generator.integers(len(self.actions))]
        picked = [int(generator.integers(FRAMES))]
        clip = scene.draw_clip(generator, action, FRAMES, self.size, domain=self.domain, picked=picked)
        return self._sample(f"synthetic person {index} ({action})", clip)


class CapturedPeople(_Drawn):
    """Synthetic people in captured poses, with depth and their camera, one a picture; see `SyntheticPeople`.

    Args:
        poses: (N, 17, 3), see `deephar.data.synthetic.captured.read_poses`; every picture draws one of them.
        count, size, domain, layout, seed: see `SyntheticPeople`.

    Raises:
        ValueError: if the poses have another shape.
    """

    def __init__(
        self,
        poses: Floats,
        count: int,
        size: Size = (128, 128),
        domain: str = "wild",
        layout: PoseLayout | str = "pa17j",
        seed: int = 0,
    ) -> None:
        if np.ndim(poses) != 3 or np.shape(poses)[1:] != (len(captured.SOURCE), 3) or not len(poses):
            raise ValueError(f"Expected poses (N, {len(captured.SOURCE)}, 3). Received: {np.shape(poses)}")
        super().__init__(count, size, domain, layout, seed)
        self.poses = poses

    def sample(self, index: int) -> Sample:
        """The person at a position: `deephar.data.readers.base.Sample`, all joints located."""
        generator = np.random.default_rng([self.seed, index])
        number = int(generator.integers(len(self.poses)))
        person = figure.draw_person(generator)
        joints = captured.on_body(self.poses[number : number + 1], person.body)
        joints = joints @ body.rotation("z", generator.uniform(0, 360)).T
        clip = scene.around(generator, scene.Performance(person, "", joints, "r"), self.size, domain=self.domain)
        return self._sample(f"synthetic person {index} (captured pose {number})", clip)
