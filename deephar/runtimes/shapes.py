"""Inputs of networks, checked before they are run, and outputs as Keras gives them."""

from collections.abc import Sequence

import numpy as np

from deephar.typed import Array, Floats

Shape = tuple[int | None, ...]
"""Of a batch; None for lengths that may be any."""


def checked(inputs: object, shapes: Sequence[Shape], dtypes: Sequence[str]) -> list[Array]:
    """The inputs of a network as arrays of its types.

    Args:
        inputs: array, or a list of them for several inputs.
        shapes, dtypes: that the network expects, one for each input.

    Raises:
        ValueError: for other shapes, or another number of inputs.
    """
    given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    arrays = [np.asarray(one) for one in given]
    received = [array.shape for array in arrays]
    if len(arrays) != len(shapes) or not all(map(_fits, received, shapes)):
        expected = ", ".join(str(shape) for shape in shapes)
        raise ValueError(f"Expected inputs {expected}, None for any length. Received: {', '.join(map(str, received))}")
    return [np.asarray(array, dtype) for array, dtype in zip(arrays, dtypes, strict=True)]


def _fits(received: tuple[int, ...], expected: Shape) -> bool:
    return len(received) == len(expected) and all(
        wanted is None or length == wanted for length, wanted in zip(received, expected, strict=True)
    )


def one_or_all(values: Sequence[Floats]) -> Floats | list[Floats]:
    """The values of a network's outputs in a list; of a single one without, as `predict_on_batch` of Keras does."""
    return values[0] if len(values) == 1 else list(values)
