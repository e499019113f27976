"""Loads weights of the original implementation (Keras 2.1.4 HDF5) into our models, with every array accounted for.

The original stored one HDF5 group per top-level layer, and nested models as one group. The names of inner layers
are auto-numbered and meaningless; what matters is the role of the group, the order within it, and each array's kind
and shape. The original also stored fixed values (soft-argmax grids, context sums) as weights: those are compared with
our constants and carry no information.

    deephar convert FILE --model mpii-2d --out mpii.weights.h5
"""

import collections
import dataclasses
import pathlib
import re
import typing

import h5py
import numpy as np

from deephar.models import registry
from deephar.models.action.legacy import MERGE
from deephar.typed import Floats, Path

if typing.TYPE_CHECKING:
    from deephar.models.parts import Model


class Variable(typing.Protocol):
    """A Keras variable."""

    def assign(self, value: Floats, /) -> object: ...


class Stored(typing.NamedTuple):
    """An array in a file."""

    name: str
    kind: str
    array: Floats


class Wanted(typing.NamedTuple):
    """An array that a file must have: for a variable of the model, or a constant that it must equal."""

    name: str
    kind: str
    shape: tuple[int, ...]
    variable: Variable | Floats


CONSTANT_TOLERANCE = 1e-6

_ACT = re.compile(r"act(\d+)_(.+)")


@dataclasses.dataclass(frozen=True)
class Report:
    """How every array of a file was used.

    Attributes:
        loaded: (array in the file, variable of the model, shape), in file order; every variable occurs once.
        constants: (array in the file, shape, largest difference from our constant).
    """

    loaded: list[tuple[str, str, tuple[int, ...]]]
    constants: list[tuple[str, tuple[int, ...], float]]

    def __str__(self) -> str:
        rows = [f"{source} -> {target} {tuple(shape)}" for source, target, shape in self.loaded]
        rows += [f"{source} = constant {tuple(shape)}, off by {gap:.1e}" for source, shape, gap in self.constants]
        total = sum(int(np.prod(shape)) for _, _, shape in self.loaded)
        rows.append(
            f"{len(self.loaded)} arrays loaded ({total:,} numbers), {len(self.constants)} constants checked, "
            "none left over, none missing"
        )
        return "\n".join(rows)


def load_legacy_weights(model: "Model", path: Path) -> Report:
    """Load a weight file of the original implementation.

    Args:
        model: from `deephar.models.build`, of the same configuration as the file.
        path: `.h5` written by the original under Keras 2.1.4, nested models frozen or not.

    Returns:
        a `Report`; `print` shows every array and where it went.

    Raises:
        ValueError: if the file is not such a file or does not match in any respect; the model is left unchanged.
    """
    path = pathlib.Path(path)
    stored = read_legacy_file(path)
    expected = legacy_groups(model)
    problem = _compare_groups(stored, expected)
    if problem:
        raise ValueError(f"{path.name} does not match the model {model.name!r}: {problem}. The model is unchanged.")
    loaded, constants = [], []
    for role, wanted in expected.items():
        try:
            pairs = _match(stored[role], wanted)
        except ValueError as error:
            raise ValueError(
                f"{path.name} does not match the model {model.name!r}: group {role}: {error}. The model is unchanged."
            ) from None
        for array, target in pairs:
            if isinstance(target.variable, np.ndarray):
                gap = float(np.max(np.abs(array.array - target.variable)))
                constants.append((f"{role}/{array.name}", array.array.shape, gap))
            else:
                loaded.append((f"{role}/{array.name}", target, array.array))
    for _, target, array in loaded:
        target.variable.assign(array)
    return Report([(source, target.name, array.shape) for source, target, array in loaded], constants)


def read_legacy_file(path: Path) -> dict[str, list[Stored]]:
    """Read every array of a Keras 2.1.4 weight file.

    Args:
        path: the file.

    Returns:
        dict from group name to a list of `Stored(name, kind, array)` in stored order, groups without weights left
        out; `kind` is "kernel", "beta", "moving_mean" and so on.

    Raises:
        ValueError: if it is missing, not HDF5, truncated, not a weight file, or holds NaN or infinity.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"No such weight file: {path}")
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            if "layer_names" not in root.attrs:
                content = ", ".join(list(root)[:5]) or "nothing"
                raise ValueError(
                    "it is HDF5 but has no `layer_names`: expected a weight file of the original implementation "
                    f"(Keras 2.1.4). Received: an HDF5 file with {content}"
                )
            groups = {name: _read_group(root, name) for name in _names(root, "layer_names")}
            _check_index(root, groups)
    except (OSError, KeyError, RuntimeError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path.name} is not a complete HDF5 weight file (truncated, or another format): {error}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path.name} is damaged or not a weight file: {error}") from None
    return _roles({name: arrays for name, arrays in groups.items() if arrays})


def _roles(groups):
    """Groups by role: the two auto-numbered ones that merge action maps are in the order pose, appearance; action
    blocks of an SPNet, which the original counted on from one network to the next, are numbered from 1."""
    numbered = [name for name in groups if name.startswith("separable_conv2d_")]
    renamed = dict(zip(numbered, MERGE.values(), strict=False))
    acts = {name: found for name in groups if (found := _ACT.fullmatch(name))}
    order = {number: place for place, number in enumerate(sorted({int(found[1]) for found in acts.values()}), start=1)}
    renamed |= {name: f"act{order[int(found[1])]}_{found[2]}" for name, found in acts.items()}
    return {renamed.get(name, name): arrays for name, arrays in groups.items()}


def _names(item, attribute):
    """The names listed in an attribute, without duplicates."""
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in item.attrs[attribute]]
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{attribute} of {item.name} lists {', '.join(twice)} twice")
    return names


def _read_group(root, name):
    arrays = []
    for weight in _names(root[name], "weight_names"):
        item = root[name][weight]
        array = np.asarray(item)
        if not isinstance(item, h5py.Dataset) or array.dtype.kind != "f" or not np.all(np.isfinite(array)):
            raise ValueError(f"{name}/{weight} must hold finite numbers; it holds NaN, infinity or something else")
        arrays.append(Stored(weight, weight.rsplit("/", 1)[-1].split(":")[0], array))
    return arrays


def _check_index(root, groups):
    """Check that every array in the file is listed, and so accounted for."""
    listed = {f"{group}/{stored.name}" for group, arrays in groups.items() for stored in arrays}
    present = set()
    root.visititems(lambda name, item: present.add(name) if isinstance(item, h5py.Dataset) else None)
    unlisted = sorted(present - listed)
    if unlisted:
        raise ValueError(f"its index omits {', '.join(unlisted[:5])}")


def legacy_groups(model: "Model") -> dict[str, list[list[Wanted]]]:
    """How the original would have stored this model.

    Args:
        model: from `deephar.models.build`.

    Returns:
        dict from group name to a list of layers, in stored order; a layer is a list of `Wanted(name, kind, shape,
        variable)`, where `variable` is a Keras variable or, for a constant, the array it must equal.
    """
    legacy = registry.legacy(model)
    groups, constants = legacy.groups({layer.name for layer in model.layers}), legacy.constants(model)
    learned = {role: [_learned(model, name) for name in leaves] for role, leaves in groups.items()}
    return learned | {role: [[_constant(*one) for one in every]] for role, every in constants.items()}


def _learned(model, name):
    layer_name, _, part = name.partition(".")
    layer = model.get_layer(layer_name)
    layer = getattr(layer, part) if part else layer
    return [Wanted(variable.path, variable.name, tuple(variable.shape), variable) for variable in layer.weights]


def _constant(name, kind, value):
    return Wanted(f"constant {name}", kind, value.shape, value)


def _compare_groups(stored, expected):
    missing = [role for role in expected if role not in stored]
    extra = [role for role in stored if role not in expected]
    kinds = ["clips" if "td_Stem" in groups else "images" for groups in (stored, expected)]
    if kinds[0] != kinds[1]:
        return f"expected the file of a network for {kinds[1]}. Received: one for {kinds[0]}"
    blocks = [sum(role.startswith("rBlock") for role in groups) for groups in (stored, expected)]
    if blocks[0] != blocks[1]:
        return f"expected {blocks[1]} prediction blocks. Received: {blocks[0]}"
    if missing or extra:
        return f"missing groups: {', '.join(missing) or 'none'}; groups left over: {', '.join(extra) or 'none'}"
    return None


def _match(stored, layers):
    """Pair the arrays of one group with ours, in whichever of the two stored orders matches."""
    flat = [wanted for layer in layers for wanted in layer]
    fixed_last = sorted(flat, key=lambda wanted: wanted.kind.startswith("moving_"))
    if len(stored) != len(flat):
        raise ValueError(f"expected {len(flat)} arrays. Received: {len(stored)}")
    faults = []
    for order in (fixed_last, flat):
        problems = [problem for problem in map(_mismatch, stored, order) if problem]
        if not problems:
            return list(zip(stored, order, strict=True))
        faults.append(problems)
    raise ValueError(min(faults, key=len)[0])


def _mismatch(stored, wanted):
    """None, or what is wrong with taking `stored` for `wanted`."""
    if stored.kind != wanted.kind or stored.array.shape != wanted.shape:
        return (
            f"expected {wanted.kind} {wanted.shape} for {wanted.name}. "
            f"Received: {stored.kind} {stored.array.shape} ({stored.name})"
        )
    if isinstance(wanted.variable, np.ndarray):
        gap = float(np.max(np.abs(stored.array - wanted.variable)))
        if gap > CONSTANT_TOLERANCE:
            return (
                f"{stored.name} should equal the {wanted.name} of our soft-argmax or context sum but differs by up to "
                f"{gap:.3g}; the original would have used the file's values, which we do not support"
            )
    return None
