"""Cameras: world millimetres, camera millimetres, and pixels with depth, with the distortion of Human3.6M; in numpy.

Camera axes: x to the right of the image, y down, z forward; the depth of a point is its z. Pixels are continuous.

Tangential distortion has two coefficients. Human3.6M's metadata and mmpose store (p1, p2), here called `tangential`, of
the model with n = 1 of `deephar.distortion.Distortion`; OpenCV's is off by up to 0.22 pixels. The original's code takes
them in the opposite order, (p2, p1), as does `Camera.from_original`.
"""

import dataclasses
import typing
from collections.abc import Mapping

import numpy as np

from deephar.distortion import Distortion
from deephar.typed import ArrayLike, Floats, Size


@dataclasses.dataclass(frozen=True, init=False)
class Camera:
    """A camera in the world.

    Attributes:
        rotation: (3, 3), world axes to camera axes.
        center: (3,) position in the world, mm.
        focal, principal: (2,) pixels.
        radial: (3,) k1, k2, k3.
        tangential: (2,) p1, p2 as above.
        size: (width, height) of the image in pixels.
    """

    rotation: Floats
    center: Floats
    focal: Floats
    principal: Floats
    radial: Floats
    tangential: Floats
    size: Size

    def __init__(
        self,
        rotation: ArrayLike,
        center: ArrayLike,
        focal: ArrayLike,
        principal: ArrayLike,
        radial: ArrayLike = (0.0, 0.0, 0.0),
        tangential: ArrayLike = (0.0, 0.0),
        size: Size = (1000, 1000),
    ) -> None:
        given = {
            "rotation": (rotation, (3, 3)),
            "center": (center, (3,)),
            "focal": (focal, (2,)),
            "principal": (principal, (2,)),
            "radial": (radial, (3,)),
            "tangential": (tangential, (2,)),
        }
        for name, (numbers, shape) in given.items():
            value = np.asarray(numbers, dtype=np.float64)
            if value.size != np.prod(shape) or not np.all(np.isfinite(value)):
                raise ValueError(f"`{name}` of a camera must be {shape}, finite. Received: {value.tolist()}")
            object.__setattr__(self, name, value.reshape(shape))
        object.__setattr__(self, "size", size)
        if not np.allclose(self.rotation @ self.rotation.T, np.eye(3), atol=1e-6):
            raise ValueError(f"`rotation` must be orthonormal. Received: {self.rotation.tolist()}")

    @classmethod
    def from_mmpose(cls, entry: Mapping[str, ArrayLike]) -> typing.Self:
        """From an entry of mmpose's Human3.6M cameras: R camera to world, T in metres, k, and p as (p1, p2)."""
        rotation = np.asarray(entry["R"], dtype=np.float64).T
        center = 1000 * np.asarray(entry["T"], dtype=np.float64).ravel()
        size = typing.cast(Size, (entry["w"], entry["h"]))
        return cls(rotation, center, entry["f"], entry["c"], entry["k"], entry["p"], size)

    @classmethod
    def from_opencv(
        cls,
        rotation: ArrayLike,
        translation: ArrayLike,
        matrix: ArrayLike,
        distortion: ArrayLike,
        size: Size = (1000, 1000),
    ) -> typing.Self:
        """From OpenCV's parameters: R world to camera, t = -R center in mm, K (3, 3), and k1, k2, p1, p2, k3.

        Only the order is OpenCV's; the values are interpreted in the model above, as for Human3.6M.
        """
        rotation, matrix = np.asarray(rotation, dtype=np.float64), np.asarray(matrix, dtype=np.float64)
        center = -rotation.T @ np.asarray(translation, dtype=np.float64).ravel()
        k1, k2, p1, p2, k3 = np.ravel(distortion)
        return cls(rotation, center, np.diag(matrix)[:2], matrix[:2, 2], (k1, k2, k3), (p1, p2), size)

    @classmethod
    def from_original(
        cls,
        rotation: ArrayLike,
        center: ArrayLike,
        focal: ArrayLike,
        principal: ArrayLike,
        p: ArrayLike = (0.0, 0.0),
        k: ArrayLike = (0.0, 0.0, 0.0),
        size: Size = (1000, 1000),
    ) -> typing.Self:
        """From the parameters of the original's code: R world to camera, the centre in mm, and p as (p2, p1)."""
        return cls(rotation, center, focal, principal, k, np.ravel(p)[::-1], size)

    @classmethod
    def looking_at(
        cls, center: ArrayLike, target: ArrayLike, focal: float, size: Size, up: ArrayLike = (0.0, 0.0, 1.0)
    ) -> typing.Self:
        """A camera without distortion at `center` (mm) with `target` in the middle of its image.

        Args:
            center, target: (3,) world mm.
            focal: pixels.
            size: (width, height) in pixels.
            up: (3,) direction that is up in the image; z by default, as in Human3.6M.

        Raises:
            ValueError: if the camera looks along `up`, or at itself.
        """
        forward = np.asarray(target, dtype=np.float64) - np.asarray(center, dtype=np.float64)
        right = np.cross(forward, np.asarray(up))
        if not np.linalg.norm(right) > 1e-9 * np.linalg.norm(forward):
            raise ValueError(f"A camera cannot look along `up`. Received: center={center}, target={target}, up={up}")
        axes = np.stack([right, np.cross(forward, right), forward])
        rotation = axes / np.linalg.norm(axes, axis=1, keepdims=True)
        return cls(rotation, center, (focal, focal), (size[0] / 2, size[1] / 2), size=(size[0], size[1]))

    def to_camera(self, points_world: ArrayLike) -> Floats:
        """World mm to camera mm, (..., 3) float64."""
        return (np.asarray(points_world, dtype=np.float64) - self.center) @ self.rotation.T

    def to_world(self, points_cam: ArrayLike) -> Floats:
        """Camera mm to world mm, (..., 3) float64."""
        return np.asarray(points_cam, dtype=np.float64) @ self.rotation + self.center

    def project(self, points_cam: ArrayLike) -> Floats:
        """Camera mm to (u, v, depth): pixels and mm, (..., 3) float64; NaN for points not in front of the camera."""
        points_cam = np.asarray(points_cam, dtype=np.float64)
        depth = np.where(points_cam[..., 2:] > 0, points_cam[..., 2:], np.nan)
        uv = self._lens.distort(points_cam[..., :2] / depth) * self.focal + self.principal
        return np.concatenate([uv, depth], axis=-1)

    def unproject(self, points_uvd: ArrayLike) -> Floats:
        """(u, v, depth) to camera mm, the exact inverse of `project`; NaN for pixels that no ray reaches."""
        points_uvd = np.asarray(points_uvd, dtype=np.float64)
        distorted = (points_uvd[..., :2] - self.principal) / self.focal
        rays = np.concatenate([self._lens.undistort(distorted), np.ones_like(distorted[..., :1])], axis=-1)
        return rays * points_uvd[..., 2:]

    def world_to_uvd(self, points_world: ArrayLike) -> Floats:
        """World mm to (u, v, depth): pixels and mm."""
        return self.project(self.to_camera(points_world))

    def uvd_to_world(self, points_uvd: ArrayLike) -> Floats:
        """(u, v, depth) to world mm."""
        return self.to_world(self.unproject(points_uvd))

    @property
    def _lens(self) -> Distortion:
        return Distortion(self.radial, self.tangential, times=1)
