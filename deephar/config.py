"""Every number of every model variant, stated once. Imports nothing but the standard library and `deephar.checks`."""

import dataclasses

from deephar import checks

MISSING = -1e9
"""Value of a coordinate without a label in a training target, as in the original's."""


@dataclasses.dataclass(frozen=True)
class ReceptionConfig:
    """A pose network: stem, K prediction blocks, pose heads (paper sections 3.1 and appendix A).

    Attributes:
        input_shape: (H, W, 3) of a frame; H and W multiples of 32, known when the network is built.
        num_joints: joints J.
        dim: 2 for (x, y), 3 for (x, y, z).
        num_blocks: prediction blocks K, each supervised.
        num_context: context maps per joint, 2D only; 0 for plain soft-argmax.
        depth_maps: depth cells per joint, 3D only.
        kernel_size: kernel of the separable convolutions in the prediction blocks, int or pair.
        width: channels of the features between blocks, even; the stem scales with it.
        alpha: weight of the specialised maps against the context maps, in [0, 1].
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
        _settle(self, "input_shape", _frame_shape(self.input_shape))
        _settle(self, "kernel_size", checks.pair("kernel_size", self.kernel_size))
        for name in ("num_joints", "num_blocks", "depth_maps", "width"):
            _settle(self, name, checks.whole(name, getattr(self, name)))
        for name in ("num_context", "export_features"):
            _settle(self, name, checks.whole(name, getattr(self, name), least=0))
        _settle(self, "alpha", checks.between("alpha", self.alpha, 0, 1))
        for name in ("concat_visibility", "export_heatmaps"):
            checks.one_of(name, getattr(self, name), (True, False))
            _settle(self, name, bool(getattr(self, name)))
        _settle(self, "dim", int(checks.one_of("dim", self.dim, (2, 3))))
        checks.one_of("stem", self.stem, ("inception", "early"))
        _require(self.width % 2 == 0, "`width` must be even", width=self.width)
        _require(
            self.export_features <= self.num_blocks,
            f"`export_features` must be the number of a block, 1 to {self.num_blocks}, or 0",
            export_features=self.export_features,
        )


def _settle(settings, name, value):
    """Keep a checked value as a plain number or tuple."""
    object.__setattr__(settings, name, value)


def _frame_shape(shape):
    """(H, W, channels), checked, as a tuple of int."""
    try:
        height, width, channels = (checks.whole("input_shape", size) for size in shape)
    except (TypeError, ValueError):
        height = width = channels = 0
    _require(
        channels and height % 32 == 0 and width % 32 == 0,
        "`input_shape` must be (H, W, channels) of a frame, H and W multiples of 32 that are known when a network is "
        "built; for another size build another one, the same weights fit all",
        input_shape=shape,
    )
    return height, width, channels


def _require(condition, message, **received):
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise ValueError(f"{message}. Received: {values}")


POSE_BRANCH = {112: (8, 32), 224: (12, 64)}
"""The published widths of the pose-based action network: filters of its first convolution and of its bottleneck."""


@dataclasses.dataclass(frozen=True)
class ActionConfig(ReceptionConfig):
    """A clip network: the pose network on every frame, then action from poses and from appearance (paper section 4).

    Attributes beside those of `ReceptionConfig`, whose `input_shape` is that of a frame:
        num_blocks: of the pose network; 4 in the published clip networks.
        concat_visibility, export_poses: how poses are given; see `export_poses`.
        frames: T of a clip.
        num_actions: classes A.
        branches: "merge" (both, aggregated), "pose" or "appearance" alone.
        poses: "estimated" by the pose network, or "given" as a second input (B, T, J, dim + 1) of coordinates and
            visibility; with `branches="pose"` the only input, and no picture is needed.
        aggregation: "maps", the published merge of the last action maps; or "fully_connected", the paper's layer on
            both branches' last predictions.
        pose_width: channels of the pose-based network, a key of `POSE_BRANCH`.
        appearance_width: channels of the appearance-based network, 2 or more.
        num_action_blocks: prediction blocks of each branch, each supervised.
        export_poses: "none"; "last", the poses of the pose network's last block as first outputs; or "all".
    """

    num_blocks: int = 4
    frames: int = 16
    num_actions: int = 15
    branches: str = "merge"
    poses: str = "estimated"
    aggregation: str = "maps"
    pose_width: int = 112
    appearance_width: int = 256
    num_action_blocks: int = 4
    export_poses: str = "none"

    def __post_init__(self):
        super().__post_init__()
        choices = {
            "branches": ("merge", "pose", "appearance"),
            "poses": ("estimated", "given"),
            "aggregation": ("maps", "fully_connected"),
            "pose_width": tuple(POSE_BRANCH),
            "export_poses": ("none", "last", "all"),
        }
        for name, values in choices.items():
            checks.one_of(name, getattr(self, name), values)
        _settle(self, "pose_width", int(self.pose_width))
        for name, least in (("frames", 1), ("num_actions", 1), ("appearance_width", 2), ("num_action_blocks", 1)):
            _settle(self, name, checks.whole(name, getattr(self, name), least))
        _require(
            not (self.export_heatmaps or self.export_features),
            "A clip network exports neither heat maps nor features",
            export_heatmaps=self.export_heatmaps,
            export_features=self.export_features,
        )
        _require(
            self.export_poses == "none" or self.poses == "estimated",
            "Poses that are given are not exported",
            export_poses=self.export_poses,
        )


_NTU = {"num_joints": 20, "dim": 3, "num_context": 0, "depth_maps": 8}

VARIANTS = {
    "mpii-2d": ReceptionConfig(),
    "h36m-3d": ReceptionConfig(num_joints=17, dim=3, num_context=0),
    "lite-2d": ReceptionConfig(input_shape=(128, 128, 3), num_blocks=2, width=288),
    "lite-3d": ReceptionConfig(
        input_shape=(128, 128, 3), num_joints=17, dim=3, num_blocks=2, num_context=0, depth_maps=8, width=288
    ),
    "penn-pose": ReceptionConfig(num_blocks=4),
    "ntu-pose": ReceptionConfig(num_blocks=4, **_NTU),
    "penn-merge": ActionConfig(),
    "ntu-merge": ActionConfig(**_NTU, frames=20, num_actions=60, pose_width=224),
    "penn-pose-only": ActionConfig(num_joints=13, branches="pose", poses="given"),
    "lite-merge": ActionConfig(
        input_shape=(128, 128, 3), num_blocks=2, width=288, frames=8, appearance_width=128, export_poses="last"
    ),
}
"""Published configurations; the pose networks inside the clip networks, `penn-pose` and `ntu-pose`; the pose-based
action network on annotated poses of 13 joints; `lite-2d`, `lite-3d` and `lite-merge`, narrower and shorter, for 128
pixels."""


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
    if not isinstance(name, str) or name not in VARIANTS:
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
        shift_unit: "window" (share of the drawn window, so the same share of the person in a photograph of any size),
            "px" (source pixels times the drawn scale, as published) or "mpii" (200ths of the plain window, as
            published for MPII).
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
        checks.one_of("shift_unit", self.shift_unit, ("px", "mpii", "window"))


@dataclasses.dataclass(frozen=True)
class PoseNoise:
    """How poses are varied that are given to a network, so that it does not rely on single joints.

    Attributes:
        jitter: standard deviation of the noise on every coordinate, in crops; a clip's own is drawn up to this.
        dropout: probability that a joint is left out of a whole clip.
    """

    jitter: float = 0.0
    dropout: float = 0.0


def _steps(low, high, step):
    return Choice(tuple(low + step * i for i in range(round((high - low) / step) + 1)))


WINDOW_PX = {"paper": 256, "h36m": 515, "penn": 205, "penn clips": 273, "ntu": 494, "ntu clips": 633}
"""Typical side of a person's window in the pictures as released, in pixels; the published shifts, which are in pixels,
are these shares of it. Penn Action: medians over the training videos; NTU RGB+D: over the three clips at hand;
Human3.6M: 2.25 m at 5 m; the paper does not say in which picture it counts, so those of the crop are taken."""


def _shifts(high, step, pictures):
    """Published shifts from -`high` to `high` pixels, as shares of a person's window."""
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
}  # fmt: skip
"""Named augmentations: nothing, mirroring alone, the paper's ranges (appendix B), the published lists for pose
on MPII, Human3.6M, Penn Action and NTU (the longer names: of the later publication), their shifts by `WINDOW_PX`; and
ours for synthetic people and for LSP-extended."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of training a clip network.

    Attributes:
        name: for the log.
        frozen: whether the pose part keeps its weights.
        epochs: at most.
        rate: learning rate at first; it falls on a plateau of the validation score. None: `rate_factor` times the rate
            of the last epoch of the stage before.
        rate_factor: see `rate`.
        patience: epochs without a better validation score after which the stage ends; 0: it takes all its epochs.
        optimizer: "sgd" (Nesterov momentum 0.98, paper) or "adamw".
        pose_weight: of the pose loss against an action loss.
    """

    name: str
    frozen: bool
    epochs: int
    rate: float | None = None
    rate_factor: float = 1.0
    patience: int = 0
    optimizer: str = "sgd"
    pose_weight: float = 1.0

    def first_rate(self, last):
        """Learning rate at first.

        Args:
            last: rate of the last epoch of the stage before; None for the first stage.

        Raises:
            ValueError: if it is relative to a stage before, and there is none.
        """
        if self.rate is None and last is None:
            raise ValueError(f"The first stage needs a learning rate of its own. Received: {self}")
        return self.rate if self.rate is not None else self.rate_factor * last


_TENTH = Stage("fine-tuning", False, 5, rate_factor=0.1)

STAGES = {
    "paper": (Stage("frozen pose", True, 100, 2e-4, patience=10), _TENTH),
    "joint": (Stage("joint from the start", False, 100, 2e-4, patience=10),),
    "fixed": (Stage("frozen pose", True, 30, 2e-4), Stage("fine-tuning", False, 5, 2e-5)),
    "small": (
        Stage("frozen pose", True, 20, 2e-3, optimizer="adamw", patience=10),
        dataclasses.replace(_TENTH, optimizer="adamw"),
    ),
    "small-joint": (Stage("joint from the start", False, 25, 2e-3, optimizer="adamw", patience=10),),
}
"""Recipes for clip networks: the paper's (appendix B: the first stage until the score stagnates, then 5 epochs of
everything at a tenth of the final rate; the patience is ours) and its alternative; the paper's rates with epochs and a
second rate that are fixed; and the first two with an optimizer for small networks and few videos."""

POSE_MIXTURES = {
    "penn": {"mpii": 75, "penn": 25},
    "ntu": {"ntu": 10, "mpii": 45, "h36m": 45},
    "h36m": {"mpii": 50, "h36m": 50},
}
"""Shares of the datasets in a batch when the pose network of a benchmark is trained (paper section 5), percent."""
