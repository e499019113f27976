"""Graph models of TensorFlow.js as functions of TensorFlow, of known operations alone."""

import base64
import typing
from collections.abc import Callable, Iterator

import numpy as np

from deephar.data.readers.reading import reading
from deephar.detection.graph_file import EXPECTED, GraphFile
from deephar.typed import Array

OPERATIONS = frozenset(
    """Abs Add AddN AddV2 ArgMax AvgPool BiasAdd Cast ConcatV2 Const Conv2D DepthwiseConv2dNative Equal Exp ExpandDims
    Fill Floor FloorDiv FloorMod GatherNd GatherV2 Greater GreaterEqual Identity Less LessEqual LogicalAnd LogicalNot
    LogicalOr MatMul Max MaxPool Maximum Mean Min Minimum Mul Neg NoOp Pack Pad PadV2 Placeholder Prod Range RealDiv
    Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor Rsqrt Select SelectV2 Shape Sigmoid Size Slice
    Softmax Split SplitV Sqrt Square SquaredDifference Squeeze StridedSlice Sub Sum Tanh Tile TopKV2 Transpose Unpack
    ZerosLike""".split()
)
"""Of TensorFlow that a graph may have: all compute from their inputs alone, none reads or writes files."""

FUSED = {"_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative"}
"""Operations of TensorFlow.js that TensorFlow has none of: a convolution, a bias and an activation in one."""

ACTIVATIONS = ("Relu", "Relu6")

_CONVOLUTION = ("T", "strides", "padding", "explicit_paddings", "data_format", "dilations")

Node: typing.TypeAlias = dict[str, typing.Any]


def build(graph: GraphFile) -> Callable[[Array], Array]:
    """The function that a graph model with one input and one output computes.

    Args:
        graph: see `deephar.detection.graph_file.read`.

    Returns:
        function of whole numbers of the input's shape, that gives an array, or a ValueError that names the file.

    Raises:
        ValueError: if it has operations that deephar does not know, or is no graph that TensorFlow runs.
        ImportError: without TensorFlow.
    """
    try:
        import tensorflow as tf
    except ImportError:
        raise ImportError("Graph models run on TensorFlow; install it with: pip install tensorflow") from None
    from google.protobuf import json_format

    with reading(graph.name, EXPECTED):
        ((source, shape),), (target,) = graph.inputs.items(), graph.outputs
        nodes = [part for node in graph.nodes for part in _spelt_out(node)]
        definition = json_format.ParseDict({"node": nodes}, tf.compat.v1.GraphDef())
        for node in definition.node:
            if node.op == "Const":
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(graph.weights[node.name]))

        def function(values):
            return tf.graph_util.import_graph_def(definition, {source: values}, [target])[0]

        traced: typing.Any = tf.function(function, autograph=False)
        run = traced.get_concrete_function(tf.TensorSpec(shape, tf.int32))

    def checked(values: Array) -> Array:
        with reading(graph.name, EXPECTED):
            return run(tf.constant(np.asarray(values, dtype=np.int32))).numpy()

    return checked


def _spelt_out(node: Node) -> Iterator[Node]:
    """A node as operations of TensorFlow, on whatever device."""
    node = {key: value for key, value in node.items() if key in ("name", "op", "input", "attr")}
    if node["op"] in FUSED:
        yield from _unfused(node)
    elif node["op"] in OPERATIONS:
        yield node
    else:
        raise ValueError(f"{node['name']} is the operation {node['op']}, which deephar does not run")


def _unfused(node: Node) -> Iterator[Node]:
    """Convolution, bias and activation, the last of which keeps the name."""
    name, attributes = node["name"], node["attr"]
    fused = [base64.b64decode(step).decode() for step in attributes["fused_ops"]["list"]["s"]]
    if (
        fused[:1] != ["BiasAdd"]
        or len(node["input"]) != 3
        or not (fused[1:] == [] or fused[1:] in [[a] for a in ACTIVATIONS])
    ):
        raise ValueError(f"{name} fuses {', '.join(fused)}; expected BiasAdd, and {' or '.join(ACTIVATIONS)} after it")
    steps = [FUSED[node["op"]], *fused]
    names = [*(f"{name}/{step}" for step in steps[:-1]), name]
    picture, kernel, bias = node["input"]
    kept = {key: attributes[key] for key in _CONVOLUTION if key in attributes}
    yield {"name": names[0], "op": steps[0], "input": [picture, kernel], "attr": kept}
    kind = {"T": attributes["T"]}
    yield {"name": names[1], "op": steps[1], "input": [names[0], bias], "attr": kind}
    if fused[1:]:
        yield {"name": names[2], "op": steps[2], "input": [names[1]], "attr": kind}
