"""Leeds Sports Pose Extended: 10,000 photographs, 14 joints, for training only.

Reads the official folder or a zip of it: `joints.mat` (14, 3, N) beside `images/im00001.jpg` and so on.
"""

import io
from collections.abc import Sequence

import numpy as np
import scipy.io

from deephar import geometry, layouts
from deephar.data.readers.archive import Archive
from deephar.data.readers.base import Sample
from deephar.data.readers.names import folded
from deephar.data.readers.reading import reading
from deephar.data.samples.frames import open_image, upright_size
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints, Path

AGAIN = {
    298: 3556, 910: 3821, 1663: 3562, 1803: 3959, 2127: 3615, 2535: 3916, 2636: 3556, 4406: 4142, 4787: 3597,
    5788: 3818, 6007: 4161, 6346: 4106, 6411: 3685, 6663: 4106, 6862: 3962, 7484: 3694,
}  # fmt: skip
"""Photographs that are copies of another one, in another size, or show its scene a moment apart, and of which; found by
eye among the most similar ones. The other is in the validation or the test split, so that these are in none."""

SPLITS: dict[str, Sequence[int]] = {
    "train": tuple(number for number in (*range(1, 3501), *range(4201, 8501)) if number not in AGAIN),
    "choose": range(3501, 3701),
    "test": range(3701, 4201),
}
"""Our split of the first 8,500 photographs, by number; officially all of LSP-extended is for training."""

OUTSIDE_TOLERANCE_PX = 2.0
"""A located joint up to this far outside its photograph is moved to the edge (rounding); one farther out is dropped."""


class LspExtended:
    """Reader of LSP-extended.

    Args:
        path: folder or zip that holds `joints.mat`, at any depth.
        part: 1-based numbers of the photographs to use, e.g. `range(1, 3501)`; all by default.

    Raises:
        ValueError: if the path or `joints.mat` is missing, `joints` has the wrong shape, or a number is out of range.
    """

    layout: PoseLayout = layouts.get("lsp14")

    def __init__(self, path: Path, part: Sequence[int] | Ints | None = None) -> None:
        self._files = Archive(path, "LSP-extended")
        self._root, joints = _read_joints(self._files)
        self._images = np.arange(1, joints.shape[2] + 1) if part is None else np.asarray(part, dtype=int)
        if self._images.size and not (1 <= self._images.min() and self._images.max() <= joints.shape[2]):
            raise ValueError(
                f"{path} has photographs 1 to {joints.shape[2]}. Received: {self._images.min()} to {self._images.max()}"
            )
        self._joints = joints

    def __len__(self) -> int:
        return len(self._images)

    def sample(self, index: int) -> Sample:
        """The person at a position: `Sample` whose window is the extent of the located joints and a margin."""
        number = int(self._images[index])
        name = _name(number)
        image = open_image(self._files.read(self._root + name), name)
        x, y, located = self._joints[:, :, number - 1].T
        pose = np.stack([x, y], axis=-1)
        nearest = np.clip(pose, 0.0, np.array(upright_size(image, name), dtype=np.float64))
        gone = (located != 1) | (np.abs(nearest - pose).max(axis=-1) > OUTSIDE_TOLERANCE_PX)
        pose_px = np.where(gone[:, None], np.nan, nearest)
        try:
            return Sample(name, image, pose_px, *geometry.person_window(geometry.points_box(pose_px)))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def _name(number: int) -> str:
    return f"images/im{number:05d}.jpg"


def number_of(name: str) -> int:
    """1-based number of a photograph from the name of its sample; -1 for another name."""
    digits = name.removeprefix("images/im").removesuffix(".jpg")
    return int(digits) if digits.isdecimal() and name == _name(int(digits)) else -1


def _read_joints(files: Archive) -> tuple[str, Floats]:
    """The folder that holds joints.mat, and its joints (14, 3, N)."""
    found = sorted((name for name in files.names if folded(name.split("/")[-1]) == "joints.mat"), key=len)
    if not found:
        raise ValueError(f"Expected joints.mat of LSP-extended in {files.path}; there is none")
    with reading(f"joints.mat of {files.path}", "the joints of LSP-extended"):
        joints = scipy.io.loadmat(io.BytesIO(files.read(found[0])))["joints"]
    if joints.ndim != 3 or joints.shape[:2] != (14, 3):
        hint = "; (3, 14, N) is the older LSP, whose visibility flag is inverted" if joints.shape[:2] == (3, 14) else ""
        raise ValueError(f"`joints` of LSP-extended must be (14, 3, N){hint}. Received: {joints.shape}")
    return found[0][: -len("joints.mat")], joints.astype(np.float64)
