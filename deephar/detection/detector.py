"""People found in a picture by the detector's network, in the whole and, of a large one, in its parts."""

import math
import typing
from collections.abc import Callable

import numpy as np
from PIL import Image

from deephar import checks, geometry
from deephar.data.samples import frames
from deephar.detection import maps
from deephar.runtimes.preparing import ready
from deephar.typed import Floats, Network, Size

LEAST = 0.18
"""Score from which somebody may be there: the pose network has the last word, see `deephar.inference.certainty`."""

SHRINK = 0.6
"""Side of a level's windows, in those of the level above."""

STEP = 0.7
"""Between two windows of a level, at most, in sides."""

CUT = 0.03
"""Of a window's side: a box that comes as near to an edge within the picture is of somebody who is cut off there."""


class PeopleNetwork(Network, typing.Protocol):
    """A network with one input, images (B, H, W, 3), that gives maps of people."""

    @property
    def input_shape(self) -> tuple[int | None, int, int, int]: ...


class PeopleDetector:
    """Boxes around the joints of people, from head to foot, in pictures of any size.

    Args:
        model: of `deephar.detection.network.build`; None for the one with the weights that come with deephar, which is
            built when it is first used.
        least: score of a person, at least.
        levels: 1 looks at the whole picture alone; each further level at smaller parts of it, while these have more
            pixels than the network sees, for people who are small.
        load: gives the network when it is first used, in place of the one that comes with deephar.

    Example:
        >>> boxes, scores = PeopleDetector()(Image.open("street.jpg"))
    """

    def __init__(
        self,
        model: PeopleNetwork | None = None,
        least: float = LEAST,
        levels: int = 2,
        load: "Callable[[], PeopleNetwork] | None" = None,
    ) -> None:
        self._model, self._load = model, load
        self.least: float = checks.between("least", least, 0, 1)
        self.levels: int = checks.whole("levels", levels)

    @property
    def model(self) -> PeopleNetwork:
        """The network."""
        if self._model is None:
            self._model = self._load() if self._load else _own()
        return self._model

    def __call__(self, image: Image.Image) -> tuple[Floats, Floats]:
        """Find people.

        Args:
            image: upright RGB.

        Returns:
            boxes (N, 4) x1, y1, x2, y2 in pixels, inside the picture, and scores (N,) in [0, 1], the highest first.
        """
        side = self.model.input_shape[1]
        windows = pyramid(image.size, side, self.levels)
        crops = frames.crops_of(((image, image.size, geometry.window_to_crop(*w)) for w in windows), (side, side))
        found = np.asarray(ready(self.model).predict_on_batch(crops))
        parts = [self._of_window(image.size, *one, side) for one in zip(found, windows, strict=True)]
        boxes, scores = (np.concatenate(values) for values in zip(*parts, strict=True))
        kept = maps.apart(boxes, scores)
        return boxes[kept], scores[kept]

    def _of_window(self, size: Size, found: Floats, window: tuple[Floats, Floats], side: int) -> tuple[Floats, Floats]:
        """Boxes in pixels of the picture, without those cut off by the window, and scores."""
        boxes, scores = maps.decode(found, self.least)
        center, extent = window
        corner, picture = np.tile(center - extent / 2, 2), np.tile(size, 2)
        boxes = corner + boxes * (extent[0] / side)
        edges = np.concatenate([corner[:2], corner[:2] + extent])
        inwards = np.array([1, 1, -1, -1])
        near = inwards * (boxes - edges) < CUT * extent[0]
        within = np.array([*(edges[:2] > 0), *(edges[2:] < picture[2:])])
        boxes = np.clip(boxes, 0, picture)
        whole = ~(near & within).any(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return boxes[whole], scores[whole]


def _own() -> PeopleNetwork:
    from deephar.detection import loading

    return loading.load()


def pyramid(size: Size, least_px: float, levels: int) -> list[tuple[Floats, Floats]]:
    """Square windows that cover a picture at several scales.

    Args:
        size: (width, height) in pixels.
        least_px: side of the windows, at least, but for the first, which shows the whole picture.
        levels: of the pyramid, at most.

    Returns:
        list of centre (2,) and size (2,) in pixels.
    """
    windows = []
    for level in range(levels):
        side = max(size) * SHRINK**level
        if level and side < least_px:
            break
        xs, ys = (_places(length, side) for length in size)
        windows += [(np.array([x, y]), np.full(2, side)) for y in ys for x in xs]
    return windows


def _places(length: float, side: float) -> Floats:
    """Centres of windows along one axis: in the middle if one is enough, else from edge to edge."""
    if side >= length:
        return np.array([length / 2])
    count = 1 + math.ceil((length - side) / (STEP * side))
    return np.linspace(side / 2, length - side / 2, count)
