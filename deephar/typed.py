"""Shared types: arrays, tensors of any backend, networks, paths. Shapes are in docstrings."""

import os
import typing

import numpy as np
import numpy.typing as npt

Path: typing.TypeAlias = str | os.PathLike[str]

ArrayLike: typing.TypeAlias = npt.ArrayLike
"""Anything that `numpy.asarray` accepts: an array, a number, nested lists of numbers."""

Array: typing.TypeAlias = npt.NDArray[np.generic]
Floats: typing.TypeAlias = npt.NDArray[np.floating]
Ints: typing.TypeAlias = npt.NDArray[np.integer]
Bools: typing.TypeAlias = npt.NDArray[np.bool_]
Pixels: typing.TypeAlias = npt.NDArray[np.uint8]

Size: typing.TypeAlias = tuple[int, int]
"""(width, height) or (height, width) in pixels; each function states which."""

Json: typing.TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"


class Tensor(typing.Protocol):
    """A tensor of the backend, a symbolic `keras.KerasTensor`, or an array: whatever `keras.ops` takes and returns."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> object: ...

    def __getitem__(self, key: typing.Any, /) -> typing.Any: ...

    def __add__(self, other: typing.Any, /) -> typing.Any: ...

    def __radd__(self, other: typing.Any, /) -> typing.Any: ...

    def __sub__(self, other: typing.Any, /) -> typing.Any: ...

    def __rsub__(self, other: typing.Any, /) -> typing.Any: ...

    def __mul__(self, other: typing.Any, /) -> typing.Any: ...

    def __rmul__(self, other: typing.Any, /) -> typing.Any: ...

    def __truediv__(self, other: typing.Any, /) -> typing.Any: ...

    def __rtruediv__(self, other: typing.Any, /) -> typing.Any: ...

    def __pow__(self, other: typing.Any, /) -> typing.Any: ...

    def __lt__(self, other: typing.Any, /) -> typing.Any: ...

    def __le__(self, other: typing.Any, /) -> typing.Any: ...

    def __gt__(self, other: typing.Any, /) -> typing.Any: ...

    def __ge__(self, other: typing.Any, /) -> typing.Any: ...

    def __and__(self, other: typing.Any, /) -> typing.Any: ...

    def __neg__(self) -> typing.Any: ...


class Network(typing.Protocol):
    """A predictor: a `keras.Model`, or any object that names its outputs like one (`deephar.models.outputs`)."""

    output_names: typing.Sequence[str]

    def predict_on_batch(self, x: object, /) -> object: ...
