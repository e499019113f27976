"""Poses in photographs from another annotator or network; any layout, with a confidence."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np

from deephar import layouts
from deephar.data.readers.names import folded
from deephar.data.readers.reading import reading
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Path


class PoseFile:
    """Poses from a file, by the name of the photograph.

    An .npz holds `name` (N,), file names, and an array (N, J, 2 or more): x, y in source pixels, then columns that are
    ignored except one with the confidence. A .json holds `{"poses": [{"name": "a.jpg", "joints": [[x, y, confidence],
    ...]}, ...]}`, and its `layout` as from `PoseLayout.to_json`, or a name; `null` for a joint that is not located.

    Args:
        path: of the file.
        layout: of the joints, a `PoseLayout` or a name; may be omitted for a .json that contains it.
        array: name of the array in an .npz.
        confidence: column of the confidence; None if there is none.
        least: minimum confidence; joints below it count as not located.

    Raises:
        ValueError: if the file is missing, damaged, or its joints do not match the layout.
    """

    def __init__(
        self,
        path: Path,
        layout: PoseLayout | str | None = None,
        array: str = "pose",
        confidence: int | None = 2,
        least: float = 0.0,
    ) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        read = _read_json if self.path.suffix.lower() == ".json" else read_npz
        names, poses, stored = read(self.path, array)
        self.layout: PoseLayout = layouts.get(layout) if layout else layouts.from_json(stored)
        if poses.ndim != 3 or poses.shape[1] != len(self.layout) or poses.shape[2] < 2 or len(poses) != len(names):
            raise ValueError(
                f"{self.path} must have (N, {len(self.layout)}, 2 or more) joints of {self.layout.name} for its "
                f"{len(names)} names. Received: {poses.shape}"
            )
        pose_px = poses[..., :2].astype(np.float64)
        pose_px[~np.isfinite(pose_px).all(axis=-1)] = np.nan
        if confidence is not None and poses.shape[2] > confidence:
            pose_px[~(poses[..., confidence] >= least)] = np.nan
        self._poses = by_name(self.path, names, pose_px)

    def __len__(self) -> int:
        return len(self._poses)

    def pose_px(self, name: str) -> Floats:
        """Joints (J, 2) in a photograph by its name, ignoring folders; all NaN if the file has none for it."""
        found = self._poses.get(key(name))
        return np.full((len(self.layout), 2), np.nan) if found is None else found.copy()


def by_name(path: pathlib.Path, names: Sequence[object], poses: Floats) -> dict[str, Floats]:
    """Poses by the `key` of their photographs; raises ValueError, which names the file, if one is there twice."""
    keys = [key(name) for name in names]
    found = dict(zip(keys, poses, strict=True))
    if len(found) < len(keys):
        twice = next(one for one in keys if keys.count(one) > 1)
        raise ValueError(f"{path} has {twice} twice; photographs are identified by their names without folders")
    return found


def key(name: object) -> str:
    """A photograph's name as files of poses know it: without its folder, however it is stored."""
    name = name.decode("utf-8") if isinstance(name, bytes) else name
    return folded(str(name).replace("\\", "/").split("/")[-1])


def read_npz(path: pathlib.Path, array: str) -> tuple[list[object], Floats, None]:
    """Names and an array out of an .npz, and no layout; raises ValueError if it is missing or damaged."""
    with reading(path, f"an .npz with `name` and `{array}`"), np.load(path, allow_pickle=False) as file:
        return list(file["name"]), np.asarray(file[array], dtype=np.float64), None


def _read_json(path, _):
    with reading(path, 'poses as JSON, {"layout": ..., "poses": [{"name": ..., "joints": ...}]}'):
        stored = json.loads(path.read_text(encoding="utf-8-sig"))
        people = stored["poses"]
        joints = max((len(person["joints"]) for person in people), default=0)
        poses = np.full((len(people), joints, 3), np.nan)
        for person, pose in zip(people, poses, strict=True):
            if len(person["joints"]) != joints:
                raise ValueError(f"{person['name']} has {len(person['joints'])} joints, others have {joints}")
            for place, joint in enumerate(person["joints"]):
                pose[place, : len(joint or ())] = joint or ()
                pose[place, len(joint or ()) :] = 1.0 if joint else np.nan  # certain without a confidence
        return [person["name"] for person in people], poses, stored.get("layout")
