"""Packs videos for `deephar.data.readers.packed_clips`: people cut out once, frames as JPEG in a few large files."""

import concurrent.futures
import dataclasses
import io
import json
import multiprocessing
import pathlib
import tarfile
import typing
from collections.abc import Sequence

import numpy as np
from PIL import Image
from tqdm import tqdm

from deephar import checks, files, geometry
from deephar.data.readers.base import Video, VideoDataset
from deephar.data.readers.packed import jpeg
from deephar.data.readers.packed_clips import FORMAT, FRAMES, INDEX, frame_type, shard_name
from deephar.data.samples import frames
from deephar.data.samples.boxes import frame_box
from deephar.files import whole_file
from deephar.typed import Array, Bools, Floats, Path, Size

SETTINGS = "settings.json"


@dataclasses.dataclass(frozen=True)
class Packing:
    """How clips are packed.

    Attributes:
        windows: side of the packed region, in windows around all joints of the video, their margin included. Augmented
            clips show black beyond it: NTU's actions, enlarged by 1.3 and shifted, reach to 1.5; Penn's, which are
            turned too, to 2.2; single frames of NTU's poses, enlarged by 2, to 2.3.
        side: of a window in packed pixels, at most; nothing is enlarged.
        quality: of the JPEG files, 1 to 95.
        clips: in a file.
    """

    windows: float = 1.5
    side: int = 256
    quality: int = 85
    clips: int = 200

    def __post_init__(self) -> None:
        checks.between("windows", self.windows, 1.0)
        checks.whole("quality", self.quality)
        checks.whole("side", self.side)
        checks.whole("clips", self.clips)


@dataclasses.dataclass(frozen=True)
class About:
    """What the reader's videos do not say of themselves.

    Attributes:
        subjects: number of the person in every clip; None: unknown.
        splits: name of the split of every clip; None: none.
    """

    subjects: Sequence[int] | None = None
    splits: Sequence[str] | None = None


def pack_clips(
    reader: VideoDataset,
    folder: Path,
    packing: Packing | None = None,
    about: About | None = None,
    processes: int = 1,
    progress: bool = False,
) -> dict[str, str]:
    """Pack the videos of a reader. A folder that is not complete is gone on with: its whole files stay.

    Args:
        reader: of videos, which can be pickled.
        folder: for the files.
        packing: how.
        about: what is known of the clips beyond that.
        processes: that pack at a time, a file each.
        progress: whether a bar shows it.

    Returns:
        dict from the number of a clip that could not be packed, or is empty, to the reason.

    Raises:
        ValueError: if none can be packed, or the folder was begun with another number of clips or other settings.
    """
    folder, packing, about = pathlib.Path(folder), packing or Packing(), about or About()
    count = len(reader)
    files.keep_settings(
        folder / SETTINGS,
        {"format": FORMAT, "videos": count, "layout": reader.layout.name, **dataclasses.asdict(packing)},
    )
    starts = range(0, count, packing.clips)
    if not (folder / INDEX).exists():
        waiting = [n for n in range(len(starts)) if not _part(folder, n).exists()]
        jobs = [(reader, folder, n, range(count)[starts[n] : starts[n] + packing.clips], packing) for n in waiting]
        _run(jobs, processes, progress)
        _join(reader, folder, len(starts), about)
    for number in range(len(starts)):
        _part(folder, number).unlink(missing_ok=True)
    with np.load(folder / INDEX, allow_pickle=False) as file:
        return json.loads(str(file["about"]))["left_out"]


def _run(jobs: Sequence[tuple], processes: int, progress: bool) -> None:
    bar = tqdm(total=sum(len(job[3]) for job in jobs), desc="packing", unit="clip", disable=not progress)
    with bar:
        if processes == 1:
            for job in jobs:
                bar.update(_pack_shard(*job))
            return
        spawning = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(processes, spawning) as pool:
            for future in concurrent.futures.as_completed([pool.submit(_pack_shard, *job) for job in jobs]):
                bar.update(future.result())


def _part(folder: pathlib.Path, number: int) -> pathlib.Path:
    """What is known of a file of frames, until all are joined in the index; it is written last."""
    return folder / f"clips-{number:05d}.npz"


def _pack_shard(reader: VideoDataset, folder: pathlib.Path, number: int, clips: range, packing: Packing) -> int:
    """Pack some clips in one file; returns their number."""
    rows: list[tuple] = []
    packed: list[Array] = []
    left_out: dict[str, str] = {}
    with (
        whole_file(folder / shard_name(number)) as temporary,
        tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for index in clips:
            try:
                with reader.video(index) as video:
                    pictures, pose, size = _cut_out(video, packing)
            except ValueError as error:
                left_out[str(index)] = str(error)
                continue
            places = [_add(tar, f"{video.name}/{place:05d}.jpg", content) for place, content in enumerate(pictures)]
            entries = np.empty(len(pose), frame_type(*pose.shape[1:]))
            entries["offset"], entries["length"] = np.transpose(places)
            entries["pose"] = pose
            rows.append((index, video.name, video.action, size, number))
            packed.append(entries)
    columns = zip(*rows, strict=True) if rows else [[]] * 5
    index, name, action, size, shard = (np.array(column) for column in columns)
    with whole_file(_part(folder, number)) as temporary:
        np.savez(
            temporary, index=index, name=name, action=action, size=size, shard=shard,
            count=np.array([len(entries) for entries in packed], np.int64),
            frames=np.concatenate(packed) if packed else np.zeros(0), left_out=np.array(json.dumps(left_out)),
        )  # fmt: skip
    return len(clips)


def _cut_out(video: Video, packing: Packing) -> tuple[list[bytes], Floats, Size]:
    """The frames of a video as JPEG files, its pose in their pixels, and their size."""
    if not len(video):
        raise ValueError(f"{video.name} has no frames")
    px_to_unit, size = region(video, packing)
    pictures = [
        jpeg(Image.fromarray(frames.cut(video.frame(number), px_to_unit, size, video.name)), packing.quality)
        for number in range(len(video))
    ]
    return pictures, geometry.transform_points(geometry.scaling(*size) @ px_to_unit, video.pose_px), size


def region(video: Video, packing: Packing) -> tuple[Floats, Size]:
    """The part of a video's frames that is packed: around all its joints, as far as the picture reaches.

    Returns:
        (3, 3), source pixels to [0, 1] of the region; and its (width, height) in packed pixels.
    """
    located = np.isfinite(video.pose_px[..., :2]).all(axis=-1).any(axis=-1)
    picture = np.array(video.size_px, dtype=np.float64)
    low, high, window = np.zeros(2), picture, picture.max() / packing.windows
    if located.any():
        boxes = [frame_box(geometry.points_box(pose), video.size_px) for pose in video.pose_px[located]]
        center, sides = geometry.box_to_window(geometry.union_box(boxes))
        reach = packing.windows * sides.max() / 2
        around = np.maximum(np.floor(center - reach), 0), np.minimum(np.ceil(center + reach), picture)
        if (around[0] < around[1]).all():  # otherwise nobody is in the picture
            (low, high), window = around, sides.max()
    scale = min(1.0, packing.side / window)
    size = np.maximum(np.ceil((high - low) * scale), 1)
    return geometry.scaling(*(scale / size)) @ geometry.translation(*-low), (int(size[0]), int(size[1]))


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> tuple[int, int]:
    """Append a file; returns where its content begins, and its length."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    begin = tar.offset + len(entry.tobuf(tar.format))
    tar.addfile(entry, io.BytesIO(content))
    return begin, len(content)


def _join(reader: VideoDataset, folder: pathlib.Path, shards: int, about: About) -> None:
    """Join what is known of all files: first the frames, then the index, which says that everything is there."""
    parts = [_known(_part(folder, number)) for number in range(shards)]
    left_out = {key: reason for part in parts for key, reason in json.loads(str(part.pop("left_out"))).items()}
    full = {number: part for number, part in enumerate(parts) if len(part["index"])}
    if not full:
        reason = next(iter(left_out.values()), "there are no clips")
        raise ValueError(f"None of {len(reader)} clips can be packed; the first fault: {reason}")
    columns = {field: np.concatenate([part[field] for part in full.values()]) for field in next(iter(full.values()))}
    index = columns.pop("index")
    columns["subject"] = np.full(len(index), -1) if about.subjects is None else np.asarray(about.subjects)[index]
    columns["split"] = np.full(len(index), "") if about.splits is None else np.asarray(about.splits)[index]
    with whole_file(folder / FRAMES) as temporary:
        shown = _join_frames([_part(folder, number) for number in full], temporary, int(columns["count"].sum()))
    with whole_file(folder / INDEX) as temporary:
        known = {"layout": reader.layout.to_json(), "actions": list(reader.actions), "left_out": left_out}
        text = np.array(json.dumps({"format": FORMAT, **known}))
        np.savez(temporary, allow_pickle=False, about=text, shown=shown, **columns)


def _known(part: pathlib.Path) -> dict[str, typing.Any]:
    """All that is known of a file of frames, but for the frames."""
    with np.load(part, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name != "frames"}


def _join_frames(parts: Sequence[pathlib.Path], path: pathlib.Path, count: int) -> Bools:
    """Join the frames of all files in one table, part by part; whether each frame shows any joint, (count,)."""
    shown, end, table = np.zeros(count, bool), 0, None
    for part in parts:
        with np.load(part, allow_pickle=False) as file:
            entries = file["frames"]
        if table is None:
            table = np.lib.format.open_memmap(path, "w+", entries.dtype, (count,))
        begin, end = end, end + len(entries)
        table[begin:end] = entries
        shown[begin:end] = np.isfinite(entries["pose"][..., :2]).all(axis=-1).any(axis=-1)
    return shown
