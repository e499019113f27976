"""Scores that choose an epoch, of networks that learn several tasks."""

import dataclasses

import pytest

from deephar.evaluation.judges import Judge, mean_of, of_part


def judge(value, broken=()):
    return Judge("val_x", f"x{value}", "%", lambda model: value * model, dict(broken))


def test_the_mean_of_several_scores():
    """Samples that cannot be read have positions of their own in every data set, and are counted once."""
    both = mean_of([judge(1.0, {3: "a"}), judge(4.0, {3: "b", 4: "c"})])
    assert [both.score(2.0), both.score(2.0)] == [pytest.approx(5.0)] * 2
    assert sorted(both.broken.values()) == ["a", "b", "c"]
    assert both.text == "mean of x1.0, x4.0" and both.unit == "%"


def test_a_part_is_made_once_for_a_network():
    made = []

    def half(model):
        made.append(model)
        return model / 2

    whole = judge(3.0)
    part = of_part(whole, half)
    one, other = 20000.5, 30000.5
    assert [part.score(one), part.score(one), part.score(other)] == [30000.75, 30000.75, 45000.75]
    assert made == [one, other] and part.broken is whole.broken
    assert dataclasses.replace(part, score=whole.score) == whole
