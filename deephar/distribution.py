"""Training on several devices through tf.distribute; the only module of training that imports TensorFlow."""

import contextlib
import functools
import os
import typing
from collections.abc import Iterator

import keras

STRATEGIES = ("none", "mirrored")


def scope(strategy: str, logical_cpus: int = 0) -> contextlib.AbstractContextManager[int]:
    """Context in which to build and compile a model, so that `fit` trains it by a strategy.

    Args:
        strategy: one of `STRATEGIES`: "none"; or "mirrored", a copy on every GPU of this machine, or on every logical
            CPU where there is no GPU. A batch is split among the copies.
        logical_cpus: split the CPU into this many devices first, each with its share of the cores; before TensorFlow's
            first computation only. On two cores, two copies trained a small network twice as fast as one.

    Returns:
        context manager; its value is the number of copies.

    Raises:
        ValueError: for an unknown strategy, a backend other than TensorFlow, or a CPU that is in use already.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"`strategy` must be one of {', '.join(STRATEGIES)}. Received: {strategy!r}")
    if strategy == "none":
        return contextlib.nullcontext(1)
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Strategy {strategy!r} needs Keras on TensorFlow. Received: KERAS_BACKEND={keras.backend.backend()}"
        )
    import tensorflow as tf

    if logical_cpus:
        _split_cpu(tf, logical_cpus)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return _copies(_mirrored(tuple(device.name for device in devices)))


def _split_cpu(tf, parts):
    """Split the CPU into logical devices, unless it is split that way already."""
    try:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * parts)
        tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // parts))
    except RuntimeError:
        if len(tf.config.list_logical_devices("CPU")) != parts:
            raise ValueError("The CPU can be split only before TensorFlow's first computation") from None


@functools.cache
def _mirrored(devices):
    """The one mirrored strategy of some devices: training under a second one in the same process would never end."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


@contextlib.contextmanager
def _copies(strategy: typing.Any) -> Iterator[int]:
    with strategy.scope():
        yield strategy.num_replicas_in_sync


def loader_threads(model: keras.Model) -> int:
    """How many threads (`workers`) a loader shall have for `fit` of a model, built under a strategy or not.

    With one, TensorFlow stands still between epochs, for up to a minute: the end of a data iterator waits for the
    thread that tunes it, which Keras 3 switches off from two threads on. But with two under a strategy of several
    copies, an iterator that is made ahead takes batches out of their order.

    Args:
        model: network.

    Returns:
        1 or 2.
    """
    with scope_of(model) as copies:
        return 2 if copies == 1 else 1


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager[int]:
    """Context of the strategy under which a model was built; compile it there. Its value is the number of copies."""
    strategy = getattr(model, "distribute_strategy", None)  # of Keras models on TensorFlow
    return _copies(strategy) if strategy else contextlib.nullcontext(1)


def check_batch(model: keras.Model, batch_size: int) -> None:
    """Check that the copies of a model share a batch evenly.

    Raises:
        ValueError: if they do not.
    """
    with scope_of(model) as copies:
        if batch_size % copies:
            raise ValueError(
                f"A batch is shared evenly among {copies} copies of the network; choose a batch size that is a "
                f"multiple of {copies}. Received: {batch_size}"
            )


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Every batch norm of a model, including those inside other layers, as a list."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


@contextlib.contextmanager
def synchronised(model: keras.Model) -> Iterator[None]:
    """Context of a training in which all copies of a model share the statistics of their batch norms.

    Then moving statistics, which are saved from the first copy, are those of the whole batch. Without effect on a model
    of one copy.
    """
    with scope_of(model) as copies:
        norms = batch_norms(model) if copies > 1 else []
    for layer in norms:
        layer.synchronized = True
    try:
        yield
    finally:  # a saved model must load on every backend, and only TensorFlow's takes it
        for layer in norms:
            layer.synchronized = False
