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
    return _part(model, "pose", lambda kind: kind in _POSES, "build it with export_poses='all'")


def action_network(model: keras.Model) -> keras.Model:
    """The clip network without its pose outputs, from the same inputs; see `pose_network`."""
    return _part(model, "action", lambda kind: kind == Kind.ACTION, "it is a pose network")


def _part(model, name, wanted, hint):
    kept = [
        tensor
        for tensor, described in zip(model.outputs, outputs.describe(model), strict=True)
        if wanted(described.kind)
    ]
    if not kept:
        names = ", ".join(model.output_names)
        raise ValueError(f"Expected a network with {name} outputs; {hint}. Received: {model.name!r} with {names}")
    return keras.Model(model.input, kept, name=f"{model.name}_{name}")
