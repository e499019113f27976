"""Times of several tasks that are compared."""

import time
from collections.abc import Callable, Mapping


def in_turn(tasks: Mapping[str, Callable[[], object]], rounds: int, before: int = 2) -> dict[str, list[float]]:
    """Seconds of every task in every round; all of them in turn, since a machine's speed drifts.

    Args:
        tasks: functions without arguments, by name.
        rounds: that count.
        before: rounds that do not, in which whatever is compiled is.

    Returns:
        dict from name to a list of `rounds` numbers.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(before + rounds):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            times[name].append(time.perf_counter() - start)
    return {name: found[before:] for name, found in times.items()}
