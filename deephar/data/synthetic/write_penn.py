"""Videos of synthetic people in Penn Action's file format."""

import io
import pathlib

import numpy as np
import scipy.io

from deephar import layouts
from deephar.data.synthetic import body, scene, writing
from deephar.files import whole_file
from deephar.typed import Array, Floats

ORDER = body.order(layouts.get("penn13"))
MOST = 9999
"""Maximum number of videos; their names have four digits."""

_HEADER = "MATLAB 5.0 MAT-file, synthetic people of deephar"
_TEXT_BYTES = 116
"""Header of a .mat file, which would usually contain the time of writing."""


def write(settings: writing.Settings, folder: pathlib.Path, videos: int, processes: int = 1) -> None:
    """Write frames/0001/000001.jpg and so on, and labels/0001.mat, each after its frames.

    Actions alternate. Of every action's videos, `test_share` are for testing, evenly spaced; each video has its own
    person, camera and background.

    Args:
        settings: `deephar.data.synthetic.writing.Settings`.
        folder: path.
        videos: number of videos, at most 9999.
        processes: number of processes.

    Raises:
        ValueError: if there are too many videos, or the folder was created with other settings.
    """
    if videos > MOST:
        raise ValueError(f"Penn Action's format has room for {MOST} videos. Received: {videos}")
    with writing.claim(folder, settings):
        missing = [index for index in range(videos) if not label_path(folder, index).is_file()]
        for _ in writing.in_order(one_video, settings, folder, missing, processes, "video"):
            pass


def label_path(folder: pathlib.Path, index: int) -> pathlib.Path:
    """Path of the label of a video, counted from 0."""
    return folder / "labels" / f"{index + 1:04d}.mat"


def one_video(settings: writing.Settings, folder: pathlib.Path, index: int) -> None:
    """Write one video and its label."""
    clip = draw(settings, index)
    writing.save_frames(clip.images, folder / "frames" / f"{index + 1:04d}", 6, settings.quality)
    with whole_file(label_path(folder, index)) as temporary:
        temporary.write_bytes(_mat(labels_of(clip, is_test(settings, index))))


def draw(settings: writing.Settings, index: int) -> scene.Clip:
    """The clip of a video: `deephar.data.synthetic.scene.Clip`."""
    generator = settings.generator(index)
    frames = int(generator.integers(settings.length[0], settings.length[1] + 1))
    fps = generator.uniform(*settings.fps)
    action = settings.actions[index % len(settings.actions)]
    return scene.draw_clip(generator, action, frames, settings.size, fps, settings.domain)


def is_test(settings: writing.Settings, index: int) -> bool:
    """Whether a video belongs to the test split."""
    turn = index // len(settings.actions)
    return int((turn + 1) * settings.test_share + 0.5) > int(turn * settings.test_share + 0.5)


def labels_of(clip: scene.Clip, test: bool) -> dict[str, str | Array]:
    """The fields of a label file, with the official types.

    Joints outside the frame are not visible and hold (1, 1), like joints that were not annotated.
    """
    height, width = clip.images.shape[1:3]
    xy, visible = clip.joints_uvd[:, ORDER, :2] + 0.5, clip.visible[:, ORDER]
    outside = np.any((xy < 0.5) | (xy > np.add((width, height), 0.5)), axis=-1)
    box = [_box(frame[seen if seen.any() else ...], width, height) for frame, seen in zip(xy, visible, strict=True)]
    xy = np.where(outside[..., None], 1.0, xy)
    return {
        "action": clip.action,
        "pose": view_of(clip),
        "x": xy[..., 0],
        "y": xy[..., 1],
        "visibility": visible.astype(np.uint8),
        "train": np.array([[-1 if test else 1]], dtype=np.int32),
        "bbox": np.array(box),
        "dimensions": np.array([[height, width, len(xy)]], dtype=np.uint16),
        "nframes": np.array([[len(xy)]], dtype=np.uint8 if len(xy) < 256 else np.uint16),
    }


def _box(joints: Floats, width: int, height: int) -> Floats:
    """x1 y1 x2 y2: the extent of the joints plus a tenth of it on each side, clipped to the frame; 1-based."""
    low, high = joints.min(axis=0), joints.max(axis=0)
    margin = 0.1 * (high - low)
    return np.concatenate([np.clip(v, 1, (width, height)) for v in (low - margin, high + margin)])


def view_of(clip: scene.Clip) -> str:
    """The side of the person that mostly faces the camera: "front", "back", "left" or "right" (the person's own)."""
    pelvis, r_hip, l_hip = (clip.joints_mm_world[:, body.INDEX[n]] for n in ("pelvis", "r_hip", "l_hip"))
    left = np.sum(l_hip - r_hip, axis=0)[:2]
    toward = np.sum(clip.camera.center - pelvis, axis=0)[:2]
    ahead = np.array([left[1], -left[0]])
    angle = np.degrees(np.arctan2(left @ toward, ahead @ toward))
    return ("front", "left", "back", "right")[int(np.floor((angle + 45) / 90)) % 4]


def _mat(fields: dict[str, str | Array]) -> bytes:
    """Bytes of a .mat file, independent of the time of writing."""
    file = io.BytesIO()
    scipy.io.savemat(file, fields, do_compression=True)
    return _HEADER.ljust(_TEXT_BYTES).encode() + file.getvalue()[_TEXT_BYTES:]
