"""What people do, while it happens: every frame is computed once, and the last T of a person are judged together."""

import collections
import dataclasses
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from PIL import Image

from deephar import checks, geometry, layouts
from deephar.inference.predictor import PoseNetwork
from deephar.inference.seen import Seen, Window, judge, look
from deephar.layouts import PoseLayout
from deephar.models.outputs import Output
from deephar.typed import Floats, Network, Pixels


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
        self._kept: dict[Hashable, collections.deque[tuple[int, Seen]]] = {}

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
        rgb = image if isinstance(image, Image.Image) else Image.fromarray(image)
        for who, seen in zip(windows, look(self.frame, rgb, rgb.size, windows.values()), strict=True):
            self._kept.setdefault(who, collections.deque()).append((number, seen))
        clips = {who: clip for who in windows if (clip := self._clip(who)) is not None}
        scores = self._judge(clips)
        return {who: self._judged(self._kept[who][-1][1], scores.get(who, {})) for who in windows}

    def _forget(self) -> None:
        """Drop people who have been away for too long, and frames that no clip reaches back to."""
        reach = self.stride * (self.frames - 1)
        for who, seen in list(self._kept.items()):
            if self._number - seen[-1][0] > self.patience + 1:
                del self._kept[who]
            while len(seen) > 1 and seen[1][0] <= self._number - reach:
                seen.popleft()

    def _clip(self, who: Hashable) -> list[Seen] | None:
        """T frames of a person, the latest last; None where the person has not been there for so long."""
        kept, wanted = self._kept[who], self._number - self.stride * np.arange(self.frames - 1, -1, -1)
        if kept[0][0] > wanted[0]:
            return None
        places = np.searchsorted([number for number, _ in kept], wanted, side="right") - 1
        return [kept[place][1] for place in places]

    def _judge(self, clips: Mapping[Hashable, Sequence[Seen]]) -> dict[Hashable, dict[Output, Floats]]:
        """The head on the clips of several people."""
        if not clips:
            return {}
        found = judge(self.head, clips.values())
        return {who: {output: values[row] for output, values in found.items()} for row, who in enumerate(clips)}

    def _judged(self, seen: Seen, scores: dict[Output, Floats]) -> Judged:
        back = np.linalg.inv(geometry.window_to_crop(*seen.window))
        pose, visibility = seen.values[0][..., :2], seen.values[1][..., 0]
        return Judged(geometry.transform_points(back, pose), visibility, scores)
