"""Which network some weights were trained in, and a message about how another network differs from it."""

import collections
import itertools
import typing
from collections.abc import Mapping

import h5py

from deephar.models import registry, settings
from deephar.models.settings import OUTPUTS
from deephar.typed import Path
from deephar.weights.description import Description

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model

_WITHOUT_WEIGHTS = (*OUTPUTS, "input_shape", "alpha", "frames")


def trained_overrides(preset: str, about: Description | None) -> dict[str, object]:
    """The overrides, from training, that define the network.

    Args:
        preset: name of the network to build.
        about: `deephar.weights.description.Description`, or None.

    Returns:
        dict for `deephar.build`; empty if nothing is known, or for a different preset.
    """
    if about is None or about.preset != preset:
        return {}
    return {name: value for name, value in about.overrides.items() if name not in OUTPUTS}


def contradiction(preset: str, weights: Path, about: Description | None, overrides: Mapping[str, object]) -> str | None:
    """How a network differs from the one that its weights are for, and two calls that work.

    Args:
        preset: name of the network, see `deephar.build`.
        weights: as given there.
        about: `deephar.weights.description.Description`, or None.
        overrides: as given there.

    Returns:
        message; None if nothing is known or nothing differs.
    """
    if about is None:
        return None
    trained = settings.flat(registry.settings(about.preset, **about.overrides))
    built = settings.flat(registry.settings(preset, **{**trained_overrides(preset, about), **overrides}))
    wrong = [name for name in trained if name in overrides and trained[name] != built[name]]
    wrong = [name for name in wrong if name not in _WITHOUT_WEIGHTS]
    if about.preset != preset:
        first, kept = f"of {about.preset!r}, not of {preset!r}", {}
    elif wrong:
        first = f"of a network with {wrong[0]}={trained[wrong[0]]!r}, not {built[wrong[0]]!r}"
        kept = {name: value for name, value in overrides.items() if name not in wrong}
    else:
        return None
    theirs = _call(about.preset, {"weights": str(weights), **kept})
    return (
        f"The weights {str(weights)!r} are {first}. Build their network, {theirs}, or copy the matching part to yours, "
        f"surgery.copy_fitting({theirs}, {_call(preset, overrides)})"
    )


def _call(preset: str, options: Mapping[str, object]) -> str:
    given = "".join(f", {name}={value!r}" for name, value in options.items())
    return f"models.build({preset!r}{given})"


def array_difference(path: Path, model: "Model") -> str | None:
    """The first layer of a model whose arrays differ from those in a Keras 3 weight file.

    Args:
        path: a `.weights.h5`.
        model: a network from `deephar.build`.

    Returns:
        message with what was expected and what was received; None if the file has exactly the model's shapes.
    """
    with h5py.File(path, "r") as file:
        stored = {_name(group): _shapes(group) for group in file["layers"].values()}
    stored = {name: shapes for name, shapes in stored.items() if shapes}
    expected = {layer.name: [tuple(w.shape) for w in layer.weights] for layer in model.layers if layer.weights}
    every = [collections.Counter(itertools.chain.from_iterable(shapes.values())) for shapes in (stored, expected)]
    if every[0] == every[1]:
        return None
    for name, shapes in expected.items():
        left, over = (collections.Counter(s) for s in (shapes, stored.get(name, ())))
        if left != over:
            wanted, received = list((left - over).elements()), list((over - left).elements())
            return f"Layer {name}: expected {_words(wanted)}. Received: {_words(received)}."
    extra = sorted(name for name in stored if name not in expected)
    return f"The model lacks {len(extra)} layers of the file, the first of them {extra[0]}."


def _name(group):
    """Name of the layer whose arrays are in a group."""
    name = group["vars"].attrs.get("name") if "vars" in group else None
    return name or group.name.rsplit("/", 1)[-1]


def _shapes(group):
    shapes = []
    group.visititems(lambda _, item: shapes.append(item.shape) if isinstance(item, h5py.Dataset) else None)
    return shapes


def _words(shapes):
    return "arrays of shape " + ", ".join(map(str, shapes)) if shapes else "nothing more"
