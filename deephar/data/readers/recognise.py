"""Which dataset a folder or a zip holds, how much of it, what is missing or broken, and what to do with it."""

import collections
import dataclasses
import itertools
import os
import pathlib
import re
import shlex
import typing
import zipfile
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from deephar.data.readers import human36m, human36m_files, jhmdb, lsp, mpii, ntu, ntu_names, pennaction
from deephar.data.readers.archive import Archive
from deephar.data.readers.base import PoseDataset, VideoDataset
from deephar.data.readers.names import folded, stored
from deephar.data.samples import frames
from deephar.typed import Path

CHECKED = 40
"""Pictures that are decoded, spread over the dataset; the others are only looked for."""

_FEW = 3
_A_FOLDER, _ALL = 2000, 50000
"""Entries that are looked at in one folder and in all, to see which dataset it is."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        dataset: its name.
        samples: number of photographs with a person, of frames with one, or of clips.
        problems: what is missing or broken, a sentence each.
        commands: lines to run next; empty where no script is for it.
    """

    dataset: str
    samples: int
    problems: list[str]
    commands: list[str]


def recognise(path: Path) -> Found:
    """Look at a folder or a zip.

    Args:
        path: of LSP-extended, MPII, Penn Action, NTU RGB+D, Human3.6M or JHMDB, at any depth.

    Returns:
        `Found`. At most `CHECKED` pictures are decoded.

    Raises:
        ValueError: if there is nothing, or it looks like none of them.
    """
    path = pathlib.Path(path)
    names = sorted(_names(path))
    for dataset, pattern, examine in _DATASETS:
        matching = [name for name in names if re.search(pattern, name, re.IGNORECASE)]
        if matching:
            return _examined(dataset, path, matching, examine)
    known = ", ".join(dict.fromkeys(dataset for dataset, _, _ in _DATASETS))
    raise ValueError(f"{path} looks like none of the datasets that deephar reads: {known}. See datasets/README.md")


def _names(path: pathlib.Path) -> list[str]:
    """Names of the files in a zip, or of some in a folder and below, those near the top first."""
    if zipfile.is_zipfile(path):
        return Archive(path, "a dataset").names
    if not path.is_dir():
        raise ValueError(f"Expected a folder or a zip of a dataset. Received: {path}")
    found, folders = [], collections.deque([path])
    while folders and len(found) < _ALL:
        folder = folders.popleft()
        try:
            with os.scandir(folder) as entries:
                some = list(itertools.islice(entries, _A_FOLDER))
        except OSError:  # that may not be read
            continue
        for entry in sorted(some, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                folders.append(pathlib.Path(entry.path))
            else:
                found.append(pathlib.Path(entry.path).relative_to(path).as_posix())
    return found


_Examine = Callable[[pathlib.Path, list[str]], Found]


def _examined(dataset: str, path: pathlib.Path, matching: list[str], examine: _Examine) -> Found:
    if path.is_file() and examine not in (_lsp, _penn):
        return Found(dataset, 0, [f"{path} is a zip of {dataset}, which is read from a folder: unpack it"], [])
    try:
        return examine(path, matching)
    except (ValueError, ImportError, OSError) as error:
        return Found(dataset, 0, [str(error)], [])


def _lsp(path: pathlib.Path, matching: list[str]) -> Found:
    reader, archive = lsp.LspExtended(path), Archive(path, "LSP-extended")
    root, there = matching[0].rpartition("/")[0], {folded(name) for name in archive.names}
    wanted = [f"{root}/images/im{number:05d}.jpg".lstrip("/") for number in range(1, len(reader) + 1)]
    missing = [name for name in wanted if folded(name) not in there]
    usable = [index for index, name in enumerate(wanted) if folded(name) in there]
    problems = _lacks(missing, len(wanted), "photographs") + _broken(usable, lambda i: _still(reader, i))
    return Found("LSP-extended", len(reader), problems, [_command("exp/lsp/train_lsp.py", data=path)])


def _jhmdb(path: pathlib.Path, matching: list[str]) -> Found:
    root = path / matching[0].partition("joint_positions/")[0]
    reader = jhmdb.Jhmdb(root)
    problems = []
    if not list((root / "splits").glob("*_test_split1.txt")):
        problems.append(f"{root} lacks splits/, which tells training from test clips")
    if (root / "Rename_Images").is_dir():
        there = [stored(root / "Rename_Images" / name).is_dir() for name in reader.names]
        missing = [name for name, here in zip(reader.names, there, strict=True) if not here]
        problems += _lacks(missing, len(there), "folders of pictures in Rename_Images")
        problems += _broken(np.flatnonzero(there), lambda i: _first_frame(reader, i))
    else:
        problems.append(f"{root} lacks Rename_Images/, the pictures")
    return Found("JHMDB", len(reader), problems, [])


def _ntu(path: pathlib.Path, matching: list[str]) -> Found:
    films = ntu.clip_videos(path)
    folders = [name for name, folder in ntu.clip_frames(path).items() if any(folder.glob("*.jpg"))]  # or depth maps
    clips = [ntu_names.parse_name(match[0]) for name in matching if (match := ntu_names.NAME.search(name))]
    larger = any(getattr(clip, key) > last for clip in clips for key, last in ntu_names.LAST[60].items())
    frames_at, videos_at = path if folders else None, path if films and not folders else None
    reader = ntu.Ntu(path, frames=frames_at, videos=videos_at, classes=120 if larger else 60)
    pictures = {"frames": path} if folders else {"videos": path} if films else {}
    classes = {"classes": 120} if larger else {}
    command = _command("exp/ntu/train_ntu_ar_pe_merge.py", skeletons=path, **pictures, **classes)
    if not pictures:
        problem = f"{path} has neither the clips' frames nor their _rgb.avi; put nturgb+d_rgb/ there"
        return Found("NTU RGB+D", len(reader), [problem], [])
    there = folders or films
    missing = [name for name in reader.names if name not in there]
    usable = [index for index, name in enumerate(reader.names) if name in there]
    problems = _lacks(missing, len(reader), "clips' pictures") + _broken(usable, lambda i: _first_frame(reader, i))
    prepare = _command("datasets/prepare_ntu.py", videos=path, out=path / "frames")
    return Found("NTU RGB+D", len(reader), problems, [command] if folders else [prepare, command])


_Named: typing.TypeAlias = tuple[str, Image.Image]
"""A picture and its name, for messages."""


def _still(reader: PoseDataset, index: int) -> _Named:
    sample = reader.sample(index)
    return sample.name, sample.image


def _first_frame(reader: VideoDataset, index: int) -> _Named:
    with reader.video(index) as video:
        return f"{video.name}, frame 0", video.frame(0)


def _release(path: pathlib.Path, matching: list[str]) -> Found:
    """Human3.6M as released, frames by `datasets/prepare_human36m.py`."""
    first = next(match for name in matching if (match := re.search(r"(^|/)S\d+/", name)))
    root = path / first.string[: first.start()]
    recordings, problems = [], []
    if not (root / "metadata.xml").is_file():
        problems.append(f"{root} lacks metadata.xml, which is in Human3.6M's code package")
        return Found("Human3.6M", 0, problems, [])
    for split, (subjects, _) in human36m.SPLITS.items():
        for subject in subjects:
            try:
                recordings += human36m.open_release(root, split, [subject])
            except ValueError as error:
                problems.append(str(error))
    if not recordings:
        return Found("Human3.6M", 0, _first(problems), [])
    reader = human36m.Human36M(recordings, root)
    broken = _broken(range(len(reader)), lambda i: _still(reader, i))
    train = _command("exp/h36m/train_h36m.py", h36m=root, sources="h36m")
    commands = [train] if not broken else [_command("datasets/prepare_human36m.py", root=root), train]
    return Found("Human3.6M", len(reader), _first(problems) + broken, commands)


def _converted(path: pathlib.Path, matching: list[str]) -> Found:
    """Human3.6M as mmpose has it."""
    cameras = [file for file in sorted(path.rglob("*")) if re.fullmatch(_CAMERAS, file.name, re.IGNORECASE)]
    data, reader = _readable([path / name for name in matching], cameras[0] if cameras else None)
    samples = sum(map(len, reader))
    folders = [folder for folder in (path / "images", data.parent / "images") if folder.is_dir()]
    if not cameras:
        problem = f"{path} lacks a camera file, such as metadata.xml, which errors in mm require"
        return Found("Human3.6M", samples, [problem], [])
    command = _command("exp/h36m/eval_h36m.py", data=data, cameras=cameras[0], weights="h36m-3d-cvpr18")
    if not folders:
        return Found("Human3.6M", samples, [f"{path} lacks images/, the pictures of {data.name}"], [command])
    stills = human36m.Human36M(reader, folders[0])
    problems = _broken(range(len(stills)), lambda i: _still(stills, i))
    return Found("Human3.6M", samples, problems, [f"{command} --images {shlex.quote(str(folders[0]))}"])


_CAMERAS = r"(?:official_)?metadata\.xml|camera-parameters\.json|cameras.*\.(?:npz|json)"


def _readable(
    files: list[pathlib.Path], cameras: pathlib.Path | None
) -> tuple[pathlib.Path, list[human36m_files.Recording]]:
    """The first of some files that is mmpose's, and its recordings; others have Human3.6M in their names too."""
    faults = []
    for file in files:
        try:
            return file, human36m.open_mmpose(file, cameras)
        except ValueError as error:
            faults.append(str(error))
    raise ValueError(faults[0])


def _mpii(path: pathlib.Path, matching: list[str]) -> Found:
    files = {kind: _named(path, matching, pattern) for kind, pattern in _MPII.items()}
    release = files["release"] if files["valid.h5"] else None  # which needs that file
    valid = files["valid.h5"] or files["valid.json"]
    train = release or files["train.h5"] or files["train.json"]
    needed = ((_TRAIN, train or (not valid and files["release"])), (_VALID, valid))
    problems = [f"{path} lacks {what}" for what, file in needed if not file]
    parts = [mpii.open_people(release, split, valid) for split in ("train", "validation")] if release and valid else []
    parts = parts or [mpii.open_people(file) for file in (train, valid) if file and file != release]
    wanted = sorted({str(name) for people in parts for name in people.image})
    folder = next((f for f in sorted(path.rglob("images")) if f.is_dir()), path / "images")
    missing = [name for name in wanted if not stored(folder / name).is_file()]
    usable = sorted(set(wanted) - set(missing))
    problems += _lacks(missing, len(wanted), f"photographs in {folder}")
    problems += _broken(range(len(usable)), lambda i: (usable[i], frames.open_image(folder / usable[i])))
    commands = []
    if train and valid:
        commands = [_command("exp/mpii/train_mpii_singleperson.py", images=folder, train=train, validation=valid)]
    return Found("MPII", sum(map(len, parts)), problems, commands)


_TRAIN = "a file of training people, which is the RELEASE .mat with pose-hg's valid.h5, or train.json or train.h5"
_VALID = "valid.h5 (pose-hg's) or valid.json (HRNet's), the list of validation people"
_MPII = {
    "release": r"(^|/)(mpii_human_pose\w*|release)\.mat$",
    "train.h5": r"(^|/)train\.h5$",
    "train.json": r"(^|/)train\.json$",
    "valid.h5": r"(^|/)valid\.h5$",
    "valid.json": r"(^|/)valid\.json$",
}


def _penn(path: pathlib.Path, matching: list[str]) -> Found:
    labels = path
    if path.is_dir():
        first = path / matching[0]
        labels = first if first.suffix.lower() == ".zip" else first.parent
    folder = next((f for f in (path / "frames", labels.parent / "frames") if f.is_dir()), None)
    reader = pennaction.PennAction(labels, folder, actions=pennaction.found_actions(labels))
    classes = {} if set(reader.actions) <= set(pennaction.ACTIONS) else {"classes": "found"}
    if folder is None:
        command = _command("exp/pennaction/train_penn_pose_only.py", labels=labels, **classes)
        problem = f"{path} lacks frames/0001 and so on, the pictures; labels alone serve for actions from given poses"
        return Found("Penn Action", len(reader), [problem], [command])
    there = [(folder / name).is_dir() for name in reader.names]
    missing = [name for name, here in zip(reader.names, there, strict=True) if not here]
    problems = _lacks(missing, len(there), f"videos in {folder}")
    problems += _broken(np.flatnonzero(there), lambda i: _first_frame(reader, i))
    command = _command("exp/pennaction/train_penn_ar_pe_merge.py", labels=labels, frames=folder, **classes)
    return Found("Penn Action", len(reader), problems, [command])


def _named(path: pathlib.Path, names: list[str], pattern: str) -> pathlib.Path | None:
    return next((path / name for name in names if re.search(pattern, name, re.IGNORECASE)), None)


def _lacks(missing: list[str], total: int, what: str) -> list[str]:
    few = ", ".join(missing[:_FEW]) + (" ..." if len(missing) > _FEW else "")
    return [f"{len(missing)} of {total} {what} are missing: {few}"] if missing else []


def _first(problems: list[str]) -> list[str]:
    more = len(problems) - _FEW
    return problems[:_FEW] + ([f"and {more} more of this kind"] if more > 0 else [])


def _broken(indices: Iterable[int], picture: Callable[[int], _Named]) -> list[str]:
    """Decode some of the pictures, spread evenly; what is wrong with the first few that cannot be."""
    every = list(indices)
    chosen = [every[place] for place in np.unique(np.linspace(0, len(every) - 1, CHECKED).astype(int))] if every else []
    faults = []
    for index in chosen:
        try:
            name, image = picture(int(index))
            frames.to_rgb(image, name)
        except (ValueError, ImportError) as error:
            faults.append(str(error))
    count = f"{len(faults)} of {len(chosen)} pictures that were tried cannot be read"
    return [f"{count}: {'; '.join(faults[:_FEW])}"] if faults else []


def _command(script: str, **options: object) -> str:
    """A command line; an option `a_b` is --a-b."""
    given = (f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in options.items())
    return " ".join(["python", script, *given])


_DATASETS: list[tuple[str, str, _Examine]] = [
    ("LSP-extended", r"(^|/)joints\.mat$", _lsp),
    ("JHMDB", r"(^|/)joint_positions/[^/]+/[^/]+/joint_positions\.mat$", _jhmdb),
    ("NTU RGB+D", r"(^|/)(S\d{3}C\d{3}P\d{3}R\d{3}A\d{3})(\.skeleton|\.npy|_rgb\.avi|/\d+\.jpg)$", _ntu),
    ("Human3.6M", r"(^|/)S\d+/(MyPoseFeatures|Videos)/", _release),
    ("Human3.6M", r"(^|/)\w*h36m\w*\.(npz|json)$", _converted),
    ("MPII", "|".join(_MPII.values()), _mpii),
    ("Penn Action", r"(^|/)(\d{4}\.mat|labels\.zip)$", _penn),
]
"""Name, a file by which it is known, and the function that looks closer."""
