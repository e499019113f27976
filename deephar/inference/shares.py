"""Shares of many photographs, so that the tasks of an array job, each with one of them, see every photograph once."""

import dataclasses
import pathlib
import re
import typing

from deephar.typed import Path


@dataclasses.dataclass(frozen=True)
class Share:
    """One of several shares of something that is in order.

    Args:
        index: from 0 to `count` - 1, as array jobs number their tasks.
        count: of all shares.
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> typing.Self:
        """The share that "3/8" means: the fourth of eight.

        Raises:
            ValueError: for anything but I/N with I from 0 to N - 1.
        """
        numbers = re.fullmatch(r"([0-9]+)/([0-9]+)", text.strip())
        share = cls(*map(int, numbers.groups())) if numbers else None
        if share is None or share.index >= share.count:
            received = text or "nothing (is a variable unset?)"
            raise ValueError(f"A share is I/N, such as 3/8, with I from 0 to N - 1. Received: {received}")
        return share

    def of(self, length: int) -> range:
        """Indices of this share: neighbours, in order; shares differ by one in length, at most.

        Args:
            length: of what is shared. Where it is smaller than `count`, some shares are empty.
        """
        return range(self.index * length // self.count, (self.index + 1) * length // self.count)

    def part(self, path: Path) -> pathlib.Path:
        """Path of this share's part of a file: people.jsonl becomes people-00003-of-00008.jsonl.

        Parts sort by name in the order of the shares.
        """
        path = pathlib.Path(path)
        ends = path.suffix if not path.name.lower().endswith(".coco.json") else path.name[-len(".coco.json") :]
        stem = path.name.removesuffix(ends)
        return path.with_name(f"{stem}-{self.index:05d}-of-{self.count:05d}{ends}")
