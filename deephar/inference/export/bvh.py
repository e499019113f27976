"""BVH of 3D poses: a hierarchy of joints with rotations over time, as animation programs read it.

A joint where several bones begin has a joint without length for each of them, named after both ends (pelvis_r_hip): so
every bone turns on its own, and all directions are those of the poses. Lengths are the medians over the whole file.
"""

import pathlib
from collections.abc import Iterator

import numpy as np
from scipy.spatial.transform import Rotation

from deephar.inference.export import bones
from deephar.inference.export.about import About
from deephar.inference.export.takes import Take, Takes
from deephar.typed import Floats, Path

_MOVES = "Xposition Yposition Zposition"
_TURNS = "Zrotation Xrotation Yrotation"


class Bvh(Takes):
    """Writes every person as a BVH file: mm, y up, frames at a constant rate; gaps repeat the frame before.

    Args:
        path: of the file.
        about: what all results have in common.

    Raises:
        ValueError: if the layout has no pelvis, its links are no tree from there, or `path` is a folder.
        OSError: if its folder cannot be written to.
    """

    def __init__(self, path: Path, about: About) -> None:
        self._bones = bones.hierarchy(about.layout)
        super().__init__(path, about)

    def _text(self, take: Take, path: pathlib.Path) -> str:
        points = _held(take.points_mm)
        if not len(points):
            return ""
        names = ["_".join(name.split()) for name in self.about.layout.names]
        skeleton = _Skeleton(names, self._bones, points)
        hierarchy = list(skeleton.lines())
        root = points[:, self._bones.order[0]]
        motion = np.concatenate([root, *skeleton.angles], axis=1)
        lines = ["HIERARCHY", *hierarchy, "MOTION", f"Frames: {len(points)}", f"Frame Time: {1 / take.rate:.8f}"]
        lines += [" ".join(f"{value:.6f}" for value in row) for row in motion.tolist()]
        return "\n".join(lines) + "\n"


def _held(points: Floats) -> Floats:
    """Points (F, J, 3) in which a frame without all joints repeats the last with all; no frame if there is none."""
    whole = np.isfinite(points).all(axis=(1, 2))
    if not whole.any():
        return points[:0]
    places = np.maximum.accumulate(np.where(whole, np.arange(len(points)), int(np.argmax(whole))))
    return points[places]


class _Skeleton:
    """Lines of the hierarchy and, once they are taken, the rotations of its joints in the same order.

    Attributes:
        angles: (F, 3) degrees of each joint.
    """

    def __init__(self, names: list[str], tree: bones.Bones, points: Floats) -> None:
        self.angles: list[Floats] = []
        self._names = names
        self._tree = tree
        self._points = points
        self._lengths = bones.lengths(points, tree)

    def lines(self) -> Iterator[str]:
        root = self._tree.order[0]
        upright = Rotation.identity(len(self._points))
        return self._joint(self._names[root], root, self._tree.children(root), np.zeros(3), upright, 0)

    def _joint(
        self, name: str, place: int, ends: list[int], offset: Floats, inherited: Rotation, depth: int
    ) -> Iterator[str]:
        """A joint of the file at a joint of the layout, with the bones to other joints that turn with it."""
        turned = self._turned(place, ends, inherited)
        self.angles.append(bones.euler(inherited.inv() * turned))
        indent = "\t" * depth
        yield from (f"{indent}{'JOINT' if depth else 'ROOT'} {name}", f"{indent}{{")
        yield f"{indent}\tOFFSET {_numbers(offset)}"
        yield f"{indent}\tCHANNELS {f'3 {_TURNS}' if depth else f'6 {_MOVES} {_TURNS}'}"
        if not ends:
            yield from (f"{indent}\t{line}" for line in ("End Site", "{", f"\tOFFSET {_numbers(np.zeros(3))}", "}"))
        for end in ends:
            if len(ends) == 1:
                bone = self._lengths[end] * self._tree.rest[end]
                yield from self._joint(self._names[end], end, self._tree.children(end), bone, turned, depth + 1)
            else:
                between = f"{self._names[place]}_{self._names[end]}"
                yield from self._joint(between, place, [end], np.zeros(3), turned, depth + 1)
        yield f"{indent}}}"

    def _turned(self, place: int, ends: list[int], inherited: Rotation) -> Rotation:
        if len(ends) == 1:
            toward = self._points[:, ends[0]] - self._points[:, place]
            return bones.swing(inherited, self._tree.rest[ends[0]], toward)
        return bones.facing(self._points, self._tree, place, inherited)


def _numbers(values: Floats) -> str:
    return " ".join(f"{value:.6f}" for value in values.tolist())
