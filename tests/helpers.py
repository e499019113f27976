"""What several tests need: golden data, outputs and gradients on every backend.

JAX compiles every operation for every shape; what a test asks of it is compiled as a whole, which takes a fraction.
"""

import contextlib
import functools
import importlib.util
import json
import pathlib
import warnings

import keras
import numpy as np

from deephar import models
from deephar.weights import legacy_file

GOLDEN = pathlib.Path(__file__).parent / "golden"
_spec = importlib.util.spec_from_file_location("golden_rule", GOLDEN / "golden_rule.py")
golden_rule = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(golden_rule)

SMALL = {"input_shape": (128, 128, 3), "num_blocks": 2}
PYRAMIDS = {"input_shape": (128, 128, 3), "num_pyramids": 2, "num_levels": 3, "growth": 32}
GOLDEN_MODELS = {
    "As": ("mpii-2d", {**SMALL, "concat_visibility": True}),
    "As_old": (
        "mpii-2d",
        {**SMALL, "kernel_size": (3, 3), "width": 512, "stem": "early", "export_heatmaps": True, "export_features": 1},
    ),
    "Bs": ("h36m-3d", {**SMALL, "concat_visibility": True}),
    "Cs": ("penn-merge", {**SMALL, "frames": 4, "export_poses": "last"}),
    "Ds": ("ntu-merge", {**SMALL, "frames": 4, "export_poses": "last"}),
    "Es": (
        "spnet-penn",
        {**PYRAMIDS, "frames": 4, "action_pyramids": (2,), "pose_features": 32, "visual_features": 32},
    ),
    "Fs": ("spnet-ntu", {**PYRAMIDS, "frames": 5, "num_actions": (15, 60), "pose_features": 32, "visual_features": 48}),
    "Gs": ("spnet-penn", {**PYRAMIDS, "frames": 0, "num_actions": (), "action_pyramids": (), "replica": False}),
    "F_spnet_ntu": ("spnet-ntu", {}),
    "A_mpii": ("mpii-2d", {}),
    "B_h36m": ("h36m-3d", {}),
}
"""How every golden network is reached through `deephar.models.build`."""

PHASES = ("test_phase", "train_phase") if keras.backend.backend() == "tensorflow" else ("train_phase",)
"""Of the gradients: they differ by the batch norms alone, whose inference the outputs show on every backend."""


@contextlib.contextmanager
def eagerly():
    """TensorFlow traces no step meanwhile: where a network does few steps, that takes most of the time."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run_functions_eagerly`")
            yield
    finally:
        tf.config.run_functions_eagerly(False)


@functools.cache
def units():
    return dict(np.load(GOLDEN / "units.npz"))


@functools.cache
def units_json():
    return json.loads((GOLDEN / "units.json").read_text())


def manifest(name, folder=GOLDEN):
    return json.loads((folder / "manifests" / f"{name}.json").read_text())


def golden_file(name, path, folder=GOLDEN):
    """Write the golden weight file of a network and give its path."""
    golden_rule.write_h5(manifest(name, folder), path)
    return path


def golden_network(name, path, folder=GOLDEN, **overrides):
    """A golden network with its weights loaded from a legacy file, and its input."""
    builder, settings = GOLDEN_MODELS[name]
    model = models.build(builder, **{**settings, **overrides})
    legacy_file.load_legacy_weights(model, golden_file(name, path, folder))
    recipe = manifest(name, folder)["golden_input"]
    return model, golden_rule.make_input(recipe["shape"], recipe["seed"])


def trainable(model):
    """Trainable variables in the order of the original's file."""
    wanted = [w for layers in legacy_file.legacy_groups(model).values() for layer in layers for w in layer]
    return [w.variable for w in wanted if not isinstance(w.variable, np.ndarray) and "moving" not in w.kind]


def outputs_of(model, x, training=False):
    """The outputs of a model for inputs as numpy, a list, on any backend."""
    outputs = _jax_call(model, x, training) if keras.backend.backend() == "jax" else model(x, training=training)
    return [keras.ops.convert_to_numpy(y) for y in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def _jax_call(model, x, training):
    import jax

    def run(learned, fixed, x):
        return model.stateless_call(learned, fixed, x, training=training)[0]

    values = ([v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables))
    return jax.jit(run)(*values, x)


def value_and_gradients(model, variables, loss, x, training):
    """`loss(outputs)` and its gradients with respect to `variables`, on any backend, as numpy."""
    return _GRADIENTS[keras.backend.backend()](model, variables, loss, x, training)


def _tensorflow(model, variables, loss, x, training):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss(model(x, training=training))
    gradients = tape.gradient(value, [variable.value for variable in variables])
    return float(value), [tf.convert_to_tensor(g).numpy() for g in gradients]


def _jax(model, variables, loss, x, training):
    import jax

    every = model.trainable_variables
    order = {variable.path: number for number, variable in enumerate(every)}

    def run(values):
        outputs, _ = model.stateless_call(values, model.non_trainable_variables, x, training=training)
        return loss(outputs)

    value, gradients = jax.jit(jax.value_and_grad(run))([variable.value for variable in every])
    return float(value), [np.asarray(gradients[order[variable.path]]) for variable in variables]


def _torch(model, variables, loss, x, training):
    model.zero_grad()
    inputs = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    value = loss(model(inputs, training=training))
    value.backward()
    gradients = [keras.ops.convert_to_numpy(variable.value.grad) for variable in variables]
    return float(keras.ops.convert_to_numpy(value)), gradients


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def gradient_of(function, x):
    """Gradient of the mean of `function(x)` with respect to one array, on any backend, as numpy."""
    backend = keras.backend.backend()
    x = np.asarray(x, dtype="float32")
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = keras.ops.mean(function(x))
        return tape.gradient(value, x).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(lambda x: keras.ops.mean(function(x))))(x))
    import torch

    x = torch.tensor(x, requires_grad=True)
    keras.ops.mean(function(x)).backward()
    return x.grad.numpy()
