"""Sample weights for poses: per person, frame or joint."""

import typing

from keras import ops

from deephar.layer_bases import Shape
from deephar.typed import ArrayLike, Tensor

SampleWeight: typing.TypeAlias = Tensor | ArrayLike | tuple[Tensor] | list[Tensor]


def aligned(owner: str, sample_weight: SampleWeight, shape: Shape, dtype: str = "float32") -> Tensor:
    """Sample weights with one axis for every axis of the joints that they weight.

    Only the rank of the poses determines the meaning of an axis, so there is no ambiguity if the numbers of people and
    joints are equal: weights are per person (B,) or (B, 1); for images also per joint (B, J); for clips per frame
    (B, T), or per joint (B, T, J) or (B, 1, J).

    Args:
        owner: user of the weights, for the message.
        sample_weight: array or tensor; a number weights all alike. Keras passes the weights of a network with one
            output unchanged, perhaps in a tuple of one.
        shape: (B, J) for images or (B, T, J) for clips, None for an unknown size.
        dtype: of the result.

    Returns:
        tensor with the rank of `shape`, of size 1 along axes with equal weights.

    Raises:
        ValueError: for weights of an invalid shape.
    """
    if isinstance(sample_weight, (tuple, list)) and len(sample_weight) == 1:
        sample_weight = sample_weight[0]
    weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    given, rank = tuple(weight.shape), len(shape)
    known = [(a, b) for a, b in zip(given, shape, strict=False) if isinstance(a, int) and isinstance(b, int)]
    if len(given) > rank or any(a not in (1, b) for a, b in known):
        taken = "(B,), (B, T), (B, 1, J) or (B, T, J)" if rank == 3 else "(B,) or (B, J)"
        raise ValueError(
            f"{owner} takes sample weights {taken}, here for poses ({'B, T, J' if rank == 3 else 'B, J'}) = "
            f"{tuple(shape)}. Received: sample weights {given}"
        )
    return ops.reshape(weight, (*ops.shape(weight), *[1] * (rank - len(given))))
