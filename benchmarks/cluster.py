"""From measured throughputs to loader cores, shards, hours, cost of the paper's four trainings, and what breaks first.

Command  python benchmarks/cluster.py --network-rate mpii=400 ntu=300 --loader-rate 100 --interconnect 25 --price 2.5
Input    your own measurements, each for all trainings or as NAME=VALUE; nothing is guessed: what needs a number that
         nobody measured is "not measured". docs/cluster.md says how to measure each
Result   two tables in Markdown. Arithmetic alone: no network is built
"""

import argparse
import dataclasses
import math
from collections.abc import Callable, Sequence

from deephar import option_types

UNKNOWN = "not measured"

MEASURABLE = (1e-6, 1e15)
"""What a rate, a size or a time may be, in its unit; with anything else, the arithmetic would overflow."""

MOST = 1_000_000
"""Devices, and price of one of them."""


@dataclasses.dataclass(frozen=True)
class Training:
    """One of the paper's trainings.

    Attributes:
        epochs, steps: epochs in all, and batches in each.
        batch: photographs or clips in a batch.
        frames: of a clip; 1 for photographs.
        parameters: of the network: its gradients are as many float32 numbers.
    """

    epochs: int
    steps: int
    batch: int
    frames: int
    parameters: int

    @property
    def images_per_step(self) -> int:
        return self.batch * self.frames

    @property
    def images(self) -> int:
        return self.epochs * self.steps * self.images_per_step


TRAININGS = {
    "mpii": Training(120, 625, 24, 1, 14_746_560),
    "h36m": Training(60, 1250, 24, 1, 16_681_920),
    "penn": Training(35, 629, 2, 16, 12_805_120),
    "ntu": Training(35, 20_160, 2, 20, 16_943_608),
}
"""The batches are the paper's (appendix B), which trains until a plateau. Epochs are those of the published scripts for
MPII and for the 3D baseline, and of this library's `--stages fixed`. An epoch is 15,000 people of MPII, alone or as
half of each batch; 1,258 videos of Penn Action; the 40,320 clips of NTU's cross-subject split."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured for one training; None: it was not.

    Attributes:
        network: images a second that one device trains on, without waiting for data or for other devices.
        loader: images a second that one core prepares.
        cores: for every device, that may load.
        interconnect: GB/s of an all-reduce on each device (the "bus bandwidth" of common benchmarks).
        gradients: bytes that are exchanged in a step.
        opens: files a second that the storage opens for all.
        packed: whether images lie in few files that stay open instead of one for each.
        largest_batch: photographs or clips in the largest batch with which the recipe reached its score.
        chief: seconds after every epoch in which the first process saves and scores while the others wait.
        price: of one device for an hour.
    """

    network: float | None = None
    loader: float | None = None
    cores: float | None = None
    interconnect: float | None = None
    gradients: float | None = None
    opens: float | None = None
    packed: bool = False
    largest_batch: float | None = None
    chief: float | None = None
    price: float | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a number of devices need; None where a measurement is missing.

    Attributes:
        batch: photographs or clips in a batch of all devices, each having one of the paper's.
        loader_cores: for every device.
        shards: files of packed data so that every loading process has one of its own.
        hours: from the first step to the last.
        cost: of all devices.
    """

    batch: int
    loader_cores: int | None
    shards: int | None
    hours: float | None
    cost: float | None


def plan(training: Training, measured: Measured, devices: int) -> Plan:
    """What a training needs on a number of devices that see as many images together as one would alone.

    Loading overlaps with computing; the exchange of gradients is taken not to. Where `cores` is unknown, there are
    taken to be enough of them, and where `chief` is, it takes no time.

    Args:
        training: which.
        measured: throughputs.
        devices: how many.
    """
    cores = _known(lambda network, loader: math.ceil(network / loader), measured.network, measured.loader)
    step = step_seconds(training, measured)
    exchange = exchange_seconds(training, measured, devices)
    seconds = None
    if step is not None and exchange is not None:
        loading = 0.0
        if measured.loader is not None and measured.cores is not None:
            loading = training.images_per_step / (measured.loader * measured.cores)
        steps = training.epochs * math.ceil(training.steps / devices)
        seconds = steps * max(step + exchange, loading) + training.epochs * (measured.chief or 0.0)
    hours = _known(lambda seconds: seconds / 3600, seconds)
    cost = _known(lambda hours, price: hours * devices * price, hours, measured.price)
    return Plan(devices * training.batch, cores, _known(lambda cores: cores * devices, cores), hours, cost)


def step_seconds(training: Training, measured: Measured) -> float | None:
    """Seconds that one device computes on one of the paper's batches."""
    return _known(lambda network: training.images_per_step / network, measured.network)


def exchange_seconds(training: Training, measured: Measured, devices: int) -> float | None:
    """Seconds of a ring's all-reduce: every device sends and receives 2 (N - 1) / N of the gradients."""
    if devices == 1:
        return 0.0
    size = training.parameters * 4 if measured.gradients is None else measured.gradients
    return _known(lambda speed: 2 * (devices - 1) / devices * size / (speed * 1e9), measured.interconnect)


def limits(training: Training, measured: Measured, slack: float = 0.1) -> dict[str, float | None]:
    """Up to how many devices each part keeps up; infinity where their number does not matter, None if not measured.

    Args:
        training: which.
        measured: throughputs.
        slack: share of the computing time that may be lost to one part.

    Returns:
        dict: "loader": more cores are needed for a device than it has; "files": the storage opens no more files;
        "all-reduce": the exchange of gradients takes more than the slack; "batch": larger than any that reached the
        score at a rate that is known; "chief": saving and scoring take more than the slack of an epoch.
    """
    step = step_seconds(training, measured)
    size = training.parameters * 4 if measured.gradients is None else measured.gradients

    def loader(network: float, loader: float, cores: float) -> float:
        return math.inf if network <= loader * cores else 0

    def files(network: float, opens: float) -> float:
        return math.floor(opens / network)

    def all_reduce(step: float, speed: float) -> float:
        share = slack * step * speed * 1e9 / (2 * size)  # that (N - 1) / N may reach
        return math.inf if share >= 1 else max(1, math.floor(1 / (1 - share)))

    def chief(step: float, seconds: float) -> float:
        return math.floor(slack * training.steps * step / seconds) if seconds else math.inf

    return {
        "loader": _known(loader, measured.network, measured.loader, measured.cores),
        "files": math.inf if measured.packed else _known(files, measured.network, measured.opens),
        "all-reduce": _known(all_reduce, step, measured.interconnect),
        "batch": _known(lambda largest: math.floor(largest / training.batch), measured.largest_batch),
        "chief": _known(chief, step, measured.chief),
    }


def first_to_break(found: dict[str, float | None], devices: int) -> str:
    """Name of the part that breaks first on the way to a number of devices, of those that were measured."""
    known = {name: most for name, most in found.items() if most is not None}
    broken = [name for name, most in known.items() if most < devices]
    if not known:
        return UNKNOWN
    return min(broken, key=known.__getitem__) if broken else "none" if len(known) == len(found) else "none measured"


def _known(function: Callable[..., float], *values: float | None):
    """The value of a function, None if an argument is missing."""
    return None if any(value is None for value in values) else function(*values)


def named(text: str) -> tuple[str, float]:
    """Reads "NAME=VALUE" of a training, or "VALUE" of all that are not named, whose name is then empty."""
    name, _, number = text.rpartition("=")
    if name and name not in TRAININGS:
        raise argparse.ArgumentTypeError(f"expected a training of {', '.join(TRAININGS)}. Received: {text}")
    try:
        return name, option_types.within(*MEASURABLE)(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, or NAME=NUMBER. Received: {text}") from None


def by_name(given: Sequence[tuple[str, float]] | None) -> dict[str, float]:
    """Numbers of trainings, from what `named` has read."""
    found: dict[str, float] = {}
    for name, value in sorted(given or (), key=lambda pair: pair[0] != ""):
        found |= dict.fromkeys([name] if name else TRAININGS, value)
    return found


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    helps = {
        "--network-rate": "images a second that one device trains on",
        "--loader-rate": "images a second that one core prepares",
        "--cores": "for every device, that may load",
        "--interconnect": "GB/s of an all-reduce on each device",
        "--gradient-bytes": "exchanged in a step (default: 4 for every parameter)",
        "--opens": "files a second that the storage opens for all devices",
        "--largest-batch": "with which the recipe reached its score",
        "--chief-seconds": "after every epoch, for saving and scoring",
    }
    for name, text in helps.items():
        parser.add_argument(name, type=named, nargs="+", metavar="[NAME=]X", help=text)
    parser.add_argument("--packed", action="store_true", help="images are packed: no file is opened for each")
    parser.add_argument("--price", type=option_types.within(0, MOST), metavar="X", help="of one device for an hour")
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 8, 64], metavar="N", help="(default: 1 8 64)")
    parser.add_argument("--slack", type=float, default=0.1, help="share of time that a part may cost (default: 0.1)")
    args = parser.parse_args(arguments)
    if min(args.devices) < 1 or max(args.devices) > MOST or not 0 < args.slack < 1:
        parser.error(f"--devices are from 1 to {MOST:,}, and --slack is between 0 and 1")
    args.measured = _measured(args)
    return args


def _measured(args: argparse.Namespace) -> dict[str, Measured]:
    given = {
        "network": by_name(args.network_rate),
        "loader": by_name(args.loader_rate),
        "cores": by_name(args.cores),
        "interconnect": by_name(args.interconnect),
        "gradients": by_name(args.gradient_bytes),
        "opens": by_name(args.opens),
        "largest_batch": by_name(args.largest_batch),
        "chief": by_name(args.chief_seconds),
    }
    common = Measured(packed=args.packed, price=args.price)
    return {
        name: dataclasses.replace(common, **{key: of[name] for key, of in given.items() if name in of})
        for name in TRAININGS
    }


def plans_table(measured: dict[str, Measured], devices: Sequence[int]) -> str:
    """What the trainings need, in Markdown."""
    rows = []
    for name, training in TRAININGS.items():
        for count in devices:
            made = plan(training, measured[name], count)
            cells = [shown(value) for value in (made.batch, made.loader_cores, made.shards, made.hours, made.cost)]
            rows.append([name, shown(count), f"{training.images / 1e6:.1f}", *cells])
    heads = ["training", "devices", "million images", "batch", "loader cores a device", "shards", "hours", "cost"]
    return _table([heads, *rows])


def limits_table(measured: dict[str, Measured], devices: int, slack: float) -> str:
    """Up to how many devices each part keeps up, and what breaks first, in Markdown."""
    rows = []
    for name, training in TRAININGS.items():
        found = limits(training, measured[name], slack)
        rows.append([name, *map(shown, found.values()), first_to_break(found, devices)])
    heads = ["training", *limits(TRAININGS["mpii"], Measured()), f"breaks first up to {devices}"]
    return _table([heads, *rows])


def shown(value: float | None) -> str:
    """A cell."""
    if value is None:
        return UNKNOWN
    if value == math.inf:
        return "any number"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rest])


def main() -> None:
    args = options()
    print(plans_table(args.measured, args.devices))
    print(f"\nDevices up to which each part keeps up, losing {args.slack:.0%} at most:\n")
    print(limits_table(args.measured, max(args.devices), args.slack))


if __name__ == "__main__":
    main()
