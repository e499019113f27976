"""From pictures to people: boxes, crops, network and back to pixels, for `deephar predict` and for programs."""

import contextlib
import dataclasses
import functools
import itertools
import logging
import os
import threading
import typing
from collections.abc import Callable, Generator, Sequence

import numpy as np
from PIL import Image

from deephar import checks, geometry, layouts
from deephar.data.samples import frames
from deephar.detection.detector import PeopleDetector
from deephar.inference import boxes as box_rules
from deephar.inference import detection, photo_paths, running, watching
from deephar.inference.certainty import certainty
from deephar.inference.detection import Detector
from deephar.inference.frame import Frame, decoded
from deephar.inference.people import Person
from deephar.inference.results import Result
from deephar.inference.sources import Given, Source, open_source
from deephar.inference.space import weak_perspective
from deephar.inference.tracks import UNSURE, Tracker
from deephar.layouts import PoseLayout
from deephar.models import outputs
from deephar.runtimes import choosing, opening
from deephar.typed import ArrayLike, Floats, Network, Path, Pixels

logger: logging.Logger = logging.getLogger(__name__)

BATCH = 16
"""Crops per batch."""

LEAST_SCORE = 0.2
"""`Person.score` from which there is a person."""


Job: typing.TypeAlias = tuple[Frame, tuple[Floats, Floats]]
"""A picture, and centre (2,) and size (2,) of a square window in pixels of its file."""


class PoseNetwork(Network, typing.Protocol):
    """A network with one input, images (B, H, W, 3): a `keras.Model`, or any object with these attributes."""

    @property
    def input_shape(self) -> tuple[int | None, int, int, int]: ...


class PosePredictor:
    """Poses of the people in pictures and videos.

    Args:
        model: a pose network.
        layout: `deephar.layouts.PoseLayout` of its joints, or its name.
        flip: average with the prediction on the mirrored crop.
        margin: side of a person's window, as a multiple of the box's longer side.
        crop_mm: for a network with depth, see `deephar.inference.space.weak_perspective`.
        detector: finds people where no boxes are given, see `deephar.inference.detection.Detector`; with None, every
            picture is taken to show one person.
        least_score: people who are found, but whose `Person.score` is smaller, are nobody.
        max_people: the surest of a picture that are kept, where no boxes are given; None for all.

    Several threads may share a predictor: they decode in parallel, and take turns at the detector and at the network.

    Example:
        >>> predictor = PosePredictor.from_weights("photo-lite-2d")
        >>> predictor("photo.jpg")[0].pose_px
        >>> for result in predictor.stream("holiday.mp4"):
        ...     print(result.seconds, [person.track for person in result.people])
    """

    def __init__(
        self,
        model: PoseNetwork,
        layout: PoseLayout | str,
        flip: bool = False,
        margin: float = geometry.MARGIN,
        crop_mm: float = geometry.WINDOW_MM,
        detector: Detector | None = None,
        least_score: float = LEAST_SCORE,
        max_people: int | None = None,
    ) -> None:
        self.model: PoseNetwork = model
        self.layout: PoseLayout = layouts.get(layout)
        self.flip: bool = flip
        self.margin: float = margin
        self.crop_mm: float = crop_mm
        self.detector: Detector | None = detector
        self.least_score: float = checks.between("least_score", least_score, 0, 1)
        self.max_people: int | None = None if max_people is None else checks.whole("max_people", max_people)
        self._turn, self._search = threading.Lock(), threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        settings = self.flip, self.margin, self.crop_mm, self.detector, self.least_score, self.max_people
        return type(self), (self.model, self.layout, *settings)

    @classmethod
    def from_weights(
        cls,
        weights: Path,
        flip: bool = False,
        detector: "Detector | typing.Literal['people'] | None" = "people",
        least_score: float = LEAST_SCORE,
        max_people: int | None = None,
        runtime: str | None = None,
        precision: str = "float32",
        calibration: Path | None = None,
    ) -> typing.Self:
        """A predictor with the network that some weights are for.

        Args:
            weights: a name that `deephar pretrained` lists, a weight file from training beside its model.json, or a
                file of `deephar export`; of a clip network, the pose part is used.
            flip, least_score, max_people: see the class.
            detector: see the class; by default `deephar.detection.detector.PeopleDetector` with its own weights, in
                the same runtime.
            runtime, precision, calibration: see `deephar.runtimes.opening.find`.

        Raises:
            ValueError: if there are no such weights, nothing says what network they are for, or the runtime cannot
                use them.
            ImportError: if the runtime is not installed; with the command.
        """
        found = opening.find(weights, runtime, precision, calibration, stills=True)
        about = found.about
        if about is None:
            raise ValueError(f"{weights} are for the detector; expected a pose network's")
        if about.judges_actions and (choosing.is_exported(weights) or not about.estimates_poses):
            raise ValueError(f"{weights} are for {about.preset}, which classifies clips; expected a pose network's")
        found_by = PeopleDetector(load=found.detector) if detector == "people" else detector
        settings = about.window_margin, about.crop_mm, found_by, least_score, max_people
        return cls(typing.cast(PoseNetwork, found.load()), about.layout, flip, *settings)

    def __call__(
        self, photo: Path | Image.Image | Pixels | Frame, boxes: ArrayLike | None = None, name: str | None = None
    ) -> list[Person]:
        """Predict the people in boxes, or those who are found.

        Args:
            photo: anything that `deephar.data.samples.frames.open_image` opens: a path, a `PIL.Image.Image` (turned
                upright according to its EXIF data), or a uint8 array, grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4);
                or a `deephar.inference.Frame`.
            boxes: (N, 4) x1, y1, x2, y2 around each person in pixels of the upright photograph, or None to look for
                people; without a detector, one box is estimated from the whole photograph: a first prediction gives the
                box for a second (paper section 5).
            name: of the photograph, for messages; its path by default.

        Returns:
            list of `Person`, one for each box, or those found, the surest first.

        Raises:
            ValueError: if the photograph cannot be read, or is not one photograph, as `stream` takes; if a box is
                empty, not finite, or does not overlap the photograph.
        """
        if isinstance(photo, (list, tuple, int)) or photo_paths.is_more(photo):
            given = photo if isinstance(photo, (str, os.PathLike)) else type(photo).__name__
            raise ValueError(f"Expected one photograph; `stream` takes several, videos and cameras. Received: {given}")
        frame = photo if isinstance(photo, Frame) else self._decode(photo, name or frames.name_of(photo))
        return self.found(frame) if boxes is None else self.inside([(frame, boxes)])[0]

    def stream(
        self,
        source: Given | Source,
        boxes: Callable[[Frame], ArrayLike | None] | None = None,
        tracker: Tracker | None = None,
        then: Sequence[Callable[[Result], Result]] = (),
        stride: int = 1,
        start: int = 0,
    ) -> Generator[Result]:
        """The people of one picture after the other, whatever the source; of videos, with the numbers of their tracks.

        Args:
            source: anything that `deephar.inference.open_source` opens, or an open source, which stays open.
            boxes: function of a `deephar.inference.Frame` that gives its boxes, see `__call__`, or None to look for
                people in it. Nobody is tracked then, and several pictures are computed together.
            tracker: that joins people from frame to frame; by default a new one, but none for photographs.
            then: what is done to every result, one after the other, for example by
                `deephar.inference.smoothing.Smooth`.
            stride, start: see `deephar.inference.open_source`.

        Returns:
            generator of `deephar.inference.Result`, in order, without the pictures that cannot be read, which
            `Source.broken` names, and a warning of the logger at the end for a source that is opened here; an hour of
            video needs the memory of some frames.

        Raises:
            ValueError: see `deephar.inference.open_source`; or if a box is none.
        """
        with contextlib.ExitStack() as stack:
            given = source
            if not isinstance(source, Source):
                source = stack.enter_context(open_source(source, stride=stride, start=start))
            for frame, people in watching.watch(self, source, boxes, tracker):
                yield functools.reduce(lambda so_far, step: step(so_far), then, self.result(frame, people))
            if source is not given and source.broken:
                logger.warning(source.faults)

    def result(self, frame: Frame, people: list[Person]) -> Result:
        """What was found in a picture."""
        known = frame.index, frame.seconds, frame.size, frame.name
        return Result(*known, self.layout, people, frame.image, frame.focal_px)

    @property
    def depth(self) -> bool:
        """Whether the network gives 3D poses."""
        dimensions = {outputs.Kind.POSE: 3, outputs.Kind.POSE_VISIBILITY: 4}
        tensors = zip(outputs.describe(self.model), getattr(self.model, "outputs", ()), strict=False)
        return any(tensor.shape[-1] == dimensions.get(output.kind) for output, tensor in tensors)

    def tracker(self) -> Tracker:
        """A new tracker of people whom this predictor finds."""
        return Tracker(self.layout, self.least_score, UNSURE * self.least_score)

    def found(self, frame: Frame) -> list[Person]:
        """The people in a picture, the surest first."""
        if self.detector is None:
            return self.inside([(frame, self._estimated_box(frame))])[0]
        return self.confirmed(frame, *self.proposed(frame))[: self.max_people]

    def proposed(self, frame: Frame) -> tuple[Floats, Floats]:
        """Boxes (N, 4) in pixels of the file where people may be, and scores (N,) in [0, 1]."""
        if self.detector is None:
            return self._estimated_box(frame), np.ones(1)
        with self._search:
            found = self.detector(frame.image)
        boxes, scores = (np.asarray(values, dtype=np.float64) for values in found)
        boxes = boxes.reshape(-1, 4) * np.tile(np.divide(frame.size, frame.image.size), 2)
        possible = box_rules.overlapping(boxes, frame.size)
        return boxes[possible], scores.reshape(-1)[possible]

    def confirmed(self, frame: Frame, boxes: Floats, scores: Floats, share: float = 1.0) -> list[Person]:
        """People in boxes, now halfway to their joints', who reach a share of `least_score` and are not seen twice.

        Args:
            frame: the picture.
            boxes, scores: (N, 4) and (N,), where people may be, and how sure that is.
            share: of the score.
        """
        inside = box_rules.overlapping(boxes, frame.size)
        (people,) = self.inside([(frame, boxes[inside])])
        if not people:
            return []
        found = np.stack([box_rules.extent(one.pose_px, one.confidence, frame.size) for one in people])
        sure = certainty(scores[inside], np.stack([p.confidence for p in people]), boxes[inside], found)
        kept = box_rules.overlapping(found, frame.size) & (sure >= share * self.least_score)
        halfway = (boxes[inside] + found) / 2  # nearer to the truth than either
        scored = [
            dataclasses.replace(people[place], box_px=halfway[place], score=float(sure[place]))
            for place in np.flatnonzero(kept).tolist()
        ]
        return detection.distinct(scored, self.layout)

    def inside(self, pictures: Sequence[tuple[Frame, ArrayLike]]) -> list[list[Person]]:
        """The people in the boxes (N, 4) of several pictures, computed together.

        Raises:
            ValueError: for boxes that are empty, not finite, or outside of their pictures.
        """
        boxes = [box_rules.checked(given, frame.size) for frame, given in pictures]
        jobs = [
            (frame, geometry.person_window(box, self.margin))
            for (frame, _), some in zip(pictures, boxes, strict=True)
            for box in some
        ]
        people = iter(self._people(jobs, np.concatenate([np.empty((0, 4)), *boxes])))
        return [list(itertools.islice(people, len(some))) for some in boxes]

    def _people(self, jobs: Sequence[Job], boxes: Floats) -> list[Person]:
        if not jobs:
            return []
        poses, confidences = self._predict(jobs)
        if poses.shape[-1] < 3:
            return [Person(*person) for person in zip(boxes, poses, confidences, strict=True)]
        sides = np.array([side for _, (_, (side, _)) in jobs])
        spaces = weak_perspective(poses, sides, self.layout, self.crop_mm)
        return [Person(*person) for person in zip(boxes, poses[..., :2], confidences, spaces, strict=True)]

    def _decode(self, photo: Path | Image.Image | Pixels, name: str) -> Frame:
        shared = isinstance(photo, Image.Image)  # and other threads may have it
        with self._turn if shared else contextlib.nullcontext():
            return decoded(0, photo, name)

    def _estimated_box(self, frame: Frame) -> Floats:
        center = np.array(frame.size) / 2
        (pose,), (confidence,) = self._predict([(frame, (center, np.full(2, float(max(frame.size)))))])
        box = box_rules.extent(pose[:, :2], confidence)
        try:
            return box_rules.checked(box, frame.size)
        except ValueError:  # nothing is found
            return np.array([[0.0, 0.0, *frame.size]])

    def _predict(self, jobs: Sequence[Job]) -> tuple[Floats, Floats]:
        """Poses (N, J, 2 or 3) in pixels, depth in [0, 1], and confidences (N, J) of square windows."""
        height, width = self.model.input_shape[1:3]
        poses, confidences = [], []
        for batch in running.batches(jobs, BATCH):
            maps = np.stack([geometry.window_to_crop(*window) for _, window in batch])
            pairs = zip(batch, maps, strict=True)
            cut = frames.crops_of(((frame.image, frame.size, to) for (frame, _), to in pairs), (width, height))
            with self._turn:
                pose, confidence = running.predict_crops(self.model, cut, self.layout, self.flip, last=True)
            poses.append(geometry.transform_points(np.linalg.inv(maps), pose[-1]))
            confidences.append(confidence[-1])
        return np.concatenate(poses), np.concatenate(confidences)
