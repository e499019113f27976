"""Leeds Sports Pose Extended: 10,000 photographs, 14 joints, for training only.

Reads the official folder or a zip of it: `joints.mat` (14, 3, N) beside `images/im00001.jpg` and so on.
"""

import io
import os
import pathlib
import zipfile
import zlib

import numpy as np
import scipy.io

from deephar import geometry, layouts
from deephar.data.base import Sample
from deephar.data.frames import open_image

SPLITS = {"train": range(1, 3501), "choose": range(3501, 3701), "test": range(3701, 4201)}
"""Our use of the first 4,200 photographs, by number; officially all of LSP-extended is for training."""

OUTSIDE_TOLERANCE_PX = 2.0
"""A located joint this far outside its photograph is rounding and is moved to the edge; a farther one is dropped."""


class LspExtended:
    """Reader of LSP-extended.

    Args:
        path: folder or zip that holds `joints.mat`, at any depth.
        images: 1-based numbers of the photographs to use, e.g. `range(1, 3501)`; all by default.

    Raises:
        ValueError: if the path, `joints.mat` or a number is missing or of another shape.
    """

    layout = layouts.get("lsp14")

    def __init__(self, path, images=None):
        self._files = _Files(path)
        joints = _read_joints(self._files)
        self._images = np.arange(1, joints.shape[2] + 1) if images is None else np.asarray(images, dtype=int)
        if self._images.size and not (1 <= self._images.min() and self._images.max() <= joints.shape[2]):
            raise ValueError(
                f"{path} has photographs 1 to {joints.shape[2]}. Received: {self._images.min()} to {self._images.max()}"
            )
        self._joints = joints

    def __len__(self):
        return len(self._images)

    def sample(self, index):
        """The person at a position: `Sample` whose window is the extent of the located joints and a margin."""
        number = int(self._images[index])
        name = f"images/im{number:05d}.jpg"
        image = open_image(self._files.read(name), name)
        x, y, located = self._joints[:, :, number - 1].T
        pose = np.stack([x, y], axis=-1)
        nearest = np.clip(pose, 0.0, np.array(image.size, dtype=np.float64))
        gone = (located != 1) | (np.abs(nearest - pose).max(axis=-1) > OUTSIDE_TOLERANCE_PX)
        pose_px = np.where(gone[:, None], np.nan, nearest)
        try:
            return Sample(name, image, pose_px, *geometry.person_window(geometry.points_box(pose_px)))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


class _Files:
    """Files below the folder that holds `joints.mat`, on disk or in a zip; a process has its own open zip."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._archive, self._process = None, None
        if self.path.is_dir():
            found = sorted((str(f.relative_to(self.path)) for f in self.path.rglob("joints.mat")), key=len)
        elif zipfile.is_zipfile(self.path):
            found = sorted((n for n in self._zip().namelist() if n.split("/")[-1] == "joints.mat"), key=len)
        else:
            raise ValueError(f"Expected a folder or a zip of LSP-extended. Received: {self.path}")
        if not found:
            raise ValueError(f"Expected joints.mat of LSP-extended in {self.path}; there is none")
        self._root = found[0].removesuffix("joints.mat")

    def read(self, name):
        try:
            if self.path.is_dir():
                return (self.path / self._root / name).read_bytes()
            return self._zip().read(self._root + name)
        except (FileNotFoundError, KeyError):
            raise ValueError(f"{self.path} lacks {name}") from None
        except (zipfile.BadZipFile, zlib.error, OSError) as error:
            raise ValueError(f"{name} in {self.path} is damaged: {error}") from None

    def _zip(self):
        if self._process != os.getpid():
            try:
                self._archive, self._process = zipfile.ZipFile(self.path), os.getpid()
            except zipfile.BadZipFile as error:
                raise ValueError(f"{self.path} is a damaged zip: {error}") from None
        return self._archive

    def __getstate__(self):
        return {**self.__dict__, "_archive": None, "_process": None}


def _read_joints(files):
    try:
        joints = scipy.io.loadmat(io.BytesIO(files.read("joints.mat")))["joints"]
    except (
        scipy.io.matlab.MatReadError,
        zlib.error,
        LookupError,
        TypeError,
        NotImplementedError,
        OSError,
        ValueError,
    ) as error:
        raise ValueError(f"joints.mat in {files.path} cannot be read: {error}") from None
    if joints.ndim != 3 or joints.shape[:2] != (14, 3):
        hint = "; (3, 14, N) is the older LSP, whose flag means the reverse" if joints.shape[:2] == (3, 14) else ""
        raise ValueError(f"`joints` of LSP-extended must be (14, 3, N){hint}. Received: {joints.shape}")
    return joints.astype(np.float64)
