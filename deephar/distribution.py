"""Training on several devices through tf.distribute; the only module of training that imports TensorFlow."""

import contextlib
import os

import keras

STRATEGIES = ("none", "mirrored")


def scope(strategy, logical_cpus=0):
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
        parts = [tf.config.LogicalDeviceConfiguration()] * logical_cpus
        try:
            tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
            tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // logical_cpus))
        except RuntimeError:
            raise ValueError("The CPU can be split only before TensorFlow's first computation") from None
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return _mirrored(tf.distribute.MirroredStrategy([device.name for device in devices]))


def loader_threads(strategy):
    """How many threads (`workers`) a loader shall have for `fit` under a strategy.

    With one, TensorFlow stands still between epochs, for up to a minute: the end of a data iterator waits for the
    thread that tunes it, which Keras 3 switches off from two threads on. But with two under a strategy of several
    copies, an iterator that is made ahead takes batches out of their order.

    Args:
        strategy: one of `STRATEGIES`.

    Returns:
        1 or 2.
    """
    return 2 if strategy == "none" else 1


@contextlib.contextmanager
def _mirrored(strategy):
    with strategy.scope():
        yield strategy.num_replicas_in_sync
