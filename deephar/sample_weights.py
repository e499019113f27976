"""Sample weights of poses: of people, of frames, of joints."""

import typing

from keras import ops

from deephar.layer_bases import Shape
from deephar.typed import ArrayLike, Tensor

SampleWeight: typing.TypeAlias = Tensor | ArrayLike | tuple[Tensor] | list[Tensor]


def aligned(owner: str, sample_weight: SampleWeight, shape: Shape, dtype: str = "float32") -> Tensor:
    """Sample weights with an axis for every axis of the joints they weigh.

    The rank of the poses alone decides what an axis means, so that as many people as joints are never mixed up:
    weights are of people (B,) or (B, 1); of images also of joints (B, J); of clips of frames (B, T), or of joints
    (B, T, J) or (B, 1, J).

    Args:
        owner: who weighs, for the message.
        sample_weight: array or tensor; a number weighs all alike. Keras gives the weights of a network of one output
            as they came, perhaps in a tuple of one.
        shape: (B, J) of images or (B, T, J) of clips, None where a size is not known.
        dtype: of the result.

    Returns:
        tensor of the rank of `shape`, of size 1 along axes that it does not tell apart.

    Raises:
        ValueError: for weights of another shape.
    """
    if isinstance(sample_weight, (tuple, list)) and len(sample_weight) == 1:
        sample_weight = sample_weight[0]
    weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    given, rank = tuple(weight.shape), len(shape)
    known = [(a, b) for a, b in zip(given, shape, strict=False) if isinstance(a, int) and isinstance(b, int)]
    if len(given) > rank or any(a not in (1, b) for a, b in known):
        taken = "(B,), (B, T), (B, 1, J) or (B, T, J)" if rank == 3 else "(B,) or (B, J)"
        raise ValueError(
            f"{owner} takes sample weights {taken}, here of poses ({'B, T, J' if rank == 3 else 'B, J'}) = "
            f"{tuple(shape)}. Received: sample weights {given}"
        )
    return ops.reshape(weight, (*ops.shape(weight), *[1] * (rank - len(given))))
