"""From a video to a clip of T frames: which frames, which window, and the crops (published preprocessing)."""

import collections
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from deephar import geometry
from deephar.data.readers.base import Sample, Video, VideoDataset
from deephar.data.samples import augment, frames, parts
from deephar.data.samples.boxes import Chooser, frame_box, key_positions
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats, Ints, Pixels, Size

SMALLEST_WINDOW_PX = 32
"""Smallest side of a clip's window."""


def clip_frames(length: int, frames: int, subsampling: int = 1, generator: np.random.Generator | None = None) -> Ints:
    """Numbers of the frames of one clip (published rule).

    A video shorter than the clip is repeatedly stretched by 1.5 until it is long enough: its frames repeat. One that is
    too short for the subsampling is sampled more densely.

    Args:
        length: frames of the video, at least 1.
        frames: T.
        subsampling: frame stride.
        generator: `numpy.random.Generator` that samples the start; None for the clip in the middle.

    Returns:
        int (T,), in [0, length).

    Raises:
        ValueError: for an empty video.
    """
    if length < 1:
        raise ValueError(f"A clip needs a video of at least one frame. Received: {length}")
    stretch = 1.0
    while length * stretch < frames:
        stretch *= 1.5
    stretched = length * stretch
    subsampling = max(1, min(subsampling, int(stretched / frames)))
    slack = stretched - (subsampling * (frames - 1) + 1)
    start = int(slack / 2) if generator is None else int(generator.integers(0, int(slack) + 1))
    return ((start + subsampling * np.arange(frames)) / stretch).astype(int)


def spread_frames(length: int, frames: int, share: float = 1.0, start: float = 0.5) -> Ints:
    """Numbers of T frames spread evenly over a part of a video of any length; not in the published code.

    Args:
        length: frames of the video, at least 1.
        frames: T.
        share: fraction of the video that the clip covers, in (0, 1].
        start: start within the rest: 0 for the first frame, 0.5 for the clip in the middle, 1 to end on the last.

    Returns:
        int (T,), in [0, length); they repeat in a video shorter than the clip.

    Raises:
        ValueError: for an empty video or a share out of range.

    Example:
        >>> spread_frames(61, 4).tolist()
        [0, 20, 40, 60]
    """
    _check_share(length, share)
    covered = (length - 1) * share
    return np.rint(start * (length - 1 - covered) + np.linspace(0.0, covered, frames)).astype(int)


def multi_spread_frames(length: int, frames: int, share: float) -> Ints:
    """Frame numbers of several clips of a video that each cover a fraction of it, at most half a clip apart.

    Args:
        length, frames, share: see `spread_frames`.

    Returns:
        int (N, T); one clip of the whole video if the share is 1.
    """
    _check_share(length, share)
    steps = math.ceil(2 * (1 - share) / share)
    return np.stack([spread_frames(length, frames, share, n / max(steps, 1)) for n in range(steps + 1)])


def _check_share(length: int, share: float) -> None:
    if length < 1 or not 0.0 < share <= 1.0:
        raise ValueError(f"Expected a video of at least one frame and 0 < share <= 1. Received: {length}, {share}")


SPACINGS = ("paper", "published")


def multi_clip_frames(length: int, frames: int, subsampling: int = 1, spacing: str = "paper") -> Ints:
    """Frame numbers of all clips of a video that are scored together.

    Args:
        length: frames of the video.
        frames: T.
        subsampling: frame stride.
        spacing: "paper", starts T/2 sampled frames apart; or "published", T/2 + subsampling - 1 source frames apart.

    Returns:
        int (N, T); one clip from `clip_frames` if the video is too short.

    Raises:
        ValueError: for an unknown spacing or an empty video.
    """
    if spacing not in SPACINGS:
        raise ValueError(f"`spacing` must be one of {', '.join(SPACINGS)}. Received: {spacing!r}")
    step = frames // 2 * subsampling if spacing == "paper" else frames // 2 + subsampling - 1
    starts = np.arange(0, length - frames * subsampling + 1, max(step, 1))
    if not len(starts):
        return clip_frames(length, frames, subsampling)[None]
    return starts[:, None] + subsampling * np.arange(frames)


def joints_window(pose_px: Floats, size_px: Size, scale: float = 1.0, square: bool = True) -> tuple[Floats, Floats]:
    """The window of a clip from its poses: around the boxes of its first, middle and last frame (published rule).

    Args:
        pose_px: (T, J, D) source pixels, NaN where not located. A frame without any joint counts as a whole.
        size_px: (width, height) of the frames.
        scale: of the augmentation to come; it is divided out of the returned window.
        square: make the window square, which avoids distortion; the published code does not.

    Returns:
        centre (2,) and size (2,).
    """
    boxes = []
    for number in key_positions(len(pose_px)):
        located = np.isfinite(pose_px[number, :, :2]).all(axis=-1).any()
        extent = geometry.points_box(pose_px[number]) if located else None
        boxes.append(frame_box(extent, size_px, scale))
    return boxes_window(boxes, scale, square)


def extent_boxes(video: Video, numbers: Ints) -> Floats:
    """The box (1, 4) around all joints of a clip's frames and a margin, for `make_clip`; not in the published code.

    No motion is cut off, as may happen with `joints_window`, which only considers three frames.
    """
    points = video.pose_px[numbers]
    if not np.isfinite(points[..., :2]).all(axis=-1).any():
        return np.array([[0.0, 0.0, *video.size_px]])
    return geometry.enlarge_box(geometry.points_box(points), geometry.MARGIN)[None]


def boxes_window(boxes: ArrayLike, scale: float = 1.0, square: bool = True) -> tuple[Floats, Floats]:
    """The window around boxes (N, 4) x1, y1, x2, y2; `scale` and `square` as in `joints_window`.

    A window that is too narrow becomes the smallest square window (published rule), after `square` is applied.
    """
    center, window = geometry.box_to_window(geometry.union_box(boxes))
    if square:
        window = np.full(2, window.max())
    if window.min() < SMALLEST_WINDOW_PX:
        window = np.full(2, float(SMALLEST_WINDOW_PX))
    return center, window / scale


@dataclasses.dataclass(frozen=True)
class Clip:
    """T frames of one person, ready for the network.

    Attributes:
        name: of the video.
        action: number of its class, -1 if unknown.
        numbers: (T,) of its frames in the video, from 0.
        variation: `deephar.data.samples.augment.Draw` of all frames.
        pixels: uint8 (T, H, W, 3); None if only poses were requested.
        px_to_crop: (3, 3), source pixels to [0, 1] of the crop.
        pose_px: (T, J, D) in source pixels, NaN where not located.
        pose_crop: (T, J, D) in crop coordinates, sides swapped if mirrored, NaN also where the photograph was cut off;
            depth in [0, 1] of the depth range.
        root_mm: depth in the middle of the depth range, NaN without depth.
    """

    name: str
    action: int
    numbers: Ints
    variation: augment.Draw
    pixels: Pixels | None
    px_to_crop: Floats
    pose_px: Floats
    pose_crop: Floats
    root_mm: float

    @property
    def images(self) -> Floats | None:
        """The network's input, float32 (T, H, W, 3) in [-1, 1], computed anew; None without pixels."""
        return None if self.pixels is None else frames.to_input(self.pixels, self.variation.power)


def make_clip(
    reader: VideoDataset,
    index: int,
    numbers: Sequence[int] | Ints | Callable[[int], Ints],
    size: Size | None = None,
    variation: augment.Draw | None = None,
    boxes: ArrayLike | Chooser | None = None,
    square: bool = True,
    truncate_corners: bool = False,
) -> Clip:
    """Crop a clip of one person from a video.

    Args:
        reader: see `deephar.data.readers.base.VideoDataset`.
        index: position in it.
        numbers: of the frames, or a function of the video's length that returns them.
        size: (height, width) of the crops in pixels; None for poses without images.
        variation, boxes, square, truncate_corners: see `place_clip`.

    Returns:
        `Clip`.

    Raises:
        ValueError: if the video or a frame cannot be read; the message names it.
    """
    with reader.video(index) as video:
        if callable(numbers):
            numbers = numbers(len(video))
        clip = place_clip(video, reader.layout, numbers, variation, boxes, square, truncate_corners)
        return clip if size is None else next(with_images(video, [clip], size))


def place_clip(
    video: Video,
    layout: PoseLayout,
    numbers: Sequence[int] | Ints,
    variation: augment.Draw | None = None,
    boxes: ArrayLike | Chooser | None = None,
    square: bool = True,
    truncate_corners: bool = False,
) -> Clip:
    """The clip of some frames of a video from its labels alone: without images, and without opening any.

    Args:
        video: `deephar.data.readers.base.Video`.
        layout: of its poses.
        numbers: (T,) of the frames.
        variation: `deephar.data.samples.augment.Draw`, the same for all frames; None for the unaugmented crop.
        boxes: boxes (N, 4) to crop around, or a function of the video and `numbers` that returns them; None for
            those of the joints (`joints_window`).
        square: see `joints_window`.
        truncate_corners: see `deephar.data.samples.augment.px_to_crop`.

    Returns:
        `Clip` whose `pixels` is None.

    Raises:
        ValueError: if there is nothing to crop; the message names the video.
    """
    numbers, variation = np.asarray(numbers), variation or augment.Draw()
    pose_px = video.pose_px[numbers]
    if boxes is None:
        window = joints_window(pose_px, video.size_px, variation.scale, square)
    else:
        window = boxes_window(boxes(video, numbers) if callable(boxes) else boxes, 1.0, square)
    subject = Sample(video.name, Image.Image(), pose_px, *window)
    try:
        px_to_crop = augment.px_to_crop(subject, variation, truncate_corners, video.size_px)
    except ValueError as error:
        raise ValueError(f"{video.name}: {error}") from None
    root_mm = _root_depth(pose_px, layout)
    to_crop = (px_to_crop, variation.flip, layout, root_mm, augment.depth_scale(subject, variation))
    seen = parts.within(pose_px, augment.edge(subject.extent_px, variation))
    pose_crop = np.stack([augment.pose_to_crop(pose, *to_crop) for pose in seen])
    return Clip(video.name, video.action, numbers, variation, None, px_to_crop, pose_px, pose_crop, root_mm)


def with_images(video: Video, placed: Sequence[Clip], size: Size) -> Iterator[Clip]:
    """Clips with their images, in one pass through a video.

    Every frame is opened once, in increasing order, however many clips show it, and only its crops are kept.
    So memory holds only the clips in progress, not all of them.

    Args:
        video: `deephar.data.readers.base.Video`.
        placed: list of `Clip` of this video, see `place_clip`.
        size: (height, width) of the crops in pixels.

    Yields:
        `Clip`, each as soon as its last frame is cropped.

    Raises:
        ValueError: if a frame cannot be read; the message names it.
    """
    showing, crops = collections.defaultdict(list), {}
    for place, clip in enumerate(placed):
        for number in set(clip.numbers.tolist()):
            showing[number].append(place)
    for number in sorted(showing):
        maps = [placed[place].px_to_crop for place in showing[number]]
        pictures = _cut(video.frame(number), maps, (size[1], size[0]), video.name)
        for place, picture in zip(showing[number], pictures, strict=True):
            clip = placed[place]
            if place not in crops:
                crops[place] = np.empty((len(clip.numbers), *size, 3), np.uint8)
            end = augment.edge(clip.pose_px[..., :2], clip.variation)
            picture = parts.blacken(picture, end, clip.px_to_crop)
            crops[place][clip.numbers == number] = augment.cover(picture, clip.variation.patches)
            if number == clip.numbers.max():
                yield dataclasses.replace(clip, pixels=crops.pop(place))


def _cut(picture: Image.Image, maps: Sequence[Floats], size: Size, name: str) -> list[Pixels]:
    """The crops of an image by several maps; it is decoded once."""
    if len(maps) == 1:
        return [frames.cut(picture, maps[0], size, name)]
    full_size, decoded = frames.upright_size(picture, name), frames.to_rgb(picture, name)
    to_full = geometry.scaling(*np.divide(full_size, decoded.size))
    return [frames.warp(decoded, px_to_crop @ to_full, size) for px_to_crop in maps]


def _root_depth(pose_px: Floats, layout: PoseLayout) -> float:
    """Mean depth of the pelvis over the frames, or of all joints if it is never located; NaN without depth."""
    if pose_px.shape[-1] < 3 or not np.isfinite(pose_px[..., 2]).any():
        return float("nan")
    root = pose_px[:, layout.index("pelvis"), 2]
    return float(np.nanmean(root if np.isfinite(root).any() else pose_px[..., 2]))


class VideoFrames:
    """Frames of videos as stills, for training a pose network: a reader of `deephar.data.readers.base.Sample`.

    No video is opened before one of its frames is requested. A frame that turns out to show nobody, or to have no
    image, is replaced by the nearest suitable frame; the window is that of the joints and a margin.

    Args:
        reader: of videos.
        every: frame stride, among the labelled frames.
    """

    def __init__(self, reader: VideoDataset, every: int = 1) -> None:
        self.reader = reader
        self.layout: PoseLayout = reader.layout
        self.places: list[tuple[int, int]] = [
            (index, number) for index in range(len(reader)) for number in self._labelled(index)[::every]
        ]

    def _labelled(self, index: int) -> Ints:
        try:
            return self.reader.labelled_frames(index)
        except ValueError:
            return np.zeros(1, int)  # requesting this one reports the error

    def __len__(self) -> int:
        return len(self.places)

    def sample(self, index: int) -> Sample:
        """The person at a position: `Sample`.

        Raises:
            ValueError: if the video or the frame cannot be read, or no frame shows anybody; the message names it.
        """
        place, number = self.places[index]
        with self.reader.video(place) as video:
            shown = np.flatnonzero(np.isfinite(video.pose_px[..., :2]).all(axis=-1).any(axis=-1))
            if not len(shown):
                raise ValueError(f"No frame of {video.name} shows anybody")
            number = int(shown[np.abs(shown - number).argmin()])
            pose_px = video.pose_px[number]
            name = f"{video.name}, frame {number}"
            window = geometry.person_window(geometry.points_box(pose_px), name=name)
            root = _root_depth(pose_px[None], self.layout)
            return Sample(name, video.frame(number), pose_px, *window, root_mm=root)
