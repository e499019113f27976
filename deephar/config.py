"""Every number of every model variant, stated once. Imports nothing but the standard library."""

import dataclasses

MISSING = -1e9
"""Value of a coordinate without a label in a training target, as in the original's."""


@dataclasses.dataclass(frozen=True)
class ReceptionConfig:
    """A pose network: stem, K prediction blocks, pose heads (paper sections 3.1 and appendix A).

    Attributes:
        input_shape: (H, W, 3) of a frame; H and W multiples of 32.
        num_joints: joints J.
        dim: 2 for (x, y), 3 for (x, y, z).
        num_blocks: prediction blocks K, each supervised.
        num_context: context maps per joint, 2D only; 0 for plain soft-argmax.
        depth_maps: depth cells per joint, 3D only.
        kernel_size: kernel of the separable convolutions in the prediction blocks.
        width: channels of the features between blocks; the stem scales with it.
        alpha: weight of the specialised maps against the context maps.
        concat_visibility: give [pose, visibility] as one tensor per block instead of two.
        export_heatmaps: give the raw heat maps (logits) of every block after its pose.
        export_features: number of the block whose hourglass features become the last output; 0 for none.
        stem: "inception" (paper figure 11) or "early" (an older stem with one convolution fewer).
    """

    input_shape: tuple = (256, 256, 3)
    num_joints: int = 16
    dim: int = 2
    num_blocks: int = 8
    num_context: int = 2
    depth_maps: int = 16
    kernel_size: tuple = (5, 5)
    width: int = 576
    alpha: float = 0.8
    concat_visibility: bool = False
    export_heatmaps: bool = False
    export_features: int = 0
    stem: str = "inception"

    def __post_init__(self):
        shape = self.input_shape
        _require(
            isinstance(shape, (tuple, list)) and len(shape) == 3 and all(n > 0 and n % 32 == 0 for n in shape[:2]),
            "`input_shape` must be (H, W, channels) with H and W multiples of 32",
            input_shape=self.input_shape,
        )
        _require(self.dim in (2, 3), "`dim` must be 2 or 3", dim=self.dim)
        _require(self.stem in ("inception", "early"), "`stem` must be 'inception' or 'early'", stem=self.stem)
        for name in ("num_joints", "num_blocks", "depth_maps", "width"):
            _require(getattr(self, name) >= 1, f"`{name}` must be at least 1", **{name: getattr(self, name)})
        _require(self.width % 2 == 0, "`width` must be even", width=self.width)
        _require(self.num_context >= 0, "`num_context` must not be negative", num_context=self.num_context)
        _require(
            0 <= self.export_features <= self.num_blocks,
            f"`export_features` must be the number of a block, 1 to {self.num_blocks}, or 0",
            export_features=self.export_features,
        )


def _require(condition, message, **received):
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise ValueError(f"{message}. Received: {values}")


VARIANTS = {
    "mpii-2d": ReceptionConfig(),
    "h36m-3d": ReceptionConfig(num_joints=17, dim=3, num_context=0),
    "lite-2d": ReceptionConfig(input_shape=(128, 128, 3), num_blocks=2, width=288),
}
"""Published configurations, and `lite-2d`, the same network made narrower and shorter, for crops of 128 pixels."""


def variant(name, **overrides):
    """The configuration of a named model with some fields replaced.

    Args:
        name: a key of `VARIANTS`.
        **overrides: fields of its configuration.

    Returns:
        a frozen configuration.

    Raises:
        ValueError: for an unknown name or override (the message lists what exists) or a value out of range.
    """
    if name not in VARIANTS:
        raise ValueError(f"Unknown model {name!r}; the models are {', '.join(VARIANTS)}")
    known = [field.name for field in dataclasses.fields(VARIANTS[name])]
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        raise ValueError(f"Unknown override {', '.join(unknown)} for {name!r}; its overrides are {', '.join(known)}")
    return dataclasses.replace(VARIANTS[name], **overrides)


@dataclasses.dataclass(frozen=True)
class Interval:
    """Uniform draw from [low, high]."""

    low: float
    high: float

    def draw(self, generator):
        return float(generator.uniform(self.low, self.high))


@dataclasses.dataclass(frozen=True)
class Choice:
    """Uniform draw from a finite list."""

    values: tuple

    def draw(self, generator):
        return float(self.values[generator.integers(len(self.values))])


NOTHING, UNIT = Choice((0.0,)), Choice((1.0,))


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """How a training crop is varied; the default is no variation.

    Attributes:
        angle: degrees, counter-clockwise.
        scale: factor on the window; below 1 the person grows in the crop.
        shift_x, shift_y: of the window, in units of `shift_unit`.
        shift_unit: "px" (source pixels times the drawn scale, as published), "mpii" (200ths of the plain window, as
            published for MPII) or "window" (share of the drawn window).
        flip: mirror half of the crops.
        power: exponent of each colour channel, drawn for each.
    """

    angle: Interval | Choice = NOTHING
    scale: Interval | Choice = UNIT
    shift_x: Interval | Choice = NOTHING
    shift_y: Interval | Choice = NOTHING
    shift_unit: str = "px"
    flip: bool = False
    power: Interval | Choice = UNIT

    def __post_init__(self):
        _require(
            self.shift_unit in ("px", "mpii", "window"),
            "`shift_unit` must be px, mpii or window",
            shift_unit=self.shift_unit,
        )


def _steps(low, high, step):
    return Choice(tuple(low + step * i for i in range(round((high - low) / step) + 1)))


_POWER = _steps(0.90, 1.10, 0.02)

AUGMENT = {
    "none": AugmentConfig(),
    "flip": AugmentConfig(flip=True),
    "paper": AugmentConfig(
        Interval(-45, 45), Interval(0.7, 1.3), Interval(-40, 40), Interval(-40, 40), "px", flip=True
    ),
    "mpii": AugmentConfig(_steps(-40, 40, 5), Choice((0.7, 1.0, 1.3)), flip=True, power=_POWER),
    "h36m": AugmentConfig(_steps(-10, 10, 5), Choice((0.8, 1.0, 1.2)), flip=True, power=_POWER),
    "penn": AugmentConfig(
        _steps(-30, 30, 5), Choice((0.7, 1.0, 1.3, 2.5)), _steps(-40, 40, 5), _steps(-40, 40, 5), "px",
        flip=True, power=_POWER,
    ),
    "h36m-shifted": AugmentConfig(
        _steps(-10, 10, 5), Choice((0.8, 1.0, 1.2)), _steps(-20, 20, 5), _steps(-4, 4, 1), "px", flip=True, power=_POWER
    ),
    "penn-frames": AugmentConfig(
        _steps(-40, 40, 5), Choice((0.7, 1.0, 1.3, 2.0)), _steps(-40, 40, 5), _steps(-10, 10, 5), "px",
        flip=True, power=_POWER,
    ),
    "ntu-frames": AugmentConfig(
        _steps(-10, 10, 5), Choice((0.7, 1.0, 1.3, 2.0)), _steps(-40, 40, 5), _steps(-10, 10, 5), "px",
        flip=True, power=_POWER,
    ),
    "ntu": AugmentConfig(
        _steps(-15, 15, 5), Choice((0.8, 1.0, 1.2, 2.0)), _steps(-40, 40, 5), _steps(-10, 10, 5), "px",
        flip=True, power=_POWER,
    ),
    "lsp": AugmentConfig(
        Interval(-60, 60), Interval(0.75, 1.3), Interval(-0.06, 0.06), Interval(-0.06, 0.06), "window",
        flip=True, power=Interval(0.7, 1.4),
    ),
}  # fmt: skip
"""Named augmentations: nothing, mirroring alone, the paper's ranges (appendix B), the published lists for pose
on MPII, Human3.6M, Penn Action and NTU (the longer names: of the later publication), and ours for LSP-extended."""
