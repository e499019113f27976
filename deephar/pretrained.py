"""Weights by name: those that come with this package, and the published files of the original implementation.

python -m deephar.pretrained            lists them
python -m deephar.pretrained NAME       downloads a published file
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import urllib.error
import urllib.request
import zipfile

import h5py
from tqdm import tqdm

from deephar import convert, fitting, layouts

_RELEASES = "https://github.com/dluvizon/deephar/releases/download"
_LICENCE = "the original's MIT licence covers its code; no licence is stated for the weights: assume research use only"


@dataclasses.dataclass(frozen=True)
class Published:
    """One published weight file.

    Attributes:
        file: its name.
        url: where it is published.
        md5: as stated by the original's scripts; the files themselves were never at hand here.
        builder: name for `deephar.models.build`.
        layout: of its joints, `deephar.layouts.PoseLayout`.
        score: what its authors report.
        licence: what is known of it.
        joints: of a network with depth, see `Shipped`.
    """

    file: str
    url: str
    md5: str
    builder: str
    layout: layouts.PoseLayout
    score: str
    licence: str = _LICENCE
    joints: str = "published"
    overrides: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Shipped:
    """One weight file that we trained and that comes with this package; weights/README.md is its card.

    Attributes:
        file: its name.
        builder, overrides: for `deephar.models.build`.
        layout: of its joints, `deephar.layouts.PoseLayout`.
        score: measured on what it was not trained on.
        joints: of a network with depth: "names", or "published" where Human3.6M's joints were labelled by the
            original's map, see `deephar.layouts.published_map`.
    """

    file: str
    builder: str
    overrides: dict
    layout: layouts.PoseLayout
    score: str
    joints: str = "names"


SHIPPED = {
    "lsp-lite-2d": Shipped(
        "lsp-lite-2d.weights.h5",
        "lite-2d",
        {"num_joints": 14, "input_shape": (96, 96, 3)},
        layouts.get("lsp14"),
        "LSP-extended, photographs 3701-4200, one crop: PCK@0.2 = 45.4",
    ),
    "lsp-lite-3d": Shipped(
        "lsp-lite-3d.weights.h5",
        "lite-3d",
        {"input_shape": (96, 96, 3)},
        layouts.get("pa17j"),
        "synthetic people in the wild, one crop, root depth given: MPJPE = 145 mm",
    ),
    "penn-pose-only": Shipped(
        "penn-pose-only.weights.h5",
        "penn-pose-only",
        {"num_actions": 15, "pose_width": 112},
        layouts.get("penn13"),
        "Penn Action, official test videos, annotated poses, multi-clip: accuracy 98.7",
    ),
}
"""Weights of this package by name."""


def _published(file, release, md5, builder, layout, score):
    return Published(file, f"{_RELEASES}/{release}/{file}", md5, builder, layouts.get(layout), score)


PUBLISHED = {
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
    ),
    "ntu-merge-cvpr18": _published(
        "weights_AR_merge_NTU_v2.h5",
        "v0.4",
        "ff98d70a7f6bc5976cc11c7a5760e8b7",
        "ntu-merge",
        "pa20j",
        "NTU RGB+D, cross-subject, multi-clip: accuracy 85.5 (paper)",
    ),
}
"""Published files by name: those whose networks `deephar.models.build` knows."""


def cache_folder():
    """Folder for downloads: `DEEPHAR_CACHE`, or `~/.cache/deephar`."""
    return pathlib.Path(os.environ.get("DEEPHAR_CACHE") or pathlib.Path.home() / ".cache" / "deephar")


def shipped_file(name):
    """Path of a file of `SHIPPED`: inside the installed package, or in `weights/` of a checkout."""
    package = pathlib.Path(__file__).parent
    places = [folder / SHIPPED[name].file for folder in (package / "weights", package.parent / "weights")]
    found = [path for path in places if path.is_file()]
    if not found:
        raise ValueError(f"This installation lacks {SHIPPED[name].file}; it belongs at {places[0]}")
    return found[0]


def describe(weights):
    """The network that some weights are for.

    Args:
        weights: a key of `SHIPPED` or `PUBLISHED`, a file named like one of `SHIPPED`, or a file beside the
            `model.json` of its training.

    Returns:
        an object with `builder`, `overrides`, `layout` and `joints`.

    Raises:
        ValueError: if nothing says it.
    """
    about = SHIPPED.get(str(weights)) or PUBLISHED.get(str(weights))
    if about:
        return about
    path = _existing(weights)
    shipped = [entry for entry in SHIPPED.values() if entry.file == path.name]
    if shipped:
        return shipped[0]
    try:
        stored = json.loads(path.with_name("model.json").read_bytes())
        layout, joints = layouts.from_json(stored["layout"]), stored.get("joints", "names")
        return Shipped(path.name, stored["model"], stored["overrides"], layout, "unknown", joints)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"Expected model.json with model, layout and overrides beside {path}, as the training scripts write it: "
            f"{error!r}"
        ) from None


def weight_file(weights):
    """Path of some weights, fetched if need be.

    Args:
        weights: a key of `SHIPPED` or `PUBLISHED`, or a file.

    Raises:
        ValueError: if there are none.
    """
    if str(weights) in SHIPPED:
        return shipped_file(str(weights))
    return fetch(str(weights)) if str(weights) in PUBLISHED else _existing(weights)


def _existing(weights):
    path = pathlib.Path(weights)
    if not path.is_file():
        raise ValueError(f"No such weights: {weights}. Expected a file or one of {', '.join([*SHIPPED, *PUBLISHED])}")
    return path


def load_weights(model, weights):
    """Load weights of any kind into a model.

    Args:
        model: from `deephar.models.build`.
        weights: a key of `SHIPPED` or `PUBLISHED`, a Keras 3 `.weights.h5`, or an original `.h5`; the content decides
            which.

    Raises:
        ValueError: if there is no such file or it does not fit.
    """
    path = weight_file(weights)
    if zipfile.is_zipfile(path):
        raise ValueError(
            f"{path.name} is a whole saved model, not its weights alone: load it by "
            f"keras.models.load_model({str(path)!r}), and give another network what fits of it by "
            "surgery.copy_fitting(loaded, model)"
        )
    if _is_keras_3(path):
        _load_keras_weights(model, path)
    else:
        convert.load_legacy_weights(model, path)


def _is_keras_3(path):
    try:
        with h5py.File(path, "r") as file:
            return "layers" in file
    except OSError:
        return False  # the other loader says what is wrong


def _load_keras_weights(model, path):
    """Load a `.weights.h5`, whose arrays must be those of the model, no more and no fewer."""
    try:
        difference = fitting.array_difference(path, model)
        if difference is None:
            model.load_weights(path)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{path.name} is truncated or damaged: {error}") from None
    if difference is not None:
        raise ValueError(
            f"{path.name} does not fit the model {model.name!r}. {difference} The model is unchanged. It takes the "
            "weights of a network built with the same overrides, and by surgery.copy_fitting what fits of another"
        )


def fetch(name, folder=None):
    """A published file on this machine, downloaded, resumed and checked if need be.

    Args:
        name: a key of `PUBLISHED`.
        folder: where files are kept; `cache_folder()` by default.

    Returns:
        `pathlib.Path` of a file whose md5 is right.

    Raises:
        ValueError: for an unknown name, a failed download (the message says what to fetch by hand and where to put
            it) or a wrong md5.
    """
    if name not in PUBLISHED:
        raise ValueError(f"Unknown weights {name!r}; published are {', '.join(PUBLISHED)}")
    entry = PUBLISHED[name]
    path = pathlib.Path(folder or cache_folder()) / entry.file
    if not path.is_file():
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _download(entry.url, partial)
        except (urllib.error.URLError, OSError) as error:
            raise ValueError(
                f"Could not download {entry.url} ({error}). Download it by other means and put it at {path}"
            ) from None
        try:
            _check(partial, entry)
        except ValueError:
            partial.unlink()
            raise
        partial.replace(path)
    else:
        _check(path, entry)
    return path


def _check(path, entry):
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if digest != entry.md5:
        raise ValueError(f"{path} is damaged: expected md5 {entry.md5}. Received: {digest}. Delete it and try again")


def _download(url, partial):
    """Fetch to `partial`, going on where an earlier attempt stopped, with a progress bar."""
    have = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing is left to fetch
            return
        raise
    with answer:
        have = have if answer.status == 206 else 0
        total = have + int(answer.headers.get("Content-Length") or 0)
        with (
            open(partial, "ab" if have else "wb") as file,
            tqdm(total=total or None, initial=have, unit="B", unit_scale=True, desc=partial.stem) as bar,
        ):
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                bar.update(len(chunk))
    if total and partial.stat().st_size != total:
        raise OSError(f"the connection ended after {partial.stat().st_size} of {total} bytes")


def main(arguments=None):
    """The command `python -m deephar.pretrained`."""
    parser = argparse.ArgumentParser(prog="python -m deephar.pretrained", description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", help="file to download; without it, list them")
    options = parser.parse_args(arguments)
    if not options.name:
        for name, entry in SHIPPED.items():
            print(f"{name}\n  comes with deephar, for {entry.builder}, {entry.score}\n  research use only")
        for name, entry in PUBLISHED.items():
            print(f"{name}\n  {entry.url}\n  md5 {entry.md5}, for {entry.builder}, {entry.score}\n  {entry.licence}")
        return
    try:
        print(fetch(options.name))
    except ValueError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
