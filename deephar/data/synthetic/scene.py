"""Where synthetic people are: cameras, light, backgrounds and other figures, of the "laboratory" or of the "wild"."""

import dataclasses

import numpy as np
from PIL import Image

from deephar.camera import Camera
from deephar.data.synthetic import render
from deephar.data.synthetic.body import INDEX, JOINTS, draw_body, rotation
from deephar.data.synthetic.motion import ACTIONS, move

DOMAINS = ("laboratory", "wild")


@dataclasses.dataclass(frozen=True)
class Clip:
    """A synthetic clip of one person who acts.

    Attributes:
        images: uint8 (T, H, W, 3).
        action: key of `deephar.data.synthetic.motion.ACTIONS`.
        camera: `deephar.camera.Camera`.
        joints_mm_world: (T, joints, 3), order `deephar.data.synthetic.body.JOINTS`.
        joints_uvd: (T, joints, 3) pixels and depth in mm.
        visible: (T, joints) bool, inside the picture and not hidden by a body, one's own or another's.
    """

    images: np.ndarray
    action: str
    camera: Camera
    joints_mm_world: np.ndarray
    joints_uvd: np.ndarray
    visible: np.ndarray


def draw_clip(generator, action, frames, size=(128, 128), fps=15, domain="wild", picked=None):
    """A clip of a new person in a new place.

    Args:
        generator: `numpy.random.Generator`; the same state gives the same bytes.
        action: key of `ACTIONS`.
        frames: T.
        size: (width, height) in pixels.
        fps: frames a second.
        domain: "laboratory": a plain room, one of four fixed cameras, nobody else, even light; "wild": any camera,
            light and background, others about, a noisy sensor.
        picked: numbers of the frames to draw; all by default.

    Returns:
        `Clip` of the picked frames.

    Raises:
        ValueError: for an unknown action or domain.
    """
    if action not in ACTIONS or domain not in DOMAINS:
        raise ValueError(
            f"`action` must be one of {', '.join(ACTIONS)}, `domain` one of {', '.join(DOMAINS)}. "
            f"Received: action={action!r}, domain={domain!r}"
        )
    wild = domain == "wild"
    figures = [_figure(generator, ACTIONS[action], frames, fps, (0.0, 0.0))]
    camera = _wild_camera(generator, figures[0].joints, size) if wild else _room_camera(generator, size)
    for _ in range(generator.choice([0, 0, 1, 2]) if wild else 0):
        other = ACTIONS[generator.choice(list(ACTIONS))]
        figures.append(_figure(generator, other, frames, fps, _elsewhere(generator, camera)))
    background = _wild_background(generator, size) if wild else _room(generator, size)
    light = _direction(generator) if wild else np.array([-0.3, -0.8, -0.52])
    ambient = generator.uniform(0.3, 0.7) if wild else 0.55
    noise = generator.uniform(0, 0.04) if wild else 0.01
    images, hidden = [], []
    picked = np.arange(frames) if picked is None else np.asarray(picked)
    for frame in picked:
        canvas = render.Canvas(background, light / np.linalg.norm(light), ambient)
        for figure in figures:
            canvas.draw(figure.parts(frame), camera, figure.look)
        hidden.append(canvas.hidden(figures[0].joints[frame], camera, figures[0].thickness()))
        canvas.colour += generator.normal(0, noise, canvas.colour.shape)
        images.append(canvas.picture())
    joints = figures[0].joints[picked]
    return Clip(np.stack(images), action, camera, joints, camera.world_to_uvd(joints), ~np.stack(hidden))


@dataclasses.dataclass(frozen=True)
class _Figure:
    body: object
    look: render.Look
    action: object
    joints: np.ndarray
    side: str

    def parts(self, frame):
        joints = self.joints[frame]
        parts = render.parts_of(joints, self.body, self.action.held, self.side)
        if self.action.seat:
            seat = self.joints[0 if self.action.keys[0][1] else -1, INDEX["pelvis"]]
            start = np.array([seat[0], seat[1], 40.0])
            parts.append((start, [seat[0], seat[1], max(seat[2] - 190.0, 60.0)], 130.0, 130.0, "object"))
        return parts

    def thickness(self):
        """How deep each joint lies in the body, mm (joints,), with a tolerance."""
        unit = self.body.height * self.body.girth
        depth = {"pelvis": 0.09, "spine": 0.09, "thorax": 0.09, "neck": 0.06, "head": 0.075, "head_top": 0.06,
                 "shoulder": 0.075, "hip": 0.09, "knee": 0.05}  # fmt: skip
        return unit * np.array([depth.get(name.split("_", 1)[-1] if name[1] == "_" else name, 0.04) for name in JOINTS])


def _figure(generator, action, frames, fps, place):
    body, look = draw_body(generator), render.draw_look(generator)
    joints, side = move(action, body, frames, fps, generator)
    joints = joints @ rotation("z", generator.uniform(0, 360)).T
    return _Figure(body, look, action, joints + [*place, 0.0], side)


def _room_camera(generator, size):
    """One of four in the corners of a room of 7 by 9 metres, at eye level."""
    corner = [(-3400, -4200), (-3400, 4200), (3400, -4200), (3400, 4200)][generator.integers(4)]
    return Camera.looking_at((*corner, 1600), (0, 0, 900), 1.9 * max(size), size)


def _wild_camera(generator, joints, size):
    """Around the person, who fills a third to nine tenths of the picture."""
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


def _elsewhere(generator, camera):
    """A place on the ground, mostly behind the person and to a side."""
    away = -camera.center[:2] / max(np.linalg.norm(camera.center[:2]), 1e-9)
    aside = np.array([-away[1], away[0]])
    return generator.uniform(300, 2500) * away + generator.choice([-1, 1]) * generator.uniform(500, 1500) * aside


def _direction(generator):
    """Where light comes from, in camera axes: from above and not from behind the person alone."""
    return np.array([generator.normal(0, 0.6), -generator.uniform(0.2, 1), -generator.uniform(0.1, 1)])


def _room(generator, size):
    """A wall and a floor of plain colours with a soft gradient."""
    width, height = size
    wall, floor = generator.uniform(0.55, 0.85, 3), generator.uniform(0.3, 0.6, 3)
    rows = np.arange(height)[:, None, None] / height
    picture = np.where(rows < 0.55, wall, floor) * (1.0 - 0.15 * rows)
    return np.broadcast_to(picture, (height, width, 3))


def _wild_background(generator, size):
    """Noise of every scale between two colours above and two below a horizon, and clutter."""
    width, height = size
    picture = np.zeros((height, width, 3))
    horizon = generator.uniform(0.2, 0.8) * height
    above = np.arange(height)[:, None, None] < horizon
    for region in (above, ~above):
        a, b = generator.uniform(0, 1, (2, 3))
        blend = _noise(generator, size, generator.uniform(0.8, 1.8))[..., None]
        picture = np.where(region, a + (b - a) * blend, picture)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    for _ in range(generator.integers(0, 14)):
        cx, cy = generator.uniform(0, 1, 2) * size
        w, h = generator.uniform(0.02, 0.3, 2) * size
        angle = generator.uniform(0, np.pi)
        along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        round_ = generator.integers(2)
        inside = (along / w) ** 2 + (across / h) ** 2 < 1 if round_ else (np.abs(along) < w) & (np.abs(across) < h)
        picture[inside] = generator.uniform(0, 1, 3) * generator.uniform(0.7, 1.0)
    return picture


def _noise(generator, size, roughness):
    """Noise in [0, 1] whose contrast falls by `roughness` with every doubling of scale."""
    width, height = size
    total, weight = np.zeros((height, width)), 0.0
    for octave in range(6):
        cells = 2 ** (octave + 1)
        coarse = Image.fromarray(generator.uniform(0, 1, (cells, cells)).astype(np.float32))
        share = 2.0 ** (-roughness * octave)
        total += share * np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
        weight += share
    return np.clip(total / weight, 0, 1)
