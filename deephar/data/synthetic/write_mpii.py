"""Images of synthetic people in MPII's file format."""

import json
import pathlib
import typing
from collections.abc import Sequence

import numpy as np
from PIL import Image

from deephar import layouts, metrics
from deephar.data.readers import mpii_files
from deephar.data.synthetic import body, scene, writing

ORDER = body.order(layouts.get("mpii16"))
FRAMES = 15
"""Frames of the action, one of which is picked."""


class Label(typing.TypedDict):
    """Label of one image, 1-based like MPII's."""

    pose: list[list[float]]
    visible: list[float]
    center: list[float]
    scale: float


def write(settings: writing.Settings, folder: pathlib.Path, people: int, processes: int = 1) -> None:
    """Write images/, release.mat and valid.h5 (the last tenth); each label is written to labels.jsonl after its image.

    Args:
        settings: `deephar.data.synthetic.writing.Settings`.
        folder: path.
        people: number of images, one person each.
        processes: number of processes.

    Raises:
        ValueError: if the folder was created with other settings.
    """
    with writing.claim(folder, settings):
        journal = folder / "labels.jsonl"
        lines = journal.read_text(encoding="utf-8").splitlines(keepends=True) if journal.is_file() else []
        if lines and not lines[-1].endswith("\n"):
            del lines[-1]
            journal.write_text("".join(lines), encoding="utf-8")
        (folder / "images").mkdir(exist_ok=True)
        with open(journal, "a", encoding="utf-8") as file:
            labels = writing.in_order(one_person, settings, folder, range(len(lines), people), processes, "person")
            for label in labels:
                file.write(json.dumps(label) + "\n")
                file.flush()
        table = as_people([json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()[:people]])
        mpii_files.write_release(folder / "release.mat", table)
        mpii_files.write_pose_hg(folder / "valid.h5", table.where(np.arange(people) >= min(0.9 * people, people - 1)))


def one_person(settings: writing.Settings, folder: pathlib.Path, index: int) -> Label:
    """Write one image; returns its label, 1-based like MPII's."""
    generator = settings.generator(index)
    action = settings.actions[generator.integers(len(settings.actions))]
    picked = [int(generator.integers(FRAMES))]
    clip = scene.draw_clip(generator, action, FRAMES, settings.size, domain=settings.domain, picked=picked)
    Image.fromarray(clip.images[0]).save(folder / "images" / f"{index:09d}.jpg", quality=settings.quality)
    joints = clip.joints_uvd[0][ORDER, :2]
    box = np.concatenate([joints.min(axis=0), joints.max(axis=0)])
    return {
        "pose": (joints + 0.5).tolist(),
        "visible": clip.visible[0][ORDER].astype(float).tolist(),
        "center": ((box[:2] + box[2:]) / 2 + 0.5).tolist(),
        "scale": float(max(box[2:] - box[:2]) / 200),
    }


def as_people(labels: Sequence[Label]) -> mpii_files.People:
    """Labels of `one_person` as `deephar.data.readers.mpii_files.People`."""
    pose = np.array([label["pose"] for label in labels])
    neck_to_top = np.linalg.norm(pose[:, 8] - pose[:, 9], axis=-1)
    every = np.ones(len(labels), dtype=bool)
    return mpii_files.People(
        image=np.array([f"{index:09d}.jpg" for index in range(len(labels))]),
        person=np.zeros(len(labels), dtype=int),
        center=np.array([label["center"] for label in labels]),
        scale=np.array([label["scale"] for label in labels]),
        pose=pose,
        visible=np.array([label["visible"] for label in labels]),
        head_size=metrics.HEAD_FACTOR * mpii_files.HEAD_BOX_PER_NECK_TO_TOP * neck_to_top,
        train=every,
        single=every,
    )
