"""Weight initialization: functions that copy another network's weights to a new one, for `deephar.training.train`."""

import typing
from collections.abc import Callable, Collection

from deephar.models import settings, surgery
from deephar.training.recipe import Recipe
from deephar.typed import Path
from deephar.weights import loading

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model


def all_of(weights: "Path | None") -> "Callable[[Model], None] | None":
    """Start from weights of the same network; None if `weights` is None.

    Args:
        weights: a name that `deephar pretrained` lists, or a file.
    """
    return (lambda model: loading.load_weights(model, weights)) if weights else None


def fitting_part_of(weights: "Path | None") -> "Callable[[Model], None] | None":
    """Start from the matching weights of another network, and print what does not match; None if `weights` is None."""
    if not weights:
        return None

    def start(model: "Model") -> None:
        print(f"not in {weights}: {', '.join(surgery.copy_fitting(loading.load(weights), model))}")

    return start


def pose_of(weights: "Path | None") -> "Callable[[Model], int] | None":
    """Start a clip network from the pose part of another; None if `weights` is None."""
    return (lambda model: surgery.copy_pose(loading.load(weights), model)) if weights else None


def with_pose(recipe: Recipe, weights: "Path | None", keep: Collection[str] = ()) -> Recipe:
    """The recipe of a clip network with the pose network, and its joints, that some weights are for.

    Args:
        recipe: `deephar.training.recipe.Recipe`.
        weights: see `pose_of`; None leaves the recipe as it is.
        keep: settings of the network that stay those of the recipe, e.g. its `input_shape`.

    Raises:
        ValueError: if the network that they are for is unknown.
    """
    if not weights:
        return recipe
    about = loading.describe(weights)
    own = {name: value for name, value in settings.flat(about.network).items() if name not in keep}
    return recipe.replaced(layout=about.layout, **own)
