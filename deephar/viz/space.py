"""3D skeletons, with Pillow: seen from the camera and from the side, over a ground grid."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats
from deephar.viz.sheets import contact_sheet, side_by_side
from deephar.viz.skeleton import side_colour

BACKGROUND, GRID, TRUTH, INK = (24, 26, 30), (64, 68, 76), (130, 130, 130), (200, 200, 200)
"""Colours of the background, the ground grid, a ground-truth pose beside a predicted one, and text."""

SQUARE_MM, SHOWN_MM = 500.0, 2250.0
"""Side of a square of the grid; and the minimum extent of a view, the side of the published crop."""

EDGE = 1.1
"""Margin around a larger pose, as a factor."""


@dataclasses.dataclass(frozen=True)
class View:
    """A viewpoint for drawing a pose, without perspective.

    Attributes:
        caption: text below the view.
        yaw: degrees that the viewer moves around the person from the camera, towards the image's right.
        tilt: degrees that the viewer looks down.
    """

    caption: str
    yaw: float
    tilt: float


VIEWS = (View("from the camera", 0.0, 8.0), View("from the side, above", 65.0, 25.0))
"""Two views: one as in the photograph, one that shows depth."""


def upright_axes(up: Sequence[float] | Floats = (0.0, -1.0, 0.0)) -> Floats:
    """Axes right, down and away; down is opposite to `up`, and away is as close as possible to the camera's z.

    Args:
        up: (3,) in camera axes (x right, y down, z away); for a level camera, the opposite of y.

    Returns:
        (3, 3) rows, orthonormal.

    Raises:
        ValueError: if the camera looks straight up or down.
    """
    down = -np.asarray(up, dtype=np.float64) / np.linalg.norm(up)
    away: Floats = np.array([0.0, 0.0, 1.0]) - down[2] * down
    if not np.linalg.norm(away) > 1e-6:
        raise ValueError(f"A camera that looks along `up` has no horizontal direction. Received: up={tuple(up)}")
    away /= np.linalg.norm(away)
    return np.stack([np.cross(down, away), down, away])


def seen_from(points: ArrayLike, view: View) -> Floats:
    """Points in the axes right, down and away of a viewer.

    Args:
        points: (..., 3) in axes of `upright_axes`.
        view: `View`.

    Returns:
        (..., 3): right, down, and away from the viewer, in the points' unit.
    """
    yaw, tilt = math.radians(view.yaw), math.radians(view.tilt)
    right = np.array([math.cos(yaw), 0.0, math.sin(yaw)])
    ahead = np.array([-math.sin(yaw), 0.0, math.cos(yaw)])
    down = np.array([0.0, 1.0, 0.0])
    axes = [right, math.cos(tilt) * down - math.sin(tilt) * ahead, math.cos(tilt) * ahead + math.sin(tilt) * down]
    return np.asarray(points, dtype=np.float64) @ np.transpose(axes)


def draw_views(
    pose_mm: ArrayLike,
    layout: PoseLayout,
    truth_mm: ArrayLike | None = None,
    up: Sequence[float] | Floats = (0.0, -1.0, 0.0),
    side: int = 256,
    views: Sequence[View] = VIEWS,
) -> Image.Image:
    """Draw a 3D pose from several views: right in orange, left in blue, the middle in green, the ground truth in grey.

    The ground is at the lowest joint, in squares of half a metre.

    Args:
        pose_mm: (J, 3) mm in camera axes (x right, y down, z away), about any origin; joints with NaN are skipped.
        layout: `deephar.layouts.PoseLayout`.
        truth_mm: (J, 3), with the same origin; or None.
        up: (3,) in camera axes.
        side: of each view in pixels.
        views: list of `View`.

    Returns:
        RGB `PIL.Image.Image`, the views side by side.
    """
    axes = upright_axes(up)
    poses = [np.asarray(p, dtype=np.float64) @ axes.T for p in (truth_mm, pose_mm) if p is not None]
    colours = [TRUTH, None][-len(poses) :]
    every = np.concatenate(poses)
    every = every[np.all(np.isfinite(every), axis=1)]
    low, high = (every.min(axis=0), every.max(axis=0)) if len(every) else (np.zeros(3), np.zeros(3))
    middle = (low + high) / 2
    shown = max(SHOWN_MM, EDGE * np.linalg.norm(high - low))
    ground = np.array([middle[0], high[1], middle[2]])
    pictures = []
    for view in views:
        picture = Image.new("RGB", (side, side), BACKGROUND)
        pen = ImageDraw.Draw(picture)

        def to_pixels(points: Floats, view: View = view) -> Floats:
            return seen_from(points - middle, view) * (side / shown) + [side / 2, side / 2, 0.0]

        for ends in to_pixels(_grid() + ground):
            pen.line(ends[:, :2].ravel().tolist(), fill=GRID, width=1)
        for pose, colour in zip(poses, colours, strict=True):
            _draw_bones(pen, to_pixels(pose), layout, colour, max(1, side // (160 if colour else 80)))
        height = max(10, side // 24)
        font = ImageFont.load_default(height)
        pen.text((side // 64 + 2, side - 1.4 * height), view.caption, fill=INK, font=font)
        pictures.append(picture)
    return side_by_side(pictures)


def _grid(half: int = 2) -> Floats:
    """Lines (n, 2, 3) of a ground grid of squares around the origin."""
    ticks = np.arange(-half, half + 1) * SQUARE_MM
    end = half * SQUARE_MM
    return np.array([[[x, 0, -end], [x, 0, end]] for x in ticks] + [[[-end, 0, z], [end, 0, z]] for z in ticks])


def _draw_bones(
    pen: ImageDraw.ImageDraw, points: Floats, layout: PoseLayout, colour: tuple[int, int, int] | None, width: int
) -> None:
    """Draw bones from far to near, each with its joints; in one colour, or in the colours of the sides."""
    bones = [(a, b) for a, b in layout.link_indices if np.all(np.isfinite(points[[a, b]]))]
    for a, b in sorted(bones, key=lambda bone: -points[list(bone), 2].mean()):
        tint = colour or side_colour(layout.names[a], layout.names[b])
        pen.line(points[[a, b], :2].ravel().tolist(), fill=tint, width=width)
        for joint in (a, b):
            x, y = points[joint, :2]
            tint = colour or side_colour(layout.names[joint])
            pen.ellipse([x - width, y - width, x + width, y + width], fill=tint)


def beside_photo(
    image: Image.Image, poses_mm: Sequence[ArrayLike], layout: PoseLayout, least: int = 192
) -> Image.Image:
    """A photograph with the views of its people to the right, one person below another.

    Args:
        image: RGB `PIL.Image.Image`.
        poses_mm: list of (J, 3), see `draw_views`.
        layout: of the joints.
        least: minimum side of a view in pixels; otherwise half the photograph's height, or less for several people.

    Returns:
        RGB `PIL.Image.Image`.
    """
    if not len(poses_mm):
        return image
    side = max(least, image.height // max(2, len(poses_mm)))
    views = [draw_views(pose, layout, side=side) for pose in poses_mm]
    return side_by_side([image, contact_sheet(views, 1, views[0].size)])
