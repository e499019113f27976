"""What tells one dataset from another: how many samples it has, and the labels of a few."""

import hashlib
from collections.abc import Mapping

import numpy as np

from deephar.data.readers.base import PoseDataset, VideoDataset, is_of_videos

EXAMINED = 5
"""Samples whose labels are examined, spread evenly: no more than a training reads at once."""


def fingerprints(sources: Mapping[str, PoseDataset | VideoDataset]) -> dict[str, str]:
    """Number of samples and a digest of some labels of every reader.

    Args:
        sources: readers by name.

    Returns:
        dict of "data.NAME" to a text that is the same wherever the data lies.
    """
    return {f"data.{name}": _fingerprint(reader) for name, reader in sources.items()}


def _fingerprint(reader):
    total = hashlib.blake2b(digest_size=6)
    for index in np.unique(np.linspace(0, len(reader) - 1, EXAMINED if len(reader) else 0).astype(int)):
        try:
            total.update(np.asarray(_labels(reader, int(index)), dtype=np.float32).tobytes())
        except ValueError:
            total.update(b"cannot be read")
    return f"{len(reader)} samples, labels {total.hexdigest()}"


def _labels(reader, index):
    """The pose of a sample."""
    if not is_of_videos(reader):
        return reader.sample(index).pose_px
    with reader.video(index) as video:
        return video.pose_px
