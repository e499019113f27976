"""Networks with weights of any kind: by name, from a training run's file, or from an original file."""

import difflib
import pathlib
import typing
import zipfile

import h5py

from deephar import checks
from deephar.models import registry
from deephar.models.spnet.config import SpnetConfig
from deephar.typed import Path
from deephar.weights import description, fitting, hub, legacy_file
from deephar.weights.catalogue import PUBLISHED, SHIPPED, shipped_entry, shipped_file
from deephar.weights.download import fetch

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model


def build(preset: str, /, weights: "Path | None" = None, *, name: str | None = None, **overrides: object) -> "Model":
    """Build a named network, optionally with weights.

    Args:
        preset: one of `deephar.models.NAMES`.
        weights: None for random weights, a name that `deephar pretrained` lists, or the path of a Keras 3
            `.weights.h5` or of an original `.h5` file. If the network they were trained in is known, from their name
            or from a model.json beside them, its configuration is used except for the outputs, and `overrides` apply
            on top.
        name: of the model; by default the preset's, with underscores. Two models inside a third need different names.
        **overrides: fields of the network's configuration, see `deephar.models.reception.config` and
            `deephar.models.action.config`.

    Returns:
        a functional `keras.Model`. Input: float32 images (B, H, W, 3), or clips (B, T, H, W, 3), in [-1, 1]. Output: a
        list in the published order, see the family's builder, `deephar.models.reception.network.build` or
        `deephar.models.action.network.build`; `deephar.models.outputs` says what each is.

    Raises:
        ValueError: for an unknown preset or override, or weights that do not match.

    Example:
        >>> model = deephar.build("mpii-2d", num_blocks=4)
        >>> pose, visibility = model(images)[-2:]
    """
    if weights is None:
        return registry.build(preset, name, **overrides)
    registry.settings(preset, **overrides)  # report errors in them before reading anything
    about = _described(weights)
    model = registry.build(preset, name, **{**fitting.trained_overrides(preset, about), **overrides})
    try:
        load_weights(model, weights)
    except ValueError as error:
        explanation = fitting.contradiction(preset, weights, about, overrides)
        if explanation is None:
            raise
        raise ValueError(explanation) from error
    return model


def load(weights: Path, /, *, name: str | None = None, **overrides: object) -> "Model":
    """The network that some weights were trained in, with these weights.

    Args:
        weights: a name that `deephar pretrained` lists, a file beside its model.json, or `hf://OWNER/NAME`, see
            `deephar.weights.hub`.
        name: of the model.
        **overrides: see `build`.

    Returns:
        a functional `keras.Model`, as it was trained; `describe` gives its joints and actions.

    Raises:
        ValueError: if there are no such weights, or the network that they are for is unknown.

    Example:
        >>> model = deephar.load("photo-lite-2d")
    """
    about = describe(weights)
    return build(about.preset, weights, name=name, **{**about.overrides, **overrides})


def load_stills(weights: Path, /) -> "Model":
    """The pose part of a clip network, as a network for single images.

    Args:
        weights: see `load`.

    Returns:
        a functional `keras.Model` from images (B, H, W, 3) to the poses of every block of an SPNet, or of the last
        block of another network.

    Raises:
        ValueError: see `load`; or if the network takes poses as its input.
    """
    from deephar.models import surgery
    from deephar.models.action import streaming

    about = describe(weights)
    if not isinstance(about.settings, SpnetConfig):
        return streaming.poses(load(weights))
    without_actions = {"frames": 0, "num_actions": (), "action_pyramids": ()}
    model = registry.build(about.preset, **{**about.overrides, **without_actions})
    surgery.copy_fitting(load(weights), model)
    return model


PARTS = ("stills", "frame", "head")
"""Of a clip network that estimates poses: see `load_stills`, and `deephar.models.action.streaming.split`."""


def load_part(weights: Path, part: str | None = None, /) -> "Model":
    """A part of a clip network, or the whole of any.

    Args:
        weights: see `load`.
        part: one of `PARTS`; None for the whole.

    Raises:
        ValueError: see `load`; or if the network has no such part.
    """
    if part is None:
        return load(weights)
    if checks.one_of("part", part, PARTS) == "stills":
        return load_stills(weights)
    from deephar.models.action import streaming

    frame, head = streaming.split(load(weights))
    return frame if part == "frame" else head


def describe(weights: Path) -> description.Description:
    """The network that some weights are for.

    Args:
        weights: a name that `deephar pretrained` lists, a file beside its model.json, or a file named like one that
            comes with deephar.

    Returns:
        `deephar.weights.description.Description`.

    Raises:
        ValueError: if it is unknown.
    """
    entry = SHIPPED.get(str(weights)) or PUBLISHED.get(str(weights))
    if entry:
        return entry.about
    path = _existing(weights)
    shipped, beside = shipped_entry(path), path.with_name("model.json")
    if shipped is not None and not beside.exists():
        return shipped.about
    if not beside.exists() and not h5py.is_hdf5(path):
        raise ValueError(f"{path} holds no weights: expected a .weights.h5 of training, or a file of deephar export")
    return description.read(beside)


def _described(weights):
    """The description of some weights, None if unknown."""
    try:
        return describe(weights)
    except ValueError:
        return None


def weight_file(weights: Path) -> pathlib.Path:
    """Path of some weights, downloaded if needed.

    Args:
        weights: a name that `deephar pretrained` lists, or a file.

    Raises:
        ValueError: if there are none.
    """
    if str(weights) in SHIPPED:
        return shipped_file(str(weights))
    return fetch(str(weights)) if str(weights) in PUBLISHED else _existing(weights)


def _existing(weights: Path) -> pathlib.Path:
    if str(weights).startswith(hub.SCHEME):
        return hub.fetch(str(weights))
    path, names = pathlib.Path(weights), [*SHIPPED, *PUBLISHED]
    if not path.is_file():
        close = difflib.get_close_matches(str(weights), names, 1)
        meant = f"Did you mean {close[0]}? " if close else ""
        raise ValueError(f"No such weights: {weights}. {meant}Expected a file or one of {', '.join(names)}")
    return path


def load_weights(model: "Model", weights: Path) -> None:
    """Load weights of any kind into a model.

    Args:
        model: from `build`.
        weights: a name that `deephar pretrained` lists, a Keras 3 `.weights.h5`, or an original `.h5`; recognised
            by the content.

    Raises:
        ValueError: if there is no such file or it does not match.
    """
    path = weight_file(weights)
    if zipfile.is_zipfile(path):
        raise ValueError(
            f"{path.name} is a whole saved model, not just weights: load it with "
            f"keras.models.load_model({str(path)!r}), and copy the matching part to another network with "
            "surgery.copy_fitting(loaded, model)"
        )
    if _is_keras_3(path):
        _load_keras_weights(model, path)
    else:
        legacy_file.load_legacy_weights(model, path)


def _is_keras_3(path):
    try:
        with h5py.File(path, "r") as file:
            return "layers" in file
    except OSError:
        return False  # the other loader reports the error


def _load_keras_weights(model, path):
    """Load a `.weights.h5`, whose arrays must be exactly those of the model."""
    try:
        difference = fitting.array_difference(path, model)
        if difference is None:
            model.load_weights(path)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{path.name} is truncated or damaged: {error}") from None
    if difference is not None:
        raise ValueError(
            f"{path.name} does not match the model {model.name!r}. {difference} The model is unchanged. It takes the "
            "weights of a network built with the same overrides; surgery.copy_fitting copies the matching part of "
            "another"
        )
