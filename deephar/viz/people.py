"""The people of a picture drawn on it: skeletons, boxes, tracks, actions; their 3D poses beside it."""

import math
import typing
from collections.abc import Sequence

import numpy as np
from PIL import Image

from deephar import checks
from deephar.typed import Floats
from deephar.viz.labels import Colour, Pen, Rectangle
from deephar.viz.skeleton import draw_pose
from deephar.viz.space import VIEWS, beside_photo

if typing.TYPE_CHECKING:
    from deephar.inference.people import Person
    from deephar.inference.results import Result

PALETTE: tuple[Colour, ...] = (
    (240, 228, 66), (204, 121, 167), (86, 180, 233), (213, 94, 0), (0, 158, 115), (230, 159, 0), (0, 114, 178),
)  # fmt: skip
"""The colours of Okabe and Ito, which the colour-blind tell apart, but black; jfly.uni-koeln.de/color."""

UNTRACKED: Colour = (225, 225, 225)
"""Colour of people without a track."""

_FAR = 1e5
"""Pixels from the picture's corner, beyond which a joint is an error and is not drawn."""


def track_colour(number: int | None) -> Colour:
    """Colour of a track by its number, from 1; the seven colours repeat. Grey for None."""
    return UNTRACKED if number is None else PALETTE[(number - 1) % len(PALETTE)]


def draw_result(
    result: "Result",
    image: Image.Image | None = None,
    actions: int = 3,
    least: float = 0.3,
    views: int | None = None,
) -> Image.Image:
    """Draw the people of a picture.

    Everybody has a skeleton (the person's right in orange, left in blue, the middle in green), a thin box in the colour
    of the track with its number, or with the score in per cent where nobody is tracked, and a bar chart of the most
    probable actions where they are judged. 3D poses are beside the picture, two views each, as `beside_photo` has them.

    Args:
        result: `deephar.inference.results.Result`.
        image: `PIL.Image.Image` to draw on, upright, of any size; by default that of the result. It is not changed.
        actions: number of actions in a chart, at most, and fewer in a small picture; 0 for no chart.
        least: joints of lower confidence, in [0, 1], are left out.
        views: number of 3D poses beside the picture, whoever is in it: all pictures of a film get the same size. More
            people than that are left out; with fewer, there are empty places. A person keeps the place while nobody
            else has it. By default, as many as people with a 3D pose: for single pictures.

    Returns:
        a new RGB `PIL.Image.Image` of the size of the image, and wider by the views.

    Raises:
        ValueError: without a picture, or for numbers that make no sense.
    """
    image = result.image if image is None else image
    if image is None:
        raise ValueError(f"{result.name} has no picture to draw on; give one: draw_result(result, image)")
    actions = checks.whole("actions", actions, least=0)
    views = None if views is None else checks.whole("views", views, least=0)
    scale = np.array(image.size) / np.array(result.size)
    picture = image.convert("RGB")
    for person in result.people:
        picture = _draw_skeleton(picture, person, scale, result, least)
    _draw_labels(Pen(picture), result.people, scale, actions)
    return _with_views(picture, result, views)


def _draw_skeleton(
    picture: Image.Image, person: "Person", scale: Floats, result: "Result", least: float
) -> Image.Image:
    pose = person.pose_px * scale
    left_out = (person.confidence < least) | ~np.all(np.abs(pose) < _FAR, axis=1)
    if left_out.all():
        return picture
    pose = np.where(left_out[:, None], np.nan, pose)
    height = np.ptp(pose[~left_out], axis=0).max()
    width = round(min(min(picture.size) / 100, height / 40))
    return draw_pose(picture, pose, result.layout, max(1 if height < 80 else 2, width))


def _draw_labels(pen: Pen, people: "Sequence[Person]", scale: Floats, actions: int) -> None:
    """Draw boxes, then labels, then charts, so that none hides the next."""
    shown = [(person, box) for person in people if (box := _box(person, scale, pen.size)) is not None]
    for person, box in shown:
        pen.frame(box, track_colour(person.track))
    written = [pen.label(_label(person), track_colour(person.track), box[0], box[1]) for person, box in shown]
    for person, box in shown:
        rows = _best(person, min(actions, pen.most_rows()))
        while rows and any(a > b for a, b in zip(pen.chart_size(rows), pen.size, strict=True)):
            rows.pop()
        if rows:
            size = pen.chart_size(rows)
            left, top = _free_place(pen, box, size, [other for _, other in shown], written)
            pen.chart(rows, track_colour(person.track), left, top)
            written.append((left, top, left + size[0], top + size[1]))


def _box(person: "Person", scale: Floats, size: tuple[int, int]) -> Rectangle | None:
    """The box in pixels of the picture, cut a little outside it; None where none of it is inside."""
    x1, y1, x2, y2 = (float(value) for value in (person.box_px.reshape(2, 2) * scale).ravel())
    width, height = size
    if not (x1 < width and x2 > 0 and y1 < height and y2 > 0):  # nor for NaN
        return None
    edge = max(size)
    return max(x1, -edge), max(y1, -edge), min(x2, width + edge), min(y2, height + edge)


def _label(person: "Person") -> str:
    if person.track is not None:
        return str(person.track)
    return "?" if math.isnan(person.score) else f"{100 * person.score:.0f} %"


def _best(person: "Person", actions: int) -> list[tuple[str, float]]:
    """The most probable actions with their probabilities."""
    found = sorted((person.actions or {}).items(), key=lambda item: -item[1])
    return [(name, min(max(share, 0.0), 1.0)) for name, share in found[:actions] if not math.isnan(share)]


def _free_place(
    pen: Pen, box: Rectangle, size: tuple[int, int], boxes: Sequence[Rectangle], written: Sequence[Rectangle]
) -> tuple[int, int]:
    """Where to put a chart: by the box, inside the picture, covering as little as possible of people and of text."""
    (x1, y1, x2, y2), (width, height), gap = box, size, pen.text // 2
    corners = [
        (x2 + gap, y1), (x1 - gap - width, y1), (x1, y2 + gap), (x1, y1 - 2 * pen.text - height), (x1 + gap, y1 + gap),
        (x1 + gap, y2 - gap - height),
    ]  # fmt: skip
    places = [pen.inside(x, y, width, height) for x, y in corners]

    def covered(place: tuple[int, int]) -> float:
        chart = (*place, place[0] + width, place[1] + height)
        return sum(_overlap(chart, other) for other in boxes) + 9 * sum(_overlap(chart, other) for other in written)

    return min(places, key=covered)


def _overlap(a: Rectangle, b: Rectangle) -> float:
    """Area in pixels that two rectangles share."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def _with_views(picture: Image.Image, result: "Result", views: int | None) -> Image.Image:
    """A picture with the 3D poses beside it."""
    people = [person for person in result.people if person.pose_3d_mm is not None]
    places = _places(people, len(people) if views is None else views)
    if not places:
        return picture
    nobody = np.full((len(result.layout), 3), np.nan)
    poses = [nobody if p is None or p.pose_3d_mm is None else p.pose_3d_mm for p in places]
    wide = beside_photo(picture, poses, result.layout)
    side = (wide.width - picture.width) // len(VIEWS)
    pen = Pen(wide)
    for place, person in enumerate(places):
        if person is not None:
            pen.label(_label(person), track_colour(person.track), picture.width, 0, place * side)
    return wide


def _places(people: "Sequence[Person]", count: int) -> "list[Person | None]":
    """Who is in each place: everybody in that of the track's number, or else in the next one that is free."""
    places: list[Person | None] = [None] * count
    for number, person in enumerate(sorted(people, key=lambda person: person.track or 0)):
        if None not in places:
            break
        place = (person.track - 1 if person.track else number) % count
        while places[place] is not None:
            place = (place + 1) % count
        places[place] = person
    return places
