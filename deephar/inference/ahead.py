"""The next pictures are decoded while the network looks at this one."""

import collections
import concurrent.futures
import typing
from collections.abc import Generator, Iterator

_T = typing.TypeVar("_T")

AHEAD = 4
"""Items that wait, at most."""


def ahead(items: Iterator[_T], live: bool = False) -> Generator[_T]:
    """The items of an iterator, computed in a thread before they are asked for.

    Errors of the iterator are raised where its item would have come. Whoever leaves early waits for the item that is
    being computed, and then owns the iterator again.

    Args:
        items: any iterator.
        live: of items that would be old when they are asked for, or are a program's own; then this is the iterator
            itself.
    """
    if live:
        yield from items
        return
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        waiting = collections.deque(thread.submit(next, items) for _ in range(AHEAD))
        try:
            while True:
                try:
                    item = waiting.popleft().result()
                except StopIteration:
                    return
                waiting.append(thread.submit(next, items))
                yield item
                del item
        finally:
            for future in waiting:
                future.cancel()
