"""Affine maps, boxes and crop windows, in numpy.

Pixel coordinates are continuous: pixel (column i, row j) covers [i, i + 1] x [j, j + 1]. A map is a 3 x 3 matrix that
multiplies column vectors (x, y, 1); its name says from where to where, e.g. `px_to_crop`. Crop coordinates are in
[0, 1], whatever number of pixels the crop is sampled at. A box is (x1, y1, x2, y2); a window is a centre and a size.
"""

import numpy as np

from deephar.typed import ArrayLike, Floats, Size

MARGIN = 1.25
"""A person's window is the extent of the joints made square and enlarged by this factor."""

WINDOW_MM = 2250.0
"""Width of Human3.6M's crop at the depth of the root joint (published preprocessing)."""

DEPTH_HALF_RANGE_MM = 1000.0
"""Depth range of a crop in front of and behind the root joint, at scale 1 (published preprocessing)."""


def translation(x: float, y: float) -> Floats:
    """Map that moves by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def scaling(x: float, y: float) -> Floats:
    """Map that scales by x and y about the origin."""
    return np.diag([float(x), float(y), 1.0])


def rotation(angle: float) -> Floats:
    """Map that rotates by `angle` degrees about the origin, counter-clockwise as seen on a screen (y down)."""
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])


def mirror() -> Floats:
    """Map that mirrors crop coordinates: x to 1 - x. Joints must be permuted by `PoseLayout.flip` as well."""
    return np.array([[-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def transform_points(matrix: ArrayLike, points: ArrayLike) -> Floats:
    """Apply a map to points.

    Args:
        matrix: (..., 3, 3).
        points: (..., N, D >= 2); columns after (x, y) pass through unchanged. NaN stays NaN.

    Returns:
        (..., N, D) float64.
    """
    points = np.array(points, dtype=np.float64)
    matrix = np.asarray(matrix, dtype=np.float64)
    points[..., :2] = points[..., :2] @ np.swapaxes(matrix[..., :2, :2], -1, -2) + matrix[..., None, :2, 2]
    return points


def window_to_crop(center: ArrayLike, window: ArrayLike, angle: float = 0.0, flip: bool = False) -> Floats:
    """Map from source pixels to the crop coordinates of a window, exactly.

    The image is rotated counter-clockwise by `angle` about the centre of the window, cropped, then mirrored.

    Args:
        center: (x, y) in source pixels.
        window: (width, height) in source pixels, both > 0.
        angle: degrees.
        flip: mirror the crop.

    Returns:
        `px_to_crop`, (3, 3) float64.

    Raises:
        ValueError: for an empty or non-finite window.
    """
    center, window = _checked_window(center, window)
    matrix = (
        scaling(1 / window[0], 1 / window[1]) @ translation(*(window / 2)) @ rotation(angle) @ translation(*-center)
    )
    return mirror() @ matrix if flip else matrix


def truncated_window_to_crop(
    center: ArrayLike, window: ArrayLike, image_size: Size, angle: float = 0.0, flip: bool = False
) -> tuple[Floats, Size]:
    """`window_to_crop` as the original computes it: the whole image is rotated, then cropped at whole pixels.

    The corners of the crop are truncated towards zero, so the crop is up to a pixel off and its size may change by
    one. For published weights and annotations; `window_to_crop` is exact.

    Args:
        center, window, angle, flip: see `window_to_crop`.
        image_size: (width, height) of the source.

    Returns:
        `px_to_crop` (3, 3) float64, and the (width, height) of the crop in whole pixels.
    """
    center, window = _checked_window(center, window)
    px_to_turned = np.eye(3)
    if angle:
        width, height = image_size
        corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)]
        turn = rotation(angle)
        px_to_turned = translation(*-transform_points(turn, corners).min(axis=0)) @ turn
    middle = transform_points(px_to_turned, center[None])[0]
    first = np.trunc(middle - window / 2)
    size = np.trunc(middle + window / 2) - first
    if np.any(size < 1):
        raise ValueError(
            f"The window contains no whole pixel. Received: center={tuple(middle)}, window={tuple(window)}"
        )
    matrix = scaling(1 / size[0], 1 / size[1]) @ translation(*-first) @ px_to_turned
    return (mirror() @ matrix if flip else matrix), (int(size[0]), int(size[1]))


def depth_to_crop(depth_mm: ArrayLike, root_mm: float | Floats, scale: float | Floats = 1.0) -> Floats:
    """Depth to [0, 1] of the crop's depth range: 0.5 at the root, 0 and 1 `DEPTH_HALF_RANGE_MM` times `scale` off.

    Args:
        depth_mm: (...) depth along the camera's axis.
        root_mm: depth of the root joint.
        scale: of the crop's window.

    Returns:
        (...) float64, NaN where either is.
    """
    return (np.asarray(depth_mm, dtype=np.float64) - root_mm) / (2 * DEPTH_HALF_RANGE_MM * scale) + 0.5


def crop_to_depth(z: ArrayLike, root_mm: float | Floats, scale: float | Floats = 1.0) -> Floats:
    """The inverse of `depth_to_crop`: [0, 1] to mm."""
    return (np.asarray(z, dtype=np.float64) - 0.5) * (2 * DEPTH_HALF_RANGE_MM * scale) + root_mm


def _checked_window(center: ArrayLike, window: ArrayLike) -> tuple[Floats, Floats]:
    center, window = np.asarray(center, dtype=np.float64), np.asarray(window, dtype=np.float64)
    if not (np.all(np.isfinite(center)) and np.all(np.isfinite(window)) and np.all(window > 0)):
        raise ValueError(
            "A crop needs a finite centre and a window larger than zero. "
            f"Received: center={tuple(center.tolist())}, window={tuple(window.tolist())}"
        )
    return center, window


def points_box(points: ArrayLike) -> Floats:
    """Smallest box around the finite points.

    Args:
        points: (N, 2 or more); rows with NaN are ignored.

    Returns:
        float64 (4,): x1, y1, x2, y2.

    Raises:
        ValueError: if no point is finite.
    """
    points = np.asarray(points, dtype=np.float64)[..., :2].reshape(-1, 2)
    points = points[np.all(np.isfinite(points), axis=1)]
    if not len(points):
        raise ValueError("A box needs at least one located joint. Received: none")
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def enlarge_box(box: ArrayLike, factor: float = 1.0, square: bool = False) -> Floats:
    """Scale a box about its centre.

    Args:
        box: (4,) x1, y1, x2, y2.
        factor: of width and height.
        square: then widen the shorter side to the longer.

    Returns:
        float64 (4,).
    """
    center, window = box_to_window(box)
    window = factor * window
    return window_to_box(center, np.full(2, window.max()) if square else window)


def person_window(box: ArrayLike, margin: float = MARGIN, name: str | None = None) -> tuple[Floats, Floats]:
    """Square window around a person's box.

    Args:
        box: (4,) x1, y1, x2, y2, the extent of the joints.
        margin: factor on the longer side.
        name: of the person, for the message.

    Returns:
        centre (2,) and size (2,).

    Raises:
        ValueError: if the box is empty or not finite.
    """
    center, window = box_to_window(enlarge_box(box, margin, square=True))
    try:
        return _checked_window(center, window)
    except ValueError as error:
        raise ValueError(f"{name}: {error}" if name else str(error)) from None


def union_box(boxes: ArrayLike) -> Floats:
    """Smallest box around boxes (N, 4)."""
    boxes = np.asarray(boxes, dtype=np.float64)
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def box_to_window(box: ArrayLike) -> tuple[Floats, Floats]:
    """(x1, y1, x2, y2) to centre (2,) and size (2,)."""
    box = np.asarray(box, dtype=np.float64)
    return (box[:2] + box[2:]) / 2, box[2:] - box[:2]


def window_to_box(center: ArrayLike, window: ArrayLike) -> Floats:
    """Centre and size to (x1, y1, x2, y2)."""
    center, half = np.asarray(center, dtype=np.float64), np.asarray(window, dtype=np.float64) / 2
    return np.concatenate([center - half, center + half])
