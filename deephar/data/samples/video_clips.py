"""The clips on which every video is scored, one video after another, for evaluation."""

import dataclasses
import typing
from collections.abc import Iterator, Sequence

from deephar.data.readers.base import Video, VideoDataset
from deephar.data.samples import augment, clips
from deephar.data.samples.boxes import Chooser
from deephar.data.samples.targets import as_given, layout_target
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats, Ints, Size

PROTOCOLS = ("single", "multi")


@dataclasses.dataclass(frozen=True)
class ClipInput:
    """One clip for a network.

    Attributes:
        inputs: list of arrays (T, ...), the network's inputs.
        pose: (T, J, dim + 1) target, see `deephar.data.samples.targets.pose_target`.
    """

    inputs: list[Floats]
    pose: Floats


@dataclasses.dataclass(frozen=True)
class VideoInput:
    """The clips of one video.

    Attributes:
        name: of the video.
        action: number of its class.
        short: whether the video is too short for the clip's frames at the requested subsampling.
        clips: iterator of `ClipInput`, for one pass through the video: each is yielded when its last frame is read, so
            only overlapping clips are in memory together. Raises ValueError at a broken frame; the message names it.
    """

    name: str
    action: int
    short: bool
    clips: Iterator[ClipInput]


class VideoClips:
    """The clips of a reader's videos.

    Args:
        reader: see `deephar.data.readers.base.VideoDataset`.
        frames: T.
        size: (height, width) of the crops; None for a network that takes only given poses.
        protocol: "single", one clip in the middle; or "multi", clips from the start to the end. A video too short for
            one clip is scored on `deephar.data.samples.clips.clip_frames` either way, never skipped.
        subsampling: frame strides; the clips of all strides are scored together.
        shares: instead, fractions of the video that a clip spans, see `deephar.data.samples.clips.spread_frames`; the
            clips of all fractions are scored together.
        spacing: of several clips, see `deephar.data.samples.clips.multi_clip_frames`.
        flip: score every clip mirrored as well (published; not in the paper).
        layout: of the poses; the reader's by default.
        dim: coordinates of the poses.
        given: whether the network's last input is the pose.
        boxes, square: see `deephar.data.samples.clips.make_clip`.
    """

    def __init__(
        self,
        reader: VideoDataset,
        frames: int,
        size: Size | None = None,
        protocol: str = "single",
        subsampling: Sequence[int] = (1,),
        shares: Sequence[float] | None = None,
        spacing: str = "paper",
        flip: bool = False,
        layout: PoseLayout | None = None,
        dim: int = 2,
        given: bool = False,
        boxes: ArrayLike | Chooser | None = None,
        square: bool = True,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(f"`protocol` must be one of {', '.join(PROTOCOLS)}. Received: {protocol!r}")
        self.reader = reader
        self.frames = frames
        self.size = size
        self.protocol = protocol
        self.subsampling: tuple[int, ...] = tuple(subsampling)
        self.shares = shares
        self.spacing = spacing
        self.flip = flip
        self.layout: PoseLayout = layout or reader.layout
        self.dim = dim
        self.given = given
        self.boxes = boxes
        self.square = square
        self.actions: tuple[str, ...] = reader.actions

    def __len__(self) -> int:
        return len(self.reader)

    def __getitem__(self, index: int) -> VideoInput:
        """`VideoInput`; raises ValueError, naming it, for a video that cannot be read."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        video = self.reader.video(index)
        short = len(video) < self.frames * (1 if self.shares else min(self.subsampling))
        return VideoInput(video.name, video.action, short, self._clips(video))

    def _clips(self, video: Video) -> Iterator[ClipInput]:
        with video:
            placed = [
                clips.place_clip(video, self.reader.layout, numbers, augment.Draw(flip=flip), self.boxes, self.square)
                for numbers in self._numbers(len(video))
                for flip in ((False, True) if self.flip else (False,))
            ]
            for clip in placed if self.size is None else clips.with_images(video, placed, self.size):
                pose = layout_target(clip.pose_crop, self.reader.layout, self.layout, self.dim)
                images = clip.images
                shown = [] if images is None else [images]
                yield ClipInput([*shown, as_given(pose)] if self.given else shown, pose)

    def _numbers(self, length: int) -> Iterator[Ints]:
        single = self.protocol == "single"
        for share in self.shares or ():
            if single:
                yield clips.spread_frames(length, self.frames, share)
            else:
                yield from clips.multi_spread_frames(length, self.frames, share)
        for step in () if self.shares else self.subsampling:
            if single:
                yield clips.clip_frames(length, self.frames, step)
            else:
                yield from clips.multi_clip_frames(length, self.frames, step, self.spacing)


class FrameNetwork(typing.Protocol):
    """Settings required of a clip network's pose network."""

    @property
    def input_shape(self) -> tuple[int, int, int]: ...

    @property
    def dim(self) -> int: ...


class ClipNetwork(typing.Protocol):
    """Settings required of a clip network."""

    @property
    def frames(self) -> int: ...

    @property
    def network(self) -> FrameNetwork: ...


def as_benchmarked(
    reader: VideoDataset,
    settings: ClipNetwork,
    layout: PoseLayout,
    boxes: Chooser | None,
    stride: int = 2,
    multi_clip: bool = False,
    published: bool = False,
) -> VideoClips:
    """The clips on which a benchmark scores a clip network.

    Args:
        reader: of videos.
        settings: `deephar.models.action.config.ActionConfig` of the network.
        layout: of its joints.
        boxes: see `deephar.data.samples.boxes.chooser`.
        stride: frame stride of a clip.
        multi_clip: several clips per video, T/2 apart, instead of one (paper, section 5).
        published: as in the original's code: its spacing, also mirrored clips, windows that are not square.

    Returns:
        `VideoClips`.
    """
    return VideoClips(
        reader, settings.frames, settings.network.input_shape[:2], "multi" if multi_clip else "single", (stride,),
        spacing="published" if published else "paper", flip=published and multi_clip, layout=layout,
        dim=settings.network.dim, boxes=boxes, square=not published,
    )  # fmt: skip
