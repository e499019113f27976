"""Training on several devices through tf.distribute."""

import contextlib
import functools
import os
import typing
from collections.abc import Iterator

import keras

STRATEGIES = ("none", "mirrored")


def scope(strategy: str, logical_cpus: int = 0) -> contextlib.AbstractContextManager[int]:
    """Context in which to build and compile a model, so that `fit` trains it under a strategy.

    Args:
        strategy: one of `STRATEGIES`: "none"; or "mirrored", a replica on every GPU of this machine, or on every
            logical CPU if there is no GPU. A batch is split among the replicas.
        logical_cpus: split the CPU into this many devices first, each with its share of the cores; only possible before
            TensorFlow's first computation. On two cores, two replicas trained a small network twice as fast as one.

    Returns:
        context manager; its value is the number of replicas.

    Raises:
        ValueError: for an unknown strategy, a backend other than TensorFlow, or a CPU that is already in use.
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
            raise ValueError("The CPU can only be split before TensorFlow's first computation") from None


@functools.cache
def _mirrored(devices):
    """The only mirrored strategy of some devices: training under a second one in the same process would hang."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices)


@contextlib.contextmanager
def _copies(strategy: typing.Any) -> Iterator[int]:
    with strategy.scope():
        yield strategy.num_replicas_in_sync


def loader_threads(model: keras.Model) -> int:
    """Number of threads (`workers`) that a loader should use in `fit` of a model, built under a strategy or not.

    With one, TensorFlow stalls between epochs, for up to a minute: the end of a data iterator waits for the autotuning
    thread, which Keras 3 disables for two or more threads. But with two, under a strategy with several replicas, a
    prefetching iterator takes batches out of order.

    Args:
        model: network.

    Returns:
        1 or 2.
    """
    with scope_of(model) as copies:
        return 2 if copies == 1 else 1


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager[int]:
    """Context of the strategy under which a model was built; compile it there. Its value is the number of replicas."""
    strategy = getattr(model, "distribute_strategy", None)  # of Keras models on TensorFlow
    return _copies(strategy) if strategy else contextlib.nullcontext(1)


def check_batch(model: keras.Model, batch_size: int) -> None:
    """Check that a batch can be split evenly among the replicas of a model.

    Raises:
        ValueError: if it cannot.
    """
    with scope_of(model) as copies:
        if batch_size % copies:
            raise ValueError(
                f"A batch is split evenly among {copies} replicas of the network; choose a batch size that is a "
                f"multiple of {copies}. Received: {batch_size}"
            )


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """All batch normalization layers of a model, including those inside other layers, as a list."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


@contextlib.contextmanager
def synchronised(model: keras.Model) -> Iterator[None]:
    """Context for training in which all replicas of a model share batch normalization statistics.

    Moving statistics, which are saved from the first replica, are then those of the whole batch. No effect on a model
    with one replica.
    """
    with scope_of(model) as copies:
        norms = batch_norms(model) if copies > 1 else []
    for layer in norms:
        layer.synchronized = True
    try:
        yield
    finally:  # a saved model must load on every backend, and only TensorFlow supports it
        for layer in norms:
            layer.synchronized = False
