"""A reader of scenes without people: textures and clutter, drawn on demand."""

import numpy as np
from PIL import Image

from deephar import layouts
from deephar.data.readers.backgrounds import nobody
from deephar.data.readers.base import Sample
from deephar.data.synthetic import backdrop
from deephar.layouts import PoseLayout
from deephar.typed import Size


class EmptyScenes:
    """Backgrounds of synthetic people, without any people; see `deephar.data.readers.base.PoseDataset`.

    Args:
        count: number of scenes.
        size: (width, height) of the images in pixels.
        layout: of the absent joints, a `PoseLayout` or a name.
        seed: the same seed and position give the same scene.
    """

    def __init__(self, count: int, size: Size = (128, 128), layout: PoseLayout | str = "lsp14", seed: int = 0) -> None:
        self.count = count
        self.size: Size = (size[0], size[1])
        self.layout: PoseLayout = layouts.get(layout)
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def sample(self, index: int) -> Sample:
        """The scene at a position: a `Sample` whose joints are all known to be absent."""
        generator = np.random.default_rng([self.seed, index])
        image = Image.fromarray(backdrop.anywhere(generator, self.size))
        size = np.array(self.size, dtype=np.float64)
        return nobody(f"empty scene {index}", image, size / 2, size, self.layout)
