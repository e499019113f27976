"""Photographs with the joints that two public networks found in them, and windows without anybody, as sources to train.

A file of what the networks found is an .npz of `name` (N,), `thunder` (N, 17, 3), MoveNet thunder's joints in COCO's
order with x and y in pixels and a confidence, `heavy` (N, 33, 5), BlazePose heavy's, and, for depth, `heavy_world_mm`
(N, 33, 4), its joints about the middle of the hips in mm and how far off the mirrored photograph's are.
"""

import pathlib
from collections.abc import Collection, Mapping

from deephar.data.readers import backgrounds, lsp, packed, photographs
from deephar.data.readers.base import PoseDataset
from deephar.data.readers.pose_files import PoseFile
from deephar.data.readers.space_files import SpaceFile, WithDepth
from deephar.data.synthetic import empty
from deephar.data.synthetic.groups import Groups
from deephar.data.synthetic.in_groups import PeopleInGroups
from deephar.typed import Path

_NETWORKS = {"thunder": "coco17", "heavy": "blazepose33"}

SCENES, DRAWN = 2000, 3000
"""Numbers of synthetic scenes without anybody, and of people in synthetic groups."""


def seen(reader: PoseDataset, poses: Path, depth: bool = False) -> PoseDataset:
    """A reader whose joints are fused with those of two networks.

    Args:
        reader: of stills; its layout has shoulders and hips.
        poses: file of what the networks found.
        depth: whether its joints are also given BlazePose's depth.

    Raises:
        ValueError: if the file is missing or damaged.
    """
    fused = photographs.SeenByOthers(reader, [PoseFile(poses, layout, array) for array, layout in _NETWORKS.items()])
    return WithDepth(fused, SpaceFile(poses, "blazepose33", "heavy_world_mm")) if depth else fused


def sources(
    people: PoseDataset,
    poses: Path | None,
    street: Path | None,
    street_poses: Path | None,
    seed: int = 0,
    depth: bool = False,
) -> dict[str, PoseDataset]:
    """Sources by name: "lsp" and "drawn", people with labels; "street", people without; "beside" and "empty", nobody.

    Args:
        people: a reader of annotated people.
        poses: file of what the networks found in these.
        street: folder or zip of photographs of one person each; the first 1700 of them are taken.
        street_poses: file of what the networks found there.
        seed: of the windows beside people and of what is drawn.
        depth: see `seen`.

    Raises:
        ValueError: if a path is missing or its file is damaged.
    """
    if not (poses and street and street_poses):
        raise ValueError("This recipe needs --poses, --street and --street-poses; or take another --recipe")
    found = {"lsp": seen(people, poses, depth)}
    found["street"] = seen(photographs.Photographs(street, slice(1700)), street_poses, depth)
    found["beside"] = backgrounds.Backgrounds(found["street"], seed)
    return found | _drawn(seed)


def _drawn(seed: int) -> dict[str, PoseDataset]:
    groups = Groups(DRAWN, layout="lsp14", seed=seed)
    return {"drawn": PeopleInGroups(DRAWN, groups), "empty": empty.EmptyScenes(SCENES, seed=seed)}


PACKED = ("lsp", "street", "beside", "validation")
"""Sources that are packed, a zip of each; see `packed_sources`."""


def check_packed(mixture: Collection[str], given: Mapping[str, object]) -> None:
    """Check that packed people are what a recipe trains on: their joints are the fused ones.

    Args:
        mixture: names of the recipe's sources.
        given: options of the script; those for what is packed must be empty.

    Raises:
        ValueError: if the recipe is of annotated people alone, or files are given besides the packed ones.
    """
    for name in ("data", "poses", "street", "street_poses"):
        if given.get(name):
            raise ValueError(f"--packed takes the place of --{name.replace('_', '-')}; give one of them")
    if "street" not in mixture:
        raise ValueError("Packed people have fused joints; take --recipe fused, or --data instead of --packed")


def packed_sources(folder: Path, seed: int = 0) -> dict[str, PoseDataset]:
    """`sources` and "validation" from a folder that `datasets/pack_lsp.py` has filled.

    Args:
        folder: with lsp.zip and so on.
        seed: of what is drawn.

    Raises:
        ValueError: if one is missing or damaged, or lsp.zip holds photographs that are not for training.
    """
    found = {name: packed.Packed(pathlib.Path(folder) / f"{name}.zip") for name in PACKED}
    others = sorted(set(map(lsp.number_of, found["lsp"].names)) - set(lsp.SPLITS["train"]))
    if others:
        raise ValueError(f"{folder}/lsp.zip holds photograph {others[0]}, not for training; pack the people anew")
    return {**found, **_drawn(seed)}
