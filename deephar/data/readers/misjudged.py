"""Annotated poses of videos with the errors of an estimator: what a network that judges poses would be given by it."""

import dataclasses
import pathlib

import numpy as np

from deephar import layouts, metrics
from deephar.data.readers.base import Video, VideoDataset
from deephar.data.readers.reading import reading
from deephar.layouts import PoseLayout
from deephar.typed import Floats, Ints, Path


class Misjudged:
    """A reader of videos whose every frame is off by the errors of a person drawn at random, all joints together.

    Errors of neighbouring frames are drawn apart, while those of an estimator are alike: trembling is overstated. Where
    a person's error of a joint is unknown, it is that of another person who is drawn at random.

    Args:
        reader: of videos; its layout has shoulders and hips.
        errors: .npz that `exp/lsp/eval_lsp.py --errors` wrote: `errors` (N, J, 2) in torso sizes, NaN where unknown,
            and `names` of the J joints.
        seed: the same seed and video give the same errors.

    Raises:
        ValueError: if there is no such file, it is damaged, or it knows no error.
    """

    def __init__(self, reader: VideoDataset, errors: Path, seed: int = 0) -> None:
        self.reader = reader
        self.seed = seed
        self.layout: PoseLayout = reader.layout
        self.actions: tuple[str, ...] = tuple(reader.actions)
        path = pathlib.Path(errors)
        with (
            reading(path, "errors of joints, as eval_lsp.py --errors writes them"),
            np.load(path, allow_pickle=False) as stored,
        ):
            source = PoseLayout("measured", [str(name) for name in stored["names"]], [])
            known = _in_layout(stored["errors"].astype(np.float64), source, self.layout)
        self.errors: Floats = _completed(known, np.random.default_rng(seed))
        if not len(self.errors):
            raise ValueError(f"{path} knows the error of no joint of {self.layout.name}")

    def __len__(self) -> int:
        return len(self.reader)

    def video(self, index: int) -> Video:
        """The video at a position: `Video`, its poses off."""
        video = self.reader.video(index)
        generator = np.random.default_rng([self.seed, index])
        drawn = self.errors[generator.integers(len(self.errors), size=len(video))]
        size = metrics.torso_size(video.pose_px, self.layout)
        size = np.where(np.isfinite(size), size, np.nanmedian(size) if np.isfinite(size).any() else 0.0)
        pose = video.pose_px.copy()
        pose[..., :2] += np.nan_to_num(drawn) * size[:, None, None]
        return dataclasses.replace(video, pose_px=pose)

    def labelled_frames(self, index: int) -> Ints:
        """See the reader's."""
        return self.reader.labelled_frames(index)


def _completed(errors: Floats, generator: np.random.Generator) -> Floats:
    """The errors of people of whom any is known, whose unknown ones are others'; those that nobody has stay NaN."""
    errors = errors[np.isfinite(errors[..., 0]).any(axis=1)]
    for joint in range(errors.shape[1]):
        known = np.isfinite(errors[:, joint, 0])
        if known.any():
            errors[~known, joint] = generator.choice(errors[known, joint], int((~known).sum()))
    return errors


def _in_layout(errors: Floats, source: PoseLayout, target: PoseLayout) -> Floats:
    """Errors of joints by name; a head that was not measured is off like the top of it."""
    found = np.stack([layouts.rearrange(one, source, target) for one in errors])
    if "head" in target.places and "head" not in source.places and "head_top" in source.places:
        found[:, target.index("head")] = errors[:, source.index("head_top")]
    return found
