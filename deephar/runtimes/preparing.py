"""Networks of any kind, made ready for prediction; it needs no Keras."""

import sys
from collections.abc import Sequence

from deephar.models.outputs import Output
from deephar.typed import Network


def ready(model: Network, wanted: Sequence[Output] | None = None) -> Network:
    """A network that computes some outputs alone, compiled, if it is of Keras; any other as it is.

    Args:
        model: a network, or any object with `predict_on_batch`.
        wanted: see `deephar.runtimes.compiled.of`.
    """
    if "keras" not in sys.modules:  # whoever has a network of Keras has imported it
        return model
    from deephar.runtimes import compiled

    return compiled.of(model, wanted)
