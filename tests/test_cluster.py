"""The calculator of docs/cluster.md, by numbers worked out by hand."""

import dataclasses
import math
import re

import pytest
from scripts import ROOT, loaded, run

from deephar.models import registry

cluster = loaded("benchmarks/cluster.py")
ROUND = cluster.Training(epochs=10, steps=3600, batch=20, frames=1, parameters=25_000_000)
MEASURED = cluster.Measured(
    network=200, loader=30, cores=8, interconnect=10, opens=5000, largest_batch=100, chief=9, price=2
)


def test_one_device_by_hand():
    """20 images take 0.1 s; 36,000 steps an hour; 10 times 9 s for the first process; 200 / 30 cores, rounded up."""
    assert ROUND.images == 720_000
    assert cluster.plan(ROUND, MEASURED, 1) == cluster.Plan(20, 7, 7, pytest.approx(1.025), pytest.approx(2.05))


def test_eight_devices_by_hand():
    """A ring moves 2 * 7/8 * 100 MB at 10 GB/s in 17.5 ms: 450 steps of 117.5 ms and 9 s in each epoch."""
    assert cluster.exchange_seconds(ROUND, MEASURED, 8) == pytest.approx(0.0175)
    hours = 10 * (450 * 0.1175 + 9) / 3600
    assert cluster.plan(ROUND, MEASURED, 8) == cluster.Plan(160, 7, 56, pytest.approx(hours), pytest.approx(16 * hours))


def test_a_loader_that_is_too_slow_decides():
    """4 cores prepare 120 images a second: 20 take a sixth of a second."""
    slow = dataclasses.replace(MEASURED, cores=4, chief=None)
    assert cluster.plan(ROUND, slow, 1).hours == pytest.approx(10 * 3600 / 6 / 3600)
    assert cluster.limits(ROUND, slow)["loader"] == 0
    assert cluster.first_to_break(cluster.limits(ROUND, slow), 64) == "loader"


def test_limits_by_hand():
    """10 ms of 100 may be lost: (N - 1) / N * 20 ms reaches that at 2. An epoch is 360 s alone, 9 s are a tenth of a
    fourth of it. 5,000 files a second are for 25 devices, a batch of 100 is that of 5."""
    expected = {"loader": math.inf, "files": 25, "all-reduce": 2, "batch": 5, "chief": 4}
    assert cluster.limits(ROUND, MEASURED) == expected
    assert cluster.first_to_break(expected, 64) == "all-reduce"
    assert cluster.first_to_break(expected, 2) == "none"
    assert cluster.limits(ROUND, dataclasses.replace(MEASURED, packed=True))["files"] == math.inf
    assert cluster.limits(ROUND, dataclasses.replace(MEASURED, interconnect=20.0))["all-reduce"] == math.inf
    assert cluster.limits(ROUND, dataclasses.replace(MEASURED, gradients=5e7))["all-reduce"] == math.inf


def test_what_nobody_measured_is_said():
    nothing = cluster.Measured()
    assert cluster.plan(ROUND, nothing, 8) == cluster.Plan(160, None, None, None, None)
    assert set(cluster.limits(ROUND, nothing).values()) == {None}
    assert cluster.first_to_break(cluster.limits(ROUND, nothing), 64) == cluster.UNKNOWN == "not measured"
    assert cluster.first_to_break({"loader": math.inf, "chief": None}, 64) == "none measured"
    assert cluster.plan(ROUND, cluster.Measured(network=200), 1).hours == pytest.approx(1.0)
    assert cluster.plan(ROUND, cluster.Measured(network=200), 8).hours is None


def test_the_script_prints_the_tables(monkeypatch, capsys):
    arguments = "--network-rate 400 ntu=150 --loader-rate 100 --interconnect 25 --price 3 --devices 1 64".split()
    plans, limits = run("benchmarks/cluster.py", monkeypatch, capsys, *arguments).split("\n\nDevices")
    rows = {tuple(row.split(" | ")[:2]): row.split(" | ")[3:] for row in plans.splitlines()[2:]}
    assert rows["| mpii", "1"] == ["24", "4", "4", "1.25", "3.75 |"]  # 75,000 steps of 60 ms
    assert rows["| ntu", "1"] == ["2", "2", "2", "52.27", "156.80 |"]  # 705,600 of 40 / 150 s
    assert len(rows) == 8 and limits.count("not measured") == 4 * 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("--price=x", "argument --price: invalid"),
        *((f"--price={price}", "argument --price: must be in [0, 1e+06]") for price in ("-3", "nan", "inf")),
        ("--opens=gpu=3", "expected a training of mpii, h36m, penn, ntu. Received: gpu=3"),
        ("--opens=ntu=many", "expected a number, or NAME=NUMBER. Received: ntu=many"),
        *((f"--cores={cores}", "argument --cores: must be in [1e-06, 1e+15]") for cores in ("0", "nan", "inf", "-1")),
        *((f"--loader-rate=ntu={rate}", "--loader-rate: must be in [1e-06, 1e+15]") for rate in ("1e-320", "1e300")),
        ("--devices=0", "--devices are from 1 to 1,000,000"),
        (f"--devices={10**400}", "--devices are from 1 to 1,000,000"),
        ("--slack=nan", "--slack is between 0 and 1"),
    ],
)
def test_wrong_numbers_are_refused(wrong, message, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stop:
        run("benchmarks/cluster.py", monkeypatch, capsys, wrong)
    assert stop.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize("extremes", [(0, 1), (1, 0)])
def test_any_number_that_is_taken_can_be_computed_with(extremes, monkeypatch, capsys):
    """The extremes of all options, one way round and the other."""
    low, high = (str(cluster.MEASURABLE[place]) for place in extremes)
    numbers = {"--network-rate": high, "--loader-rate": low, "--cores": low, "--interconnect": high}
    numbers |= {"--gradient-bytes": low, "--opens": high, "--largest-batch": high, "--chief-seconds": low}
    arguments = [word for pair in numbers.items() for word in pair]
    common = ["--price", str(cluster.MOST), "--devices", "1", str(cluster.MOST)]
    printed = run("benchmarks/cluster.py", monkeypatch, capsys, *arguments, *common)
    assert cluster.UNKNOWN not in printed and "nan" not in printed


def test_clips_and_gradients_are_those_of_the_networks():
    """tests/test_models.py and tests/test_action.py count the same parameters."""
    for name, preset in {"penn": "penn-merge", "ntu": "ntu-merge"}.items():
        assert cluster.TRAININGS[name].frames == registry.settings(preset).frames
    counted = " ".join(f"{training.parameters:,}" for training in cluster.TRAININGS.values())
    assert counted.split() == re.findall(r"1\d,\d{3},\d{3}", (ROOT / "README.md").read_text(encoding="utf-8"))
