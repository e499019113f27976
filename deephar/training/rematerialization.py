"""Training that keeps few maps for the gradient, and computes the others again from them: less memory, more time.

Keras' `RematScope` recomputes within single layers, whose inputs are all kept, and has batch normalization move its
statistics twice. Here a network is recomputed in segments (`deephar.training.segments`), without side effects.
"""

import contextlib
import typing
from collections.abc import Callable, Iterable, Iterator

import keras
from keras import ops

from deephar.models.surgery import ends
from deephar.training.segments import Segment, segments

_Tensors: typing.TypeAlias = list[typing.Any]
_Call: typing.TypeAlias = Callable[..., typing.Any]


@contextlib.contextmanager
def rematerialized(model: keras.Model) -> Iterator[None]:
    """Context in which to train a network with less memory, on any backend.

    Outputs, gradients, moving statistics and dropout are those of ordinary training within float32's rounding; a step
    computes the network twice. A training step compiled in the context is kept by its model after it. What does not
    train is computed as ever.

    Args:
        model: functional network, from `deephar.models.build`, or a `deephar.training.joint.JointNetwork` of one.

    Raises:
        ValueError: if it is not functional, and in a step if a layer adds losses of its own.
        ImportError: if Keras is older than 3.9.
    """
    if not hasattr(keras, "remat"):
        raise ImportError(f"Rematerialization needs Keras 3.9 or newer. Found: {keras.__version__}")
    parts = [model] if isinstance(model, keras.Function) else model.layers
    networks = [part for part in parts if isinstance(part, keras.Function)]
    if not networks:
        raise ValueError(
            f"Rematerialization needs a functional network, as from `deephar.models.build`. Received: {model.name!r}, "
            f"a {type(model).__name__}"
        )
    for network in networks:
        vars(network)["call"] = _training_call(network)  # hides the method of its class
    try:
        yield
    finally:
        for network in networks:
            del vars(network)["call"]


def _training_call(network: typing.Any) -> _Call:
    """What computes a network instead of its own `call`."""
    original, parts = network.call, [(segment, _Uncast(segment)) for segment in segments(network)]

    def run(inputs: _Tensors) -> _Tensors:
        values = dict(zip(map(id, network.inputs), inputs, strict=True))
        for segment, layer in parts:
            outputs = _recomputed(segment, layer, [values[id(tensor)] for tensor in segment.inputs])
            values.update(zip(map(id, segment.outputs), outputs, strict=True))
        return [values[id(tensor)] for tensor in ends(network)]

    whole = _Uncast(run)

    def call(inputs: typing.Any, training: bool | None = None, mask: typing.Any = None) -> typing.Any:
        if not training:
            return original(inputs, training=training, mask=mask)
        outputs = whole(network._standardize_inputs(inputs), training=True)
        return outputs if len(outputs) > 1 else outputs[0]

    return call


class _Uncast(keras.layers.Layer):
    """A function of a list of tensors, within which variables have their own dtype and layers know that they train.

    That is so too when it is called for the gradient, outside of the network.
    """

    def __init__(self, function: Callable[[_Tensors], _Tensors]) -> None:
        super().__init__(name="segment", dtype="float32", autocast=False)
        self.function: Callable[[_Tensors], _Tensors] = function
        self.built: bool = True

    def call(self, inputs: _Tensors, training: bool | None = None) -> _Tensors:
        del training  # layers ask the context of the call
        return self.function(inputs)


def _recomputed(segment: Segment, layer: _Uncast, inputs: _Tensors) -> _Tensors:
    """The outputs of a segment, which is computed again for the gradient; its state changes once."""
    trained = _once(variable for own in segment.layers for variable in own.trainable_variables)
    fixed = _once(variable for own in segment.layers for variable in own.non_trainable_variables)
    before = [ops.copy(variable.value) for variable in fixed]  # as they are when the segment is computed again
    changed: list[keras.Variable] = []

    def run(*arguments: typing.Any) -> _Tensors:
        given, weights = arguments[: len(inputs)], arguments[len(inputs) :]
        state = [*zip(trained, weights, strict=True), *zip(fixed, before, strict=True)]
        with keras.StatelessScope(state, collect_losses=True) as scope:
            first = [variable.value for variable in fixed]
            outputs = layer(list(given), training=True)
            after = [variable.value for variable in fixed]
        if scope.losses:
            raise ValueError("Layers that add losses of their own cannot be rematerialized")
        moved = [number for number, old in enumerate(first) if after[number] is not old]
        changed[:] = [fixed[number] for number in moved]
        return [*outputs, *(ops.stop_gradient(after[number]) for number in moved)]

    results = list(keras.remat(run)(*inputs, *map(_tensor, trained)))
    for variable, value in zip(changed, results[len(segment.outputs) :], strict=True):
        variable.assign(value)
    return results[: len(segment.outputs)]


def _tensor(variable: keras.Variable) -> typing.Any:
    """The value of a variable; on TensorFlow not itself one, whose gradient eager execution would count twice."""
    return ops.copy(variable.value) if keras.backend.backend() == "tensorflow" else variable.value


def _once(variables: Iterable[keras.Variable]) -> list[keras.Variable]:
    return list({id(variable): variable for variable in variables}.values())
