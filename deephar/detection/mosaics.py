"""Pictures to train the detector: tiles of photographs and of synthetic groups, one or many, whose people are known."""

import dataclasses
import itertools
import typing
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from PIL import Image

from deephar import geometry
from deephar.data.readers import backgrounds
from deephar.data.readers.base import PoseDataset
from deephar.data.samples import frames
from deephar.data.synthetic.groups import Groups
from deephar.detection import maps
from deephar.detection.maps import SIDE, STRIDE
from deephar.typed import Floats, Size

LEAST_JOINTS = 4
"""Joints inside a tile from which a person is asked for."""

LOCATED = 10
"""Joints of a photograph's person that must be located."""

GRIDS = ((1, 1), (2, 1), (3, 1), (2, 2), (3, 3))
"""Columns and rows of tiles in a picture, all as likely."""

UNEVEN = 0.25
"""Share of a tile's side by which its edges are moved."""

CLOSEST = 0.3
"""Side of the smallest window, in longer sides of the person in it."""

TRIES = 20
"""Samples that are tried until one can be read."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """A picture and its people.

    Attributes:
        image: RGB.
        poses: one (J, 2) in pixels for each, NaN where not located.
        all_known: whether there is nobody else.
    """

    image: Image.Image
    poses: Sequence[Floats]
    all_known: bool


class Scenes(typing.Protocol):
    """Pictures by position; a ValueError says that one cannot be used."""

    def __len__(self) -> int: ...

    def scene(self, index: int, /) -> Scene: ...


class OnePerson:
    """The photographs of a reader of stills.

    Args:
        reader: of one labelled person each, or of nobody.
        all_known: whether they show nobody else.
    """

    def __init__(self, reader: PoseDataset, all_known: bool) -> None:
        self.reader, self.all_known = reader, all_known

    def __len__(self) -> int:
        return len(self.reader)

    def scene(self, index: int) -> Scene:
        sample = self.reader.sample(index)
        located = np.isfinite(sample.pose_px[:, :2]).all(axis=1).sum()
        if not located:  # a window that shows nobody
            return Scene(backgrounds.picture(sample, SIDE), [], self.all_known)
        if located < LOCATED:
            raise ValueError(f"{sample.name}: only {located} joints are located")
        image = frames.to_rgb(sample.image, sample.name)
        return Scene(image, [sample.extent_px], self.all_known)


class Drawn:
    """Pictures of synthetic groups, `deephar.data.synthetic.groups.Groups`, each of which is drawn once and kept.

    Of 256 x 256 pixels, 1,000 need 0.2 GB.
    """

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self._drawn: dict[int, Image.Image] = {}

    def __len__(self) -> int:
        return len(self.groups)

    def scene(self, index: int) -> Scene:
        truth = self.groups.truth(index)
        seen = [pose for pose, share in zip(truth.pose_px, truth.share, strict=True) if share >= 0.25]
        if index not in self._drawn:
            self._drawn[index] = Image.fromarray(self.groups.image(index))
        return Scene(self._drawn[index], seen, len(seen) == len(truth))


class Mosaics(keras.utils.PyDataset):
    """Batches of pictures and of the maps that the detector should give.

    Args:
        sources: by name, scenes and how often they are taken, relative to each other.
        batch_size: B.
        steps: batches of an epoch.
        seed: the same seed gives the same pictures; they differ in every epoch.
        side: of the pictures in pixels.
    """

    def __init__(
        self,
        sources: Mapping[str, tuple[Scenes, float]],
        batch_size: int = 16,
        steps: int = 100,
        seed: int = 0,
        side: int = SIDE,
        **options: object,
    ) -> None:
        super().__init__(**options)
        self.scenes = [scenes for scenes, _ in sources.values()]
        shares = np.array([share for _, share in sources.values()], dtype=np.float64)
        self.shares = shares / shares.sum()
        self.batch_size, self.steps, self.seed, self.side = batch_size, steps, seed, side
        self.epoch = 0

    def __len__(self) -> int:
        return self.steps

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[Floats, Floats]:
        pairs = [self.picture(self.epoch, index * self.batch_size + number) for number in range(self.batch_size)]
        images, targets = zip(*pairs, strict=True)
        return np.stack(images), np.stack(targets)

    def picture(self, epoch: int, number: int) -> tuple[Floats, Floats]:
        """A picture (side, side, 3) in [-1, 1], and its map, see `deephar.detection.maps.encode`."""
        generator = np.random.default_rng([self.seed, epoch, number])
        canvas = np.zeros((self.side, self.side, 3), dtype=np.uint8)
        boxes, unknown = [], []
        for left, top, width, height in _tiles(generator, self.side):
            pixels, people, known = self._tile(generator, (width, height))
            canvas[top : top + height, left : left + width] = pixels
            offset = np.array([left, top, left, top])
            boxes += [box + offset for box in people]
            if not known:
                unknown.append(np.array([0, 0, width, height]) + offset)
        power = np.exp(generator.normal(0, 0.25) + generator.normal(0, 0.08, 3))
        image = frames.to_input(canvas, power)
        if generator.uniform() < 0.1:
            image = np.repeat(image.mean(axis=-1, keepdims=True), 3, axis=-1)
        return image, maps.encode(np.array(boxes), np.array(unknown), self.side // STRIDE)

    def _tile(self, generator: np.random.Generator, size: Size) -> tuple[np.ndarray, list[Floats], bool]:
        """Pixels, boxes of the people inside, and whether there is nobody else."""
        fault = ""
        for _ in range(TRIES):
            scenes = self.scenes[int(generator.choice(len(self.scenes), p=self.shares))]
            try:
                scene = scenes.scene(int(generator.integers(len(scenes))))
            except ValueError as error:
                fault = str(error)
                continue
            px_to_tile = _window(generator, scene, size)
            pixels = frames.warp(scene.image, geometry.scaling(1 / size[0], 1 / size[1]) @ px_to_tile, size)
            found = [_inside(geometry.transform_points(px_to_tile, pose), size) for pose in scene.poses]
            known = scene.all_known and all(len(joints) >= LEAST_JOINTS or not len(joints) for joints in found)
            return pixels, [geometry.points_box(joints) for joints in found if len(joints) >= LEAST_JOINTS], known
        raise ValueError(f"None of {TRIES} pictures in a row can be used; the last: {fault}")


def _tiles(generator: np.random.Generator, side: int) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of the tiles of a picture."""
    counts = GRIDS[int(generator.integers(len(GRIDS)))]
    columns, rows = (_edges(generator, side, count) for count in counts)
    return [
        (left, top, right - left, bottom - top)
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
    ]


def _edges(generator: np.random.Generator, side: int, count: int) -> list[int]:
    moved = generator.uniform(-UNEVEN, UNEVEN, count + 1) * ([0, *[1] * (count - 1), 0] if count > 1 else 0)
    return np.round((np.arange(count + 1) + moved) * side / count).astype(int).tolist()


def _window(generator: np.random.Generator, scene: Scene, size: Size) -> Floats:
    """Map (3, 3) from pixels of a scene to those of a tile: a part of the picture about somebody, maybe mirrored."""
    picture, tile = np.array(scene.image.size, dtype=np.float64), np.array(size, dtype=np.float64)
    whole = np.max(picture / tile)  # pixels of the picture in one of the tile that show all of it
    if scene.poses:
        pose = scene.poses[int(generator.integers(len(scene.poses)))]
        joints = pose[np.isfinite(pose).all(axis=1)]
        closest = min(whole, CLOSEST * np.ptp(joints, axis=0).max() / tile.max())
        about = joints[generator.integers(len(joints))]
    else:
        closest, about = whole / 2, generator.uniform(0, picture)
    shrink = np.exp(generator.uniform(np.log(max(closest, 1e-3)), np.log(whole)))
    window = tile * shrink
    corner = about - generator.uniform(0.1, 0.9, 2) * window
    slack = picture - window
    corner = np.where(slack > 0, np.clip(corner, 0, np.maximum(slack, 0)), slack * generator.uniform(0, 1, 2))
    px_to_tile = geometry.scaling(1 / shrink, 1 / shrink) @ geometry.translation(*-corner)
    if generator.uniform() < 0.5:
        px_to_tile = np.array([[-1, 0, tile[0]], [0, 1, 0], [0, 0, 1]]) @ px_to_tile
    return px_to_tile


def _inside(pose: Floats, size: Size) -> Floats:
    """Joints (M, 2) of a pose that lie inside a tile."""
    return pose[np.all((pose >= 0) & (pose < size), axis=1)]
