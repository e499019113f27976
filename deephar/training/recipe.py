"""Recipes: network, data and training settings as data, not code. Does not import Keras."""

import dataclasses
import functools
import hashlib
import itertools
import typing
from collections.abc import Callable

from deephar import checks, config, layouts
from deephar.models import registry, settings
from deephar.models.settings import OUTPUTS
from deephar.typed import Floats, Ints, Size

if typing.TYPE_CHECKING:
    from deephar.data.readers.base import Video

OPTIMIZERS = ("rmsprop", "adam", "adamw", "sgd")
"""RMSprop and Adam with Keras' defaults, AdamW with a weight decay of 0.01, SGD with Nesterov momentum 0.98 (paper)."""

SCHEDULES = ("constant", "plateau", "steps", "cosine")
"""Learning-rate schedules: reduced to a fifth on a plateau of the score, or at epochs 80 and 100 (published for MPII);
or a cosine to 0, with the first twentieth as warm-up."""


WEIGHTINGS = ("fixed", "uncertainty", "alternating")
"""How the losses of several tasks make up the one that is minimised, see `deephar.training.joint.JointNetwork`."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One training stage.

    Attributes:
        name: for the log.
        epochs: maximum number of epochs.
        frozen: whether the pose part of a clip network is frozen.
        rate: initial learning rate, or the peak of a cosine. None: `rate_factor` times the rate of the last epoch
            of the previous stage.
        rate_factor: see `rate`.
        schedule: one of `SCHEDULES`; without a judge there is no plateau, and the rate stays.
        patience: epochs without improvement after which the stage ends; 0, or without a judge: no early stopping.
        optimizer: one of `OPTIMIZERS`.
        pose_weight: of the pose loss relative to an action loss.
    """

    name: str
    epochs: int
    frozen: bool = False
    rate: float | None = None
    rate_factor: float = 1.0
    schedule: str = "plateau"
    patience: int = 0
    optimizer: str = "sgd"
    pose_weight: float = 1.0

    def __post_init__(self) -> None:
        checks.one_of("schedule", self.schedule, SCHEDULES)
        checks.one_of("optimizer", self.optimizer, OPTIMIZERS)
        checks.whole("epochs", self.epochs)
        checks.whole("patience", self.patience, least=0)
        for name, value in (("rate", self.rate), ("rate_factor", self.rate_factor)):
            if value is not None:
                checks.between(name, value, 0, low_included=False)

    def first_rate(self, last: float | None) -> float:
        """Initial learning rate.

        Args:
            last: rate of the last epoch of the previous stage; None for the first stage.

        Raises:
            ValueError: if it is relative to a previous stage, and there is none.
        """
        if self.rate is not None:
            return self.rate
        if last is None:
            raise ValueError(f"The first stage needs its own learning rate. Received: {self}")
        return self.rate_factor * last


_FROZEN, _TENTH = Stage("frozen pose", 100, True, 2e-4, patience=10), Stage("fine-tuning", 5, rate_factor=0.1)
_JOINT = Stage("joint from the start", 100, rate=2e-4, patience=10)
_SMALL = {"optimizer": "adamw"}

STAGES: dict[str, tuple[Stage, ...]] = {
    "paper": (_FROZEN, _TENTH),
    "joint": (_JOINT,),
    "fixed": (Stage("frozen pose", 30, True, 2e-4), Stage("fine-tuning", 5, rate=2e-5)),
    "small": (dataclasses.replace(_FROZEN, epochs=20, rate=2e-3, **_SMALL), dataclasses.replace(_TENTH, **_SMALL)),
    "small-joint": (dataclasses.replace(_JOINT, epochs=25, rate=2e-3, **_SMALL),),
}
"""Stages for clip networks: the paper's (appendix B: the first until the score plateaus, then 5 epochs of everything at
a tenth of the final rate; the patience is ours) and its alternative; the paper's rates with a fixed number of epochs
and a fixed second rate; and the first two with an optimizer for small networks and few videos."""


@dataclasses.dataclass(frozen=True)
class ClipSampling:
    """How clips are sampled from videos, see `deephar.data.batches.clip_mixture.ClipMixture`.

    Attributes:
        subsampling: frame strides to sample from.
        spread: instead, the range of fractions of its video that a clip may span.
        given: whether the network takes annotated poses as input.
        noise: added to these.
        boxes: function that chooses the window, see `deephar.data.samples.clips.make_clip`.
    """

    subsampling: tuple[int, ...] = (1,)
    spread: tuple[float, float] | None = None
    given: bool = False
    noise: config.PoseNoise | None = None
    boxes: "Callable[[Video, Ints], Floats] | None" = None


@dataclasses.dataclass(frozen=True)
class Joint:
    """How all tasks are learnt in one step, see `deephar.training.joint.JointNetwork`.

    Attributes:
        sets: by source of clips, the set that its actions belong to; the sets are in the order of the network's heads.
            All other sources of the mixture give stills.
        weights: of the tasks' losses, by name.
        weighting: one of `WEIGHTINGS`.
    """

    sets: dict[str, str]
    weights: dict[str, float] = dataclasses.field(default_factory=dict)
    weighting: str = "fixed"

    def __post_init__(self) -> None:
        checks.one_of("weighting", self.weighting, WEIGHTINGS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that defines a training run.

    Attributes:
        preset, network: name of the network, and overrides of its configuration; see `deephar.build`.
        layout: of its joints, a `deephar.layouts.PoseLayout` or a name.
        mixture: relative weight of every source in a batch, by its name, in any unit.
        augmentation: for every source, by its name; or one for all. See `deephar.config.AUGMENT`.
        batch_size: samples in a batch.
        accumulate: parts in which a batch is computed, one after the other, where it is too large for the memory: their
            gradients are averaged, and the weights change once. Batch normalization sees a part at a time. None: whole.
        steps: batches per epoch; None: as many as the data provides.
        parts: an epoch is 1/`parts` of the data, sampled anew each time.
        stages: one or more.
        clips: how clips are sampled, for clip networks; None for stills.
        joint: how all tasks are learnt in one step; None: every sample is a still, or a clip. A batch then has
            `batch_size` rows of T stills, and as many clips.
        label_smoothing: for actions.
        norm_momentum: of all batch normalization layers, see `deephar.training.set_momentum`; None: unchanged.
    """

    preset: str
    network: dict[str, object] = dataclasses.field(default_factory=dict)
    layout: layouts.PoseLayout | str
    mixture: dict[str, float]
    augmentation: dict[str, config.AugmentConfig | str] | config.AugmentConfig | str = "none"
    batch_size: int
    accumulate: int | None = None
    steps: int | None = None
    parts: int = 1
    stages: tuple[Stage, ...]
    clips: ClipSampling | None = None
    joint: Joint | None = None
    label_smoothing: float = 0.0
    norm_momentum: float | None = None

    def __post_init__(self) -> None:
        checks.whole("batch_size", self.batch_size)
        checks.whole("parts", self.parts)
        if self.accumulate is not None:
            self._check_accumulation(checks.whole("accumulate", self.accumulate, least=2))
        if self.steps is not None:
            checks.whole("steps", self.steps)
        if not self.stages or not self.mixture:
            raise ValueError(f"A recipe needs a stage and a source. Received: {self.stages} and {self.mixture}")
        for before, stage in itertools.pairwise(self.stages):
            if stage.rate is None and before.schedule == "cosine":
                raise ValueError(
                    f"The rate of the stage {stage.name!r} is relative to that at which {before.name!r} ends, which a "
                    "cosine brings to 0: give it a `rate` of its own, or the stages another schedule"
                )
        if self.joint is not None:
            self._check_joint()

    def _check_accumulation(self, parts: int) -> None:
        if self.batch_size % parts:
            raise ValueError(
                f"A batch is computed in equal parts. Received: batch_size={self.batch_size}, accumulate={parts}"
            )
        if self.joint is not None:
            raise ValueError("`accumulate` is for one task in a step. Received: accumulate with `joint`")

    def _check_joint(self) -> None:
        if any(stage.pose_weight != 1 for stage in self.stages):
            raise ValueError("With `joint`, tasks have the weights that it gives. Received: a stage with `pose_weight`")
        if self.clips is not None and (self.clips.given or self.clips.noise is not None):
            raise ValueError("With `joint`, poses are learnt, neither given nor disturbed. Received: such `clips`")

    def check(self) -> None:
        """Check the network's settings, that its number of joints matches the layout, and that stages suit it.

        Raises:
            ValueError: if a setting of the network is out of range or unknown, the joints do not match, the first stage
                has no learning rate, or a stage would freeze the pose part of a network that has none.
        """
        self.stages[0].first_rate(None)
        if not self.reads_pictures and any(stage.frozen for stage in self.stages):
            raise ValueError(f"{self.preset} has no pose part to freeze; give it stages that are not `frozen`")
        joints = self.settings.network.num_joints
        if joints != len(self.pose_layout):
            raise ValueError(
                f"The network has {joints} joints, layout {self.pose_layout.name} has {len(self.pose_layout)}: "
                f"{', '.join(self.pose_layout.names)}"
            )

    @property
    def settings(self) -> registry.Config:
        """Configuration of the network."""
        return registry.settings(self.preset, **self.network)

    @property
    def pose_layout(self) -> layouts.PoseLayout:
        """The `deephar.layouts.PoseLayout` of its joints."""
        return layouts.get(self.layout)

    @property
    def size(self) -> Size:
        """(H, W) of the crops in pixels."""
        return self.settings.network.input_shape[:2]

    @property
    def reads_pictures(self) -> bool:
        """Whether the network takes images or clips as input; one that takes only given poses does not."""
        own = self.settings
        return not (self.clips and self.clips.given and getattr(own, "branches", None) == "pose")

    @property
    def trained(self) -> dict[str, object]:
        """Overrides of the network except those of its outputs: what the weights depend on."""
        return {name: value for name, value in self.network.items() if name not in OUTPUTS}

    def augmentation_of(self, source: str) -> config.AugmentConfig | str:
        """The augmentation of a source by its name."""
        return self.augmentation[source] if isinstance(self.augmentation, dict) else self.augmentation

    def replaced(self, **fields: object) -> typing.Self:
        """The recipe with some fields replaced: its own, those of all its stages, or those of its network.

        Args:
            **fields: by name. Of stages: `epochs`, `schedule`, `optimizer` and `patience` of each, `rate` of the first.
                Any other name is taken as a field of the network, see `check`.

        Raises:
            ValueError: for a value out of range.
        """
        own: dict[str, typing.Any] = {name: value for name, value in fields.items() if name in _OWN}
        staged = {name: value for name, value in fields.items() if name in STAGED}
        others = {name: value for name, value in fields.items() if name not in _OWN and name not in STAGED}
        recipe = dataclasses.replace(self, **{**own, "network": {**own.get("network", self.network), **others}})
        first, rest = {**staged}, {name: value for name, value in staged.items() if name != "rate"}
        stages = [dataclasses.replace(s, **(rest if number else first)) for number, s in enumerate(recipe.stages)]
        return dataclasses.replace(recipe, stages=tuple(stages))

    def to_json(self) -> dict[str, str]:
        """The recipe as plain strings, for comparing two recipes."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _plain(value) -> str:
    """A string for a value that is the same in every process."""
    if dataclasses.is_dataclass(value):
        fields = ", ".join(f"{f.name}={_plain(getattr(value, f.name))}" for f in dataclasses.fields(value) if f.compare)
        return f"{type(value).__name__}({fields})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_plain(one)}' for name, one in value.items())}}}"
    if isinstance(value, functools.partial):
        given = _plain((value.args, value.keywords)).encode()  # which may be long: all boxes of a dataset
        return f"{_plain(value.func)}({hashlib.blake2b(given, digest_size=6).hexdigest()})"
    return f"{value.__module__}.{value.__qualname__}" if callable(value) else str(value)


_OWN: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Recipe))
STAGED: tuple[str, ...] = ("epochs", "rate", "schedule", "optimizer", "patience")
"""Fields of stages that `Recipe.replaced` accepts."""


def network_fields(recipe: Recipe) -> dict[str, object]:
    """Fields of the network's configuration and their values, except those of its outputs; a dict."""
    return {name: value for name, value in settings.flat(recipe.settings).items() if name not in OUTPUTS}
