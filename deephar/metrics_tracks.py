"""Scores of people followed through a video: CLEAR-MOT, which counts faults frame by frame, and identity measures.

CLEAR-MOT: Bernardin and Stiefelhagen 2008, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics".
Identity: Ristani et al. 2016, "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking".
"""

import collections
import typing
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from deephar.metrics_overlap import pairs
from deephar.metrics_people import share
from deephar.typed import ArrayLike, Floats, Ints

Frame: typing.TypeAlias = tuple["Sequence[Hashable] | Ints", "Sequence[Hashable] | Ints", ArrayLike]
"""Names of the true (N) and the found (M) people of a frame, and how similar they are (N, M) in [0, 1]."""

_Frame: typing.TypeAlias = tuple[list[Hashable], list[Hashable], Floats]


class TrackScores(typing.TypedDict):
    """See `clear_and_identity`."""

    idf1: float
    idp: float
    idr: float
    mota: float
    switches: int
    misses: int
    false_positives: int
    people: int
    found: int


def clear_and_identity(frames: Iterable[Frame], least: float = 0.5) -> TrackScores:
    """How well people keep their names through a video.

    To pool several videos, give the frames of all, with names that tell the videos apart, e.g. (video, id).

    Args:
        frames: of `Frame`, in the order of time; a name is there once in a frame.
        least: similarity of a found person to the true one, at least.

    Returns:
        dict: `idf1`, `idp`, `idr` in [0, 1], of the one-to-one assignment of names, over all time, with the most
        frames right; `mota` (at most 1, may be below 0); `switches` (a true person is taken for another than when last
        found), `misses` and `false_positives`; `people` and `found`, summed over frames. NaN where nobody counts.

    Raises:
        ValueError: if a name is twice in a frame or the similarity has another shape.
    """
    checked = [_checked(frame, number) for number, frame in enumerate(frames)]
    people, found = (sum(len(frame[side]) for frame in checked) for side in (0, 1))
    matched, switches = _clear(checked, least)
    right = _same_throughout(checked, least)
    misses, false_positives = people - matched, found - matched
    return {
        "idf1": share(2 * right, people + found),
        "idp": share(right, found),
        "idr": share(right, people),
        "mota": 1 - share(misses + false_positives + switches, people),
        "switches": switches,
        "misses": misses,
        "false_positives": false_positives,
        "people": people,
        "found": found,
    }


def _checked(frame: Frame, number: int) -> _Frame:
    truth, found = ([*ids.tolist()] if isinstance(ids, np.ndarray) else [*ids] for ids in frame[:2])
    similarity = np.asarray(frame[2], dtype=np.float64)
    similarity = similarity.reshape(len(truth), len(found)) if similarity.size == 0 else similarity
    if similarity.shape != (len(truth), len(found)):
        raise ValueError(
            f"Expected similarities {(len(truth), len(found))}, true by found people, in frame {number}. "
            f"Received: {similarity.shape}"
        )
    for ids in (truth, found):
        twice = [name for name, times in collections.Counter(ids).items() if times > 1]
        if twice:
            raise ValueError(f"Expected every name once in frame {number}. Received: {twice[0]!r} more than once")
    return truth, found, similarity


def _clear(frames: Sequence[_Frame], least: float) -> tuple[int, int]:
    """How often a person is found, and how often it is then another than before.

    Who were a pair when either was last found remain one while they are alike; the others are paired anew.
    """
    last_found: dict[Hashable, Hashable] = {}
    last_truth: dict[Hashable, Hashable] = {}
    matched = switches = 0
    for truth, found, similarity in frames:
        column_of = {name: column for column, name in enumerate(found)}
        kept: dict[int, int] = {}
        for row, name in enumerate(truth):
            other = last_found.get(name)
            if name in last_found and last_truth[other] == name and other in column_of:
                column = column_of[other]
                if similarity[row, column] >= least:
                    kept[row] = column
        rows = [row for row in range(len(truth)) if row not in kept]
        columns = [column for column in range(len(found)) if column not in kept.values()]
        new_rows, new_columns = pairs(similarity[np.ix_(rows, columns)], least)
        kept |= {rows[i]: columns[j] for i, j in zip(new_rows, new_columns, strict=True)}
        for row, column in kept.items():
            name, other = truth[row], found[column]
            switches += last_found.get(name, other) != other
            last_found[name], last_truth[other] = other, name
        matched += len(kept)
    return matched, switches


def _same_throughout(frames: Sequence[_Frame], least: float) -> int:
    """Frames of people under their one name, by the assignment of names that has most of them (IDTP)."""
    rows: dict[Hashable, int] = {}
    columns: dict[Hashable, int] = {}
    together: collections.Counter[tuple[int, int]] = collections.Counter()
    for truth, found, similarity in frames:
        true_numbers = [rows.setdefault(name, len(rows)) for name in truth]
        found_numbers = [columns.setdefault(name, len(columns)) for name in found]
        together.update((true_numbers[i], found_numbers[j]) for i, j in np.argwhere(similarity >= least))
    from scipy.optimize import linear_sum_assignment  # takes as long to import as all of deephar

    counts = np.zeros((len(rows), len(columns)), dtype=int)
    for (row, column), times in together.items():
        counts[row, column] = times
    return int(counts[linear_sum_assignment(counts, maximize=True)].sum())
