"""Data: readers of datasets, samples of what they read, batches of samples; and synthetic people."""

import importlib
import types
import warnings

_READERS = (
    "base", "human36m", "human36m_converted", "human36m_files", "jhmdb", "lsp", "mpii", "mpii_files", "ntu",
    "ntu_files", "ntu_names", "pennaction",
)  # fmt: skip
_SAMPLES = ("augment", "box_file", "boxes", "clips", "crops", "frames", "targets", "video_clips")
_BATCHES = ("cached", "clip_mixture", "loader", "mixture", "pool", "queues")
_MOVED = {
    **dict.fromkeys(_READERS, "readers"), **dict.fromkeys(_SAMPLES, "samples"), **dict.fromkeys(_BATCHES, "batches"),
}  # fmt: skip
"""New locations of the modules that used to be here."""


def __getattr__(name: str) -> types.ModuleType:
    if name not in _MOVED:
        raise AttributeError(
            f"module 'deephar.data' has no attribute {name!r}; it has readers, samples, batches, synthetic"
        )
    place = f"deephar.data.{_MOVED[name]}.{name}"
    warnings.warn(f"deephar.data.{name} is now {place}", DeprecationWarning, stacklevel=2)
    return importlib.import_module(place)
