"""Clip names of NTU RGB+D: what they encode, the actions, the official splits, and a validation split."""

import collections
import hashlib
import os
import pathlib
import re
import typing
from collections.abc import Callable, Collection, Iterable

from deephar import action_names
from deephar.typed import Path

SPLITS = ("cross_subject", "cross_view", "cross_setup")

TRAIN_SUBJECTS: dict[int, tuple[int, ...]] = {
    60: (1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38),
    120: (
        *(1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38, 45, 46, 47, 49, 50, *range(52, 60)),
        *(70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103),
    ),
}
"""Training subjects of the cross-subject split, by the number of classes. Those for 60 are the original's. Those for
120 are taken from published code by several authors; the paper that defines them was not available."""

TRAIN_CAMERAS = (2, 3)

LAST = {60: {"setup": 17, "subject": 40, "action": 60}, 120: {"setup": 32, "subject": 106, "action": 120}}
"""By the number of classes, the last setup, subject and action; a clip beyond these is from the larger set."""

NAME = re.compile("".join(rf"{letter}((?!000)\d{{3}})" for letter in "SCPRA"), re.ASCII)
"""Pattern of a clip's name, without any ending."""

ACTIONS: tuple[str, ...] = action_names.NTU
"""Names of the 120 classes in order; the first 60 are those of the older set."""


class ClipName(typing.NamedTuple):
    """The content of a clip's name, SsssCcccPpppRrrrAaaa: five numbers from 1."""

    setup: int
    camera: int
    subject: int
    repeat: int
    action: int


def parse_name(name: str) -> ClipName:
    """`ClipName` of a name without any ending. Raises ValueError for an invalid name."""
    match = NAME.fullmatch(name)
    if not match:
        raise ValueError(f"Expected the name of a clip of NTU RGB+D like S001C001P001R001A001. Received: {name}")
    return ClipName(*map(int, match.groups()))


def listed(missing: Path | Iterable[Path] | None) -> set[str]:
    """Names in lists of clips, which may be empty; other lines are ignored."""
    paths = [] if missing is None else [missing] if isinstance(missing, (str, os.PathLike)) else missing
    found = set()
    for path in paths:
        try:
            lines = pathlib.Path(path).read_text(encoding="utf-8-sig", errors="replace").split("\n")
        except OSError as error:
            raise ValueError(f"Expected a list of clips of NTU RGB+D. Received: {path}: {error.strerror}") from None
        names = {line.strip() for line in lines if NAME.fullmatch(line.strip())}
        if not names and any(lines):
            raise ValueError(f"Expected a list of clips, one name like S001C002P005R002A008 per line. Received: {path}")
        found |= names
    return found


def splitter(split: str | None, train: bool, classes: int) -> Callable[[ClipName], bool]:
    """Function of a `ClipName` that returns whether it is in the split."""
    rules = {
        None: lambda clip: bool(train),
        "cross_subject": lambda clip: clip.subject in TRAIN_SUBJECTS[classes],
        "cross_view": lambda clip: clip.camera in TRAIN_CAMERAS,
        "cross_setup": lambda clip: clip.setup % 2 == 0,
    }
    if split not in rules or (split, classes) in (("cross_view", 120), ("cross_setup", 60)):
        raise ValueError(
            f"The splits are {', '.join(SPLITS)}; cross_view is for the 60 classes, cross_setup for the 120. "
            f"Received: {split} for {classes} classes"
        )
    return lambda clip: rules[split](clip) == bool(train)


HELD_OUT = 0.1
"""Fraction of a split's training clips, of every class, that `hold_out` keeps for validation."""


def of_split(names: Iterable[str], split: str, train: bool, classes: int) -> list[str]:
    """The names of a split's training or test clips, see `splitter`, without those of other classes."""
    wanted = splitter(split, train, classes)
    known = {name: parse_name(name) for name in names}
    return [
        name
        for name, clip in known.items()
        if wanted(clip) and all(getattr(clip, key) <= last for key, last in LAST[classes].items())
    ]


def hold_out(names: Collection[str], split: str) -> tuple[list[str], list[str]]:
    """Divide the training clips of a split into a training and a validation split.

    For cross_subject, whole subjects are held out, since the test subjects also differ from the training ones. For the
    other splits, whole performances: one performance is up to three clips, by three cameras. They are considered in an
    order that is independent of their numbers and the same on every machine, and held out if that brings the fraction
    of their classes closer to `HELD_OUT`, or gives a class its first validation clips; never if it would leave a class
    without training clips. So every class is in both parts if enough subjects (or performances) show it.

    Args:
        names: of the available training clips.
        split: one of `SPLITS`.

    Returns:
        two sorted lists of names: the training and the validation split.

    Raises:
        ValueError: if none can be held out: there is only one subject, or only one performance of every class.
    """
    groups, left, held = collections.defaultdict(list), collections.Counter(), collections.Counter()
    for name in sorted(names):
        clip = parse_name(name)
        groups[clip.subject if split == "cross_subject" else clip._replace(camera=0)].append((name, clip.action))
        left[clip.action] += 1
    wanted = {action: HELD_OUT * count for action, count in left.items()}
    learn, choose = [], []
    for key in sorted(groups, key=lambda key: hashlib.sha256(repr(key).encode()).digest()):
        clips, shown = zip(*groups[key], strict=True)
        shown = collections.Counter(shown)
        nearer = sum(wanted[action] - held[action] for action in shown) > len(clips) / 2
        unseen = any(not held[action] for action in shown)
        if (nearer or unseen) and all(left[action] > count for action, count in shown.items()):
            choose += clips
            held.update(shown)
            left.subtract(shown)
        else:
            learn += clips
    if not choose:
        whole = "two subjects" if split == "cross_subject" else "two performances of a class"
        raise ValueError(f"A validation split needs at least {whole}. Received: {len(names)} clips of fewer")
    return sorted(learn), sorted(choose)
