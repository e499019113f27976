"""The distortion of a lens, and how to undo it; in numpy."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from deephar.typed import Floats

ROUNDS, TOLERANCE, LONGEST_STEP = 100, 1e-13, 0.25
"""For undoing it: maximum iterations, convergence threshold (at z = 1), and largest step."""

REACHED = 1e-9
"""How near to the seen point the solution must be shown (at z = 1)."""


@dataclasses.dataclass(frozen=True)
class Distortion:
    """Where a lens shows points of the plane z = 1; with r the distance of (x, y) from the axis, at

        x (1 + k1 r^2 + k2 r^4 + k3 r^6 + n (p1 y + p2 x)) + p2 r^2,    y (the same) + p1 r^2

    Attributes:
        radial: k1, k2, k3.
        tangential: p1, p2.
        times: n: 2 in OpenCV's model, 1 in Human3.6M's.
    """

    radial: Sequence[float] | Floats
    tangential: Sequence[float] | Floats
    times: float

    def distort(self, xy: Floats) -> Floats:
        """Points (..., 2) to where they are seen, (..., 2)."""
        factor, square = self._factor(xy)
        return xy * factor + square * self._swapped

    def undistort(self, seen: Floats) -> Floats:
        """The points (..., 2) that the lens shows at `seen` (..., 2); NaN where there are none near the axis.

        Newton's method from within the unit circle, in short steps: a lens may fold over far outside the image.
        """
        xy = seen / np.maximum(1.0, np.linalg.norm(seen, axis=-1, keepdims=True))
        with np.errstate(all="ignore"):
            for _ in range(ROUNDS):
                step = np.squeeze(self._inverse_slope(xy) @ (self.distort(xy) - seen)[..., None], axis=-1)
                xy = xy - step / np.maximum(1.0, np.linalg.norm(step, axis=-1, keepdims=True) / LONGEST_STEP)
                if not np.nanmax(np.abs(step), initial=0.0) > TOLERANCE:
                    break
            reached = np.abs(self.distort(xy) - seen).max(axis=-1, keepdims=True) < REACHED
        return np.where(reached, xy, np.nan)

    @property
    def _swapped(self) -> Floats:
        """p2, p1: what x and y are multiplied by."""
        return np.asarray(self.tangential, dtype=np.float64)[::-1]

    def _factor(self, xy: Floats) -> tuple[Floats, Floats]:
        """The factor on x and y, and r^2, (..., 1)."""
        square = np.sum(xy**2, axis=-1, keepdims=True)
        radial = 1 + square * (self.radial[0] + square * (self.radial[1] + square * self.radial[2]))
        return radial + self.times * (xy @ self._swapped[:, None]), square

    def _inverse_slope(self, xy: Floats) -> Floats:
        """Inverse of the derivative of `distort`, (..., 2, 2)."""
        factor, square = self._factor(xy)
        slope = self.radial[0] + square * (2 * self.radial[1] + square * 3 * self.radial[2])
        gradient = 2 * xy * slope + self.times * self._swapped
        outer = xy[..., None] * gradient[..., None, :] + 2 * self._swapped[:, None] * xy[..., None, :]
        (a, b), (c, d) = np.moveaxis(outer + factor[..., None] * np.eye(2), (-2, -1), (0, 1))
        adjugate = np.stack([np.stack([d, -b], axis=-1), np.stack([-c, a], axis=-1)], axis=-2)
        return adjugate / (a * d - b * c)[..., None, None]
