"""What people do, while it happens: every frame is computed once, and the last T of a person are judged together."""

import collections
import dataclasses
import typing
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from PIL import Image

from deephar import checks, geometry, layouts
from deephar.data.samples import frames
from deephar.data.samples.boxes import BOX_MARGIN
from deephar.inference import boxes, running
from deephar.inference.predictor import PoseNetwork
from deephar.layouts import PoseLayout
from deephar.models.outputs import Output
from deephar.typed import Floats, Network, Pixels

Window = tuple[Floats, Floats]
"""Centre (2,) and size (2,) in pixels, see `deephar.geometry.person_window`."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """One person in one frame.

    Attributes:
        pose_px: (J, 2) in pixels of the frame.
        confidence: (J,) in [0, 1].
        scores: probabilities (A,) by output, in the order of `deephar.models.outputs.judges`, the last of all being the
            best informed; empty until the person has been seen for long enough.
    """

    pose_px: Floats
    confidence: Floats
    scores: dict[Output, Floats]

    @property
    def probabilities(self) -> Floats | None:
        """(A,) of the output that judges; None until there is one."""
        return next(reversed(self.scores.values())) if self.scores else None


def following(window: Window, judged: Judged, margin: float = BOX_MARGIN, drift: float = 0.1) -> Window:
    """The window for the next frame, which drifts towards the pose of this one and always holds it.

    A window that jumps to every new pose trembles as they do, and the features under the joints with it.

    Args:
        window: of this frame.
        judged: what was found in it.
        margin: side of the window of somebody who stands still, as a multiple of the joints' extent.
        drift: share of the way to such a window around this pose, in (0, 1]; 1 jumps.

    Returns:
        centre (2,) and size (2,), a square.

    Raises:
        ValueError: for a margin below 1, or a drift out of range.
    """
    margin, drift = checks.between("margin", margin, 1), checks.between("drift", drift, 0, 1, low_included=False)
    found = boxes.extent(judged.pose_px, judged.confidence)
    wanted = geometry.box_to_window(geometry.enlarge_box(found, margin, square=True))
    drifted = [old + drift * (new - old) for old, new in zip(window, wanted, strict=True)]
    center, size = geometry.box_to_window(geometry.union_box([geometry.window_to_box(*drifted), found]))
    return center, np.full(2, max(size.max(), boxes.LEAST_PX))


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What the frame network found in a frame, and in which window."""

    number: int
    window: Window
    values: tuple[Floats, ...]


class ActionStream:
    """Actions of any number of people, frame by frame, from a clip network in two parts.

    Poses and features under the probability maps of a person's last frames are kept; only the head runs on T
    of them. Where all T were seen in the same window, the scores are those of the clip network on these crops. Where
    windows follow the person, the poses are brought to the square around all of them.

    Args:
        frame, head: of `deephar.models.action.streaming.split`.
        layout: of the joints, a `PoseLayout` or a name.
        frames: T.
        stride: frame stride within the T frames.
        patience: a person who was not seen for more frames than this begins anew; shorter gaps repeat the last frame.
    """

    def __init__(
        self,
        frame: PoseNetwork,
        head: Network,
        layout: PoseLayout | str,
        frames: int,
        stride: int = 1,
        patience: int = 8,
    ) -> None:
        self.frame: PoseNetwork = frame
        self.head: Network = head
        self.layout: PoseLayout = layouts.get(layout)
        self.frames: int = checks.whole("frames", frames)
        self.stride: int = checks.whole("stride", stride)
        self.patience: int = checks.whole("patience", patience, least=0)
        self._number = -1
        self._kept: dict[Hashable, collections.deque[_Seen]] = {}

    def __call__(
        self, image: "Image.Image | Pixels", windows: Mapping[Hashable, Window], number: int | None = None
    ) -> dict[Hashable, Judged]:
        """Take the next frame.

        Args:
            image: RGB `PIL.Image.Image` or uint8 (H, W, 3).
            windows: of the people in it, by who they are, e.g. the number of a track.
            number: of the frame, rising; the one after the last by default.

        Returns:
            dict of who to `Judged`.

        Raises:
            ValueError: if the frame's number is not above the last.
        """
        number = self._number + 1 if number is None else number
        if number <= self._number:
            raise ValueError(f"Frames must come in rising order. Received: frame {number} after {self._number}")
        self._number = number
        self._forget()
        if not windows:
            return {}
        for who, seen in zip(windows, self._look(image, list(windows.values())), strict=True):
            self._kept.setdefault(who, collections.deque()).append(seen)
        clips = {who: clip for who in windows if (clip := self._clip(who)) is not None}
        scores = self._judge(clips)
        return {who: self._judged(self._kept[who][-1], scores.get(who, {})) for who in windows}

    def _forget(self) -> None:
        """Drop people who have been away for too long, and frames that no clip reaches back to."""
        reach = self.stride * (self.frames - 1)
        for who, seen in list(self._kept.items()):
            if self._number - seen[-1].number > self.patience + 1:
                del self._kept[who]
            while len(seen) > 1 and seen[1].number <= self._number - reach:
                seen.popleft()

    def _look(self, image: "Image.Image | Pixels", windows: Sequence[Window]) -> list[_Seen]:
        """The frame network in all windows."""
        rgb = image if isinstance(image, Image.Image) else Image.fromarray(image)
        height, width = self.frame.input_shape[1:3]
        maps = [geometry.window_to_crop(*window) for window in windows]
        images = frames.crops_of(((rgb, rgb.size, px_to_crop) for px_to_crop in maps), (width, height))
        found = [np.asarray(values) for values in typing.cast(Sequence[Floats], running.run(self.frame, images))]
        return [
            _Seen(self._number, window, tuple(values[row] for values in found)) for row, window in enumerate(windows)
        ]

    def _clip(self, who: Hashable) -> list[_Seen] | None:
        """T frames of a person, the latest last; None where the person has not been there for so long."""
        seen, wanted = self._kept[who], self._number - self.stride * np.arange(self.frames - 1, -1, -1)
        if seen[0].number > wanted[0]:
            return None
        numbers = np.array([one.number for one in seen])
        return [seen[place] for place in np.searchsorted(numbers, wanted, side="right") - 1]

    def _judge(self, clips: Mapping[Hashable, Sequence[_Seen]]) -> dict[Hashable, dict[Output, Floats]]:
        """The head on the clips of several people."""
        if not clips:
            return {}
        rows = [_in_one_window(clip) for clip in clips.values()]
        inputs = [np.stack(values) for values in zip(*rows, strict=True)]
        found = running.judge(self.head, inputs)
        return {who: {output: values[row] for output, values in found.items()} for row, who in enumerate(clips)}

    def _judged(self, seen: _Seen, scores: dict[Output, Floats]) -> Judged:
        back = np.linalg.inv(geometry.window_to_crop(*seen.window))
        pose, visibility = seen.values[0][..., :2], seen.values[1][..., 0]
        return Judged(geometry.transform_points(back, pose), visibility, scores)


def _in_one_window(clip: Sequence[_Seen]) -> list[Floats]:
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
