"""Weights by name: those that come with this package, and the published files of the original implementation."""

import dataclasses
import pathlib

from deephar import action_names, layouts
from deephar.weights.description import Description

_RELEASES = "https://github.com/dluvizon/deephar/releases/download"
_OURS = "MIT, as deephar: trained on synthetic people alone"
_LICENCE = "the original's MIT licence covers its code; no licence is stated for the weights: assume research use only"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One weight file.

    Attributes:
        file: its name.
        about: `deephar.weights.description.Description`.
        licence: what is known about its licence.
        url: where it is published; None for a file that comes with this package.
        md5: as stated by the original's scripts; the files themselves were never available here.
    """

    file: str
    about: Description
    licence: str
    url: str | None = None
    md5: str | None = None

    @property
    def is_free(self) -> bool:
        """Whether the project's own licence covers it."""
        return self.licence == _OURS


def _shipped(
    name: str,
    preset: str,
    overrides: dict[str, object],
    layout: str,
    score: str,
    actions: tuple[str, ...] = (),
    licence: str = "research use only",
) -> Entry:
    about = Description(preset=preset, overrides=overrides, layout=layouts.get(layout), actions=actions, score=score)
    return Entry(f"{name}.weights.h5", about, licence)


SHIPPED: dict[str, Entry] = {
    "photo-base-2d": _shipped(
        "photo-base-2d",
        "base-2d",
        {"num_joints": 14, "input_shape": (160, 160, 3)},
        "lsp14",
        "LSP-extended, photographs 3701-4200, one crop: PCK@0.2 = 70.6",
    ),
    "photo-lite-2d": _shipped(
        "photo-lite-2d",
        "lite-2d",
        {"num_joints": 14, "input_shape": (160, 160, 3)},
        "lsp14",
        "LSP-extended, photographs 3701-4200, one crop: PCK@0.2 = 66.2",
    ),
    "photo-base-3d": _shipped(
        "photo-base-3d",
        "base-3d",
        {"input_shape": (160, 160, 3)},
        "pa17j",
        "synthetic people in held-out captured poses, one crop, root depth given: MPJPE = 91 mm",
    ),
    "photo-lite-3d": _shipped(
        "photo-lite-3d",
        "lite-3d",
        {"input_shape": (160, 160, 3), "depth_maps": 12},
        "pa17j",
        "synthetic people in held-out captured poses, one crop, root depth given: MPJPE = 101 mm",
    ),
    "lsp-lite-2d": _shipped(
        "lsp-lite-2d",
        "lite-2d",
        {"num_joints": 14, "input_shape": (96, 96, 3)},
        "lsp14",
        "LSP-extended, photographs 3701-4200, one crop: PCK@0.2 = 45.4",
    ),
    "lsp-lite-3d": _shipped(
        "lsp-lite-3d",
        "lite-3d",
        {"input_shape": (96, 96, 3)},
        "pa17j",
        "synthetic people in the wild, one crop, root depth given: MPJPE = 145 mm",
    ),
    "drawn-lite-3d": _shipped(
        "drawn-lite-3d",
        "lite-3d",
        {"input_shape": (128, 128, 3)},
        "pa17j",
        "synthetic people of another seed, one crop, root depth given: MPJPE = 130 mm; photographs: PCK@0.2 = 10.0",
        licence=_OURS,
    ),
    "four-lite": _shipped(
        "four-lite",
        "lite-merge",
        {
            "num_joints": 17,
            "dim": 3,
            "num_blocks": 2,
            "num_context": 0,
            "width": 288,
            "depth_maps": 8,
            "input_shape": (128, 128, 3),
            "num_actions": (20, 60),
        },
        "pa17j",
        "synthetic people, test splits: PCKh@0.5 = 72.0, MPJPE = 99 mm, accuracy of 20 and 10 actions = 66.8 and 95.7",
        (*(f"penn/{name}" for name in action_names.DRAWN), *(f"ntu/{name}" for name in action_names.NTU[:60])),
        licence=_OURS,
    ),
    "penn-pose-only": _shipped(
        "penn-pose-only",
        "penn-pose-only",
        {"num_actions": 15, "pose_width": 112},
        "penn13",
        "Penn Action, official test videos, annotated poses, multi-clip: accuracy 98.7",
        action_names.PENN,
    ),
}
"""Weights of this package by name; weights/README.md has their cards."""


def _published(
    file: str, release: str, md5: str, preset: str, layout: str, score: str, actions: tuple[str, ...] = ()
) -> Entry:
    joints = layouts.get(layout)
    about = Description(preset=preset, overrides={}, layout=joints, joints="published", actions=actions, score=score)
    return Entry(file, about, _LICENCE, f"{_RELEASES}/{release}/{file}", md5)


PUBLISHED: dict[str, Entry] = {
    "mpii-2d-cvpr18": _published(
        "weights_PE_MPII_cvpr18_19-09-2017.h5",
        "v0.1",
        "d6b85ba4b8a3fc9d05c8ad73f763d999",
        "mpii-2d",
        "pa16j",
        "MPII validation, single crop: PCKh@0.5 = 89.1",
    ),
    "h36m-3d-cvpr18": _published(
        "weights_3DPE_H36M_cvpr18_Nov-2017.h5",
        "v0.2",
        "af79f83ad939117d4ccc2cf1d4bd37d2",
        "h36m-3d",
        "pa17j",
        "Human3.6M S9 and S11, single crop: 55.1 mm",
    ),
    "penn-merge-cvpr18": _published(
        "weights_AR_merge_ep074_26-10-17.h5",
        "v0.3",
        "f53f89257077616a79a6c1cd1702d50f",
        "penn-merge",
        "pa16j",
        "Penn Action, multi-clip: accuracy 97.4 (paper)",
        action_names.PENN,
    ),
    "ntu-merge-cvpr18": _published(
        "weights_AR_merge_NTU_v2.h5",
        "v0.4",
        "ff98d70a7f6bc5976cc11c7a5760e8b7",
        "ntu-merge",
        "pa20j",
        "NTU RGB+D, cross-subject, multi-clip: accuracy 85.5 (paper)",
        action_names.NTU[:60],
    ),
}
"""Published files by name: those whose networks `deephar.models.build` supports."""


DETECTOR = "people.weights.h5"
"""File of this package with the weights of `deephar.detection`."""


def own_files() -> dict[str, str]:
    """All files of weights that come with this package, by the names of the weights."""
    return {**{name: entry.file for name, entry in SHIPPED.items()}, "people": DETECTOR}


def shipped_file(name: str) -> pathlib.Path:
    """Path of a file of `own_files`: inside the installed package, or in `weights/` of a checkout.

    Raises:
        ValueError: if this installation lacks it.
    """
    file, package = own_files()[name], pathlib.Path(__file__).parents[1]
    places = [folder / file for folder in (package / "weights" / "files", package.parent / "weights")]
    found = [path for path in places if path.is_file()]
    if not found:
        raise ValueError(f"This installation lacks {file}; it belongs at {places[0]}")
    return found[0]


def shipped_entry(path: pathlib.Path) -> Entry | None:
    """The entry of `SHIPPED` whose file has the name of this one; None for other names."""
    return next((entry for entry in SHIPPED.values() if entry.file == path.name), None)
