"""The numbers of the recipes: what is not said is as documented, and the system is asked for what it should be."""

import ctypes
import sys

import keras
import numpy as np
import pytest

from deephar import training


def test_the_cosine_by_hand():
    """A hundredth of the peak at first, the peak after the warm-up, half of it midway, nothing at the end and later."""
    rate = training.cosine_schedule(2.0, 30, warmup_steps=10)
    np.testing.assert_allclose(
        [float(rate(step)) for step in (0, 5, 10, 20, 30, 40)], [0.02, 1.01, 2, 1, 0, 0], atol=1e-6
    )
    plain = training.cosine_schedule(2.0, 30)
    np.testing.assert_allclose([float(plain(step)) for step in (0, 10, 15, 30)], [2, 1.5, 1, 0], atol=1e-6)
    assert float(training.cosine_schedule(2.0, 3, warmup_steps=3)(3)) == pytest.approx(2.0)


def test_the_plateau_that_is_meant_unless_said():
    """A fifth after five epochs without a better score, of which more is better."""
    plateau = training.plateau_schedule("val_pck")
    assert (plateau.monitor, plateau.factor, plateau.patience, plateau.mode) == ("val_pck", 0.2, 5, "max")
    other = training.plateau_schedule("val_accuracy", 0.5, 2)
    assert (other.monitor, other.factor, other.patience) == ("val_accuracy", 0.5, 2)


def test_the_steps_of_the_published_schedule():
    schedule = training.step_schedule().schedule
    assert [epoch for epoch in range(120) if schedule(epoch, 1.0) != 1.0] == [80, 100]
    assert schedule(80, 5.0) == pytest.approx(1.0)


@pytest.mark.parametrize(("platform", "asked"), [("linux", 3), ("darwin", 0), ("win32", 0)])
def test_freed_memory_is_kept_on_linux_from_the_first_step_on(platform, asked, monkeypatch):
    """glibc's M_TRIM_THRESHOLD is -1, M_MMAP_THRESHOLD -3 and M_TOP_PAD -2."""
    calls = []

    class Library:
        def mallopt(self, *arguments):
            calls.append(arguments)

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    callback = training.KeepFreedMemory()
    callback.on_train_batch_begin(1)
    assert calls == []
    callback.on_train_batch_begin(0)
    assert calls == [(-1, 2**31 - 1), (-3, 2**30), (-2, 2**28)][:asked]


def test_a_c_library_without_the_call_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    training.KeepFreedMemory().on_train_batch_begin(0)


def test_actions_are_not_smoothed_and_poses_count_once_unless_said():
    """One-hot labels that are predicted with 0.8 and 0.2; the pose is right."""
    clip = keras.Input((2, 1, 3))
    pose = keras.layers.Identity(name="clip1_pose_visibility")(clip)
    scores = keras.layers.Dense(2, "softmax", name="m")(keras.layers.Flatten()(clip))
    model = keras.Model(clip, [pose, scores])
    pose, guess = np.full((2, 1, 2, 1, 3), 0.5, "float32"), np.array([[0.8, 0.2]], "float32")
    guessed = [keras.ops.convert_to_tensor(pose[1] + 0.1), keras.ops.convert_to_tensor(guess)]
    training.compile_model(model, "sgd", form="l1_mean")
    found = float(model.compute_loss(y=[pose[0], np.array([[0, 1]], "float32")], y_pred=guessed))
    visibility = -(0.5 * np.log(0.6) + 0.5 * np.log(0.4))
    assert found == pytest.approx(-np.log(0.2) + 0.1 + 0.01 * visibility, rel=1e-5)


def test_fit_asks_keras_for_the_order_of_the_loader(monkeypatch):
    """Keras would shuffle the batches by a generator of its own."""
    model, batches, calls = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]), Batches(), []
    model.compile("sgd", "mse")
    monkeypatch.setattr(model, "fit", lambda *arguments, **options: calls.append((arguments, options)))
    other = keras.callbacks.TerminateOnNaN()
    training.fit(model, batches, 3, [other], verbose=0)
    ((arguments, options),) = calls
    memory, kept = options.pop("callbacks")
    assert isinstance(memory, training.KeepFreedMemory) and kept is other
    assert arguments == (batches,) and options == {"epochs": 3, "initial_epoch": 0, "shuffle": False, "verbose": 0}


class Batches:
    """A loader as far as its size goes."""

    batch_size = 2
    failure = None
