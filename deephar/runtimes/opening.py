"""Networks by the names of their weights or by their files, in any runtime."""

import functools
import typing
from collections.abc import Callable

from deephar.runtimes import cache, choosing
from deephar.runtimes.exported import Exported
from deephar.typed import Network, Path
from deephar.weights import loading
from deephar.weights.description import Description


class Opened(typing.NamedTuple):
    """A network, its description (None for the detector's), and what opens the detector's in the same runtime (None
    for Keras)."""

    network: Network
    about: Description | None
    detector: Callable[[], Exported] | None


def opened(weights: Path, runtime: str | None = None, precision: str = "float32") -> Opened:
    """A network in a runtime; other runtimes than Keras import neither Keras nor a backend, once it was exported.

    Args:
        weights: a name that `deephar pretrained` lists, a weight file beside its model.json, or a file of
            `deephar export`.
        runtime: one of `deephar.runtimes.choosing.NAMES`; by default Keras for weights, and for an exported file the
            first that is installed and reads it.
        precision: one of the runtime's, see `deephar.runtimes.choosing.RUNTIMES`.

    Raises:
        ValueError: if there are no such weights, nothing says what network they are for, or the runtime cannot use
            them.
        ImportError: if the runtime is not installed; with the command.
    """
    if choosing.is_exported(weights):
        chosen = choosing.reader(weights, runtime)
        network = choosing.open_file(weights, chosen, precision)
        return Opened(network, network.about.model, functools.partial(cache.opened, "people", chosen, precision))
    chosen = runtime or "keras"
    choosing.check(chosen, precision)
    about = loading.describe(weights)
    if chosen == "keras":
        return Opened(loading.load(weights), about, None)
    detector = functools.partial(cache.opened, "people", chosen, precision)
    return Opened(cache.opened(weights, chosen, precision), about, detector)
