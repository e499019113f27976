"""MPII Human Pose: one person per sample, from the official RELEASE .mat, HRNet's JSON or pose-hg's HDF5."""

import pathlib

import numpy as np

from deephar import layouts
from deephar.data.readers import mpii_files
from deephar.data.readers.base import Sample
from deephar.data.readers.names import folded
from deephar.data.samples.frames import open_image
from deephar.layouts import PoseLayout
from deephar.typed import Path

INDEX_BASE = 1
"""Pixel coordinates in the files are 1-based: the centre of the first pixel is 1, in our continuous coordinates 0.5."""

SPLITS = ("train", "validation", "test")


class Mpii:
    """Reader of MPII single-person pose.

    Poses are in the files' joint order (layout mpii16). The unaugmented crop is the published one: centre of the
    person plus (0, 15 scale), side 250 scale.

    Args:
        people: `deephar.data.readers.mpii_files.People`, see `open_people`.
        images: folder of the photographs.
        index_base: of the coordinates in the files; 0.5 leaves them unchanged, as the original does.

    Raises:
        ValueError: if the folder is missing or there are no people.
    """

    layout: PoseLayout = layouts.get("mpii16")

    def __init__(self, people: mpii_files.People, images: Path, index_base: float = INDEX_BASE) -> None:
        self.people = people
        self.images: pathlib.Path = pathlib.Path(images)
        self.index_base = index_base
        if not self.images.is_dir():
            raise ValueError(f"Expected the folder of MPII's photographs. Received: {images}")
        if not len(people):
            raise ValueError("There are no people of MPII to read in this split")

    def __len__(self) -> int:
        return len(self.people)

    def sample(self, index: int) -> Sample:
        """The person at a position: `Sample`."""
        people = self.people
        path = self.images / people.image[index]
        to_px = 0.5 - self.index_base
        center = people.center[index] + [0.0, 15.0 * people.scale[index]] + to_px
        window = np.full(2, 250.0 * people.scale[index])
        return Sample(
            f"{people.image[index]}, person {people.person[index]}",
            open_image(path),
            people.pose[index] + to_px,
            center,
            window,
            float(people.head_size[index]),
        )


def open_people(annotations: Path, split: str | None = None, validation: Path | None = None) -> mpii_files.People:
    """People of one split.

    Args:
        annotations: RELEASE .mat; or HRNet's .json or pose-hg's .h5, which hold one split each.
        split: one of `SPLITS`, for a RELEASE .mat only. Train and validation people have joints; test people are those
            marked as single.
        validation: pose-hg's valid.h5, the list of validation people (Tompson et al.) missing from the RELEASE.

    Returns:
        `deephar.data.readers.mpii_files.People`.

    Raises:
        ValueError: if a file cannot be read, is of the wrong kind, or the split cannot be determined.
    """
    readers = {".json": mpii_files.read_json, ".h5": mpii_files.read_pose_hg}
    suffix = pathlib.Path(annotations).suffix.lower()
    if suffix in readers:
        return readers[suffix](annotations)
    if suffix != ".mat":
        raise ValueError(f"Expected a .mat, .json or .h5 of MPII. Received: {annotations}")
    if split not in SPLITS:
        raise ValueError(f"The RELEASE holds all splits; `split` must be one of {', '.join(SPLITS)}. Received: {split}")
    people = mpii_files.read_release(annotations)
    if split == "test":
        return people.where(~people.train & people.single)
    if validation is None:
        raise ValueError("The RELEASE does not separate train from validation; give pose-hg's valid.h5 as `validation`")
    if pathlib.Path(validation).suffix.lower() != ".h5":
        raise ValueError(
            "With a RELEASE, `validation` is pose-hg's valid.h5; HRNet's valid.json goes with its train.json. "
            f"Received: {validation}"
        )
    listed = set(_keys(mpii_files.read_pose_hg(validation)))
    held_out = np.array([key in listed for key in _keys(people)])
    annotated = people.train & np.isfinite(people.pose).any(axis=(1, 2))
    return people.where(annotated & (held_out if split == "validation" else ~held_out))


def _keys(people: mpii_files.People) -> list[tuple[str, int]]:
    """Photograph and number of every person, with the photograph's name normalized."""
    return [
        (folded(image), person) for image, person in zip(people.image.tolist(), people.person.tolist(), strict=True)
    ]


def open_training(images: Path, train: pathlib.Path, validation: pathlib.Path) -> tuple[Mpii, Mpii]:
    """Readers of the training and the validation people.

    Args:
        images: folder of the photographs.
        train: the RELEASE .mat, or train.json or train.h5; see `open_people`.
        validation: with a RELEASE .mat, valid.h5, which lists its validation people; otherwise valid.json or valid.h5.

    Raises:
        ValueError: see `open_people`.
    """
    with_release = train.suffix.lower() == ".mat" and validation.suffix.lower() == ".h5"
    annotated = train if with_release else validation
    people, others = open_people(train, "train", validation), open_people(annotated, "validation", validation)
    return Mpii(people, images), Mpii(others, images)
