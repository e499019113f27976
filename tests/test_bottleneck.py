"""Whether the loader or the network is the bottleneck: by hand, and where one of them sleeps."""

import itertools
import re
import time
import types

import keras
import pytest
from helpers import eagerly
from makers import Sleepy

from deephar import distribution
from deephar.data.batches.loader import Loader
from deephar.training import bottleneck, fit, loop

STEPS, ASLEEP_S = 3, 0.3


def test_the_time_waited_by_hand():
    """The first batch is made 2 s after the start, the second 3 s after the first step's end, the third ahead of it."""
    batches, said = types.SimpleNamespace(made={0: 12.0, 1: 18.0, 2: 17.0}, processes=0), []
    clock = iter([10.0, 15.0, 20.0, 30.0, 50.0, 60.0])
    callback = bottleneck.Bottleneck(batches, said.append, lambda: next(clock))
    callback.on_epoch_begin(0)
    for batch in range(3):
        callback.on_train_batch_end(batch)
    callback.on_epoch_end(0)
    assert said == []  # the progress bar of the epoch is not through
    callback.on_epoch_begin(1)
    told = "epoch 1: 20.0 s, of which the network waited 5.0 s (25 %) for batches: the loader is the bottleneck, try "
    assert len(said) == 1 and said[0].startswith(told)
    callback.on_train_batch_end(0)
    callback.on_epoch_end(1)
    for _ in range(2):
        callback.on_train_end()  # nothing is said twice
    assert said[1:] == [
        "epoch 2: 10.0 s, of which the network waited 0.0 s (0 %) for batches: the network is the bottleneck"
    ]


def test_what_is_advised(monkeypatch):
    """More processes, as long as there are cores for them."""
    monkeypatch.setattr(bottleneck, "usable_cores", lambda: 4)
    for processes, advice in ((0, "--processes 2"), (2, "--processes 4"), (3, "packed data, or more cores than 4")):
        assert bottleneck.sentence(1, 10.0, 1.0, processes).endswith(f"the loader is the bottleneck, try {advice}")
    assert bottleneck.sentence(1, 10.0, 0.9, 2).endswith("(9 %) for batches: the network is the bottleneck")
    assert bottleneck.sentence(1, 0.0, 0.0, 0).endswith("0.0 s (0 %) for batches: the network is the bottleneck")


class Numbers(Loader):
    """Batches of a maker of numbers."""

    def __getitem__(self, index):
        batch = self._batch(index)
        return batch.x, batch.x


class Slow(keras.Model):
    """A network whose steps take long."""

    seconds = 0.0

    def train_step(self, *arguments):
        time.sleep(self.seconds)
        return super().train_step(*arguments)


def by_fit(batches, callback, seconds):
    """Train for two epochs with Keras' `fit`, step by step."""
    x = keras.Input((1,))
    model = Slow(x, keras.layers.Dense(1)(x))
    model.seconds = seconds
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    fit(model, batches, 2, [callback], verbose=0)


def by_loop(batches, callback, seconds):
    """Train for two epochs with the loop of several processes, whose step only sleeps."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.history = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distribution, "train_step", lambda model: lambda batch: time.sleep(seconds) or {})
        loop.loop(model, batches, 2, 0, 0, keras.callbacks.CallbackList([callback], model=model))


@pytest.mark.parametrize(
    ("slow", "train", "processes"),
    [
        ("loader", by_loop, 0),
        ("network", by_fit, 0),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in itertools.product(("loader", "network"), (by_fit, by_loop), (0, 1))
        ),
    ],
)
@eagerly()
def test_who_sleeps_is_the_bottleneck(slow, train, processes):
    """With threads and with worker processes; in the second epoch, when all has started."""
    said, asleep = [], {"loader": 0.0, "network": 0.0, slow: ASLEEP_S}
    batches = Numbers(Sleepy(STEPS, asleep["loader"]), processes, workers=2)
    train(batches, bottleneck.Bottleneck(batches, said.append), asleep["network"])
    batches.close()
    _, second = said
    (percent,) = re.findall(r"\((\d+) %\)", second)
    assert int(percent) > 50 if slow == "loader" else int(percent) < 50, said
