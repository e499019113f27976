"""The pose part and the action part of a clip network as networks of their own, which share its weights."""

import keras

from deephar.models import outputs
from deephar.models.outputs import Kind

_POSES = (Kind.POSE, Kind.VISIBILITY, Kind.POSE_VISIBILITY, Kind.HEATMAPS)


def pose_network(model: keras.Model) -> keras.Model:
    """The part of a clip network that predicts poses, from the same inputs.

    Args:
        model: clip network that outputs poses and actions, from `deephar.models.build`.

    Returns:
        a `keras.Model` with the pose outputs alone, in the same order; training either trains the other.

    Raises:
        ValueError: if there are none.
    """
    return _part(model, "pose", lambda output: output.kind in _POSES, "build it with export_poses='all'")


def action_network(model: keras.Model, actions: str | None = None) -> keras.Model:
    """The clip network without its pose outputs, from the same inputs; see `pose_network`.

    Args:
        model: see `pose_network`.
        actions: of one set alone, by its name, "set1" and so on; None for all.
    """

    def wanted(output):
        return output.kind == Kind.ACTION and actions in (None, output.actions)

    return _part(model, f"action {actions or ''}".strip(), wanted, "it is a pose network, or lacks this set")


def _part(model, name, wanted, hint):
    kept = [
        tensor for tensor, described in zip(model.outputs, outputs.describe(model), strict=True) if wanted(described)
    ]
    if not kept:
        names = ", ".join(model.output_names)
        raise ValueError(f"Expected a network with {name} outputs; {hint}. Received: {model.name!r} with {names}")
    return keras.Model(model.input, kept, name=f"{model.name}_{name}".replace(" ", "_"))
