"""Training, and judging what is trained, on several devices and in several processes with tf.distribute."""

import contextlib
import functools
import json
import os
import typing
from collections.abc import Callable, Iterator

import keras
import numpy as np

from deephar.surroundings import usable_cores
from deephar.typed import Array, Floats

STRATEGIES = ("none", "mirrored", "multiworker")

_PORTS = 20_000
"""The first port, and how many there are, for processes that Slurm starts; its job's number chooses among them."""


def scope(strategy: str, logical_cpus: int = 0) -> contextlib.AbstractContextManager[int]:
    """Context in which to build and compile a model, so that `fit` trains it under a strategy.

    Args:
        strategy: one of `STRATEGIES`: "none"; or "mirrored", a replica on every GPU of this machine, or on every
            logical CPU if there is no GPU, on TensorFlow and JAX; or "multiworker", the same in several processes, on
            one machine or many, which `worker` tells apart, on TensorFlow. A batch is split among the replicas.
        logical_cpus: split the CPU into this many devices first, each with its share of the cores; only possible before
            the backend's first computation. On two cores, two replicas trained a small network twice as fast as one.

    Returns:
        context manager; its value is the number of replicas.

    Raises:
        ValueError: for an unknown strategy, a backend without it, or a CPU that is already in use.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"`strategy` must be one of {', '.join(STRATEGIES)}. Received: {strategy!r}")
    if strategy == "none":
        return contextlib.nullcontext(1)
    if keras.backend.backend() == "jax" and strategy == "mirrored":
        return _jax(logical_cpus)
    if keras.backend.backend() != "tensorflow":
        needed = "TensorFlow or JAX" if strategy == "mirrored" else "TensorFlow"
        raise ValueError(
            f"Strategy {strategy!r} needs Keras on {needed}. Received: KERAS_BACKEND={keras.backend.backend()}"
        )
    import tensorflow as tf

    if logical_cpus:
        _split_cpu(tf, logical_cpus)
    if strategy == "multiworker":
        return _copies(_multiworker())
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return _copies(_mirrored(tuple(device.name for device in devices)))


def _jax(logical_cpus):
    """On JAX, Keras' `DataParallel`: one program over all devices, whose statistics are those of the whole batch."""
    if logical_cpus:
        import jax

        try:
            jax.config.update("jax_num_cpu_devices", logical_cpus)
        except RuntimeError:
            if len(keras.distribution.list_devices()) != logical_cpus:
                raise ValueError("The CPU can only be split before JAX's first computation") from None
    return _parallel(keras.distribution.list_devices())


@contextlib.contextmanager
def _parallel(devices: list[str]) -> Iterator[int]:
    with keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False).scope():
        yield len(devices)


def worker() -> tuple[int, int]:
    """Number of this process, from 0, and how many processes train together, by TF_CONFIG or else by Slurm.

    Raises:
        ValueError: if the environment says neither.
    """
    if "TF_CONFIG" in os.environ:
        try:
            config = json.loads(os.environ["TF_CONFIG"])
            tasks = [(kind, n) for kind in ("chief", "worker") for n in range(len(config["cluster"].get(kind, ())))]
            return tasks.index((config["task"]["type"], int(config["task"]["index"]))), len(tasks)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                'TF_CONFIG must be {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": N}}'
                f". Received: {os.environ['TF_CONFIG']} ({error})"
            ) from None
    if "SLURM_PROCID" in os.environ:
        return int(os.environ["SLURM_PROCID"]), int(os.environ.get("SLURM_STEP_NUM_TASKS", "1"))
    raise ValueError(
        "Several processes are told apart by TF_CONFIG or by Slurm (start them with srun). Received: neither"
    )


@functools.cache
def _multiworker():
    """The only strategy of this process that spans several."""
    import tensorflow as tf

    resolvers = tf.distribute.cluster_resolver
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy(resolvers.TFConfigClusterResolver())
    port, gpus = _PORTS + int(os.environ.get("SLURM_JOB_ID", "0")) % _PORTS, tf.config.list_physical_devices("GPU")
    resolver = resolvers.SlurmClusterResolver(port_base=port, gpus_per_node=len(gpus), auto_set_gpu=False)
    return tf.distribute.MultiWorkerMirroredStrategy(resolver)


def _split_cpu(tf, parts):
    """Split the CPU into logical devices, unless it is split that way already."""
    try:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * parts)
        tf.config.threading.set_intra_op_parallelism_threads(max(1, usable_cores() // parts))
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
    if keras.backend.backend() == "jax" and model.weights:
        devices = model.weights[0].value.sharding.device_set
        names = [f"{device.platform}:{device.id}" for device in sorted(devices, key=lambda device: device.id)]
        return _parallel(names) if len(names) > 1 else contextlib.nullcontext(1)
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


def share_of_loss() -> float:
    """What Keras multiplies every loss by in the step of a replica, whose sum over the replicas is then a mean.

    1 over the number of replicas on TensorFlow; 1 elsewhere, where one program spans all devices.
    """
    if keras.backend.backend() != "tensorflow":
        return 1.0
    import tensorflow as tf

    return 1 / tf.distribute.get_strategy().num_replicas_in_sync


def part(model: keras.Model) -> tuple[int, int]:
    """Number of this process among those that train a model together, and how many they are; (0, 1) if it is alone."""
    strategy = getattr(model, "distribute_strategy", None)  # of Keras models on TensorFlow
    if strategy is None:
        return 0, 1
    import tensorflow as tf

    return worker() if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) else (0, 1)


def is_chief(model: keras.Model) -> bool:
    """Whether this process writes the logs and checkpoints of a model: the only one, or the first of several."""
    return part(model)[0] == 0


def agreed(model: keras.Model, wish: bool) -> bool:
    """Whether any of the processes that train a model wishes something; all of them ask at the same step."""
    return wish if part(model)[1] == 1 else _total(model, float(wish)) > 0


def from_chief(model: keras.Model, ask: Callable[[], float]) -> float:
    """A number that the first of the processes that train a model finds out, and all of them learn."""
    if part(model)[1] == 1:
        return ask()
    return _total(model, ask() / _replicas(model) if is_chief(model) else 0.0)


def _total(model, value):
    """Sum of a number over all replicas, each of which has that of its process."""
    import tensorflow as tf

    def add(value):
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)

    strategy = model.distribute_strategy
    return float(strategy.experimental_local_results(strategy.run(add, (tf.constant(value, tf.float64),)))[0])


def local_copy(model: keras.Model) -> keras.Model:
    """A copy of a model, with its weights, that one of several processes can run alone; a process alone needs none."""
    if part(model)[1] == 1:
        return model
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def train_step(model: keras.Model) -> Callable[[typing.Any], dict[str, typing.Any]]:
    """The training step with which Keras' `fit` trains a compiled model, as a function of this process's own samples.

    Args:
        model: built under a strategy, and with its metrics built.

    Returns:
        function of (inputs, targets, weights), arrays or nested tuples of them whose samples are split evenly among the
        replicas of this process; it gives the logs.
    """
    import tensorflow as tf

    strategy = model.distribute_strategy

    def step(batch):
        logs = together(_shared(model, batch))
        return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

    @tf.function(reduce_retracing=True)
    def together(batch):
        return strategy.run(model.train_step, args=(batch,))

    return step


def prediction_step(model: keras.Model) -> Callable[[list[Array]], list[Floats]]:
    """The outputs of a model for a batch that the replicas of this process share out, as a function of its inputs.

    Args:
        model: built under a strategy of TensorFlow.

    Returns:
        function of a list of arrays (B, ...); it gives a list of arrays (B, ...).
    """
    import tensorflow as tf

    strategy, replicas = model.distribute_strategy, _replicas(model)

    @tf.function(reduce_retracing=True)
    def together(inputs):
        return strategy.run(lambda share: keras.tree.flatten(model(share, training=False)), args=(inputs,))

    def step(inputs):
        count = len(inputs[0])
        full = [np.concatenate([rows, np.repeat(rows[:1], -count % replicas, axis=0)]) for rows in inputs]
        parts = map(strategy.experimental_local_results, together(_shared(model, full)))
        return [np.concatenate(list(map(np.asarray, one)))[:count] for one in parts]

    return step


def _replicas(model):
    """Number of a model's replicas in this process."""
    return max(1, model.distribute_strategy.num_replicas_in_sync // part(model)[1])


def _shared(model, batch):
    """Arrays, or nested tuples and lists of them, whose rows the replicas of this process have in equal parts."""
    import tensorflow as tf

    replicas = _replicas(model)

    def share(context):
        number = context.replica_id_in_sync_group % replicas

        def own(rows):
            size = len(rows) // replicas
            return tf.convert_to_tensor(rows[number * size : (number + 1) * size])

        return tf.nest.map_structure(own, batch)

    return model.distribute_strategy.experimental_distribute_values_from_function(share)


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """All batch normalization layers of a model, including those inside other layers, as a list."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


@contextlib.contextmanager
def synchronised(model: keras.Model) -> Iterator[None]:
    """Context for training in which all replicas of a model share batch normalization statistics.

    Moving statistics, which are saved from the first replica, are then those of the whole batch. No effect on a model
    with one replica. On JAX it is also the context in which batches are split.
    """
    tensorflow = keras.backend.backend() == "tensorflow"
    with scope_of(model) as copies:
        norms = batch_norms(model) if copies > 1 and tensorflow else []
    for layer in norms:
        layer.synchronized = True
    try:
        with contextlib.nullcontext() if tensorflow else scope_of(model):
            yield
    finally:  # a saved model must load on every backend, and only TensorFlow supports it
        for layer in norms:
            layer.synchronized = False
