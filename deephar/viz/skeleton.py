"""Skeletons on photographs, with Pillow."""

import typing

import numpy as np
from PIL import Image, ImageDraw

from deephar import geometry, sides
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats

RIGHT, LEFT, MIDDLE = (255, 120, 0), (0, 160, 255), (110, 220, 60)
"""Colours of the person's own right, left, and middle."""


def side_colour(*names: str) -> tuple[int, int, int]:
    """Colour of a joint, or of a bone between two, by their names."""
    found = {sides.split(name)[0] for name in names}
    if found == {"r"}:
        return RIGHT
    return LEFT if found == {"l"} else MIDDLE


def draw_pose(image: Image.Image, pose_px: ArrayLike, layout: PoseLayout, width: int | None = None) -> Image.Image:
    """Draw a skeleton: the person's right in orange, left in blue, the middle in green.

    Args:
        image: `PIL.Image.Image`; it is not changed.
        pose_px: (J, 2 or more) pixels; joints with NaN are skipped.
        layout: `deephar.layouts.PoseLayout`.
        width: of the lines in pixels; by default proportional to the image.

    Returns:
        a new RGB `PIL.Image.Image`.
    """
    picture = image.convert("RGB")
    pen = ImageDraw.Draw(picture)
    width = width or max(2, round(min(picture.size) / 100))
    points = np.asarray(pose_px, dtype=np.float64)[:, :2]
    seen = np.all(np.isfinite(points), axis=1)
    for a, b in layout.link_indices:
        if seen[a] and seen[b]:
            pen.line([*points[a], *points[b]], fill=side_colour(layout.names[a], layout.names[b]), width=width)
    for name, (x, y), ok in zip(layout.names, points, seen, strict=True):
        if ok:
            pen.ellipse([x - width, y - width, x + width, y + width], fill=side_colour(name))
    return picture


class Cropped(typing.Protocol):
    """The part of a `deephar.data.samples.crops.Crop` used here."""

    @property
    def image(self) -> Floats: ...

    @property
    def px_to_crop(self) -> Floats: ...


def draw_crop(crop: Cropped, pose_px: ArrayLike, layout: PoseLayout, side: int = 192) -> Image.Image:
    """Draw a skeleton on a crop, enlarged.

    Args:
        crop: `deephar.data.samples.crops.Crop`.
        pose_px: (J, 2 or more) in pixels of the source photograph.
        layout: of the joints.
        side: height of the image in pixels.

    Returns:
        RGB `PIL.Image.Image`.
    """
    height, width = crop.image.shape[:2]
    picture = Image.fromarray(np.round((crop.image + 1.0) * 127.5).astype(np.uint8))
    picture = picture.resize((round(side * width / height), side), Image.Resampling.BILINEAR)
    pose = geometry.transform_points(geometry.scaling(*picture.size) @ crop.px_to_crop, pose_px)
    return draw_pose(picture, pose, layout)
