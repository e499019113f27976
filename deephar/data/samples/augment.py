"""One affine map and one colour power per sample, sampled from an explicit generator."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from deephar import geometry
from deephar.config import AugmentConfig
from deephar.data.readers.base import Sample
from deephar.data.samples import frames, parts
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Pixels, Size


@dataclasses.dataclass(frozen=True)
class Draw:
    """One draw from an `AugmentConfig`; the default is the identity.

    `part` is that of the person that is shown, see `deephar.data.samples.parts.line`, and `ends` whether the photograph
    ends there; `patches` are rectangles of the crop, (x1, y1, x2, y2) in [0, 1], and their RGB in [0, 255].
    """

    angle: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    shift_unit: str = "px"
    flip: bool = False
    power: tuple[float, ...] = (1.0, 1.0, 1.0)
    part: tuple[float, float] | None = None
    ends: bool = False
    patches: tuple[tuple[tuple[float, ...], tuple[int, ...]], ...] = ()


def draw(config: AugmentConfig, generator: np.random.Generator) -> Draw:
    """Sample one variation.

    Args:
        config: `deephar.config.AugmentConfig`.
        generator: `numpy.random.Generator`.

    Returns:
        `Draw`.
    """
    part, ends = _part(generator) if _happens(config.half_body, generator) else (None, False)
    return Draw(
        angle=config.angle.draw(generator),
        scale=config.scale.draw(generator),
        shift=(config.shift_x.draw(generator), config.shift_y.draw(generator)),
        shift_unit=config.shift_unit,
        flip=config.flip and bool(generator.integers(2)),
        power=tuple(config.power.draw(generator) for _ in range(3)),
        part=part,
        ends=ends,
        patches=_patches(generator) if _happens(config.occlusion, generator) else (),
    )


def _happens(probability: float, generator: np.random.Generator) -> bool:
    """Whether an event of some probability happens; probability 0 uses no random number."""
    return bool(probability) and generator.uniform() < probability


def _part(generator: np.random.Generator) -> tuple[tuple[float, float], bool]:
    """A part, and whether the photograph ends there: half the time what is above, as in most photographs."""
    direction = generator.normal(90, 10) if generator.integers(2) else generator.uniform(0, 360)
    return (direction, generator.uniform(0.25, 0.7)), bool(generator.integers(2))


def _patches(generator: np.random.Generator) -> tuple[tuple[tuple[float, ...], tuple[int, ...]], ...]:
    """One to three coloured rectangles, with sides of a tenth to two fifths of the crop's."""
    sizes = generator.uniform(0.1, 0.4, (generator.integers(1, 4), 2))
    corners = generator.uniform(0, 1 - sizes)
    boxes = np.concatenate([corners, corners + sizes], axis=1)
    return tuple((tuple(box), tuple(generator.integers(0, 256, 3))) for box in boxes.tolist())


def edge(points_px: Floats, variation: Draw) -> Floats | None:
    """Where a `Draw` lets the photograph end.

    Args:
        points_px: (..., 2) of a still, or of all frames of a clip, see `Sample.extent_px`.
        variation: `Draw`.

    Returns:
        `deephar.data.samples.parts.line`, or None, if it does not end.
    """
    return parts.line(points_px, variation.part) if variation.ends and variation.part else None


def cover(pixels: Pixels, patches: Sequence[tuple[tuple[float, ...], tuple[int, ...]]]) -> Pixels:
    """Cover parts of a crop, uint8 (H, W, 3), with the patches of a `Draw`; returns it, or a changed copy."""
    if not patches:
        return pixels
    pixels, size = pixels.copy(), np.array(pixels.shape[1::-1] * 2)
    for box, colour in patches:
        x1, y1, x2, y2 = np.round(box * size).astype(int)
        pixels[y1:y2, x1:x2] = colour
    return pixels


def depth_scale(sample: Sample, variation: Draw) -> float:
    """Scale factor of an augmented crop's depth range: the width of its window over 2.25 m."""
    window_mm = sample.window_mm * float(parts.window(sample, variation.part)[1][0] / sample.window_px[0])
    return variation.scale * window_mm / geometry.WINDOW_MM


def px_to_crop(
    sample: Sample, variation: Draw | None = None, truncate_corners: bool = False, size_px: Size | None = None
) -> Floats:
    """Map from source pixels to the crop of a person.

    Args:
        sample: `deephar.data.readers.base.Sample`.
        variation: `Draw`, or None for the unaugmented crop.
        truncate_corners: crop at whole pixels as the original does (`geometry.truncated_window_to_crop`).
        size_px: (width, height) of the image, if the sample does not hold it.

    Returns:
        (3, 3) float64.
    """
    variation = variation or Draw()
    center, plain = parts.window(sample, variation.part)
    window = plain * variation.scale
    unit = {"px": variation.scale, "window": window, "mpii": plain / 200}[variation.shift_unit]
    center = center + unit * np.asarray(variation.shift)
    if not truncate_corners:
        return geometry.window_to_crop(center, window, variation.angle, variation.flip)
    size = size_px or frames.upright_size(sample.image)
    return geometry.truncated_window_to_crop(center, window, size, variation.angle, variation.flip)[0]


def pose_to_crop(
    pose_px: Floats, matrix: Floats, flip: bool, layout: PoseLayout, root_mm: float | None = None, scale: float = 1.0
) -> Floats:
    """Joints to crop coordinates, sides swapped if the crop is mirrored; mirroring does not affect depth.

    Args:
        pose_px: (J, 2 or 3) source pixels and depth in mm, NaN where not located.
        matrix: `px_to_crop`.
        flip: whether the crop is mirrored.
        layout: `deephar.layouts.PoseLayout`.
        root_mm: depth of the root joint, the middle of the crop's depth range; None leaves the third column in mm.
        scale: of the crop's window, and so of its depth range.

    Returns:
        float64 (J, 2 or 3) in crop coordinates, NaN where not located.
    """
    pose = geometry.transform_points(matrix, pose_px)
    if root_mm is not None and pose.shape[-1] > 2:
        pose[..., 2] = geometry.depth_to_crop(pose[..., 2], root_mm, scale)
    return pose[layout.flip] if flip else pose
