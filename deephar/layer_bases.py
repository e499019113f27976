"""Base classes of the layers in `deephar.layers`: dtype, channels, and checks of inputs."""

import typing

import keras
from keras import layers

from deephar import checks, ops
from deephar.typed import Tensor

Shape: typing.TypeAlias = tuple[int | None, ...]
"""Shape of a tensor, None for an unknown size."""

DType: typing.TypeAlias = str | keras.DTypePolicy | None


class _Options(typing.TypedDict, total=False):
    name: str | None
    trainable: bool
    activity_regularizer: keras.regularizers.Regularizer | str | None


class LayerOptions(_Options, total=False):
    """Keyword arguments of every layer, as of Keras' own."""

    dtype: DType
    autocast: bool


class MapsOptions(LayerOptions, total=False):
    """Keyword arguments of every layer on maps."""

    data_format: str | None


class _PreciseOptions(_Options, total=False):
    data_format: str | None


class _SameDtypeOptions(_Options, total=False):
    dtype: DType


class CheckedLayer(layers.Layer):
    """Base of the layers that check the axes of their inputs, in symbolic and in eager calls.

    Attributes:
        NEEDS: the inputs in the order of `call` and their axes, in the syntax of `deephar.checks.axes`.
    """

    NEEDS: str = ""

    def check(self, *inputs: Tensor | Shape) -> None:
        """Raise ValueError unless tensors (or shapes) have the axes that the layer needs."""
        checks.axes(type(self).__name__, self.NEEDS, *(_shape(x) for x in inputs if x is not None))


def _shape(x) -> Shape:
    return getattr(x, "shape", x)


class MapsLayer(CheckedLayer):
    """Base of the layers on maps, with channels last.

    Args:
        data_format: "channels_last"; None takes `keras.config.image_data_format()`, which must be that.
    """

    def __init__(self, *, data_format: str | None = None, **kwargs: typing.Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.data_format: str = channels_last(type(self).__name__, data_format)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "data_format": self.data_format}


def channels_last(owner: str, data_format: str | None) -> str:
    """The only supported data format, or ValueError; None stands for the user's default."""
    data_format = data_format or keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            f"{owner} needs maps with channels last. Received: data_format={data_format!r}, perhaps from "
            "keras.config.image_data_format(). Move the channels to the last axis and set data_format='channels_last'"
        )
    return data_format


class PreciseLayer(CheckedLayer):
    """Base of the layers that need precision: float32 under every policy, or the dtype explicitly requested.

    They compute in float64 for float64, else in float32, and do not cast their inputs, so that a half-precision policy
    at most rounds their result.
    """

    def __init__(
        self, *, dtype: DType = "float32", autocast: bool = False, **kwargs: typing.Unpack[_PreciseOptions]
    ) -> None:
        super().__init__(dtype=dtype or "float32", autocast=autocast, **kwargs)
        if not keras.backend.is_float_dtype(self.compute_dtype):
            raise ValueError(f"{type(self).__name__} needs a float dtype. Received: dtype={dtype!r}")

    @property
    def precision(self) -> str:
        """Dtype of the computation."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    def rounded(self, x: Tensor) -> Tensor:
        """A result in the layer's dtype; values beyond the range of half precision saturate."""
        return x if self.compute_dtype == self.precision else keras.ops.saturate_cast(x, self.compute_dtype)


class GridLayer(PreciseLayer):
    """Base of the layers that compute coordinates on a grid.

    Args:
        grid: one of `deephar.ops.GRIDS`.
    """

    def __init__(self, grid: str = "end_inclusive", **kwargs: typing.Unpack[MapsOptions]) -> None:
        super().__init__(**kwargs)
        self.grid: str = checks.one_of("grid", grid, ops.GRIDS)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "grid": self.grid}


class SameDtypeLayer(CheckedLayer):
    """Base of the layers that only rearrange values: the dtype is the input's, whatever the policy."""

    def __init__(self, *, autocast: bool = False, **kwargs: typing.Unpack[_SameDtypeOptions]) -> None:
        super().__init__(autocast=autocast, **kwargs)

    def compute_output_spec(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(x.shape), dtype=x.dtype)
