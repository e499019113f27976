"""What every output of a network is: the single description used by training, evaluation, prediction and export.

Networks name their outputs, and names survive saving, cloning, loading other weights and reordering. Only this module
knows the naming scheme; no other code infers what an output is from its rank, size or position. It needs no Keras.
"""

import dataclasses
import enum
import re
import warnings
from collections.abc import Sequence

import numpy as np

from deephar.typed import Floats, Network, Tensor


class Kind(enum.StrEnum):
    """What an output contains, (B, T, ...) for clips:

    POSE: coordinates in [0, 1], (B, J, 2 or 3).
    VISIBILITY: (B, J, 1) in [0, 1].
    POSE_VISIBILITY: both in one, (B, J, 3 or 4), the visibility last.
    HEATMAPS: logits over x and y, (B, H, W, J).
    FEATURES: (B, H, W, C).
    ACTION: probabilities of the classes, (B, A).
    """

    POSE = "pose"
    VISIBILITY = "visibility"
    POSE_VISIBILITY = "pose_visibility"
    HEATMAPS = "heatmaps"
    FEATURES = "features"
    ACTION = "action"


@dataclasses.dataclass(frozen=True)
class Output:
    """One output of a network.

    Attributes:
        name: of the Keras output.
        kind: what it contains.
        block: number of the prediction block that it comes from, from 1; 0 for the aggregation of whole branches.
        branch: for an action: "pose", "appearance" or "aggregated"; None otherwise.
        actions: name of the set of actions, if a network has several; "" otherwise.
    """

    name: str
    kind: Kind
    block: int
    branch: str | None = None
    actions: str = ""


_BLOCKS = (
    (r"(?:block|clip)(\d+)_pose_visibility", Kind.POSE_VISIBILITY),
    (r"block(\d+)_(?:pose|context|soft_argmax)|pose(\d+)", Kind.POSE),
    (r"block(\d+)_visibility|visibility(\d+)", Kind.VISIBILITY),
    (r"block(\d+)_joint_maps", Kind.HEATMAPS),
    (r"block(\d+)", Kind.FEATURES),
)
"""Output names of prediction blocks; those of poses have changed over time, and saved models keep the old ones."""

_ACTION = re.compile(r"(?:(?P<actions>\w+)_)?(?:(?P<branch>[pv])(?P<block>\d+)|m(?P<fused>\d+)?)")
_BRANCHES: dict[str | None, str] = {"p": "pose", "v": "appearance", None: "aggregated"}
"""Branches of actions by the letter of their outputs, in the published order: the last one decides."""


def describe(model: Network) -> list[Output]:
    """What every output of a network is.

    Args:
        model: network from `deephar.models.build`, even if modified; a model that ends with one; or any object whose
            `output_names` follow the same scheme.

    Returns:
        list of `Output` in the order of the outputs; for a network inside the model, as described by that network.

    Raises:
        ValueError: for an output with an unknown name.
    """
    if not hasattr(model, "output_names"):  # `keras.Sequential`
        return _of_sequential(model)
    tensors = getattr(model, "outputs", None) or [None] * len(model.output_names)
    return [_of_tensor(tensor) or of_name(name) for tensor, name in zip(tensors, model.output_names, strict=True)]


def _of_sequential(model):
    return [_of_tensor(tensor) or of_name(tensor._keras_history.operation.name) for tensor in model.outputs]


def _of_tensor(tensor):
    """The `Output` behind a tensor of a model's graph if it comes from a model inside; otherwise None."""
    history = getattr(tensor, "_keras_history", None)
    if history is None or not hasattr(history.operation, "output_names"):
        return None
    return describe(history.operation)[history.tensor_index]


def of_name(name: str) -> Output:
    """The `Output` with a given name; see `describe`."""
    for pattern, kind in _BLOCKS:
        if found := re.fullmatch(pattern, name):
            return Output(name, kind, int(next(filter(None, found.groups()))))
    if found := _ACTION.fullmatch(name):
        branch = _BRANCHES[found["branch"]]
        return Output(name, Kind.ACTION, int(found["block"] or found["fused"] or 0), branch, found["actions"] or "")
    raise ValueError(
        f"The name of output {name!r} does not say what it is. Known names: block1_pose, block1_visibility, "
        "block1_pose_visibility, block1_joint_maps (heat maps), p1 (action from poses), v1 (from appearance), m "
        "(aggregated), with any number; of one of several sets of actions, set1_m1"
    )


def tensors(model: Network, wanted: Sequence[Output] | None = None) -> list[tuple[str, Tensor]]:
    """Name and symbolic tensor of the outputs of a graph.

    Args:
        model: a network of Keras.
        wanted: outputs from `describe`; None for all, which may then have any names.
    """
    known = list(getattr(model, "outputs", []))
    names = getattr(model, "output_names", None) or [tensor._keras_history.operation.name for tensor in known]
    inside = map(_of_tensor, known)
    found = [(one.name if one else name, tensor) for one, name, tensor in zip(inside, names, known, strict=True)]
    if wanted is None:
        return found
    described = describe(model)
    return [found[described.index(one)] for one in wanted]


def kinds(model: Network) -> tuple[Kind, ...]:
    """The `Kind` of every output of a network, a tuple, e.g. for a loader."""
    return tuple(output.kind for output in describe(model))


def arrays(model: Network, values: object) -> dict[Output, Floats]:
    """The output values of a network, by what they are.

    Args:
        model: see `describe`.
        values: its outputs in order; a single output may be given without a list.

    Returns:
        dict from `Output` to numpy array.

    Raises:
        ValueError: if the outputs of several networks cannot be distinguished.
    """
    values, described = values if isinstance(values, (list, tuple)) else [values], describe(model)
    if len(values) != len(described) or isinstance(values[0], dict):
        names = ", ".join(output.name for output in described)
        raise ValueError(f"Expected the values of {names}, in a list. Received: {len(values)} of {type(values[0])}")
    found = dict(zip(described, map(np.asarray, values), strict=True))
    if len(found) < len(values):
        name = getattr(model, "name", type(model).__name__)
        raise ValueError(f"{name!r} has the outputs of several networks; use one of them at a time")
    return found


def poses(model: Network, values: object) -> tuple[Floats, Floats]:
    """Poses of all blocks from a network's output values, whether it joins pose and visibility or not.

    Args:
        model, values: see `arrays`.

    Returns:
        poses (K, B, ..., J, D) and visibilities (K, B, ..., J), the last block last.

    Raises:
        ValueError: if the network has no pose outputs.
    """
    found = {(output.kind, output.block): array for output, array in arrays(model, values).items()}
    blocks = sorted({block for kind, block in found if kind in (Kind.POSE, Kind.POSE_VISIBILITY)})
    if not blocks:
        raise ValueError(f"Expected a network with pose outputs. Received: one with {', '.join(model.output_names)}")
    both = [_pair(found, block) for block in blocks]
    return np.stack([pose for pose, _ in both]), np.stack([visibility[..., 0] for _, visibility in both])


def of_poses(model: Network, last: bool = False) -> list[Output]:
    """The outputs of a network that `poses` takes, in their order; all of its outputs if these are none, or ambiguous.

    Args:
        model: see `describe`.
        last: of the last block alone.
    """
    described = describe(model)
    found = [one for one in described if one.kind in (Kind.POSE, Kind.VISIBILITY, Kind.POSE_VISIBILITY)]
    if last and found:
        found = [one for one in found if one.block == max(one.block for one in found)]
    return found if found and len(set(described)) == len(described) else described


def _pair(found, block):
    """Pose and visibility of a block."""
    if (Kind.POSE_VISIBILITY, block) in found:
        joined = found[Kind.POSE_VISIBILITY, block]
        return joined[..., :-1], joined[..., -1:]
    if (Kind.VISIBILITY, block) not in found:
        raise ValueError(f"Block {block} outputs a pose without its visibility; both are needed, in one output or two")
    return found[Kind.POSE, block], found[Kind.VISIBILITY, block]


def actions(model: Network, values: object) -> dict[Output, Floats]:
    """Class probabilities from a network's output values: dict from `Output` to (B, A), see `judges`."""
    found = arrays(model, values)
    return {output: found[output] for output in judges(model)}


def judges(model: Network) -> list[Output]:
    """The action outputs of a network in the published order, a list: blocks from poses, from appearance, aggregated.

    The last of a branch is its most informed; the last of all is the network's prediction.
    """
    branches: list[str | None] = list(_BRANCHES.values())
    found = [output for output in describe(model) if output.kind == Kind.ACTION]
    return sorted(found, key=lambda output: (output.actions, branches.index(output.branch), output.block))


def final(model: Network) -> list[Output]:
    """The outputs that count in the end: pose and visibility of the last block, the last judge of every set of actions.

    Args:
        model: see `describe`.
    """
    located = [output for output in of_poses(model, last=True) if output.kind != Kind.ACTION]
    return [*located, *{output.actions: output for output in judges(model)}.values()]


def split_blocks(values: Floats | list[Floats] | tuple[Floats, ...]) -> tuple[Floats, Floats]:
    """Poses and visibilities of a pose network's outputs by their shapes; deprecated, see `poses`."""
    warnings.warn("split_blocks(values) guesses; use models.outputs.poses(model, values)", DeprecationWarning, 2)
    values = values if isinstance(values, (list, tuple)) else [values]
    vectors = [np.asarray(value) for value in values if len(value.shape) == 3]
    visibilities = [value[..., 0] for value in vectors if value.shape[-1] == 1]
    if visibilities:
        return np.stack([value for value in vectors if value.shape[-1] > 1]), np.stack(visibilities)
    return np.stack([value[..., :-1] for value in vectors]), np.stack([value[..., -1] for value in vectors])
