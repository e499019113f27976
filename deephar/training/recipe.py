"""What is trained on what, how, and by which score it is chosen: data, not code. Imports no Keras."""

import dataclasses
import typing
from collections.abc import Callable

from deephar import checks, config, layouts
from deephar.models import registry, settings
from deephar.models.settings import OUTPUTS
from deephar.typed import Floats, Ints, Size

if typing.TYPE_CHECKING:
    from deephar.data.readers.base import Video

OPTIMIZERS = ("rmsprop", "adam", "adamw", "sgd")
"""RMSprop and Adam with Keras' numbers, AdamW with a weight decay of 0.01, SGD with Nesterov momentum 0.98 (paper)."""

SCHEDULES = ("constant", "plateau", "steps", "cosine")
"""Of the learning rate: on a plateau of the score or at epochs 80 and 100 (published for MPII) to a fifth; or a cosine
to 0 after a twentieth of warm-up."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of a training.

    Attributes:
        name: for the log.
        epochs: at most.
        frozen: whether the pose part of a clip network keeps its weights.
        rate: learning rate at first, or at the peak of a cosine. None: `rate_factor` times the rate of the last epoch
            of the stage before.
        rate_factor: see `rate`.
        schedule: one of `SCHEDULES`.
        patience: epochs without a better score after which the stage ends; 0: it takes all its epochs.
        optimizer: one of `OPTIMIZERS`.
        pose_weight: of the pose loss against an action loss.
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
        """Learning rate at first.

        Args:
            last: rate of the last epoch of the stage before; None for the first stage.

        Raises:
            ValueError: if it is relative to a stage before, and there is none.
        """
        if self.rate is not None:
            return self.rate
        if last is None:
            raise ValueError(f"The first stage needs a learning rate of its own. Received: {self}")
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
"""Stages of clip networks: the paper's (appendix B: the first until the score stagnates, then 5 epochs of everything at
a tenth of the final rate; the patience is ours) and its alternative; the paper's rates with epochs and a second rate
that are fixed; and the first two with an optimizer for small networks and few videos."""


@dataclasses.dataclass(frozen=True)
class ClipSampling:
    """How clips are taken from videos, see `deephar.data.batches.clip_mixture.ClipMixture`.

    Attributes:
        subsampling: frame strides that a clip draws from.
        spread: instead, the shares of its video that a clip draws from.
        given: whether the network reads annotated poses.
        noise: on these.
        boxes: function that chooses the window, see `deephar.data.samples.clips.make_clip`.
    """

    subsampling: tuple[int, ...] = (1,)
    spread: tuple[float, float] | None = None
    given: bool = False
    noise: config.PoseNoise | None = None
    boxes: "Callable[[Video, Ints], Floats] | None" = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training.

    Attributes:
        preset, network: name of the network, and overrides of its configuration; see `deephar.build`.
        layout: of its joints, a `deephar.layouts.PoseLayout` or a name.
        mixture: share of every source in a batch, by its name, in any unit.
        augmentation: of every source, by its name; or one for all. See `deephar.config.AUGMENT`.
        batch_size: samples in a batch.
        steps: batches of an epoch; None: as many as the sources give.
        parts: an epoch is one part in so many, drawn anew for each.
        stages: one or more.
        clips: how clips are taken, for clip networks; None for stills.
        label_smoothing: of actions.
        norm_momentum: of all batch norms, see `deephar.training.set_momentum`; None: as they are.
    """

    preset: str
    network: dict[str, object] = dataclasses.field(default_factory=dict)
    layout: layouts.PoseLayout | str
    mixture: dict[str, float]
    augmentation: dict[str, config.AugmentConfig | str] | config.AugmentConfig | str = "none"
    batch_size: int
    steps: int | None = None
    parts: int = 1
    stages: tuple[Stage, ...]
    clips: ClipSampling | None = None
    label_smoothing: float = 0.0
    norm_momentum: float | None = None

    def __post_init__(self) -> None:
        checks.whole("batch_size", self.batch_size)
        checks.whole("parts", self.parts)
        if self.steps is not None:
            checks.whole("steps", self.steps)
        if not self.stages or not self.mixture:
            raise ValueError(f"A recipe needs a stage and a source. Received: {self.stages} and {self.mixture}")

    def check(self) -> None:
        """Check the network, and that it has the joints of the layout.

        Raises:
            ValueError: if a number of the network is out of range or unknown, or the joints do not fit.
        """
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
        """Whether the network has a picture or clip as input; one of given poses alone has none."""
        own = self.settings
        return not (self.clips and self.clips.given and getattr(own, "branches", None) == "pose")

    @property
    def trained(self) -> dict[str, object]:
        """Overrides of the network without those of its outputs: what the weights need to know."""
        return {name: value for name, value in self.network.items() if name not in OUTPUTS}

    def augmentation_of(self, source: str) -> config.AugmentConfig | str:
        """The augmentation of a source by its name."""
        return self.augmentation[source] if isinstance(self.augmentation, dict) else self.augmentation

    def replaced(self, **fields: object) -> typing.Self:
        """The recipe with some fields replaced: its own, those of all its stages, or those of its network.

        Args:
            **fields: by name. Of stages: `epochs`, `schedule`, `optimizer` and `patience` of each, `rate` of the first.
                What is no field of a recipe or stage is one of the network, see `check`.

        Raises:
            ValueError: for a number out of range.
        """
        own: dict[str, typing.Any] = {name: value for name, value in fields.items() if name in _OWN}
        staged = {name: value for name, value in fields.items() if name in STAGED}
        others = {name: value for name, value in fields.items() if name not in _OWN and name not in STAGED}
        recipe = dataclasses.replace(self, **{**own, "network": {**own.get("network", self.network), **others}})
        first, rest = {**staged}, {name: value for name, value in staged.items() if name != "rate"}
        stages = [dataclasses.replace(s, **(rest if number else first)) for number, s in enumerate(recipe.stages)]
        return dataclasses.replace(recipe, stages=tuple(stages))

    def to_json(self) -> dict[str, str]:
        """It as plain values, by which two recipes are compared."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _plain(value) -> str:
    """A value in words that are the same in every process."""
    if dataclasses.is_dataclass(value):
        fields = ", ".join(f"{f.name}={_plain(getattr(value, f.name))}" for f in dataclasses.fields(value))
        return f"{type(value).__name__}({fields})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_plain(one)}' for name, one in value.items())}}}"
    return f"{value.__module__}.{value.__qualname__}" if callable(value) else str(value)


_OWN: tuple[str, ...] = tuple(field.name for field in dataclasses.fields(Recipe))
STAGED: tuple[str, ...] = ("epochs", "rate", "schedule", "optimizer", "patience")
"""Fields of stages that can be replaced in a recipe."""


def network_fields(recipe: Recipe) -> dict[str, object]:
    """Fields of the network's configuration and their values, but for those of its outputs; a dict."""
    return {name: value for name, value in settings.flat(recipe.settings).items() if name not in OUTPUTS}
