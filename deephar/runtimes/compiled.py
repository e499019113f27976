"""Networks of Keras for prediction: the outputs that are wanted, as one compiled function of the backend."""

import typing
import weakref
from collections.abc import Callable, Sequence

import keras
import numpy as np

from deephar import distribution, memory
from deephar.models import outputs
from deephar.models.outputs import Output
from deephar.runtimes import fusion, shapes
from deephar.typed import Array, Floats, Network

_Function: typing.TypeAlias = Callable[[list[Array]], Sequence[Floats]]


class Compiled:
    """Some outputs of a network of Keras; it uses the network's weights, also after they were changed.

    What other outputs need alone is not computed. It is compiled when it is first run: once on TensorFlow, which
    computes a single picture without if it comes first, for every power of two of a batch's size on JAX, not at all on
    PyTorch, which keeps no gradients meanwhile. Several devices on TensorFlow share a batch out.

    Attributes:
        name: of the network.
        input_shape: its own, or a list of those of several inputs.
        output_names: see `deephar.models.outputs.describe`.

    Args:
        model: a functional network.
        wanted: see `of`.
    """

    def __init__(self, model: keras.Model, wanted: Sequence[Output] | None = None) -> None:
        names, tensors = zip(*outputs.tensors(model, wanted), strict=True)
        self.name: str = model.name
        self.input_shape: typing.Any = model.input_shape
        self.output_names: Sequence[str] = list(names)
        with distribution.scope_of(model) as copies:
            self._network = keras.Model(model.inputs, list(tensors))
        self._shapes = [tuple(tensor.shape) for tensor in model.inputs]
        self._dtypes = [tensor.dtype for tensor in model.inputs]
        compiler = distribution.prediction_step if copies > 1 else _COMPILERS[keras.backend.backend()]
        self._function: _Function = compiler(self._network)

    def predict_on_batch(self, x: object, /) -> Floats | list[Floats]:
        """The outputs for a batch, in a list; a single one without.

        Args:
            x: array (B, ...), or a list of them for several inputs.

        Raises:
            ValueError: for inputs of other shapes.
        """
        return shapes.one_or_all(self._function(shapes.checked(x, self._shapes, self._dtypes)))


def _tensorflow(network: keras.Model) -> _Function:
    import tensorflow as tf

    memory.keep_freed()
    signature = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in network.inputs]
    ran = False

    def step(inputs):
        with fusion.fused(network):
            return keras.tree.flatten(network(inputs, training=False))

    compiled = tf.function(step, input_signature=[signature], autograph=False)

    def run(inputs):
        nonlocal ran
        begins, ran = not ran, True
        function = step if begins and _is_picture(inputs) else compiled
        return [output.numpy() for output in function(inputs)]

    return run


def _is_picture(inputs):
    """Whether a batch is a single picture: sooner computed than compiled. Of a clip, all maps would be kept."""
    return len(inputs) == 1 and inputs[0].ndim == 4 and len(inputs[0]) == 1


def _jax(network: keras.Model) -> _Function:
    import jax

    @jax.jit
    def function(learned, fixed, inputs):
        return keras.tree.flatten(network.stateless_call(learned, fixed, inputs, training=False)[0])

    def run(inputs):
        count = len(inputs[0])
        size = 1 << (count - 1).bit_length()
        full = [np.concatenate([array, np.repeat(array[:1], size - count, axis=0)]) for array in inputs]
        learned = [variable.value for variable in network.trainable_variables]
        fixed = [variable.value for variable in network.non_trainable_variables]
        found = function(learned, fixed, full)
        return [np.asarray(output)[:count] for output in found]

    return run


def _torch(network: keras.Model) -> _Function:
    import torch

    def run(inputs):
        with torch.no_grad():
            found = network([keras.ops.convert_to_tensor(array) for array in inputs], training=False)
        return [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(found)]

    return run


_COMPILERS: dict[str, Callable[[keras.Model], _Function]] = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}

_KEPT: weakref.WeakKeyDictionary[keras.Model, dict[tuple[Output, ...] | None, Compiled]] = weakref.WeakKeyDictionary()
"""What was compiled, as long as its network is in use: a network that is scored every epoch is compiled once."""


def of(model: Network, wanted: Sequence[Output] | None = None) -> Network:
    """A network that computes some outputs alone, compiled, with the weights of another.

    Args:
        model: any network. One that is not of Keras, has a class of its own, or is one of several processes' or several
            devices' of JAX, is returned as it is: with all its outputs.
        wanted: outputs, from `deephar.models.outputs.describe`; None for all.
    """
    if not _is_plain(model):
        return model
    known, key = _KEPT.setdefault(model, {}), None if wanted is None else tuple(wanted)
    if key not in known:
        known[key] = Compiled(model, wanted)
    return known[key]


def _is_plain(model: Network) -> typing.TypeGuard[keras.Model]:
    """Whether a network is a graph of Keras, in one process, on a backend that is known here."""
    if not isinstance(model, keras.Model) or not type(model).__module__.startswith("keras."):
        return False
    if not getattr(model, "inputs", None) or keras.backend.backend() not in _COMPILERS:
        return False
    with distribution.scope_of(model) as copies:
        one = copies == 1 or keras.backend.backend() == "tensorflow"
        return one and distribution.part(model)[1] == 1 and keras.distribution.distribution() is None
