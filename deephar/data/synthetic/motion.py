"""Actions as keyframes of joint angles, varied in speed, amplitude, phase, side and body."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy.interpolate import PchipInterpolator

from deephar.data.synthetic.body import ANKLE_HEIGHT, HAND, INDEX, Body, pose_body, reach, unit
from deephar.typed import Floats

REST: dict[str, float] = {
    "d_raise": 8,
    "n_raise": 8,
    "d_plane": 80,
    "n_plane": 80,
    "d_elbow": 12,
    "n_elbow": 12,
    "d_knee": 4,
    "n_knee": 4,
}
"""Default angles, of a standing person; `d_` and `n_` are the dominant side and the other."""


@dataclasses.dataclass(frozen=True)
class Action:
    """One action.

    Attributes:
        seconds: duration of one cycle through the keyframes, at normal speed.
        keys: list of (time in [0, 1], angles in degrees that differ from `REST`, and any of `NOT_ANGLES`).
        repeats: whether the cycle repeats.
        held: object in the dominant hand, or None.
        seat: whether there is a chair under the pelvis.
        planted: joint whose midpoint over both sides stays in place on the ground; the pelvis by default.
    """

    seconds: float
    keys: tuple[tuple[float, Mapping[str, float]], ...]
    repeats: bool = True
    held: str | None = None
    seat: bool = False
    planted: str | None = None


NOT_ANGLES = ("ear", "lift", "meet", "mouth")
"""Keyframe values other than angles: mm above the ground, and fractions in [0, 1] of the way of the dominant wrist to
ear or mouth, and of both wrists to each other."""


def _both(**angles: float) -> dict[str, float]:
    return {f"{side}_{name}": value for name, value in angles.items() for side in "dn"}


_STAND: dict[str, float] = {}
_CROUCH = {**_both(hip=80, knee=100, ankle=-25, **{"raise": 45}, plane=150), "bend": 35}
_SEATED = {**_both(hip=88, knee=88, **{"raise": 25}, plane=10, elbow=50), "bend": 5}
_ADDRESS = {**_both(**{"raise": 40}, plane=-12, elbow=8, knee=18, hip=12), "bend": 38, "meet": 1}
_PRONE = {**_both(**{"raise": 66}, plane=12, elbow=4, knee=2, ankle=-20, hip=2), "pitch": 64, "nod": -25}
_GUARD = {
    **_both(**{"raise": 42}, plane=22, elbow=138, knee=28),
    "n_hip": 30,
    "d_hip": 12,
    "d_hip_plane": 175,
    "d_ankle": -8,
    "bend": 6,
}
_SUPINE = {**_both(hip=52, knee=118, **{"raise": 130}, plane=35, elbow=135), "pitch": -88}

ACTIONS = {
    "jumping_jacks": Action(1.1, (
        (0.0, _both(**{"raise": 8}, plane=90, hip=3, hip_plane=90)),
        (0.25, {**_both(**{"raise": 90}, plane=90, hip=15, hip_plane=90), "lift": 90}),
        (0.5, _both(**{"raise": 168}, plane=90, hip=28, hip_plane=90, elbow=8)),
        (0.75, {**_both(**{"raise": 90}, plane=90, hip=15, hip_plane=90), "lift": 90}),
    )),
    "jump": Action(1.5, (
        (0.0, _STAND), (0.3, _CROUCH), (0.42, _both(**{"raise": 120}, plane=10)),
        (0.55, {**_both(**{"raise": 160}, plane=10, ankle=45), "lift": 380}), (0.7, _both(**{"raise": 90}, plane=10)),
        (0.82, {**_both(hip=50, knee=70, ankle=-20, **{"raise": 40}), "bend": 20}),
    ), planted="ankle"),
    "squat": Action(2.4, (
        (0.0, _both(**{"raise": 20}, plane=5)),
        (0.5, {**_both(**{"raise": 88}, plane=5, hip=105, knee=120, hip_plane=25, ankle=-25), "bend": 32}),
    ), planted="ankle"),
    "lunge": Action(2.2, (
        (0.0, _both(elbow=90, **{"raise": 15})),
        (0.5, {**_both(elbow=90, **{"raise": 15}), "d_hip": 80, "d_knee": 88, "n_hip": 25, "n_hip_plane": 180,
               "n_knee": 75, "n_ankle": -30}),
    ), planted="ankle"),
    "wave": Action(0.8, (
        (0.0, {"d_raise": 118, "d_plane": 82, "d_elbow": 100, "d_roll": 75, "look": 5}),
        (0.5, {"d_raise": 122, "d_plane": 82, "d_elbow": 15, "d_roll": 75, "look": 5}),
    )),
    "clap": Action(0.6, (
        (0.0, _both(**{"raise": 78}, plane=75, elbow=30, roll=-10)),
        (0.45, {**_both(**{"raise": 68}, plane=14, elbow=42, roll=25), "meet": 1}),
        (0.55, {**_both(**{"raise": 68}, plane=14, elbow=42, roll=25), "meet": 1}),
    )),
    "punch": Action(1.2, (
        (0.0, _GUARD),
        (0.2, {**_GUARD, "d_raise": 94, "d_plane": -8, "d_elbow": 4, "turn": 38, "bend": 14}),
        (0.45, _GUARD),
        (0.65, {**_GUARD, "n_raise": 94, "n_plane": 2, "n_elbow": 4, "turn": -28, "bend": 10}),
    )),
    "kick": Action(1.3, (
        (0.0, _both(**{"raise": 25}, elbow=60)),
        (0.3, {**_both(**{"raise": 25}, elbow=60), "d_hip": 35, "d_hip_plane": 180, "d_knee": 80, "bend": 8}),
        (0.55, {**_both(**{"raise": 45}, elbow=40), "d_hip": 95, "d_knee": 12, "bend": -15}),
    )),
    "throw": Action(1.6, (
        (0.0, {**_both(**{"raise": 45}, plane=15, elbow=120)}),
        (0.35, {"d_raise": 95, "d_plane": 125, "d_elbow": 95, "d_roll": -70, "turn": -45, "n_raise": 85, "n_plane": 20,
                "n_hip": 45, "n_knee": 50}),
        (0.55, {"d_raise": 135, "d_plane": 20, "d_elbow": 25, "turn": 35, "n_hip": 30, "bend": 15, "d_hip": 20,
                "d_hip_plane": 180}),
        (0.75, {"d_raise": 50, "d_plane": -35, "d_elbow": 25, "turn": 50, "bend": 45, "n_hip": 35, "n_knee": 30,
                "d_hip": 30, "d_hip_plane": 180}),
    ), held="ball"),
    "bat_swing": Action(1.6, (
        (0.0, {**_both(knee=25, hip=18), "d_raise": 60, "d_plane": 60, "d_elbow": 125, "n_raise": 75, "n_plane": -45,
               "n_elbow": 75, "turn": -45, "bend": 12, "meet": 1}),
        (0.4, {**_both(knee=25, hip=18), "d_raise": 62, "d_plane": 10, "d_elbow": 40, "n_raise": 70, "n_plane": 15,
               "n_elbow": 25, "turn": 15, "bend": 12, "meet": 1}),
        (0.7, {**_both(knee=20, hip=12), "d_raise": 85, "d_plane": -50, "d_elbow": 45, "n_raise": 80, "n_plane": 70,
               "n_elbow": 80, "turn": 58, "bend": 5, "meet": 1}),
    ), held="bat"),
    "golf_swing": Action(2.0, (
        (0.0, _ADDRESS),
        (0.35, {**_ADDRESS, "turn": -58, "d_raise": 95, "d_plane": 60, "d_elbow": 85, "n_raise": 95, "n_plane": -45}),
        (0.55, _ADDRESS),
        (0.8, {**_ADDRESS, "turn": 58, "n_raise": 105, "n_plane": 60, "n_elbow": 85, "d_raise": 100, "d_plane": -45,
               "bend": 8}),
    ), held="club"),
    "tennis_serve": Action(2.0, (
        (0.0, {**_both(**{"raise": 40}, plane=0, elbow=50), "turn": -25}),
        (0.35, {"n_raise": 165, "n_plane": 20, "n_elbow": 5, "d_raise": 85, "d_plane": 120, "d_elbow": 110,
                "d_roll": -70, "turn": -35, "bend": -15, **_both(knee=35, hip=12)}),
        (0.55, {"d_raise": 172, "d_plane": 30, "d_elbow": 5, "n_raise": 60, "n_elbow": 80, "turn": 20, "lift": 90}),
        (0.78, {"d_raise": 50, "d_plane": -40, "d_elbow": 25, "turn": 50, "bend": 40, "d_hip": 40, "d_hip_plane": 180,
                "d_knee": 40}),
    ), held="racket"),
    "bowl": Action(2.0, (
        (0.0, {**_both(**{"raise": 35}, plane=5, elbow=95)}),
        (0.4, {"d_raise": 70, "d_plane": 178, "d_elbow": 5, "bend": 40, "n_raise": 50, "n_hip": 30, "n_knee": 35}),
        (0.62, {"d_raise": 10, "d_plane": 5, "d_elbow": 5, "bend": 58, "n_raise": 60, "n_hip": 75, "n_knee": 85,
                "d_hip": 30, "d_hip_plane": 175, "d_knee": 55}),
        (0.8, {"d_raise": 110, "d_plane": 5, "d_elbow": 20, "bend": 45, "n_raise": 60, "n_hip": 75, "n_knee": 85,
               "d_hip": 30, "d_hip_plane": 175, "d_knee": 55}),
    ), held="bowling_ball"),
    "drink": Action(3.0, (
        (0.0, {"d_raise": 22, "d_plane": 30, "d_elbow": 85}),
        (0.3, {"d_raise": 62, "d_plane": 55, "d_elbow": 122, "d_roll": 20, "nod": -8, "mouth": 1}),
        (0.55, {"d_raise": 84, "d_plane": 60, "d_elbow": 122, "d_roll": 20, "nod": -32, "bend": -8, "mouth": 1}),
        (0.7, {"d_raise": 80, "d_plane": 60, "d_elbow": 122, "d_roll": 20, "nod": -30, "bend": -8, "mouth": 1}),
    ), held="cup"),
    "phone_call": Action(3.4, (
        (0.0, {"d_raise": 22, "d_plane": 60, "d_elbow": 140, "look": 6, "ear": 1}),
        (0.25, {"d_raise": 26, "d_plane": 60, "d_elbow": 140, "look": -8, "nod": 8, "turn": 12, "ear": 1,
                "n_raise": 34, "n_plane": 40, "n_elbow": 75}),
        (0.5, {"d_raise": 30, "d_plane": 58, "d_elbow": 140, "look": -14, "nod": 4, "turn": -10, "ear": 1,
               "n_raise": 24, "n_plane": 55, "n_elbow": 35}),
        (0.75, {"d_raise": 26, "d_plane": 58, "d_elbow": 140, "look": 4, "nod": 10, "ear": 1,
                "n_raise": 38, "n_plane": 60, "n_elbow": 70}),
    ), held="phone"),
    "sit_down": Action(1.8, ((0.0, _STAND), (0.55, {**_SEATED, "bend": 42, **_both(hip=65, knee=70)}), (1.0, _SEATED)),
                       repeats=False, seat=True, planted="ankle"),
    "stand_up": Action(1.8, ((0.0, _SEATED), (0.45, {**_SEATED, "bend": 42, **_both(hip=65, knee=70)}), (1.0, _STAND)),
                       repeats=False, seat=True, planted="ankle"),
    "pushup": Action(1.8, (
        (0.0, _PRONE), (0.5, {**_PRONE, **_both(**{"raise": 42}, plane=60, elbow=115), "pitch": 82}),
    ), planted="wrist"),
    "situp": Action(2.2, ((0.0, _SUPINE), (0.5, {**_SUPINE, **_both(hip=69), "bend": 78, "pitch": -71, "nod": 15}))),
    "walk": Action(1.2, (
        (0.0, {"d_hip": 28, "n_hip": 22, "n_hip_plane": 180, "n_knee": 12, "n_raise": 25, "n_plane": 5,
               "d_raise": 22, "d_plane": 175}),
        (0.25, {"d_hip": 5, "n_hip": 15, "n_knee": 55, "n_hip_plane": 5, "d_plane": 80, "n_plane": 80}),
        (0.5, {"n_hip": 28, "d_hip": 22, "d_hip_plane": 180, "d_knee": 12, "d_raise": 25, "d_plane": 5,
               "n_raise": 22, "n_plane": 175}),
        (0.75, {"n_hip": 5, "d_hip": 15, "d_knee": 55, "d_hip_plane": 5, "d_plane": 80, "n_plane": 80}),
    )),
}  # fmt: skip
"""Name to action. `sit_down` and `stand_up` look alike in every frame and differ in order."""


def move(action: Action, body: Body, frames: int, fps: float, generator: np.random.Generator) -> tuple[Floats, str]:
    """One performance of an action.

    Args:
        action: `Action`.
        body: `deephar.data.synthetic.body.Body`.
        frames: number of frames T.
        fps: frames per second.
        generator: `numpy.random.Generator`.

    Returns:
        joints (T, joints, 3) in mm, feet on the ground z = 0; and the dominant side, "r" or "l".
    """
    side, other = ("r", "l") if generator.uniform() < 0.85 else ("l", "r")
    amplitude = generator.uniform(0.85, 1.1)
    speed = generator.uniform(0.75, 1.3)
    seconds = np.arange(frames) / fps
    if action.repeats:
        time = (generator.uniform() + speed * seconds / action.seconds) % 1.0
    else:  # the whole action, whatever the number of frames, between moments at rest
        time = np.clip(np.linspace(-0.1, 1.1, frames) + generator.uniform(-0.08, 0.08), 0, 1)
    names, when, values = _table(action)
    joint = ~np.isin(names, NOT_ANGLES)
    values[:, joint] = values[:, joint] * amplitude + generator.normal(0, 3, joint.sum())
    curves = PchipInterpolator(when, values)(time)
    curves[:, joint] += _sway(seconds, joint.sum(), generator)
    curves = dict(zip(names, curves.T, strict=True))
    extra = {name: np.maximum(curves.pop(name, np.zeros(frames)), 0) for name in NOT_ANGLES}
    mirrored = {"d": side, "n": other}
    sign = 1 if side == "r" else -1
    named = {}
    for name, curve in curves.items():
        prefix, _, rest = name.partition("_")
        if rest and prefix in mirrored:
            named[f"{mirrored[prefix]}_{rest}"] = curve
        else:
            named[name] = sign * curve if name in ("turn", "look", "lean") else curve
    joints = _hands_to_places(pose_body(body, named), body, extra, side, other)
    if action.planted:
        ends = joints[:, [INDEX[f"{s}_{action.planted}"] for s in "rl"], :2]
        joints = joints - np.pad(ends.mean(axis=1), ((0, 0), (0, 1)))[:, None]
    return on_the_ground(joints, body, extra["lift"]), side


def _table(action: Action) -> tuple[list[str], Floats, Floats]:
    """Names, times (K,) and values (K, names) of an action's keyframes, one more at both ends if it repeats."""
    names = np.array(sorted(set(REST).union(*(angles for _, angles in action.keys))))
    when = np.array([time for time, _ in action.keys])
    values = np.array([[{**REST, **angles}.get(name, 0.0) for name in names] for _, angles in action.keys])
    if action.repeats:
        when = np.concatenate([[when[-1] - 1], when, [1.0, 1 + when[1]]])
        values = values[[-1, *range(len(values)), 0, 1]]
    return names.tolist(), when, values


def _sway(seconds: Floats, number: int, generator: np.random.Generator) -> Floats:
    """Degrees (T, number) of slow, small, involuntary movement."""
    phase, rate = generator.uniform(0, 2 * np.pi, number), generator.uniform(0.2, 0.6, number)
    return 1.5 * np.sin(phase + 2 * np.pi * rate * seconds[:, None])


_PLACES = {"mouth": (0.090, 0.045, -0.050), "ear": (0.045, 0.100, -0.075)}
"""Wrist position when the hand is there: forward of the centre of the face, to its own side and up, in body heights."""


def _hands_to_places(joints: Floats, body: Body, shares: Mapping[str, Floats], side: str, other: str) -> Floats:
    """Place hands at the mouth, at an ear or together, according to `shares` of `move`."""
    if not any(shares[name].any() for name in (*_PLACES, "meet")):
        return joints
    up = unit(joints[:, INDEX["head_top"]] - joints[:, INDEX["neck"]])
    aside = unit(joints[:, INDEX[f"{side}_shoulder"]] - joints[:, INDEX[f"{other}_shoulder"]])
    ahead = np.cross(aside, up) * (1 if side == "l" else -1)
    for name, (forward, outward, upward) in _PLACES.items():
        if shares[name].any():
            place = body.height * (forward * ahead + outward * aside + upward * up) + joints[:, INDEX["head"]]
            joints = _part_of_the_way(joints, side, place, shares[name])
    if shares["meet"].any():
        middle = (joints[:, INDEX[f"{side}_wrist"]] + joints[:, INDEX[f"{other}_wrist"]]) / 2
        for hand, sign in ((side, 1), (other, -1)):
            joints = _part_of_the_way(joints, hand, middle + sign * 0.022 * body.height * aside, shares["meet"])
    return joints


def _part_of_the_way(joints: Floats, side: str, place: Floats, share: Floats) -> Floats:
    wrist = joints[:, INDEX[f"{side}_wrist"]]
    return reach(joints, side, wrist + share[:, None] * (place - wrist))


def on_the_ground(joints: Floats, body: Body, lift: Floats) -> Floats:
    """Move a body up or down in every frame so that its lowest part is `lift` above z = 0."""
    thickness = np.full(joints.shape[1], 0.045 * body.height * body.girth)
    for side in "rl":
        thickness[INDEX[f"{side}_ankle"]] = ANKLE_HEIGHT * body.height
        ends = ("foot", "toe_end", "wrist", *HAND)
        thickness[[INDEX[f"{side}_{end}"] for end in ends]] = 0.012 * body.height
    lowest = (joints[..., 2] - thickness).min(axis=1)
    moved = joints.copy()
    moved[..., 2] += (lift - lowest)[:, None]
    return moved
