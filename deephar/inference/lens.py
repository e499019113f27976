"""The lens of a camera, by the numbers of OpenCV's calibration: from pixels to directions."""

import dataclasses
import json
import pathlib
import typing
from collections.abc import Sequence

import numpy as np

from deephar.data.readers.reading import reading
from deephar.distortion import Distortion
from deephar.typed import ArrayLike, Floats, Path, Size

_EXPECTED = "camera_matrix (3, 3), dist_coeffs (4 or 5) and image_size (2) of a calibration by OpenCV"


@dataclasses.dataclass(frozen=True)
class Lens:
    """Where a camera's pixels look.

    Attributes:
        focal_px: along x and y.
        principal_px: where the optical axis meets the picture.
        distortion: k1, k2, p1, p2 and k3 of OpenCV's model.
        size: (width, height) of the pictures that the numbers are for; others of the same shape are scaled to it. None
            for those that are looked at.

    Raises:
        ValueError: for focal lengths that are not above 0, and another number of coefficients.
    """

    focal_px: tuple[float, float]
    principal_px: tuple[float, float]
    distortion: Sequence[float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    size: Size | None = None

    def __post_init__(self) -> None:
        numbers = np.array([*self.focal_px, *self.principal_px, *self.distortion], dtype=np.float64)
        if len(numbers) not in (8, 9) or not np.isfinite(numbers).all() or min(self.focal_px) <= 0:
            raise ValueError(f"A lens needs {_EXPECTED}. Received: {self}")

    @classmethod
    def read(cls, path: Path) -> typing.Self:
        """From a JSON file: `camera_matrix`, and, if wanted, `dist_coeffs` and `image_size` (width, height).

        Raises:
            ValueError: if it is missing, damaged, or does not hold these.
        """
        with reading(path, _EXPECTED):
            stored = json.loads(pathlib.Path(path).read_bytes())
            matrix = np.asarray(stored["camera_matrix"], dtype=np.float64).reshape(3, 3)
            (width, height), known = stored.get("image_size") or (0, 0), stored.get("dist_coeffs") or [0.0] * 5
            distortion = np.ravel(known).astype(np.float64).tolist()
            return cls(
                (matrix[0, 0], matrix[1, 1]), (matrix[0, 2], matrix[1, 2]), distortion,
                (int(width), int(height)) if width else None,
            )  # fmt: skip

    def slopes(self, points_px: ArrayLike, size: Size) -> Floats:
        """x / z and y / z of what is seen at pixels (..., 2), NaN where nothing can be.

        Args:
            points_px: in pictures of `size`.
            size: (width, height).

        Raises:
            ValueError: for pictures of another shape than those that the lens was calibrated with.
        """
        scale = np.divide(self.size or size, size)
        if abs(scale[0] / scale[1] - 1) > 0.01:
            raise ValueError(f"The camera was calibrated with pictures of {self.size}. Received: one of {size}")
        seen = (np.asarray(points_px, dtype=np.float64) * scale - self.principal_px) / self.focal_px
        if not any(self.distortion):
            return seen
        k1, k2, p1, p2, k3 = (*self.distortion, 0.0)[:5]
        return Distortion((k1, k2, k3), (p1, p2), times=2).undistort(seen)
