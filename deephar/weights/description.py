"""Description of trained weights: `model.json`, written and read only by this module."""

import dataclasses
import itertools
import json
import pathlib
import typing

from deephar import checks, files, layouts
from deephar.geometry import MARGIN, WINDOW_MM
from deephar.models import registry
from deephar.models.reception.config import PoseNetwork
from deephar.models.settings import flat
from deephar.models.spnet.config import PyramidNetwork, SpnetConfig
from deephar.typed import Path

FORMAT = "deephar-model-2"


class About(typing.TypedDict, total=False):
    """The fields of a `Description` that do not follow from a network and its recipe."""

    joints: str
    actions: tuple[str, ...]
    window_margin: float
    crop_mm: float
    training: dict[str, object]
    score: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Description:
    """Description of a trained network.

    Attributes:
        preset: name of the network, for `deephar.build`.
        overrides: of its configuration.
        layout: of its joints, `deephar.layouts.PoseLayout`.
        joints: for a network with depth: "names", or "published" if Human3.6M's joints were labelled by the
            original's mapping, see `deephar.layouts.published_map`.
        actions: names of the classes in order; () if it has none or they are unknown. Those of several sets follow
            one another, as `deephar.data.batches.joint.classes` names them.
        window_margin: side of a person's square window, as a multiple of the side of the square around the joints.
        crop_mm: for a network with depth: width of a window at the pelvis in mm; the depth range is 2 m.
        training: what it was trained on and how, by topic.
        score: measured on held-out data, in words.
    """

    preset: str
    overrides: dict[str, object]
    layout: layouts.PoseLayout
    joints: str = "names"
    actions: tuple[str, ...] = ()
    window_margin: float = MARGIN
    crop_mm: float = WINDOW_MM
    training: dict[str, object] = dataclasses.field(default_factory=dict)
    score: str = "unknown"

    @property
    def settings(self) -> registry.Config:
        """The configuration of its network, see `deephar.models.registry.settings`."""
        return registry.settings(self.preset, **self.overrides)

    @property
    def network(self) -> PoseNetwork | PyramidNetwork:
        """The settings of its pose network, in the `config.py` of its family."""
        return self.settings.network

    @property
    def judges_actions(self) -> bool:
        """Whether it is a clip network."""
        return bool(flat(self.settings).get("num_actions"))

    @property
    def estimates_poses(self) -> bool:
        """Whether its network finds poses in pictures, rather than take them as its input."""
        return flat(self.settings).get("poses", "estimated") == "estimated"

    @property
    def has_parts(self) -> bool:
        """Whether it is a clip network in two parts, see `deephar.models.action.streaming.split`; an SPNet is not."""
        fields = flat(self.settings)
        gives_poses = fields.get("branches") != "appearance" or fields.get("export_poses") != "none"
        whole = isinstance(self.settings, SpnetConfig)
        return self.judges_actions and self.estimates_poses and gives_poses and not whole

    @property
    def frames(self) -> int:
        """T of a clip network, 0 for another."""
        frames = flat(self.settings).get("frames")
        return frames if isinstance(frames, int) else 0

    @property
    def sets(self) -> dict[str, tuple[str, ...]]:
        """Names of the classes by the set of actions they belong to, as the network's outputs name it.

        A network with one set calls it "".
        """
        counts = flat(self.settings).get("num_actions")
        if not isinstance(counts, tuple) or len(counts) < 2:
            return {"": self.actions} if self.actions else {}
        ends = [0, *itertools.accumulate(counts)]
        cuts = itertools.pairwise(ends)
        return {f"set{number}": self.actions[slice(*cut)] for number, cut in enumerate(cuts, 1)} if self.actions else {}

    def to_json(self) -> dict[str, object]:
        """What `write` writes, and `from_json` reads."""
        return {"format": FORMAT, **dataclasses.asdict(self), "layout": self.layout.to_json()}

    def write(self, path: Path) -> None:
        """Write it as JSON, atomically."""
        with files.whole_file(path) as temporary:
            temporary.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Description:
    """The `Description` in a file.

    Args:
        path: a model.json of this or an earlier version.

    Raises:
        ValueError: if it is missing, malformed, or of a later version.
    """
    try:
        stored = json.loads(pathlib.Path(path).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from None
    return from_json(stored, path)


def from_json(stored: typing.Any, path: Path) -> Description:
    """The `Description` in parsed JSON.

    Args:
        stored: see `Description.to_json`.
        path: where it was found, for messages.

    Raises:
        ValueError: if it is malformed, or of a later version.
    """
    try:
        version = stored.get("format")
        if version is None:  # before versions
            return _parsed({**stored, "preset": stored["model"]})
        if version == FORMAT:
            return _parsed(stored)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(path, error) from None
    raise ValueError(f"{path} has the format {version!r}; this version of deephar reads {FORMAT!r}. Update deephar")


def _unreadable(path, error):
    return ValueError(
        f"Expected model.json with preset, layout and overrides as {path}, as the training scripts write it: {error!r}"
    )


def _parsed(stored):
    known = {field.name for field in dataclasses.fields(Description)} & set(stored)
    given = {name: stored[name] for name in known}
    layout, actions = layouts.from_json(stored["layout"]), tuple(stored.get("actions", ()))
    if isinstance(stored.get("actions"), str):
        raise ValueError(f"`actions` must be a list of names. Received: {stored['actions']!r}")
    about = Description(**{**given, "overrides": dict(stored["overrides"]), "layout": layout, "actions": actions})
    checks.one_of("joints", about.joints, ("names", "published"))
    for name in ("window_margin", "crop_mm"):
        checks.between(name, getattr(about, name), 0, low_included=False)
    if len(layout) != about.network.num_joints:
        raise ValueError(f"the network has {about.network.num_joints} joints, layout {layout.name} has {len(layout)}")
    return about
