"""Arms of an ablation: what is done once, what is said of them and what is not."""

import argparse
import math

import numpy as np
import pytest
from matplotlib import axes

from deephar.evaluation import ablation

NUMBERS = {"alone": [10.0, 12.0, 14.0], "mixed": [4.0, 6.0, 8.0], "other": [7.0, 9.0, 11.0]}


def options(folder, seeds, **others):
    return argparse.Namespace(out=folder, seeds=seeds, processes=2, **others)


@pytest.fixture
def folder(tmp_path):
    """What two commands with seeds of their own left in one folder."""

    def train(arm, seed, part):
        (part / "seen").touch(exist_ok=False)  # fails if an arm is trained twice from a seed
        return {"mm": NUMBERS[arm][seed]}

    ablation.run(train, NUMBERS, options(tmp_path, [2]))
    ablation.run(train, NUMBERS, options(tmp_path, [0, 1, 2]))
    return tmp_path


def test_arms_are_trained_once_and_collected_by_seed(folder):
    assert ablation.collect(NUMBERS, folder) == {arm: {"mm": values} for arm, values in NUMBERS.items()}
    assert ablation.collect(["never"], folder) == {}


def test_a_folder_takes_no_other_options(tmp_path):
    ablation.run(lambda *_: {"mm": 1.0}, ["alone"], options(tmp_path, [0], steps=10))
    with pytest.raises(ValueError, match="steps=10, not 20"):
        ablation.run(lambda *_: {"mm": 1.0}, ["alone"], options(tmp_path, [1], steps=20))


def test_mean_and_deviation_by_hand():
    assert ablation.mean_deviation([10.0, 12.0, 14.0]) == (12.0, 2.0)
    assert math.isnan(ablation.mean_deviation([3.0])[1])


def test_no_claim_where_intervals_overlap():
    """12 +- 2 against 6 +- 2 and 9 +- 2; a single seed has no interval."""
    assert ablation.claim(NUMBERS["alone"], NUMBERS["mixed"]) == -6.0
    assert ablation.claim(NUMBERS["alone"], NUMBERS["other"]) is None
    assert ablation.claim([10.0], [1.0]) is None


def test_the_report_says_what_was_found(folder, capsys):
    ablation.save_report(NUMBERS, {"mm": "wild, mm"}, folder, "bars", "mm", {"paper": {"mm": 55.1}})
    text = (folder / "table.txt").read_text()
    assert text == capsys.readouterr().out
    assert "alone (3 seeds)     12.0 +- 2.0" in text and "55.1" in text
    assert "wild, mm: mixed -6.0 mm against alone\nno claim" in text
    assert (folder / "bars.png").stat().st_size > 1000


def test_every_two_arms_that_have_a_score_are_compared(tmp_path, capsys):
    scores = {"pose": {"pck": 50.0}, "frozen": {"m": 60.0}, "tuned": {"m": 70.0}}
    ablation.run(
        lambda arm, seed, part: {k: v + seed for k, v in scores[arm].items()}, scores, options(tmp_path, [0, 1])
    )
    ablation.save_report(scores, {"pck": "PCK", "m": "aggregated"}, tmp_path, "bars", "%")
    assert "aggregated: tuned +10.0 % against frozen" in capsys.readouterr().out


def test_a_score_that_an_arm_lacks_has_no_bar(tmp_path, monkeypatch):
    heights = []
    original = axes.Axes.bar
    monkeypatch.setattr(axes.Axes, "bar", lambda *a, **more: heights.append(a[2]) or original(*a, **more))
    found, paper = {"one": {"a": [1.0, 2.0]}}, {"paper": {"b": 3.0}}
    ablation.save_bars(found, {"a": "A", "b": "B"}, tmp_path / "bars.png", "%", paper)
    np.testing.assert_array_equal(heights, [[1.5, np.nan], [np.nan, 3.0]])


def test_a_folder_without_results_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no results of one, two"):
        ablation.save_report(["one", "two"], {"a": "A"}, tmp_path, "bars", "%")
