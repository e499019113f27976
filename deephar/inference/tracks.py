"""Who is who from frame to frame: people are joined to tracks by where their boxes and joints are expected.

Two stages as in ByteTrack (Zhang et al., ECCV 2022): those who are surely people first, to all tracks; then those who
are less sure, to tracks that were just seen, so that a half-hidden person keeps a track but begins none.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from deephar import checks, metrics_overlap
from deephar.inference.people import Person
from deephar.layouts import PoseLayout
from deephar.typed import Floats

_DAMPING = 0.9
"""Share of the speed that is left after a frame without the person: nobody flies on for long."""

UNSURE = 0.5
"""Share of the score asked of a new person that is enough to be seen again."""

_NEW = 0.5
"""Share of a new displacement in a track's speed."""


@dataclasses.dataclass
class _Track:
    """A person over time.

    Attributes:
        number: of the track, from 1.
        person: as last seen.
        speed: (2,) pixels a frame.
        missing: frames since.
        moved: (2,) pixels that the person is expected to have moved since.
    """

    number: int
    person: Person
    speed: Floats
    missing: int = 0
    moved: Floats = dataclasses.field(default_factory=lambda: np.zeros(2))

    def expect(self) -> None:
        """Go on to the next frame."""
        if self.missing:
            self.speed = self.speed * _DAMPING
        self.missing += 1
        self.moved = self.moved + self.speed

    def see(self, person: Person) -> None:
        """Take what was found in this frame."""
        step = (_center(person.box_px) - _center(self.person.box_px)) / self.missing
        self.speed = step if not self.speed.any() else _NEW * step + (1 - _NEW) * self.speed
        self.person, self.missing, self.moved = person, 0, np.zeros(2)

    @property
    def box_px(self) -> Floats:
        """(4,) where the person is expected now."""
        return self.person.box_px + np.tile(self.moved, 2)

    @property
    def pose_px(self) -> Floats:
        """(J, 2) where the joints are expected now."""
        return self.person.pose_px + self.moved


class Tracker:
    """Numbers people, frame by frame.

    It knows neither faces nor clothes: two people who meet and turn back while one hides the other may change numbers,
    and who is away for longer than `patience` comes back as somebody new.

    Args:
        layout: `deephar.layouts.PoseLayout` of the joints.
        sure: people of this score begin tracks and are joined first.
        unsure: people of a smaller score are left out.
        similar: least similarity of a person to a track, in [0, 1]: the mean of the boxes' intersection over union and
            of the object keypoint similarity of the joints.
        patience: frames for which a track waits for its person.
    """

    def __init__(
        self,
        layout: PoseLayout,
        sure: float = 0.5,
        unsure: float = 0.1,
        similar: float = 0.2,
        patience: int = 30,
    ) -> None:
        self.layout: PoseLayout = layout
        self.sure: float = checks.between("sure", sure, 0, 1)
        self.unsure: float = checks.between("unsure", unsure, 0, 1)
        self.similar: float = checks.between("similar", similar, 0, 1)
        self.patience: int = checks.whole("patience", patience, least=0)
        self._tracks: list[_Track] = []
        self._begun = 0

    def __call__(self, people: Sequence[Person]) -> list[Person]:
        """The people of the next frame with the numbers of their tracks, without those who are no track's.

        Args:
            people: with scores.

        Returns:
            list of `Person` in the order of their tracks.
        """
        for track in self._tracks:
            track.expect()
        surely = [person for person in people if person.score >= self.sure]
        maybe = [person for person in people if self.unsure <= person.score < self.sure]
        rest = self._join(self._tracks, surely)
        self._join([track for track in self._tracks if track.missing == 1], maybe)
        for person in rest:
            self._begun += 1
            self._tracks.append(_Track(self._begun, person, np.zeros(2)))
        self._tracks = [track for track in self._tracks if track.missing <= self.patience]
        return [dataclasses.replace(t.person, track=t.number) for t in self._tracks if not t.missing]

    def go_on(self, people: Sequence[Person], last: int) -> None:
        """Take up the tracks of an earlier run.

        Args:
            people: of its last frame, with their tracks.
            last: highest number of a track that it gave.
        """
        self._tracks = [_Track(one.track, one, np.zeros(2)) for one in people if one.track is not None]
        self._begun = last

    def expected(self) -> tuple[Floats, Floats]:
        """Where the people of the last frame are expected in the next, boxes (N, 4), and their scores (N,)."""
        seen = [track for track in self._tracks if not track.missing]
        boxes = [track.box_px + np.tile(track.speed, 2) for track in seen]
        return np.array(boxes).reshape(-1, 4), np.array([track.person.score for track in seen])

    def _join(self, tracks: list[_Track], people: list[Person]) -> list[Person]:
        """Join people to tracks where they are alike; those who are left."""
        if not tracks or not people:
            return people
        from scipy.optimize import linear_sum_assignment  # takes as long to import as all of deephar

        alike = self._similarity(tracks, people)
        pairs = [(t, p) for t, p in zip(*linear_sum_assignment(-alike), strict=True) if alike[t, p] >= self.similar]
        for row, column in pairs:
            tracks[row].see(people[column])
        taken = {column for _, column in pairs}
        return [person for column, person in enumerate(people) if column not in taken]

    def _similarity(self, tracks: list[_Track], people: list[Person]) -> Floats:
        """(tracks, people) in [0, 1]; the joints' by the area of the whole box, as people move between two frames."""
        expected, found = (np.stack([one.box_px for one in some]) for some in (tracks, people))
        poses, others = (np.stack([one.pose_px for one in some]) for some in (tracks, people))
        areas = np.prod(expected[:, 2:] - expected[:, :2], axis=1)
        sigmas = metrics_overlap.sigmas_of(self.layout, metrics_overlap.ORDINARY)
        joints = metrics_overlap.oks(poses, others, areas, sigmas)
        return (metrics_overlap.box_overlap(expected, found) + np.nan_to_num(joints)) / 2


def _center(box: Floats) -> Floats:
    return (box[:2] + box[2:]) / 2
