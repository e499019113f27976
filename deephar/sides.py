"""Right and left in the names of joints: `r_knee`, `right_knee`, `knee_r` and `knee_right` are the same joint."""

import re
from collections.abc import Sequence

_SIDE = {"r": "r", "right": "r", "l": "l", "left": "l"}
_OTHER = {"r": "l", "l": "r", "right": "left", "left": "right"}
_SIDED = re.compile(r"(?:(right|left|r|l)_(.+)|(.+)_(right|left|r|l))", re.IGNORECASE)
_WORDS = re.compile("right|left", re.IGNORECASE)
_LETTERS = re.compile("r|l", re.IGNORECASE)

HOW_TO_NAME = "write r_knee and l_knee, right_knee and left_knee, or with the side last: knee_r, knee_right"


def split(name: str) -> tuple[str, str]:
    """The side in a joint's name and the joint without it.

    Args:
        name: of a joint.

    Returns:
        "r", "l" or "" for the middle; and the rest of the name, in lower case.

    Example:
        >>> split("Right_knee"), split("knee_l"), split("nose")
        (('r', 'knee'), ('l', 'knee'), ('', 'nose'))
    """
    found = _SIDED.fullmatch(name)
    if not found:
        return "", name.lower()
    before, after, joint, behind = found.groups()
    return _SIDE[(before or behind).lower()], (after or joint).lower()


def canonical(name: str) -> str:
    """The name by which joints of all layouts are matched, such as "r_knee"."""
    side, joint = split(name)
    return f"{side}_{joint}" if side else joint


def mirrored(names: Sequence[str]) -> list[int]:
    """The position of every joint's mirror image.

    Args:
        names: of a person's joints, without duplicates.

    Returns:
        list of positions in `names`; a middle joint is its own mirror image.

    Raises:
        ValueError: if a joint on one side lacks its counterpart, or names seem to indicate sides in another way.
    """
    places = {canonical(name): place for place, name in enumerate(names)}
    _check_unsided([name for name in names if not split(name)[0]])
    found = []
    for name in names:
        side, joint = split(name)
        partner = f"{_OTHER[side]}_{joint}" if side else joint
        if partner not in places:
            raise ValueError(f"joint {name!r} has a side, but its counterpart {partner!r} is not among the joints")
        found.append(places[partner])
    return found


def _check_unsided(names: list[str]) -> None:
    """Reject names without a side that mention one ("RightKnee"), or that differ only in r and l ("RKnee", "LKnee")."""
    known = {name.lower() for name in names}
    for name in names:
        if _WORDS.search(name) or any(_exchanged(name, letter) in known for letter in _LETTERS.finditer(name)):
            raise ValueError(f"joint {name!r} seems to have a side, which is not recognised: {HOW_TO_NAME}")


def _exchanged(name: str, letter: re.Match[str]) -> str:
    start, end = letter.span()
    return (name[:start] + _OTHER[letter[0].lower()] + name[end:]).lower()
