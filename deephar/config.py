"""Data settings: missing labels, augmentation, noise. Does not import Keras."""

import dataclasses

import numpy as np

from deephar import checks

MISSING = -1e9
"""Value of a coordinate without a label in a training target, as in the original."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """Uniform distribution over [low, high]."""

    low: float
    high: float

    def draw(self, generator: np.random.Generator) -> float:
        return float(generator.uniform(self.low, self.high))


@dataclasses.dataclass(frozen=True)
class Choice:
    """Uniform distribution over a finite list."""

    values: tuple[float, ...]

    def draw(self, generator: np.random.Generator) -> float:
        return float(self.values[generator.integers(len(self.values))])


NOTHING, UNIT = Choice((0.0,)), Choice((1.0,))


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of a training crop; the default is none.

    Attributes:
        angle: degrees, counter-clockwise.
        scale: factor on the window; below 1 the person appears larger in the crop.
        shift_x, shift_y: of the window, in units of `shift_unit`.
        shift_unit: "window" (fraction of the sampled window, so the same fraction of the person in a photograph of any
            size), "px" (source pixels times the sampled scale, as published) or "mpii" (200ths of the unaugmented
            window, as published for MPII).
        flip: mirror half of the crops.
        power: exponent of each colour channel, sampled independently.
        half_body: probability that the window shows only part of the person, the joints on one side of a line, more
            often those above; half of these photographs end there, and what lies beyond is black.
        occlusion: probability that patches cover parts of the crop.
    """

    angle: Interval | Choice = NOTHING
    scale: Interval | Choice = UNIT
    shift_x: Interval | Choice = NOTHING
    shift_y: Interval | Choice = NOTHING
    shift_unit: str = "px"
    flip: bool = False
    power: Interval | Choice = UNIT
    half_body: float = 0.0
    occlusion: float = 0.0

    def __post_init__(self) -> None:
        checks.between("half_body", self.half_body, 0, 1)
        checks.between("occlusion", self.occlusion, 0, 1)
        checks.one_of("shift_unit", self.shift_unit, ("px", "mpii", "window"))


@dataclasses.dataclass(frozen=True)
class PoseNoise:
    """Noise on poses that are input to a network, so that it does not rely on single joints.

    Attributes:
        jitter: maximum standard deviation of the noise on every coordinate, in crop sizes; sampled up to this per clip.
        dropout: probability that a joint is dropped from a whole clip.
    """

    jitter: float = 0.0
    dropout: float = 0.0


def _steps(low: float, high: float, step: float) -> Choice:
    return Choice(tuple(low + step * i for i in range(round((high - low) / step) + 1)))


WINDOW_PX = {"paper": 256, "h36m": 515, "penn": 205, "penn clips": 273, "ntu": 494, "ntu clips": 633}
"""Typical side of a person's window in the images as released, in pixels, used to convert the published shifts from
pixels to fractions of the window. Penn Action: median over the training videos; NTU RGB+D: over the three available
clips; Human3.6M: 2.25 m at 5 m; the paper does not say which pixels it means, so pixels of the crop are assumed."""


def _shifts(high: float, step: float, pictures: str) -> Choice:
    """Published shifts from -`high` to `high` pixels, as fractions of a person's window."""
    return Choice(tuple(shift / WINDOW_PX[pictures] for shift in _steps(-high, high, step).values))


_POWER = _steps(0.90, 1.10, 0.02)

AUGMENT = {
    "none": AugmentConfig(),
    "flip": AugmentConfig(flip=True),
    "paper": AugmentConfig(
        Interval(-45, 45), Interval(0.7, 1.3), Interval(-40 / 256, 40 / 256), Interval(-40 / 256, 40 / 256), "window",
        flip=True,
    ),
    "mpii": AugmentConfig(_steps(-40, 40, 5), Choice((0.7, 1.0, 1.3)), flip=True, power=_POWER),
    "h36m": AugmentConfig(_steps(-10, 10, 5), Choice((0.8, 1.0, 1.2)), flip=True, power=_POWER),
    "penn": AugmentConfig(
        _steps(-30, 30, 5), Choice((0.7, 1.0, 1.3, 2.5)), _shifts(40, 5, "penn"), _shifts(40, 5, "penn"), "window",
        flip=True, power=_POWER,
    ),
    "h36m-shifted": AugmentConfig(
        _steps(-10, 10, 5), Choice((0.8, 1.0, 1.2)), _shifts(20, 5, "h36m"), _shifts(4, 1, "h36m"), "window",
        flip=True, power=_POWER,
    ),
    "penn-action": AugmentConfig(
        _steps(-30, 30, 5), Choice((0.7, 1.0, 1.3)), _shifts(40, 5, "penn clips"), _shifts(40, 5, "penn clips"),
        "window", flip=True, power=_POWER,
    ),
    "ntu-action": AugmentConfig(
        NOTHING, Choice((0.7, 1.0, 1.3)), _shifts(40, 5, "ntu clips"), _shifts(40, 5, "ntu clips"), "window",
        flip=True, power=_POWER,
    ),
    "penn-frames": AugmentConfig(
        _steps(-40, 40, 5), Choice((0.7, 1.0, 1.3, 2.0)), _shifts(40, 5, "penn"), _shifts(10, 5, "penn"), "window",
        flip=True, power=_POWER,
    ),
    "ntu-frames": AugmentConfig(
        _steps(-10, 10, 5), Choice((0.7, 1.0, 1.3, 2.0)), _shifts(40, 5, "ntu"), _shifts(10, 5, "ntu"), "window",
        flip=True, power=_POWER,
    ),
    "ntu": AugmentConfig(
        _steps(-15, 15, 5), Choice((0.8, 1.0, 1.2, 2.0)), _shifts(40, 5, "ntu"), _shifts(10, 5, "ntu"), "window",
        flip=True, power=_POWER,
    ),
    "synthetic": AugmentConfig(
        Interval(-10, 10), Interval(0.8, 1.2), Interval(-0.05, 0.05), Interval(-0.05, 0.05), "window", flip=True
    ),
    "lsp": AugmentConfig(
        Interval(-60, 60), Interval(0.75, 1.3), Interval(-0.06, 0.06), Interval(-0.06, 0.06), "window",
        flip=True, power=Interval(0.7, 1.4),
    ),
    "photographs": AugmentConfig(
        Interval(-60, 60), Interval(0.75, 1.4), Interval(-0.08, 0.08), Interval(-0.08, 0.08), "window",
        flip=True, power=Interval(0.6, 1.6), half_body=0.4, occlusion=0.2,
    ),
}  # fmt: skip
"""Named augmentations: none, mirroring only, the paper's ranges (appendix B), the published lists for MPII, Human3.6M,
Penn Action and NTU (longer names: from the later publication), with shifts converted by `WINDOW_PX`; and ours for
synthetic people, for LSP-extended and for photographs of any kind."""
