"""Clips of synthetic people: the performance (`perform`) and its recording (`film`), in "laboratory" or "wild"."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from deephar.camera import Camera
from deephar.data.synthetic import backdrop, figure, render
from deephar.data.synthetic.body import INDEX, rotation
from deephar.data.synthetic.motion import ACTIONS, move
from deephar.typed import Bools, Floats, Ints, Pixels, Size

DOMAINS = ("laboratory", "wild")
CORNERS = ((-3400, -4200), (-3400, 4200), (3400, -4200), (3400, 4200))
"""Corner positions of the cameras in the laboratory, a room of 7 by 9 metres, mm."""


@dataclasses.dataclass(frozen=True)
class Performance:
    """One person's performance.

    Attributes:
        person: `deephar.data.synthetic.figure.Person`.
        action: key of `deephar.data.synthetic.motion.ACTIONS`; "" for a captured pose.
        joints: (T, joints, 3) world mm, order `deephar.data.synthetic.body.JOINTS`.
        side: dominant side, "r" or "l".
    """

    person: figure.Person
    action: str
    joints: Floats
    side: str

    def parts(self, picked: Ints) -> figure.Parts:
        """Capsules in the picked frames, with the held object and the chair."""
        if not self.action:
            return figure.parts_of(self.joints[picked], self.person)
        action, seat = ACTIONS[self.action], None
        if action.seat:
            seat = self.joints[np.argmin(self.joints[:, INDEX["pelvis"], 2])]
        return figure.parts_of(self.joints[picked], self.person, action.held, self.side, seat)


@dataclasses.dataclass(frozen=True)
class Clip:
    """A synthetic clip of one person's performance.

    Attributes:
        images: uint8 (T, H, W, 3).
        action: key of `deephar.data.synthetic.motion.ACTIONS`; "" for a captured pose.
        camera: `deephar.camera.Camera`.
        joints_mm_world: (T, joints, 3), order `deephar.data.synthetic.body.JOINTS`.
        joints_uvd: (T, joints, 3) pixels and depth in mm.
        visible: (T, joints) bool, inside the frame and not hidden by the person's own or another body.
    """

    images: Pixels
    action: str
    camera: Camera
    joints_mm_world: Floats
    joints_uvd: Floats
    visible: Bools


def perform(
    generator: np.random.Generator,
    action: str,
    frames: int,
    fps: float = 15,
    person: figure.Person | None = None,
    place: Sequence[float] | Floats = (0.0, 0.0),
    facing: float | None = None,
) -> Performance:
    """Sample one person's performance of an action.

    Args:
        generator: `numpy.random.Generator`.
        action: key of `ACTIONS`.
        frames: T.
        fps: frames per second.
        person: `deephar.data.synthetic.figure.Person`; a new one by default.
        place: (2,) mm on the ground.
        facing: degrees from the world's x towards y; any by default.

    Returns:
        `Performance`.

    Raises:
        ValueError: for an unknown action.
    """
    if action not in ACTIONS:
        raise ValueError(f"`action` must be one of {', '.join(ACTIONS)}. Received: action={action!r}")
    person = person or figure.draw_person(generator)
    joints, side = move(ACTIONS[action], person.body, frames, fps, generator)
    facing = generator.uniform(0, 360) if facing is None else facing
    return Performance(person, action, joints @ rotation("z", facing).T + [*place, 0.0], side)


@dataclasses.dataclass(frozen=True)
class Setting:
    """Where a camera films.

    Attributes:
        background: uint8 (H, W, 3).
        light: (3,) direction towards the light in camera axes, unit length.
        ambient: share of light from everywhere.
        noise: of the sensor, see `deephar.data.synthetic.render.Canvas.pictures`.
    """

    background: Pixels
    light: Floats
    ambient: float
    noise: float

    def canvas(self, frames: int) -> render.Canvas:
        """Empty frames to draw people into."""
        return render.Canvas(self.background, frames, self.light, self.ambient)


def set_up(generator: np.random.Generator, size: Size, domain: str = "wild") -> Setting:
    """A place to film in, for pictures of a size (width, height).

    Raises:
        ValueError: for an unknown domain.
    """
    wild = _is_wild(domain)
    background = (backdrop.anywhere if wild else backdrop.room)(generator, size)
    light = _direction(generator) if wild else np.array([-0.3, -0.8, -0.52])
    ambient = generator.uniform(0.3, 0.7) if wild else 0.55
    noise = generator.uniform(0, 0.03) if wild else 0.01
    return Setting(background, light / np.linalg.norm(light), ambient, noise)


def film(
    generator: np.random.Generator,
    performances: Sequence[Performance],
    camera: Camera,
    domain: str = "wild",
    picked: Sequence[int] | Ints | None = None,
) -> Clip:
    """Record performances with a camera, over a new background.

    Args:
        generator: `numpy.random.Generator`.
        performances: list of `Performance` of the same length; the clip is of the first.
        camera: `deephar.camera.Camera`.
        domain: "laboratory": a plain room, even light; "wild": any background and light, a noisy sensor.
        picked: numbers of the frames to draw; all by default.

    Returns:
        `Clip` of the picked frames.

    Raises:
        ValueError: for an unknown domain.
    """
    setting = set_up(generator, camera.size, domain)
    main = performances[0]
    picked = np.arange(len(main.joints)) if picked is None else np.asarray(picked)
    canvas = setting.canvas(len(picked))
    for performance in performances:
        canvas.draw(performance.parts(picked), camera, performance.person.look)
    joints = main.joints[picked]
    hidden = canvas.hidden(joints, camera, figure.thickness(main.person))
    images = canvas.pictures(setting.noise, generator)
    return Clip(images, main.action, camera, joints, camera.world_to_uvd(joints), ~hidden)


def draw_clip(
    generator: np.random.Generator,
    action: str,
    frames: int,
    size: Size = (128, 128),
    fps: float = 15,
    domain: str = "wild",
    picked: Sequence[int] | Ints | None = None,
) -> Clip:
    """A clip of a new person in a new place.

    Args:
        generator: `numpy.random.Generator`; the same state gives the same bytes.
        action: key of `ACTIONS`.
        frames: T.
        size: (width, height) in pixels.
        fps: frames per second.
        domain: "laboratory": as in `film`, one of four fixed cameras, nobody else; "wild": any camera, other people.
        picked: numbers of the frames to draw; all by default.

    Returns:
        `Clip` of the picked frames.

    Raises:
        ValueError: for an unknown action or domain.
    """
    return around(generator, perform(generator, action, frames, fps), size, fps, domain, picked)


def around(
    generator: np.random.Generator,
    performance: Performance,
    size: Size = (128, 128),
    fps: float = 15,
    domain: str = "wild",
    picked: Sequence[int] | Ints | None = None,
) -> Clip:
    """A clip of somebody who acts, in a new place, by a camera of its own; see `draw_clip`."""
    wild = _is_wild(domain)
    performances, frames = [performance], len(performance.joints)
    camera = _wild_camera(generator, performances[0].joints, size) if wild else _room_camera(generator, size)
    for _ in range(generator.choice([0, 0, 1, 2]) if wild else 0):
        other, place = list(ACTIONS)[generator.integers(len(ACTIONS))], _elsewhere(generator, camera)
        performances.append(perform(generator, other, frames, fps, place=place))
    return film(generator, performances, camera, domain, picked)


def _is_wild(domain: str) -> bool:
    if domain not in DOMAINS:
        raise ValueError(f"`domain` must be one of {', '.join(DOMAINS)}. Received: domain={domain!r}")
    return domain == "wild"


def _room_camera(generator: np.random.Generator, size: Size) -> Camera:
    """One of four cameras in the corners, at eye level."""
    corner = CORNERS[generator.integers(len(CORNERS))]
    return Camera.looking_at((*corner, 1600), (0, 0, 900), 1.9 * max(size), size)


def _wild_camera(generator: np.random.Generator, joints: Floats, size: Size) -> Camera:
    """A camera anywhere around the person, who fills a third to nine tenths of the frame."""
    middle = joints.reshape(-1, 3).mean(axis=0)
    extent = np.ptp(joints.reshape(-1, 3), axis=0).max()
    azimuth, height = generator.uniform(0, 2 * np.pi), generator.uniform(-0.12, 0.6)
    distance = generator.uniform(2.0, 6.0) * max(extent, 1200)
    toward = np.array([np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)])
    center = middle + distance * toward
    center[2] = max(center[2], 150.0)
    focal = generator.uniform(0.45, 0.85) * min(size) * np.linalg.norm(center - middle) / extent
    tilt = generator.normal(0, 0.08)
    up = np.array([tilt * -np.sin(azimuth), tilt * np.cos(azimuth), 1.0])
    return Camera.looking_at(center, middle + generator.normal(0, 0.04 * extent, 3), focal, size, up)


def _elsewhere(generator: np.random.Generator, camera: Camera) -> Floats:
    """A place on the ground, mostly behind the person and to a side."""
    away = -camera.center[:2] / max(np.linalg.norm(camera.center[:2]), 1e-9)
    aside = np.array([-away[1], away[0]])
    return generator.uniform(300, 2500) * away + generator.choice([-1, 1]) * generator.uniform(500, 1500) * aside


def _direction(generator: np.random.Generator) -> Floats:
    """Direction of the light, in camera axes: from above and not only from behind the person."""
    return np.array([generator.normal(0, 0.6), -generator.uniform(0.2, 1), -generator.uniform(0.1, 1)])
