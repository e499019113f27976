"""Networks with their weights, of any kind: by name, from a file of a training, or from an original file."""

import pathlib
import typing
import zipfile

import h5py

from deephar.models import registry
from deephar.typed import Path
from deephar.weights import description, fitting, legacy_file
from deephar.weights.catalogue import PUBLISHED, SHIPPED, shipped_file
from deephar.weights.download import fetch

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model


def build(preset: str, /, weights: "Path | None" = None, *, name: str | None = None, **overrides: object) -> "Model":
    """Build a named network, with weights if asked for.

    Args:
        preset: one of `deephar.models.NAMES`.
        weights: None for random weights, a name that `deephar pretrained` lists, or the path of a Keras 3
            `.weights.h5` or of an original `.h5` file. Where it is known what network they were trained in, by their
            name or by a model.json beside them, its configuration is taken but for the outputs, and `overrides` change
            it.
        name: of the model; by default that of the preset, with underscores. Two models inside a third need two names.
        **overrides: fields of the network's configuration, see `deephar.models.reception.config` and
            `deephar.models.action.config`.

    Returns:
        a functional `keras.Model`. Input: float32 images (B, H, W, 3), or clips (B, T, H, W, 3), in [-1, 1]. Output: a
        list in the published order, see the family's builder, `deephar.models.reception.network.build` or
        `deephar.models.action.network.build`; `deephar.models.outputs` says what each is.

    Raises:
        ValueError: for an unknown preset or override, or weights that do not fit.

    Example:
        >>> model = deephar.build("mpii-2d", num_blocks=4)
        >>> pose, visibility = model(images)[-2:]
    """
    if weights is None:
        return registry.build(preset, name, **overrides)
    registry.settings(preset, **overrides)  # what is wrong with them is said before anything is read
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
        weights: a name that `deephar pretrained` lists, or a file beside the model.json of its training.
        name: of the model.
        **overrides: see `build`.

    Returns:
        a functional `keras.Model`, as it was trained; `describe` tells its joints and actions.

    Raises:
        ValueError: if there are no such weights, or nothing says what network they are for.

    Example:
        >>> model = deephar.load("lsp-lite-2d")
    """
    about = describe(weights)
    return build(about.preset, weights, name=name, **{**about.overrides, **overrides})


def describe(weights: Path) -> description.Description:
    """The network that some weights are for.

    Args:
        weights: a name that `deephar pretrained` lists, a file named like one that comes with deephar, or a file beside
            the model.json of its training.

    Returns:
        `deephar.weights.description.Description`.

    Raises:
        ValueError: if nothing says it.
    """
    entry = SHIPPED.get(str(weights)) or PUBLISHED.get(str(weights))
    if entry:
        return entry.about
    path = _existing(weights)
    shipped = [entry.about for entry in SHIPPED.values() if entry.file == path.name]
    return shipped[0] if shipped else description.read(path.with_name("model.json"))


def _described(weights):
    """What is known of some weights, None if nothing."""
    try:
        return describe(weights)
    except ValueError:
        return None


def weight_file(weights: Path) -> pathlib.Path:
    """Path of some weights, fetched if need be.

    Args:
        weights: a name that `deephar pretrained` lists, or a file.

    Raises:
        ValueError: if there are none.
    """
    if str(weights) in SHIPPED:
        return shipped_file(str(weights))
    return fetch(str(weights)) if str(weights) in PUBLISHED else _existing(weights)


def _existing(weights: Path) -> pathlib.Path:
    path = pathlib.Path(weights)
    if not path.is_file():
        raise ValueError(f"No such weights: {weights}. Expected a file or one of {', '.join([*SHIPPED, *PUBLISHED])}")
    return path


def load_weights(model: "Model", weights: Path) -> None:
    """Load weights of any kind into a model.

    Args:
        model: from `build`.
        weights: a name that `deephar pretrained` lists, a Keras 3 `.weights.h5`, or an original `.h5`; the content
            decides which.

    Raises:
        ValueError: if there is no such file or it does not fit.
    """
    path = weight_file(weights)
    if zipfile.is_zipfile(path):
        raise ValueError(
            f"{path.name} is a whole saved model, not its weights alone: load it by "
            f"keras.models.load_model({str(path)!r}), and give another network what fits of it by "
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
        return False  # the other loader says what is wrong


def _load_keras_weights(model, path):
    """Load a `.weights.h5`, whose arrays must be those of the model, no more and no fewer."""
    try:
        difference = fitting.array_difference(path, model)
        if difference is None:
            model.load_weights(path)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{path.name} is truncated or damaged: {error}") from None
    if difference is not None:
        raise ValueError(
            f"{path.name} does not fit the model {model.name!r}. {difference} The model is unchanged. It takes the "
            "weights of a network built with the same overrides, and by surgery.copy_fitting what fits of another"
        )
