"""Pictures one after the other: those of photographs together, those of videos with an eye on who was where before."""

import contextlib
import dataclasses
import typing
from collections.abc import Callable, Generator, Iterable, Sequence

import numpy as np

from deephar import metrics_overlap
from deephar.inference import boxes as box_rules
from deephar.inference import detection, running, tracks
from deephar.inference.ahead import ahead
from deephar.inference.detection import Detector
from deephar.inference.frame import Frame
from deephar.inference.people import Person
from deephar.inference.sources import Source
from deephar.inference.tracks import Tracker
from deephar.typed import ArrayLike, Floats

TOGETHER = 8
"""Pictures with given boxes whose people are computed together."""

EVERY = 8
"""Frames from one search for new people in the whole picture to the next."""

KNOWN = 0.3
"""Overlap of a proposed box with where somebody is expected, above which it is theirs; or half of the share of the
latter that lies inside."""

Boxes: typing.TypeAlias = Callable[[Frame], "ArrayLike | None"]

_Seen: typing.TypeAlias = tuple[Frame, list[Person]]


class Sees(typing.Protocol):
    """The part of a `deephar.inference.predictor.PosePredictor` used here."""

    @property
    def max_people(self) -> int | None: ...

    @property
    def least_score(self) -> float: ...

    @property
    def detector(self) -> Detector | None: ...

    def tracker(self) -> Tracker: ...

    def found(self, frame: Frame, /) -> list[Person]: ...

    def proposed(self, frame: Frame, /) -> tuple[Floats, Floats]: ...

    def confirmed(self, frame: Frame, boxes: Floats, scores: Floats, share: float = ..., /) -> list[Person]: ...

    def inside(self, pictures: Sequence[tuple[Frame, ArrayLike]], /) -> list[list[Person]]: ...


def watch(
    predictor: Sees, source: Source, boxes: Boxes | None = None, tracker: Tracker | None = None
) -> Generator[_Seen]:
    """Frames and their people; see `deephar.inference.PosePredictor.stream`."""
    waits = source.live or source.kind == "frames"  # a program's own are asked for one by one
    with contextlib.closing(iter(source)) as frames, contextlib.closing(ahead(frames, waits)) as coming:
        if boxes is None and (tracker is not None or source.kind != "photographs"):
            alone = predictor.detector is None
            yield from _alone(predictor, coming) if alone else _followed(predictor, coming, tracker)
            return
        for frame, people in attempts(predictor, coming, boxes, 1 if waits else TOGETHER):
            if isinstance(people, Exception):
                raise people
            yield frame, people


def attempts(
    predictor: Sees, frames: Iterable[Frame], boxes: Boxes | None, together: int = TOGETHER
) -> Generator[tuple[Frame, list[Person] | Exception]]:
    """Frames, each with its people or with what went wrong there alone.

    Args:
        predictor: see `watch`.
        frames: that have nothing to do with each other.
        boxes: function of a frame that gives its boxes, or None to look for people in it; None to do so in all.
        together: pictures with given boxes whose people are computed together.
    """
    for batch in running.batches(frames, together if boxes else 1):
        yield from zip(batch, _attempted(predictor, batch, boxes or _unknown), strict=True)


def _attempted(predictor: Sees, batch: list[Frame], boxes: Boxes) -> Sequence[list[Person] | Exception]:
    try:
        given = [(frame, boxes(frame)) for frame in batch]
        people = iter(predictor.inside([(frame, some) for frame, some in given if some is not None]))
        return [predictor.found(frame) if some is None else next(people) for frame, some in given]
    except Exception as error:
        return [error] if len(batch) == 1 else [_attempted(predictor, [frame], boxes)[0] for frame in batch]


def _unknown(_: Frame) -> None:
    """No boxes."""


def _alone(predictor: Sees, frames: Iterable[Frame]) -> Generator[_Seen]:
    """One person in every frame, where they were in the last; from time to time, or if that is unsure, anywhere."""
    box = None
    for number, frame in enumerate(frames):
        if box is None or number % EVERY == 0:
            (person,) = predictor.found(frame)
        else:
            ((person,),) = predictor.inside([(frame, box)])
        box = (person.box_px + box_rules.extent(person.pose_px, person.confidence, frame.size)) / 2
        if person.score < predictor.least_score or not box_rules.overlapping(box[None], frame.size).all():
            box = None
        yield frame, [dataclasses.replace(person, track=1)]


def _followed(predictor: Sees, frames: Iterable[Frame], tracker: Tracker | None) -> Generator[_Seen]:
    """People are looked for where they are expected, and from time to time, or if there is nobody, everywhere."""
    tracker = tracker or predictor.tracker()
    for number, frame in enumerate(frames):
        boxes, scores = tracker.expected()
        if not len(boxes) or number % EVERY == 0:
            boxes, scores = _renewed(boxes, scores, *predictor.proposed(frame))
        people = tracker(predictor.confirmed(frame, boxes, scores, tracks.UNSURE))
        surest = sorted(range(len(people)), key=lambda place: -people[place].score)[: predictor.max_people]
        yield frame, [people[place] for place in sorted(surest)]


def _renewed(expected: Floats, known: Floats, proposed: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Boxes (N, 4) and scores (N,) that are proposed, and of the people expected where nobody is proposed.

    A box that follows a pose from frame to frame may come to hold a part of the person alone.
    """
    alike = np.maximum(metrics_overlap.box_overlap(proposed, expected), detection.shares_inside(proposed, expected) / 2)
    lost = (alike <= KNOWN).all(axis=0)
    return np.concatenate([proposed, expected[lost]]), np.concatenate([scores, known[lost]])
