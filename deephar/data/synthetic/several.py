"""Several people before one camera: what is drawn of them, and the truth of every one of them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from deephar.camera import Camera
from deephar.data.synthetic import body, figure, render, scene
from deephar.layouts import PoseLayout
from deephar.typed import Bools, Floats, Ints, Pixels

CHUNK = 32
"""Frames that are drawn at a time."""

NOT_BODY = ("object", "chair")
"""Materials of what is not of a person, in a box or in what is seen of one."""

ALONG = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
"""Of a part of the body, where it is asked whether it is seen."""

ROUNDS = 9
"""Of a part of the body, as whose discs it is when a picture's edge cuts it."""


@dataclasses.dataclass(frozen=True)
class Prop:
    """A thing that stands about, in one place.

    Attributes:
        parts: `deephar.data.synthetic.figure.Parts` of one frame.
        look: its colours.
    """

    parts: figure.Parts
    look: figure.Look


@dataclasses.dataclass(frozen=True)
class Stage:
    """Who and what is before a camera.

    Attributes:
        performances: of the people, of the same length.
        camera: `deephar.camera.Camera`.
        props: things that stand about.
    """

    performances: tuple[scene.Performance, ...]
    camera: Camera
    props: tuple[Prop, ...] = ()


@dataclasses.dataclass(frozen=True)
class Present:
    """The P people of one picture, some part of whose box is inside.

    Attributes:
        ids: (P,) int, the same for a person throughout a video.
        pose_px: (P, J, 2) pixels, of joints outside the picture too.
        visible: (P, J) bool, inside the picture and not hidden by a body, one's own or another's, or a thing.
        boxes: (P, 4) x1, y1, x2, y2, around what of the body is inside the picture, as if nothing
            hid it.
        depth_mm: (P,) of the pelvis from the camera.
        share: (P,) in [0, 1], of the body that is inside and not hidden by others or things.
    """

    ids: Ints
    pose_px: Floats
    visible: Bools
    boxes: Floats
    depth_mm: Floats
    share: Floats

    def __len__(self) -> int:
        return len(self.ids)


def shoot(generator: np.random.Generator, stage: Stage, setting: scene.Setting, picked: Sequence[int] | Ints) -> Pixels:
    """Pictures of all, uint8 (frames, H, W, 3).

    Args:
        generator: `numpy.random.Generator`, of the sensor's noise.
        stage: `Stage`.
        setting: `deephar.data.synthetic.scene.Setting`.
        picked: numbers of the frames.
    """
    width, height = stage.camera.size
    pictures = np.zeros((len(picked), height, width, 3), dtype=np.uint8)
    for start in range(0, len(picked), CHUNK):
        frames = np.asarray(picked[start : start + CHUNK])
        canvas = setting.canvas(len(frames))
        for parts, look in _bodies(stage, frames):
            canvas.draw(parts, stage.camera, look)
        pictures[start : start + CHUNK] = canvas.pictures(setting.noise, generator)
    return pictures


def truths(stage: Stage, picked: Sequence[int] | Ints, layout: PoseLayout) -> list[Present]:
    """The truth of some frames; what hides what is drawn for it, without colours and background.

    Args:
        stage: `Stage`.
        picked: numbers of the frames.
        layout: of the joints.

    Returns:
        list of `Present`, one a frame.
    """
    order = body.order(layout)
    found: list[Present] = []
    for start in range(0, len(picked), CHUNK):
        found += _truths(stage, np.asarray(picked[start : start + CHUNK]), order)
    return found


def _truths(stage: Stage, frames: Ints, order: list[int]) -> list[Present]:
    people, camera = len(stage.performances), stage.camera
    depths = [_depth(parts, look, camera) for parts, look in _bodies(stage, frames)]
    values = []
    for number, performance in enumerate(stage.performances):
        joints, parts = performance.joints[frames], performance.parts(frames)
        others = _nearest([depth for place, depth in enumerate(depths) if place != number], depths[number])
        thickness = figure.thickness(performance.person)
        hidden = render.hidden(np.minimum(others, depths[number]), joints, camera, thickness)
        uvd = camera.world_to_uvd(joints)
        values.append((uvd[:, order, :2], ~hidden[:, order], _boxes(parts, camera), uvd[:, 0, 2],
                       _seen_share(parts, others, camera)))  # fmt: skip
    if not people:
        return [_nobody(len(order)) for _ in frames]
    columns = [np.stack(column, axis=1) for column in zip(*values, strict=True)]
    present = np.all(columns[2][..., 2:] > columns[2][..., :2], axis=-1)
    return [
        Present(np.flatnonzero(inside), *(column[frame][inside] for column in columns))
        for frame, inside in enumerate(present)
    ]


def _nobody(joints: int) -> Present:
    no = np.zeros(0)
    return Present(no.astype(int), np.zeros((0, joints, 2)), np.zeros((0, joints), bool), np.zeros((0, 4)), no, no)


def _bodies(stage: Stage, frames: Ints) -> list[tuple[figure.Parts, figure.Look]]:
    """People, then things, in the frames."""
    bodies = [(performance.parts(frames), performance.person.look) for performance in stage.performances]
    for prop in stage.props:
        ends = np.repeat(prop.parts.ends[:1], len(frames), axis=0)
        bodies.append((dataclasses.replace(prop.parts, ends=ends), prop.look))
    return bodies


def _depth(parts: figure.Parts, look: figure.Look, camera: Camera) -> Floats:
    """Depth (T, H, W) mm of one body, inf beside it."""
    blank = np.zeros((camera.size[1], camera.size[0], 3), dtype=np.uint8)
    canvas = render.Canvas(blank, len(parts.ends), (0, 0, -1))
    canvas.draw(parts, camera, figure.Look(look.colours, {}))
    return canvas.depth


def _nearest(depths: list[Floats], like: Floats) -> Floats:
    return np.minimum.reduce(depths) if depths else np.full_like(like, np.inf)


def _body(parts: figure.Parts) -> tuple[Floats, Floats]:
    """Ends (T, parts, 2, 3) and radii (parts, 2) of what is of the person."""
    own = [place for place, material in enumerate(parts.materials) if material not in NOT_BODY]
    return parts.ends[:, own], parts.radii[own]


def _boxes(parts: figure.Parts, camera: Camera) -> Floats:
    """Boxes (T, 4) around what of a body is inside the picture; x1 > x2 where nothing is."""
    ends, radii = _body(parts)
    along = np.linspace(0, 1, ROUNDS)[:, None]
    uvd = camera.world_to_uvd(ends[..., :1, :] + along * (ends[..., 1:, :] - ends[..., :1, :]))
    radius = radii[:, :1] + along.T * (radii[:, 1:] - radii[:, :1])
    radius_px = (radius * camera.focal.mean() / uvd[..., 2])[..., None]
    low, high = uvd[..., :2] - radius_px, uvd[..., :2] + radius_px
    inside = np.all((high > 0) & (low < camera.size), axis=-1, keepdims=True)
    low = np.where(inside, low, np.inf).min(axis=(1, 2))
    high = np.where(inside, high, -np.inf).max(axis=(1, 2))
    return np.clip(np.concatenate([low, high], axis=-1), 0, [*camera.size] * 2)


def _seen_share(parts: figure.Parts, others: Floats, camera: Camera) -> Floats:
    """Share (T,) of a body inside the picture and not behind what is drawn in `others`, by points along its parts."""
    ends, radii = _body(parts)
    points = ends[..., :1, :] + ALONG[:, None] * (ends[..., 1:, :] - ends[..., :1, :])
    length = np.linalg.norm(ends[..., 1, :] - ends[..., 0, :], axis=-1)
    weight = radii.mean(axis=-1) * (length + radii.mean(axis=-1))
    seen = ~render.hidden(others, points.reshape(len(ends), -1, 3), camera)
    shares = np.sum(seen.reshape(points.shape[:-1]).mean(axis=-1) * weight, axis=1) / weight.sum(axis=1)
    return np.round(shares, 6)  # the same for a frame alone and among others, whose sums are in another order
