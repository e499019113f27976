"""People cropped from their photographs once and kept in memory, for many epochs over few photographs."""

from deephar.data.readers.base import PoseDataset, Sample
from deephar.data.samples.squares import square_around
from deephar.layouts import PoseLayout
from deephar.typed import Size

AROUND = 2.0
"""Side of the cached square, in windows: enough for a window enlarged by 1.4 and rotated by any angle."""


class Cached:
    """A reader that decodes every photograph once and keeps the square around the person, `AROUND` windows wide.

    For augmentations that shift by fractions of the window and enlarge it by 1.4 at most (`photographs`, `lsp`, `mpii`,
    `flip`); of the largest windows, turned by 45 degrees and shifted, a corner may be black. Every worker process has
    its own cache: up to 12 bytes per crop pixel and person, times the square of `detail`.

    Args:
        dataset: a reader.
        size: (height, width) of the crops to be made, in pixels; the cached resolution is limited accordingly.
        detail: pixels kept per pixel of a crop of the whole window; above 1 where crops also show parts of a person.
    """

    def __init__(self, dataset: PoseDataset, size: Size, detail: float = 1.0) -> None:
        self.dataset = dataset
        self.side: int = round(AROUND * detail * max(size))
        self.layout: PoseLayout = dataset.layout
        self._kept: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self.dataset)

    def sample(self, index: int) -> Sample:
        """The person at a position: the reader's `Sample`, in pixels of the cached square; its camera is dropped."""
        if index not in self._kept:
            self._kept[index] = square_around(self.dataset.sample(index), AROUND, self.side)
        return self._kept[index]
