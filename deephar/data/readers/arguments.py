"""Options of scripts that read several datasets, and the readers that they name."""

import argparse
import pathlib
import typing
from collections.abc import Sequence

from deephar.data.readers import human36m, mpii, ntu, pennaction

DATASETS = ("mpii", "h36m", "penn", "ntu")

CHOOSING_SUBJECT, CHOOSING_STEP = "S8", 50
"""Subject of Human3.6M's training split that chooses the epoch, and frame stride."""

_NEEDED = {
    "mpii": ("mpii", "mpii_validation"),
    "h36m": ("h36m",),
    "penn": ("penn_labels", "penn_frames"),
    "ntu": ("ntu_skeletons",),
}


def add(parser: argparse.ArgumentParser, names: Sequence[str], training: bool = True) -> None:
    """Add the options that say where datasets are; which of them are needed is checked when they are read.

    Args:
        parser: of a script.
        names: of `DATASETS`.
        training: whether training splits are read, or only what a network is scored on.
    """
    group = parser.add_argument_group("datasets")
    path: dict[str, typing.Any] = {"type": pathlib.Path}
    if "mpii" in names:
        group.add_argument("--mpii", **path, help="folder of MPII's photographs")
        if training:
            group.add_argument("--mpii-train", **path, help="RELEASE .mat, train.json or train.h5")
        group.add_argument("--mpii-validation", **path, help="valid.h5 or valid.json")
    if "h36m" in names:
        group.add_argument("--h36m", **path, help="folder of Human3.6M: S1 and so on, and metadata.xml")
    if "penn" in names:
        group.add_argument("--penn-labels", **path, help="folder or zip of Penn Action's labels")
        group.add_argument("--penn-frames", **path, help="folder of Penn Action's frames")
        classes = {"choices": ["official", "found"], "default": "official", "help": "found: as in the labels"}
        group.add_argument("--penn-classes", **typing.cast(dict[str, typing.Any], classes))
    if "ntu" in names:
        group.add_argument("--ntu-skeletons", **path, help="folder of NTU's .skeleton files")
        pictures = group.add_mutually_exclusive_group()
        pictures.add_argument("--ntu-frames", **path, help="folder of frames, see datasets/prepare_ntu.py")
        pictures.add_argument("--ntu-videos", **path, help="folder of the .avi files")
        group.add_argument("--ntu-missing", **path, nargs="*", help="official lists of clips to leave out")
        group.add_argument("--ntu-split", default="cross_subject", choices=ntu.SPLITS)
        group.add_argument("--ntu-classes", type=int, default=60, choices=[60, 120])


def training(args: argparse.Namespace, name: str) -> tuple[typing.Any, typing.Any]:
    """Readers of what a network learns from and of what chooses the epoch, which is never a test split.

    Args:
        args: with the options of `add`.
        name: of `DATASETS`.

    Raises:
        ValueError, OSError: if an option is missing, or the files cannot be read.
    """
    _check(args, name, *(["mpii_train"] if name == "mpii" else []))
    if name == "mpii":
        return mpii.open_training(args.mpii, args.mpii_train, args.mpii_validation)
    if name == "h36m":
        subjects = [subject for subject in human36m.SPLITS["train"][0] if subject != CHOOSING_SUBJECT]
        return _h36m(args, "train", subjects), _h36m(args, "train", [CHOOSING_SUBJECT], CHOOSING_STEP, "pa17j")
    if name == "penn":
        return _penn(args, "learn"), _penn(args, "choose")
    names = _ntu(args, args.ntu_split, True).names
    learn, choose = (_ntu(args, names=part) for part in ntu.hold_out(names, args.ntu_split))
    return learn, choose


def testing(args: argparse.Namespace, name: str) -> typing.Any:
    """The reader of what a network is scored on: MPII's validation people, and the others' test splits.

    Args:
        args, name: see `training`.

    Raises:
        ValueError, OSError: see `training`.
    """
    _check(args, name)
    if name == "mpii":
        return mpii.Mpii(mpii.open_people(args.mpii_validation, "validation"), args.mpii)
    if name == "h36m":
        return _h36m(args, "test", layout="pa17j")
    return _penn(args, "test") if name == "penn" else _ntu(args, args.ntu_split, False)


def _check(args, name, *more):
    missing = [f"--{option.replace('_', '-')}" for option in (*_NEEDED[name], *more) if not getattr(args, option)]
    if name == "ntu" and not (args.ntu_frames or args.ntu_videos):
        missing.append("--ntu-frames or --ntu-videos")
    if missing:
        raise ValueError(f"{name} needs {', '.join(missing)}")


def _h36m(args, split, subjects=None, step=None, layout="h36m17"):
    """The joints of the files to learn from; to score, those of the networks that have depth."""
    return human36m.Human36M(human36m.open_release(args.h36m, split, subjects, step), args.h36m, layout)


def _penn(args, split):
    actions = pennaction.ACTIONS if args.penn_classes == "official" else pennaction.found_actions(args.penn_labels)
    return pennaction.PennAction(args.penn_labels, args.penn_frames, split, actions)


def _ntu(args, *split, names=None):
    return ntu.Ntu(
        args.ntu_skeletons, *split, frames=args.ntu_frames, videos=args.ntu_videos, names=names,
        classes=args.ntu_classes, missing=args.ntu_missing,
    )  # fmt: skip
