"""A clip network in two parts, in windows that follow people: what the first finds in a frame, the second judges."""

import collections
import typing
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from deephar import checks, geometry
from deephar.data.samples import clips, frames
from deephar.inference import running
from deephar.inference.predictor import PoseNetwork
from deephar.models.outputs import Output
from deephar.typed import Floats, Network, Size

Window = tuple[Floats, Floats]
"""Centre (2,) and size (2,) in pixels, see `deephar.geometry.person_window`."""

TOGETHER = 16
"""Crops that are computed together."""

UNSURE = 0.2
"""Joints of a smaller confidence are not located, for the network that judges."""


class Seen(typing.NamedTuple):
    """What the frame network found in a window: its outputs, without the batch."""

    window: Window
    values: tuple[Floats, ...]


class Following:
    """The window of one person, around their last frames, as the window of a clip is around its own.

    A window that jumps to every new pose trembles as they do, and the features under the joints with it.

    Args:
        frames: that count, e.g. those from the first to the last of a clip.

    Raises:
        ValueError: for less than one.
    """

    def __init__(self, frames: int) -> None:
        self._poses: collections.deque[Floats] = collections.deque(maxlen=checks.whole("frames", frames))

    def __call__(self, pose_px: Floats, size: Size) -> Window:
        """The window after another frame.

        Args:
            pose_px: (J, 2) in pixels of the frame, all joints, sure or not.
            size: (width, height) of the frame.

        Returns:
            centre (2,) and size (2,), a square; see `deephar.data.samples.clips.joints_window`.
        """
        self._poses.append(pose_px)
        return clips.joints_window(np.stack(self._poses), size)


def located(pose_px: Floats, confidence: Floats) -> Floats:
    """Joints (J, 2), NaN for those that are unsure."""
    return np.where((confidence >= UNSURE)[:, None], pose_px, np.nan)


def look(network: PoseNetwork, picture: Image.Image, size: Size, windows: Iterable[Window]) -> list[Seen]:
    """What the frame network finds in windows of a picture.

    Args:
        network: from images (B, H, W, 3) to pose (B, J, dim), visibility (B, J, 1) and maybe more.
        picture: upright RGB, which may be smaller than the file.
        size: (width, height) in the file, whose pixels windows are in.
        windows: in it.
    """
    height, width = network.input_shape[1:3]
    seen = []
    for some in running.batches(windows, TOGETHER):
        cut = ((picture, size, geometry.window_to_crop(*window)) for window in some)
        found = typing.cast(Sequence[Floats], running.run(network, frames.crops_of(cut, (width, height))))
        arrays = [np.asarray(values) for values in found]
        seen += [Seen(window, tuple(values[row] for values in arrays)) for row, window in enumerate(some)]
    return seen


def judge(head: Network, seen: Iterable[Sequence[Seen]]) -> dict[Output, Floats]:
    """Class probabilities (N, A) by output for N people, of each of whom T frames were seen."""
    rows = [_in_one_window(clip) for clip in seen]
    return running.judge(head, [np.stack(values) for values in zip(*rows, strict=True)])


def _in_one_window(clip: Sequence[Seen]) -> list[Floats]:
    """What the head takes of T frames, (T, J, ...) each, with all poses in the same square."""
    pose, *others = (np.stack(values) for values in zip(*(seen.values for seen in clip), strict=True))
    centers, sizes = (np.stack(values) for values in zip(*(seen.window for seen in clip), strict=True))
    if np.ptp(centers, axis=0).any() or np.ptp(sizes, axis=0).any():
        low, high = (centers - sizes / 2).min(axis=0), (centers + sizes / 2).max(axis=0)
        square = geometry.window_to_crop((low + high) / 2, np.full(2, (high - low).max()))
        moved = np.stack([square @ np.linalg.inv(geometry.window_to_crop(*seen.window)) for seen in clip])
        pose = geometry.transform_points(moved, pose)
        pose[..., 2:] = 0.5 + (pose[..., 2:] - 0.5) * moved[:, None, :1, 0]  # a larger square shows more depth
    return [pose, *others]
