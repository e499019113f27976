"""How well several people are found, and followed, in pictures and videos with the truth of every one of them."""

import dataclasses
import typing
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from deephar import layouts, metrics_people, metrics_tracks
from deephar.inference.people import Person
from deephar.layouts import PoseLayout
from deephar.metrics_overlap import area_of, box_overlap, oks, pairs, sigmas_of
from deephar.typed import Bools, Floats, Ints, Size

LEAST_SEEN = 0.1
"""Share of a body that is seen, below which it is neither asked for nor counted against who finds it."""

ALIKE = 0.5
"""Similarity of joints, or overlap of boxes, of a person who is found, at least."""


class TruePeople(typing.Protocol):
    """What is read of a `deephar.data.synthetic.several.Present`."""

    @property
    def ids(self) -> Ints: ...

    @property
    def pose_px(self) -> Floats: ...

    @property
    def boxes(self) -> Floats: ...

    @property
    def share(self) -> Floats: ...


class Pictures(typing.Protocol):
    """What is read of a `deephar.data.synthetic.groups.Groups`."""

    @property
    def layout(self) -> PoseLayout: ...

    @property
    def size(self) -> Size: ...

    def __len__(self) -> int: ...

    def truth(self, index: int, /) -> TruePeople: ...


class Videos(typing.Protocol):
    """What is read of a `deephar.data.synthetic.crossings.CrossingVideos`."""

    @property
    def layout(self) -> PoseLayout: ...

    @property
    def size(self) -> Size: ...

    def __len__(self) -> int: ...

    def truth(self, index: int, /) -> Sequence[TruePeople]: ...


@dataclasses.dataclass(frozen=True)
class Found:
    """The M people that are found in a picture.

    Attributes:
        pose_px: (M, J, 2) pixels.
        boxes: (M, 4) x1, y1, x2, y2.
        scores: (M,) how sure it is that somebody is there.
        ids: (M,) int, who it is throughout a video; None in pictures of their own.
    """

    pose_px: Floats
    boxes: Floats
    scores: Floats
    ids: Ints | None = None


_One = typing.TypeVar("_One")


class PictureScores(typing.TypedDict):
    """See `picture_scores`."""

    pictures: int
    empty: int
    left_out: int
    poses: metrics_people.PrecisionScores
    boxes: metrics_people.DetectionScores


class VideoScores(typing.TypedDict):
    """See `video_scores`."""

    videos: int
    frames: int
    left_out: int
    tracks: metrics_tracks.TrackScores


def found_of(people: Sequence[Person], joints: int, ids: Sequence[int] | None = None) -> Found:
    """What a predictor finds in a picture; with the scores of the people.

    Args:
        people: list of `deephar.inference.people.Person`.
        joints: J, for where nobody is found.
        ids: one for each.
    """
    return Found(
        np.array([person.pose_px for person in people], dtype=np.float64).reshape(-1, joints, 2),
        np.array([person.box_px for person in people], dtype=np.float64).reshape(-1, 4),
        np.array([person.score for person in people], dtype=np.float64),
        None if ids is None else np.array(ids, dtype=int),
    )


def picture_scores(
    pictures: Pictures, found: Iterable[Found], layout: PoseLayout, least_seen: float = LEAST_SEEN
) -> PictureScores:
    """Average precision of the poses, and detection by boxes.

    Joints outside the picture do not count; hidden ones do, as on COCO. People of whom less than `least_seen` is seen
    are left out, and so is who is found in their place.

    Args:
        pictures: `Pictures` of true people.
        found: `Found`, for every picture in turn.
        layout: of the found joints; the truth is matched by name, and joints that it lacks do not count.
        least_seen: share of the body.

    Returns:
        dict: `pictures`, `empty` (with nobody who counts), `left_out` (people); `poses`, see
        `deephar.metrics_people.average_precision`; and `boxes`, see `deephar.metrics_people.detection`.

    Raises:
        ValueError: if there are not as many `found` as pictures, or the layouts have no joint in common.
    """
    sigmas = sigmas_of(layout)
    poses, true_boxes, found_boxes = [], [], []
    left_out = 0
    for index, one in _in_turn(len(pictures), found, "pictures"):
        true = pictures.truth(index)
        located, area = _located(true, pictures, layout), area_of(true.boxes)
        seen, overlap = true.share >= least_seen, box_overlap(true.boxes, one.boxes)
        left_out += int(np.sum(~seen))
        asked = seen & _any_joint(located)
        kept = _kept(asked, oks(located, one.pose_px, area, sigmas), overlap)
        poses.append((located[asked], area[asked], one.pose_px[kept], one.scores[kept]))
        true_boxes.append(true.boxes[seen])
        found_boxes.append(one.boxes[_kept(seen, overlap, overlap)])
    return {
        "pictures": len(pictures),
        "empty": sum(not len(boxes) for boxes in true_boxes),
        "left_out": left_out,
        "poses": metrics_people.average_precision(poses, sigmas),
        "boxes": metrics_people.detection(true_boxes, found_boxes, ALIKE),
    }


def video_scores(
    videos: Videos,
    found: Iterable[Sequence[Found]],
    layout: PoseLayout,
    by: str = "joints",
    least_seen: float = LEAST_SEEN,
) -> VideoScores:
    """How well people keep their names, pooled over videos.

    Args:
        videos: `Videos` of true people.
        found: for every video in turn, `Found` with ids for every frame.
        layout: see `picture_scores`.
        by: "joints", who is alike by `deephar.metrics_overlap.oks`; or "boxes", by `box_overlap`.
        least_seen: see `picture_scores`; also people without a joint in the picture are left out.

    Returns:
        dict: `videos`, `frames`, `left_out` (people, summed over frames); and `tracks`, see
        `deephar.metrics_tracks.clear_and_identity`.

    Raises:
        ValueError: if there are not as many `found` as videos and frames, ids are missing, or `by` is another word.
    """
    if by not in ("joints", "boxes"):
        raise ValueError(f"`by` must be joints or boxes. Received: by={by!r}")
    sigmas = sigmas_of(layout) if by == "joints" else None
    frames: list[metrics_tracks.Frame] = []
    left_out = 0
    for number, tracks in _in_turn(len(videos), found, "videos"):
        truth = videos.truth(number)
        for frame, one in _in_turn(len(truth), tracks, f"frames of video {number}"):
            if one.ids is None:
                raise ValueError(f"Expected `ids` of the people found in a video. Received: none, in video {number}")
            true = truth[frame]
            located = _located(true, videos, layout)
            overlap = box_overlap(true.boxes, one.boxes)
            similarity = overlap if sigmas is None else oks(located, one.pose_px, area_of(true.boxes), sigmas)
            seen = (true.share >= least_seen) & _any_joint(located)
            left_out += int(np.sum(~seen))
            kept = _kept(seen, similarity, overlap)
            true_names = [(number, name) for name in true.ids[seen].tolist()]
            found_names = [(number, name) for name in one.ids[kept].tolist()]
            frames.append((true_names, found_names, similarity[seen][:, kept]))
    scores = metrics_tracks.clear_and_identity(frames, ALIKE)
    return {"videos": len(videos), "frames": len(frames), "left_out": left_out, "tracks": scores}


def _in_turn(number: int, found: Iterable[_One], what: str) -> Iterator[tuple[int, _One]]:
    """What is found with its position; raises ValueError unless it is as many."""
    position = -1
    for position, one in enumerate(found):
        if position >= number:
            raise ValueError(f"Expected what is found in {number} {what}. Received: more")
        yield position, one
    if position + 1 != number:
        raise ValueError(f"Expected what is found in {number} {what}. Received: {position + 1}")


def _located(true: TruePeople, where: Pictures | Videos, layout: PoseLayout) -> Floats:
    """True poses (P, J, 2) in a layout, NaN for joints outside the picture."""
    pose = layouts.rearrange(true.pose_px, where.layout, layout)
    inside = np.all((pose >= 0) & (pose < where.size), axis=-1, keepdims=True)
    return np.where(inside, pose, np.nan)


def _any_joint(located: Floats) -> Bools:
    """Whether a joint is in the picture, (P,)."""
    return np.any(np.isfinite(located), axis=(1, 2))


def _kept(seen: Bools, similarity: Floats, overlap: Floats) -> Ints:
    """Positions of the found people who are not taken for somebody left out, by boxes where there are no joints."""
    rows, columns = pairs(np.where(np.isnan(similarity), overlap, similarity), ALIKE)
    return np.setdiff1d(np.arange(similarity.shape[1]), columns[~seen[rows]])
