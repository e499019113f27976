"""Videos of synthetic people who walk past each other, with the truth of every one, drawn when they are asked for.

The camera stands at the origin and looks along the world's y; people walk to its right (x) or left.
"""

import dataclasses
import itertools

import numpy as np

from deephar import layouts
from deephar.camera import Camera
from deephar.data.synthetic import figure, scene, several, walking
from deephar.data.synthetic.body import rotation
from deephar.layouts import PoseLayout
from deephar.typed import Bools, Floats, Pixels, Size

GAP, PILLAR = 0.4, 0.4
"""Shares of the videos in which somebody leaves the picture and comes back, and in which a pillar hides somebody."""

LEAST_FRAMES, OUT_FRAMES = 16, 4
"""Of a video; and of somebody who has left."""

APART_MM = 650.0
"""Between the middles of two people, at least; and between somebody's middle and the surface of a pillar."""

TRIES = 200
"""Of ways, after which nobody leaves and comes back, and as many later, nobody turns aside."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What shall happen.

    Attributes:
        gap: whether the first person leaves the picture and comes back before the others are met.
        slant: degrees, at most, by which ways are turned out of the picture's plane.
    """

    gap: bool
    slant: float


class CrossingVideos:
    """Videos of people whose projections cross: each walks behind or before one who comes the other way.

    In some, one leaves the picture first and comes back (frames allowing: it takes about four seconds); in some, a
    pillar before all hides one of them for a while, sometimes where they cross.

    Args:
        count: how many videos.
        size: (width, height) of the frames in pixels.
        frames: of every video, 16 or more.
        fps: frames a second.
        people: 2 or 3.
        domain: of `deephar.data.synthetic.scene.DOMAINS`, what the place looks like.
        layout: of the joints, a `PoseLayout` or a name.
        seed: the same seed and position give the same video, whatever the count.

    Raises:
        ValueError: if there are fewer frames, or other numbers of people.
    """

    def __init__(
        self,
        count: int,
        size: Size = (320, 180),
        frames: int = 60,
        fps: float = 15.0,
        people: int = 2,
        domain: str = "wild",
        layout: PoseLayout | str = "pa17j",
        seed: int = 0,
    ) -> None:
        if frames < LEAST_FRAMES or people not in (2, 3):
            raise ValueError(
                f"Expected {LEAST_FRAMES} frames or more, and 2 or 3 people. Received: frames={frames}, people={people}"
            )
        self.count = count
        self.size: Size = (size[0], size[1])
        self.frames = frames
        self.fps = fps
        self.people = people
        self.domain = domain
        self.layout: PoseLayout = layouts.get(layout)
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def truth(self, index: int) -> list[several.Present]:
        """Who is in every frame of the video at a position; colours and background are not drawn."""
        return several.truths(self.stage(index)[0], range(self.frames), self.layout)

    def images(self, index: int) -> Pixels:
        """The frames of the video at a position, uint8 (T, H, W, 3)."""
        stage, generator = self.stage(index)
        setting = scene.set_up(generator, self.size, self.domain)
        return several.shoot(generator, stage, setting, range(self.frames))

    def stage(self, index: int) -> tuple[several.Stage, np.random.Generator]:
        """The people before their camera, and the generator for what comes after."""
        generator = np.random.default_rng([self.seed, index])
        gap, pillar = generator.uniform(size=2) < (GAP, PILLAR)
        walkers = [self._walker(generator, brisk=bool(gap) and number == 0) for number in range(self.people)]
        depths = np.cumsum([generator.uniform(3200, 4200), *generator.uniform(900, 1500, self.people - 1)])
        camera = _camera(generator, self.size, float(depths.mean()), bool(gap))
        depths = generator.permutation(depths)
        performances = _taken(generator, walkers, depths, camera, bool(gap))
        mixed = tuple(performances[place] for place in generator.permutation(self.people))
        props = _pillar(generator, mixed, camera) if pillar else ()
        return several.Stage(mixed, camera, props), generator

    def _walker(self, generator: np.random.Generator, brisk: bool) -> scene.Performance:
        pace = generator.uniform(1.3, 1.6) if brisk else generator.uniform(1.0, 1.3)
        return scene.perform(generator, "walk", self.frames, self.fps / pace, facing=0.0)


def _camera(generator: np.random.Generator, size: Size, depth: float, near: bool) -> Camera:
    """At eye level, so that people at a depth (mm) are inside from head to foot; `near` shows less beside them."""
    width, height = size
    half = generator.uniform(1050, 1150) if near else generator.uniform(1100, 1450)
    focal = depth * min(size) / 2 / half
    up = (generator.normal(0, 0.03), 0.0, 1.0)
    return Camera.looking_at((0, 0, generator.uniform(1100, 2000)), (0, depth, 900), focal, (width, height), up)


def _taken(
    generator: np.random.Generator, walkers: list[scene.Performance], depths: Floats, camera: Camera, gap: bool
) -> list[scene.Performance]:
    """Walkers taken along ways on which they cross and do not touch."""
    plans = [Plan(gap, 8.0)] * TRIES + [Plan(False, 8.0)] * TRIES + [Plan(False, 0.0)]
    for plan in plans:
        taken = _ways(generator, walkers, depths, camera, plan)
        good = _apart(taken) and _all_cross(taken, camera)
        if plan == plans[-1] or (good and (not plan.gap or _comes_back(inside(taken[0], camera)))):
            return taken
    raise AssertionError("the last plan is always taken")


def _ways(
    generator: np.random.Generator, walkers: list[scene.Performance], depths: Floats, camera: Camera, plan: Plan
) -> list[scene.Performance]:
    """Ways on which the first crosses the second, and the third one of these; not yet known to be apart."""
    frames = len(walkers[0].joints)
    side, edge = generator.choice([-1.0, 1.0]), camera.size[0] / 2 / camera.focal[0]
    when = int((generator.uniform(0.7, 0.9) if plan.gap else generator.uniform(0.35, 0.65)) * frames)
    aside = edge * (generator.uniform(0.35, 0.8) if plan.gap else generator.uniform(-0.4, 0.4))
    back = (edge - aside) * depths[0] + generator.uniform(500, 900) if plan.gap else None
    slants = generator.uniform(-1, 1, len(walkers)) * plan.slant
    at = np.array([side * aside, 1.0])
    taken = [
        _way(generator, walkers[0], -side, when, at * depths[0], slants[0], back),
        _way(generator, walkers[1], side, when, at * depths[1], slants[1]),
    ]
    if len(walkers) == 3:
        partner = int(generator.integers(2))
        most = frames // 5 if plan.slant else 0
        later = int(np.clip(when + generator.integers(-most, most + 1), 2, frames - 3))
        x, y = taken[partner].joints[later, 0, :2]
        place = np.array([x / y, 1.0]) * depths[2]
        taken.append(_way(generator, walkers[2], (side, -side)[partner], later, place, slants[2]))
    return taken


def _way(
    generator: np.random.Generator,
    walker: scene.Performance,
    heading: float,
    frame: int,
    place: Floats,
    slant: float,
    back: float | None = None,
) -> scene.Performance:
    """A walker taken along a way.

    Args:
        generator: `numpy.random.Generator`.
        walker: at the origin, facing x.
        heading: 1 to the right or -1 to the left, where one goes in the frame.
        frame: number of a frame.
        place: (2,) mm, where one is then.
        slant: degrees by which the way is turned.
        back: mm since one turned round and came back; None for straight on.
    """
    walked, turn = walking.distance(walker), generator.choice([-1.0, 1.0]) * walking.TURN_MM
    there = np.inf if back is None else max(walked[frame] - np.pi * abs(turn) - back, 0.0)
    places, facing = walking.way(walked, there, turn)
    start = heading if back is None else -heading
    angle = (0.0 if start > 0 else 180.0) + slant
    places = places @ rotation("z", angle)[:2, :2].T
    return walking.along(walker, places + place - places[frame], facing + angle)


def _apart(performances: list[scene.Performance]) -> bool:
    ways = [performance.joints[:, 0, :2] for performance in performances]
    return all(np.linalg.norm(a - b, axis=-1).min() > APART_MM for a, b in itertools.combinations(ways, 2))


def _all_cross(performances: list[scene.Performance], camera: Camera) -> bool:
    """Whether everybody's column passes that of another while both are inside."""
    columns = [camera.world_to_uvd(performance.joints[:, 0])[:, 0] for performance in performances]
    seen = [(column > 0) & (column < camera.size[0]) for column in columns]
    crossed: set[int] = set()
    for a, b in itertools.combinations(range(len(columns)), 2):
        passes = np.diff(np.sign(columns[a] - columns[b])) != 0
        if np.any(passes & (seen[a] & seen[b])[1:]):
            crossed |= {a, b}
    return len(crossed) == len(columns)


def inside(performance: scene.Performance, camera: Camera) -> Bools:
    """Whether some joint of somebody lies between the picture's left and right edges, (T,)."""
    column = camera.world_to_uvd(performance.joints)[..., 0]
    return np.any((column > 0) & (column < camera.size[0]), axis=1)


def _comes_back(seen: Bools) -> bool:
    """Whether somebody is inside, out for a while, and inside again; (T,)."""
    out = np.flatnonzero(~seen)
    return len(out) >= OUT_FRAMES and bool(seen[: out[0]].any() and seen[out[-1] + 1 :].any())


def _pillar(
    generator: np.random.Generator, performances: tuple[scene.Performance, ...], camera: Camera
) -> tuple[several.Prop, ...]:
    """A pillar nearer than all, before somebody in some frame; none where there is no room for it."""
    ways = np.stack([performance.joints[:, 0, :2] for performance in performances])
    seen = np.stack([inside(performance, camera) for performance in performances])
    for _ in range(TRIES):
        number = int(generator.integers(len(ways)))
        frame = int(generator.integers(len(ways[0])))
        x, y = ways[number, frame]
        middle = abs(x / y) < 0.35 * camera.size[0] / camera.focal[0]
        depth = ways[seen][:, 1].min() - generator.uniform(700, 1100)
        radius = generator.uniform(0.25, 0.5) * 1000 * depth / y
        place = np.array([x / y * depth, depth])
        if middle and depth > 1500 and np.linalg.norm(ways - place, axis=-1).min() > radius + APART_MM:
            height = generator.uniform(2300, 4000)
            ends = np.array([[*place, 0.0], [*place, height]])[None, None]
            look = figure.Look(
                {"pillar": figure.draw_colour(generator)}, {"pillar": (int(generator.integers(9)), 0, 0.25)}
            )
            return (several.Prop(figure.Parts(ends, np.full((1, 2), radius), ("pillar",)), look),)
    return ()
