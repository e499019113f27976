"""What an exported file says about itself, in JSON; it needs no Keras."""

import dataclasses
import json
import typing

from deephar.runtimes.shapes import Shape
from deephar.typed import Path
from deephar.weights import description
from deephar.weights.description import Description

FORMAT = "deephar-export-1"

KEY = "deephar"
"""Under which the formats' own metadata hold the text."""

_CONVENTIONS = {
    "pixels": "RGB / 127.5 - 1, in [-1, 1], channels last",
    "coordinates": "x and y in [0, 1] from the left upper corner of the crop; depth in [0, 1] of 2 m around the pelvis",
    "window": "the crop shows a square around the middle of a person's box, window_margin times its longer side wide",
}
"""For whoever has nothing but the file."""


class Tensor(typing.NamedTuple):
    """An input or output: its name, shape (None for any length) and type."""

    name: str
    shape: Shape
    dtype: str = "float32"


class Moved(typing.NamedTuple):
    """How far int8 moves joints from where float32 finds them, in pixels of the crop: the median, what nine in ten
    joints stay below, and the largest distance."""

    median: float
    nine_in_ten: float
    largest: float

    def __str__(self) -> str:
        return (
            f"joints are {self.median:.2g} pixels of the crop from those of float32 in the median, nine in ten within "
            f"{self.nine_in_ten:.2g}, the farthest {self.largest:.2g}"
        )


@dataclasses.dataclass(frozen=True)
class About:
    """An exported network.

    Attributes:
        weights: their name, or that of their file.
        inputs, outputs: in order.
        model: `deephar.weights.description.Description` of a network of poses or actions; None for the detector's.
        int8: what was lost when its features were quantised; None for a network in float32.
    """

    weights: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    model: Description | None = None
    int8: Moved | None = None

    def to_text(self) -> str:
        """JSON that `parse` reads."""
        stored = {
            "format": FORMAT,
            "weights": self.weights,
            "inputs": [one._asdict() for one in self.inputs],
            "outputs": [one._asdict() for one in self.outputs],
            "model": None if self.model is None else self.model.to_json(),
            "int8": None if self.int8 is None else self.int8._asdict(),
            "conventions": _CONVENTIONS,
        }
        return json.dumps(stored)


def parse(text: str | None, path: Path) -> About:
    """The `About` in a text of `About.to_text`.

    Args:
        text: None if a file has none.
        path: of the file, for messages.

    Raises:
        ValueError: if it is missing, malformed, or of a later version.
    """
    if text is None:
        raise ValueError(f"{path} does not say what it holds; expected a file that `deephar export` has written")
    try:
        stored = json.loads(text)
        version = stored["format"]
        if version == FORMAT:
            model = stored["model"]
            inputs, outputs = (tuple(map(_tensor, stored[name])) for name in ("inputs", "outputs"))
            about = None if model is None else description.from_json(model, path)
            moved = stored.get("int8")
            return About(str(stored["weights"]), inputs, outputs, about, None if moved is None else _moved(moved))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, json.JSONDecodeError) as error:
        raise ValueError(f"What {path} says about itself is damaged: {error!r}") from None
    raise ValueError(f"{path} has the format {version!r}; this version of deephar reads {FORMAT!r}. Update deephar")


def _moved(stored: dict[str, float]) -> Moved:
    return Moved(*(float(stored[name]) for name in Moved._fields))


def _tensor(stored: dict[str, typing.Any]) -> Tensor:
    return Tensor(str(stored["name"]), tuple(stored["shape"]), str(stored["dtype"]))
