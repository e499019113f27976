"""What every reader returns: samples (one person in one photograph) or videos (one person's action)."""

import collections.abc
import dataclasses
import math
import typing

from PIL import Image

from deephar.camera import Camera
from deephar.geometry import WINDOW_MM
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints, Size


@dataclasses.dataclass(frozen=True)
class Sample:
    """One person in one photograph.

    Attributes:
        name: where it comes from, for messages.
        image: opened, not yet decoded photograph; decode it only once.
        pose_px: (J, D) float64 in source pixels, NaN where not located; a third column is the depth in mm.
        center_px, window_px: (2,) float64, centre and size of the unaugmented crop, margin included.
        head_px: head size for PCKh in source pixels; NaN if the dataset has none.
        root_mm: depth of the root joint, the middle of the crop's depth range; NaN without depth.
        joint_weight: (J,) in [0, 1], confidence in every joint's label: 0 where it is unknown, 1 with NaN in the pose
            where the joint is known to be absent; None if all located joints are certain.
        window_mm: width of the window at the root's depth, for the scale of the depth range.
        camera: the camera, if known: its `uvd_to_world` maps rows of `pose_px` to world mm.
        rough_px: (K, 2) in source pixels, the joints and where those should be whose place is not certain enough to be
            learnt; None if nothing is known but the pose.
    """

    name: str
    image: Image.Image
    pose_px: Floats
    center_px: Floats
    window_px: Floats
    head_px: float = math.nan
    root_mm: float = math.nan
    window_mm: float = WINDOW_MM
    camera: Camera | None = None
    joint_weight: Floats | None = None
    rough_px: Floats | None = None

    @property
    def extent_px(self) -> Floats:
        """(..., 2) points in source pixels, NaN where not located, among which the whole person is.

        (K, 2) of a still; (T, J, 2) where `pose_px` is of all frames of a clip.
        """
        return self.pose_px[..., :2] if self.rough_px is None else self.rough_px


class PoseDataset(typing.Protocol):
    """The protocol of a reader of stills: a layout, a length, a sample by position."""

    layout: PoseLayout

    def __len__(self) -> int: ...

    def sample(self, index: int) -> Sample: ...


@dataclasses.dataclass(frozen=True)
class Video:
    """One person's action in one video.

    Attributes:
        name: where it comes from, for messages.
        action: number of its class in the reader's `actions`.
        pose_px: (n, J, D) float64 in source pixels for n frames, NaN where not located or not visible; a third
            column is the depth in mm.
        size_px: (width, height) of the frames.
        frame: function of a frame's number, from 0, that opens its image (not yet decoded); raises ValueError if
            the image is missing or damaged, or if only labels are available. In increasing order, each is decoded once.
        close: function that closes the video's file, if it has one; a `with` calls it.
    """

    name: str
    action: int
    pose_px: Floats
    size_px: Size
    frame: collections.abc.Callable[[int], Image.Image]
    close: collections.abc.Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self.pose_px)

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.close:
            self.close()


class VideoDataset(typing.Protocol):
    """The protocol of a reader of videos: a layout, the names of the actions, a length, a video by position.

    `labelled_frames` returns the numbers of a video's frames that have labels, increasing, without opening its images:
    training on frames calls it for every video before the first step. If labels are slow to read, it may include frames
    that show nobody or have no image.
    """

    layout: PoseLayout
    actions: tuple[str, ...]

    def __len__(self) -> int: ...

    def video(self, index: int) -> Video: ...

    def labelled_frames(self, index: int) -> Ints: ...


@typing.runtime_checkable
class _GivesVideos(typing.Protocol):
    def video(self, index: int) -> Video: ...


def is_of_videos(reader: PoseDataset | VideoDataset) -> typing.TypeGuard[VideoDataset]:
    """Whether a reader gives videos rather than stills."""
    return isinstance(reader, _GivesVideos)
