"""Batches of augmented crops from several readers, in numpy: for a given seed, the same in any thread or process."""

import dataclasses
import functools
import typing
from collections.abc import Sequence

import numpy as np

from deephar import config
from deephar.config import AugmentConfig
from deephar.data.batches.queues import Queues
from deephar.data.readers.base import PoseDataset
from deephar.data.samples import augment, frames
from deephar.data.samples.crops import Crop, make_crop, rearranged_weight
from deephar.data.samples.targets import joint_weights, layout_target, pose_target
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Pixels, Size

Augmentation: typing.TypeAlias = "AugmentConfig | str | Sequence[AugmentConfig | str]"
"""What `augmentations` accepts."""


@dataclasses.dataclass(frozen=True)
class Batch:
    """Crops of every reader, interleaved (`deephar.data.batches.queues.interleave`).

    Attributes:
        pixels: uint8 (B, H, W, 3).
        powers: (B, 3) exponents of their channels, see `deephar.data.samples.frames.to_input`.
        target: float32 (B, J, dim + 1), see `deephar.data.samples.targets.pose_target`.
        weights: float32 (B, 1), 0 if no joint has a label; or (B, J) if a reader weights its joints, or batches are
            made in parts.
        broken: messages of the samples that could not be read and were replaced.
    """

    pixels: Pixels
    powers: Floats
    target: Floats
    weights: Floats
    broken: tuple[str, ...]

    @functools.cached_property
    def images(self) -> Floats:
        """float32 (B, H, W, 3) in [-1, 1]; a quarter of it is what processes send."""
        return frames.to_inputs(self.pixels, self.powers)


def augmentations(given: Augmentation, sources: int) -> list[AugmentConfig]:
    """The augmentation of every source of a mixture.

    Args:
        given: `deephar.config.AugmentConfig` or a key of `deephar.config.AUGMENT`, for all sources; or a list of
            these, one per source.
        sources: number of sources.

    Returns:
        list of `AugmentConfig`.

    Raises:
        ValueError: for an unknown name or a list of the wrong length.
    """
    several = [given] * sources if isinstance(given, (str, AugmentConfig)) else list(given)
    if len(several) != sources:
        raise ValueError(f"Expected one augmentation for all, or one for each of {sources} sources. Received: {given}")
    unknown = [name for name in several if isinstance(name, str) and name not in config.AUGMENT]
    if unknown:
        raise ValueError(f"Unknown augmentation {unknown[0]!r}; they are {', '.join(config.AUGMENT)}")
    return [config.AUGMENT[one] if isinstance(one, str) else one for one in several]


class Mixture(Queues[PoseDataset]):
    """Batches of stills from several readers.

    Args:
        sources, seed, on_broken, shard, steps, part, turns: see `deephar.data.batches.queues.Queues`.
        size: (height, width) of the crops in pixels.
        layout: of the targets; the first reader's by default. Joints are matched by name.
        dim: coordinates of the targets.
        augmentation: see `augmentations`.
        truncate_corners: see `deephar.data.samples.augment.px_to_crop`.
    """

    def __init__(
        self,
        sources: Sequence[tuple[PoseDataset, int]],
        size: Size,
        layout: PoseLayout | None = None,
        dim: int = 2,
        augmentation: Augmentation = "none",
        seed: int = 0,
        on_broken: str = "raise",
        truncate_corners: bool = False,
        shard: tuple[int, int] = (0, 1),
        steps: int | None = None,
        part: tuple[int, int] = (0, 1),
        turns: int = 1,
    ) -> None:
        super().__init__(sources, seed, on_broken, shard, steps, part, turns)
        self.size: Size = (size[0], size[1])
        self.dim = dim
        self.truncate_corners = truncate_corners
        self.layout: PoseLayout = layout or sources[0][0].layout
        self.augmentations: list[AugmentConfig] = augmentations(augmentation, len(sources))

    def batch(self, epoch: int, index: int) -> Batch:
        """The batch at a position of an epoch: `Batch`."""
        broken = []
        rows = [self._row(number, epoch, position, broken) for number, position in self.rows(index)]
        pixels, powers, targets, weights = zip(*rows, strict=True)
        target = np.stack(targets)
        weighted = joint_weights(target, weights, self.in_parts)
        return Batch(np.stack(pixels), np.array(powers), target, weighted, tuple(broken))

    def _row(
        self, number: int, epoch: int, position: int, broken: list[str]
    ) -> tuple[Pixels, tuple[float, ...], Floats, Floats | None]:
        """Pixels, their powers, target and joint weights of a sample, see `labels`."""
        reader, _ = self.sources[number]

        def make(place: int, generator: np.random.Generator) -> Crop:
            variation = augment.draw(self.augmentations[number], generator)
            return make_crop(reader, place, self.size, variation, self.truncate_corners)

        crop = self.take(number, epoch, position, make, broken)
        return crop.pixels, crop.power, *labels(crop, reader.layout, self.layout, self.dim)


def labels(crop: Crop, source: PoseLayout, layout: PoseLayout, dim: int) -> tuple[Floats, Floats | None]:
    """Target (J, dim + 1) and joint weights (J,) of a crop in a layout.

    The weights are None if its reader has none, and 1 where a crop is known to show nobody.
    """
    if crop.shows_nobody:  # no joint of any layout
        return pose_target(np.full((len(layout), 2), np.nan), dim), np.ones(len(layout))
    return layout_target(crop.pose_crop, source, layout, dim), rearranged_weight(crop.joint_weight, source, layout)
