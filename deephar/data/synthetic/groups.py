"""Pictures of several synthetic people, or of nobody, with the truth of every one, drawn when they are asked for."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from deephar import layouts
from deephar.camera import Camera
from deephar.data.synthetic import figure, motion, scene, several
from deephar.data.synthetic.body import rotation
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Pixels, Size

FRAMES = 15
"""Of the performances from which a picture is taken."""

MOST = 5
"""People in a picture; from nobody to as many, all as likely."""

STANDING, WALKING = 0.35, 0.2
"""Shares of the people who stand and who walk; the others act."""

NEAREST_MM, FARTHEST_MM = 2300.0, 9000.0
"""Depths of people, of which small ones are as likely as large ones: even in the logarithm."""

TRIES, ROOM_MM = 40, 60.0
"""Places that are tried for somebody before they stay away, and room between people."""


class Groups:
    """Pictures of people who stand, walk and act at any depth, and of nobody.

    The people's bodies do not touch: the circles about them on the ground are apart, with what they hold and sit upon.

    Args:
        count: how many pictures.
        size: (width, height) in pixels.
        domain: of `deephar.data.synthetic.scene.DOMAINS`, what the place looks like.
        actions: keys of `deephar.data.synthetic.motion.ACTIONS`, of those who act.
        layout: of the joints, a `PoseLayout` or a name.
        seed: the same seed and position give the same picture, whatever the count.
    """

    def __init__(
        self,
        count: int,
        size: Size = (256, 256),
        domain: str = "wild",
        actions: Sequence[str] = tuple(motion.ACTIONS),
        layout: PoseLayout | str = "pa17j",
        seed: int = 0,
    ) -> None:
        self.count = count
        self.size: Size = (size[0], size[1])
        self.domain = domain
        self.actions: tuple[str, ...] = tuple(actions)
        self.layout: PoseLayout = layouts.get(layout)
        self.seed = seed

    def __len__(self) -> int:
        return self.count

    def truth(self, index: int) -> several.Present:
        """Who is in the picture at a position; colours and background are not drawn."""
        stage, frame, _ = self._stage(index)
        return several.truths(stage, [frame], self.layout)[0]

    def camera(self, index: int) -> Camera:
        """The camera of the picture at a position."""
        return self._stage(index)[0].camera

    def image(self, index: int) -> Pixels:
        """The picture at a position, uint8 (H, W, 3)."""
        stage, frame, generator = self._stage(index)
        setting = scene.set_up(generator, self.size, self.domain)
        return several.shoot(generator, stage, setting, [frame])[0]

    def _stage(self, index: int) -> tuple[several.Stage, int, np.random.Generator]:
        """The people before their camera, the frame to draw, and the generator for what comes after."""
        generator = np.random.default_rng([self.seed, index])
        frame, people = int(generator.integers(FRAMES)), int(generator.integers(MOST + 1))
        camera = _camera(generator, self.size)
        performances: list[scene.Performance] = []
        circles: list[tuple[Floats, float]] = []
        for _ in range(people):
            performance = _somebody(generator, self.actions)
            middle, radius = _circle(performance, frame)
            for _ in range(TRIES):
                place = _ground(generator, camera)
                if all(np.linalg.norm(place - other) > radius + room + ROOM_MM for other, room in circles):
                    performances.append(_moved(performance, place - middle))
                    circles.append((place, radius))
                    break
        return several.Stage(tuple(performances), camera), frame, generator


def _camera(generator: np.random.Generator, size: Size) -> Camera:
    """At the origin of the ground, from waist height to above all heads, that looks along y."""
    center = (0.0, 0.0, generator.uniform(800, 2600))
    target = (0.0, 4500.0, generator.uniform(600, 1200))
    focal = generator.uniform(0.9, 1.5) * min(size)
    return Camera.looking_at(center, target, focal, size, (generator.normal(0, 0.05), 0.0, 1.0))


def _somebody(generator: np.random.Generator, actions: Sequence[str]) -> scene.Performance:
    """A new person at the origin who stands, walks or acts, facing anywhere."""
    kind = generator.uniform()
    if kind < STANDING:
        person = figure.draw_person(generator)
        joints, side = motion.move(_stand(generator), person.body, FRAMES, 15, generator)
        return scene.Performance(person, "", joints @ rotation("z", generator.uniform(0, 360)).T, side)
    action = "walk" if kind < STANDING + WALKING else actions[int(generator.integers(len(actions)))]
    return scene.perform(generator, action, FRAMES)


def _stand(generator: np.random.Generator) -> motion.Action:
    """A way to stand: arms hanging or bent, weight on either leg."""
    angles = {"bend": generator.uniform(-4, 12), "turn": generator.uniform(-15, 15), "look": generator.uniform(-50, 50)}
    for side in "dn":
        angles |= {
            f"{side}_raise": generator.uniform(4, 25),
            f"{side}_plane": generator.uniform(10, 110),
            f"{side}_elbow": generator.choice([10.0, 25.0, 100.0]) * generator.uniform(0.7, 1.2),
            f"{side}_hip": generator.uniform(0, 12),
            f"{side}_hip_plane": generator.uniform(20, 100),
            f"{side}_knee": generator.uniform(0, 12),
        }
    return motion.Action(3.0, ((0.0, angles), (0.5, {**angles, "look": generator.uniform(-50, 50)})))


def _circle(performance: scene.Performance, frame: int) -> tuple[Floats, float]:
    """Centre (2,) and radius in mm, on the ground, of all that belongs to somebody in a frame."""
    parts = performance.parts(np.array([frame]))
    ends = parts.ends[0, ..., :2]
    middle = (ends.min(axis=(0, 1)) + ends.max(axis=(0, 1))) / 2
    return middle, float((np.linalg.norm(ends - middle, axis=-1) + parts.radii).max())


def _ground(generator: np.random.Generator, camera: Camera) -> Floats:
    """A place (2,) mm on the ground that the picture's columns, but for the outermost, show."""
    depth = np.exp(generator.uniform(*np.log([NEAREST_MM, FARTHEST_MM])))
    aside = generator.uniform(-0.46, 0.46) * camera.size[0] / camera.focal[0]
    return np.array([aside * depth, depth])


def _moved(performance: scene.Performance, by: Floats) -> scene.Performance:
    return dataclasses.replace(performance, joints=performance.joints + [*by, 0.0])
