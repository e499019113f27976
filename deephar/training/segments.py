"""A functional network cut into consecutive segments where few numbers cross, to compute it with less memory."""

import dataclasses
import itertools
import math
import typing
from collections.abc import Callable, Iterable, Sequence

import keras
import numpy as np

from deephar.models.surgery import ends

_Node: typing.TypeAlias = typing.Any
"""A use of a layer in a functional network of Keras."""

_Values: typing.TypeAlias = dict[int, typing.Any]
"""What the tensors of a functional network are in a computation, by the identity of its `keras.KerasTensor`."""

FREE_LENGTH, MOST = 16, 32
"""Frames of a clip where the network leaves them open, for estimates; and the most segments that are tried alike."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """Consecutive operations of a functional network.

    Attributes:
        nodes: uses of its operations, each after those whose results it takes.
        inputs, outputs: tensors of the network that come from earlier segments or its own inputs, and those that are
            used later or are outputs of the network, that first which is used next.
    """

    nodes: Sequence[_Node]
    inputs: list[keras.KerasTensor]
    outputs: list[keras.KerasTensor]

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """Its layers."""
        return [node.operation for node in self.nodes if isinstance(node.operation, keras.layers.Layer)]

    def __call__(self, inputs: Iterable[typing.Any]) -> list[typing.Any]:
        """Its outputs for inputs, tensors of the backend."""
        values = {id(tensor): value for tensor, value in zip(self.inputs, inputs, strict=True)}
        _compute(self.nodes, values, lambda operation: operation)
        return [values[id(tensor)] for tensor in self.outputs]


def segments(network: keras.Model) -> list[Segment]:
    """The segments in which a training step needs the least memory if only what crosses their borders is kept.

    That memory is estimated as all that crosses a border, and all that the largest segment keeps for its own gradient.

    Args:
        network: functional, for batches of any size.

    Returns:
        list of `Segment` that together compute all outputs, in the order of their computation.
    """
    nodes = _ordered(network)
    sizes, kept = zip(*_sizes(network, nodes), strict=True)
    uses = _uses(nodes)
    last = [max(n for tensor in node.outputs for n in [own, *uses[id(tensor)]]) for own, node in enumerate(nodes)]
    borders, wanted = cuts(sizes, last, kept), {id(tensor) for tensor in ends(network)}
    return [_segment(nodes, start, end, uses, wanted) for start, end in itertools.pairwise(borders)]


def cuts(sizes: Sequence[int], last: Sequence[int], kept: Sequence[int]) -> list[int]:
    """Where to cut a sequence of operations, so that the least is kept.

    Args:
        sizes: numbers in the result of each.
        last: position of the operation that uses its result last; its own if none does.
        kept: numbers that each keeps for its gradient.

    Returns:
        list of positions before which a segment starts, the first 0, and the number of operations.
    """
    crossing = _crossing(np.asarray(sizes), np.asarray(last))
    content = np.concatenate([[0], np.cumsum(kept)])
    within = content[None] - content[:, None]  # (n + 1, n + 1): what a segment from one position to another keeps
    bounds = [max(max(kept), math.ceil(content[-1] / parts)) for parts in range(1, MOST + 1)]
    found = [_path(crossing, within, bound) for bound in dict.fromkeys(bounds)]
    return min(found)[1]


def _crossing(sizes, last):
    """What crosses the border before every position, and not one before another: (n + 1, n + 1) by both, that first."""
    count = len(sizes)
    table = np.zeros((count + 1, count + 1))
    for end in range(count + 1):
        crosses = np.where(last[:end] >= end, sizes[:end], 0)
        table[:end, end] = np.cumsum(crosses[::-1])[::-1]
    return table


def _path(crossing, within, bound):
    """The least that is kept if no segment keeps more than a bound, and the borders."""
    count = len(crossing) - 1
    least, before = np.zeros(count + 1), np.zeros(count + 1, int)
    for end in range(1, count + 1):
        totals = np.where(within[:end, end] <= bound, least[:end] + crossing[:end, end], np.inf)
        before[end] = np.argmin(totals)
        least[end] = totals[before[end]]
    borders = [count]
    while borders[0]:
        borders.insert(0, int(before[borders[0]]))
    largest = max(within[start, end] for start, end in itertools.pairwise(borders))
    return least[-1] + largest, borders


def _node_of(tensor: typing.Any) -> _Node:
    operation, number, _ = tensor._keras_history
    return operation._inbound_nodes[number]


def _ordered(network: keras.Model) -> list[_Node]:
    """The nodes of a network but its inputs, such that what an output needs alone comes just before it."""
    order, stack = dict[_Node, None](), [_node_of(tensor) for tensor in reversed(ends(network))]
    while stack:
        needed = [_node_of(tensor) for tensor in stack[-1].input_tensors if not _node_of(tensor).is_input]
        missing = [node for node in needed if node not in order]
        if missing:
            stack.extend(reversed(missing))
        else:
            order.setdefault(stack.pop())
    return list(order)


def _compute(nodes: Iterable[_Node], values: _Values, how: Callable[[keras.Operation], typing.Any]) -> None:
    """Add the results of operations to the values that they are computed from."""
    for node in nodes:
        arguments, options = node.arguments.fill_in(values)
        options.pop("training", None)  # the default of the layer, which Keras' networks override as well
        results = keras.tree.flatten(how(node.operation)(*arguments, **options))
        values.update((id(tensor), result) for tensor, result in zip(node.outputs, results, strict=True))


def _sizes(network: keras.Model, nodes: Sequence[_Node]) -> list[tuple[int, int]]:
    """For every node the numbers in its result, and about how many it keeps for its gradient, of one sample.

    Every layer within a layer keeps about as much as the result.
    """
    shapes = [(1, *(length or FREE_LENGTH for length in tensor.shape[1:])) for tensor in network.inputs]
    values: _Values = {
        id(tensor): keras.KerasTensor(shape, tensor.dtype) for tensor, shape in zip(network.inputs, shapes, strict=True)
    }
    _compute(nodes, values, lambda operation: operation.compute_output_spec)
    sizes = [sum(math.prod(values[id(tensor)].shape) for tensor in node.outputs) for node in nodes]
    return [(size, size * _layers_in(node.operation)) for size, node in zip(sizes, nodes, strict=True)]


def _layers_in(operation: typing.Any) -> int:
    return len(list(operation._flatten_layers())) if isinstance(operation, keras.layers.Layer) else 1


def _uses(nodes: Sequence[_Node]) -> dict[int, list[int]]:
    """The positions of the nodes that use a tensor, in order, by its identity."""
    uses: dict[int, list[int]] = {id(tensor): [] for node in nodes for tensor in node.outputs}
    for number, node in enumerate(nodes):
        for tensor in node.input_tensors:
            uses.setdefault(id(tensor), []).append(number)
    return uses


def _segment(nodes: Sequence[_Node], start: int, end: int, uses: dict[int, list[int]], wanted: set[int]) -> Segment:
    """The operations from one position to another as a segment."""
    own = nodes[start:end]
    made = {id(tensor): tensor for node in own for tensor in node.outputs}
    taken = {id(tensor): tensor for node in own for tensor in node.input_tensors if id(tensor) not in made}
    later = {one: [number for number in uses[one] if number >= end] for one in made}
    crossing = sorted((one for one in made if later[one]), key=lambda one: later[one][0])
    ends = [one for one in made if one in wanted and not later[one]]
    return Segment(own, list(taken.values()), [made[one] for one in crossing + ends])
