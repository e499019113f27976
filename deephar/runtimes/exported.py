"""A network in a file, run without a training framework."""

import importlib
import threading
import types
import typing
from collections.abc import Callable, Mapping, Sequence

from deephar.runtimes import shapes
from deephar.runtimes.about import About, Tensor
from deephar.typed import Array, Floats

Run: typing.TypeAlias = Callable[[dict[str, Array]], Mapping[str, Floats]]
"""From the inputs of a network to its outputs, both by name."""


class Exported:
    """A network from a file that `deephar export` wrote; several threads take turns.

    Attributes:
        about: `deephar.runtimes.about.About`.
        name: of the weights.
        input_shape: of the first input, (None, H, W, 3) of an image network.
        output_names: see `deephar.models.outputs.describe`.
        outputs: the same, with shapes.

    Args:
        about: what the file says about itself.
        run: runs the network.
        again: function and arguments that open the same file, for another process.
    """

    def __init__(self, about: About, run: Run, again: tuple[Callable[..., "Exported"], tuple[object, ...]]) -> None:
        self.about: About = about
        self.name: str = about.weights
        self.input_shape: typing.Any = about.inputs[0].shape
        self.output_names: Sequence[str] = [output.name for output in about.outputs]
        self.outputs: tuple[Tensor, ...] = about.outputs
        self._run: Run = run
        self._again = again
        self._turn = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        return self._again

    def predict_on_batch(self, x: object, /) -> Floats | list[Floats]:
        """The outputs for a batch, in a list; a single one without.

        Args:
            x: array (B, ...), or a list of them for several inputs.

        Raises:
            ValueError: for inputs of other shapes.
        """
        known = self.about.inputs
        arrays = shapes.checked(x, [one.shape for one in known], [one.dtype for one in known])
        with self._turn:
            found = self._run({one.name: array for one, array in zip(known, arrays, strict=True)})
        return shapes.one_or_all([found[name] for name in self.output_names])


def library(name: str, extra: str) -> types.ModuleType:
    """A runtime's module.

    Args:
        name: of the module.
        extra: of deephar, that installs it.

    Raises:
        ImportError: if it is not installed; with the command.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        package = name.partition(".")[0]
        raise ImportError(f'{package} is not installed; install it with: pip install "deephar[{extra}]"') from None
