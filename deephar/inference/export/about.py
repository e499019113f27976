"""What a file of results says about all of them."""

import dataclasses
import math
from collections.abc import Mapping

from deephar.layouts import PoseLayout


@dataclasses.dataclass(frozen=True)
class About:
    """Where results come from.

    Attributes:
        layout: of the joints.
        weights: name or file of the network's weights.
        source: name of the video, stream, camera or folder.
        fps: frames in a second of the source, NaN if unknown.
        settings: what else the results depend on, by name; for a file that is gone on with, and for readers.

    Raises:
        ValueError: if `fps` is not above 0.
    """

    layout: PoseLayout
    weights: str
    source: str
    fps: float = math.nan
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (math.isnan(self.fps) or 0 < self.fps < math.inf):
            raise ValueError(f"`fps` must be above 0, or NaN if unknown. Received: fps={self.fps!r}")
