"""Networks by the names of their weights or by their files, in any runtime."""

import functools
import typing
from collections.abc import Callable

from deephar.runtimes import cache, choosing
from deephar.runtimes.exported import Exported
from deephar.typed import Network, Path
from deephar.weights import loading
from deephar.weights.description import Description


class Found(typing.NamedTuple):
    """The description of a network (None for the detector's), what loads it, and what opens the detector's in the same
    runtime (None for Keras)."""

    about: Description | None
    load: Callable[[], Network]
    detector: Callable[[], Exported] | None


def find(
    weights: Path,
    runtime: str | None = None,
    precision: str = "float32",
    calibration: Path | None = None,
    stills: bool = False,
) -> Found:
    """A network in a runtime; other runtimes than Keras import neither Keras nor a backend, once it was exported.

    Args:
        weights: a name that `deephar pretrained` lists, a weight file beside its model.json, or a file of
            `deephar export`.
        runtime: one of `deephar.runtimes.choosing.NAMES`; by default Keras for weights, and for an exported file the
            first that is installed and reads it.
        precision: one of the runtime's, see `deephar.runtimes.choosing.RUNTIMES`.
        calibration: photographs for int8, see `deephar.runtimes.cache.opened`.
        stills: of weights of a clip network that estimates poses, its pose part is loaded, see
            `deephar.weights.loading.load_stills`.

    Returns:
        `Found`; what it loads with may raise the same errors.

    Raises:
        ValueError: if there are no such weights, nothing says what network they are for, the runtime cannot use them,
            or photographs are given that nothing is calibrated by.
        ImportError: if the runtime is not installed; with the command.
    """
    if calibration is not None and (precision != "int8" or choosing.is_exported(weights)):
        raise ValueError(f"{calibration} would calibrate int8. Received: {weights} and precision={precision!r}")
    if choosing.is_exported(weights):
        chosen = choosing.reader(weights, runtime, precision)
        network = choosing.open_file(weights, chosen, precision)
        about, load = network.about.model, lambda: network
    else:
        chosen = runtime or "keras"
        choosing.check(chosen, precision)
        about = loading.describe(weights)
        part = "stills" if stills and about.judges_actions and about.estimates_poses else None
        if chosen == "keras":
            return Found(about, functools.partial(loading.load_part, weights, part), None)
        load = functools.partial(cache.opened, weights, chosen, precision, calibration, part)
    return Found(about, load, functools.partial(cache.opened, "people", chosen, choosing.beside(precision)))


def find_parts(weights: Path, runtime: str | None = None, precision: str = "float32") -> tuple[Network, Network]:
    """The two parts of a clip network, see `deephar.models.action.streaming.split`, in a runtime.

    Args:
        weights: whose description has two parts.
        runtime, precision: see `find`.

    Raises:
        ValueError, ImportError: see `find`.
    """
    chosen = runtime or "keras"
    choosing.check(chosen, precision)
    if chosen == "keras":
        from deephar.models.action import streaming

        return streaming.split(loading.load(weights))
    frame, head = (cache.opened(weights, chosen, precision, part=part) for part in ("frame", "head"))
    return frame, head
