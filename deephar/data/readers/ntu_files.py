"""The label files of NTU RGB+D: the Kinect's .skeleton text, and the .npy that the original converted it to.

Joints are in the order of the Kinect SDK, with its own sides; `deephar.data.readers.ntu` explains them.
"""

import dataclasses
import pathlib

import numpy as np

from deephar.data.readers.reading import reading
from deephar.files import whole_file
from deephar.typed import Bools, Floats, Ints, Path

JOINTS = 25
_BODY_TOKENS, _JOINT_TOKENS = 10, 12
_UNORIENTED = (3, 15, 19, 21, 22, 23, 24)
"""End joints of the skeleton; their orientation is 0 in the files."""

GHOST_WIDTH = 0.8
"""A body is taken for furniture if its width (x) exceeds this fraction of its height (y), by the medians over its
frames. In the three real files available, two people stand, both at 0.30, and one bends to a shoe, at 0.63. No false
detection was available to set the limit by; 0.8 is customary."""

BRIEF = 0.1
"""A body is taken for noise if it is present in less than this fraction of the frames."""


@dataclasses.dataclass(frozen=True)
class Body:
    """One tracked body over the n frames of a file.

    Attributes:
        present: (n,) bool, whether the frame holds the body; where not, the rest is NaN, and `state` 0.
        xyz_m: (n, 25, 3) metres in the depth sensor's frame: x to the image's right, y up, z away from the sensor.
        color_px: (n, 25, 2) in the video of 1920 x 1080.
        depth_px: (n, 25, 2) in the depth map of 512 x 424.
        state: (n, 25) int: 0 not tracked, 1 inferred, 2 tracked.
    """

    present: Bools
    xyz_m: Floats
    color_px: Floats
    depth_px: Floats
    state: Ints


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """A .skeleton file.

    Attributes:
        frames: number of frames.
        bodies: dict of body id (int, above 2^53) to `Body`, in the order of their first appearance.
    """

    frames: int
    bodies: dict[int, Body]


def read_skeleton(path: Path) -> Skeleton:
    """Read a .skeleton file.

    Body ids are kept as integers: as floating-point numbers, two people's ids may become equal. Frames may hold no
    body or many, in any order. Anything after the last frame is ignored.

    Args:
        path: of the file.

    Returns:
        `Skeleton`.

    Raises:
        ValueError: if the file is missing, truncated or of the wrong kind.
    """
    try:
        tokens = pathlib.Path(path).read_bytes().split()
    except OSError as error:
        raise ValueError(f"Expected a .skeleton file of NTU RGB+D. Received: {path}: {error.strerror}") from None
    try:
        frames, rows = _scan(tokens)
    except IndexError:
        raise ValueError(f"{path} ends early: it is truncated or not a .skeleton file of NTU RGB+D") from None
    except ValueError as error:
        raise ValueError(f"Expected a .skeleton file of NTU RGB+D in {path}: {error}") from None
    return Skeleton(frames, {body: _body(frames, found) for body, found in rows.items()})


def count_frames(path: Path) -> int:
    """Number of frames in the header of a .skeleton or .npy; the rest is not read.

    Raises:
        ValueError: if the file is missing or of the wrong kind.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() == ".npy":
        with reading(path, "a .npy of numbers"):
            return len(np.load(path, mmap_mode="r", allow_pickle=False))
    with reading(path, "a .skeleton file of NTU RGB+D"), path.open("rb") as file:
        frames, size = int(file.read(64).split()[0]), path.stat().st_size
        if not 1 <= frames <= size:
            raise ValueError(f"{frames} frames in {size} bytes")
        return frames


def _scan(tokens: list[bytes]) -> tuple[int, dict[int, dict[int, Floats]]]:
    """Number of frames, and body id -> {frame: (25, 12) array}."""
    frames, place = _whole(tokens[0], "the number of frames"), 1
    if frames < 1:
        raise ValueError(f"the number of frames must be at least 1. Received: {frames}")
    rows = {}
    for frame in range(frames):
        bodies, place = _whole(tokens[place], f"the number of bodies of frame {frame + 1}"), place + 1
        for _ in range(bodies):
            body = rows.setdefault(_whole(tokens[place], f"a body id in frame {frame + 1}"), {})
            joints, place = _whole(tokens[place + _BODY_TOKENS], "the number of joints"), place + _BODY_TOKENS + 1
            if joints != JOINTS or frame in body:
                raise ValueError(
                    f"a body has {JOINTS} joints, once per frame. Received: {joints} joints in frame {frame + 1}"
                )
            end = place + JOINTS * _JOINT_TOKENS
            tokens[end - 1]  # an IndexError if the file ends early
            body[frame] = np.array([_number(token) for token in tokens[place:end]]).reshape(JOINTS, _JOINT_TOKENS)
            place = end
    return frames, rows


def _whole(token: bytes, what: str) -> int:
    try:
        return int(token)
    except ValueError:
        raise ValueError(f"{what} must be an integer. Received: {token[:40]!r}") from None


def _number(token: bytes) -> float:
    try:
        return float(token)
    except ValueError:
        if b"#" in token or b"nan" in token.lower():  # as Windows may write it: -1.#IND, -nan(ind)
            return np.nan
        raise ValueError(f"a joint has {_JOINT_TOKENS} numbers. Received: {token[:40]!r}") from None


def _body(frames: int, found: dict[int, Floats]) -> Body:
    values = np.full((frames, JOINTS, _JOINT_TOKENS), np.nan)
    values[list(found)] = list(found.values())
    present = np.zeros(frames, dtype=bool)
    present[list(found)] = True
    state = np.nan_to_num(values[..., 11], posinf=0, neginf=0).astype(int)
    return Body(present, values[..., :3], values[..., 5:7], values[..., 3:5], state)


def write_skeleton(path: Path, skeleton: Skeleton) -> None:
    """Write a .skeleton file, to be read by `read_skeleton`, with 10 significant digits.

    Fields that `Skeleton` lacks are written as for an upright body in full view.

    Args:
        path: of the new file.
        skeleton: `Skeleton`.
    """
    lines = [str(skeleton.frames)]
    for frame in range(skeleton.frames):
        present = [(number, body) for number, body in skeleton.bodies.items() if body.present[frame]]
        lines.append(str(len(present)))
        for number, body in present:
            lines += [f"{number} 0 1 1 1 1 0 0 0 2", str(JOINTS)]
            for joint in range(JOINTS):
                values = [*body.xyz_m[frame, joint], *body.depth_px[frame, joint], *body.color_px[frame, joint]]
                orientation = "0 0 0 0" if joint in _UNORIENTED else "1 0 0 0"
                numbers = " ".join(f"{value:.10g}" for value in values)
                lines.append(f"{numbers} {orientation} {body.state[frame, joint]:d}")
    with whole_file(path) as temporary:
        temporary.write_bytes("".join(f"{line}\r\n" for line in lines).encode("ascii"))


def main_body(skeleton: Skeleton, count: int = 1) -> list[int]:
    """Ids of the main actors.

    As the dataset's authors recommend: bodies that are not people are dropped, and those with the largest variance of x
    plus variance of y plus variance of z, each over all joints and frames, come first. Bodies that are too wide
    (`GHOST_WIDTH`) or appear too briefly (`BRIEF`) are dropped; if that leaves none, none is dropped.

    Args:
        skeleton: `Skeleton`.
        count: maximum number of ids.

    Returns:
        list of at most `count` ids, the main actor first; empty if the file holds no located body.
    """
    located = {number: _located(body) for number, body in skeleton.bodies.items()}
    located = {number: xyz for number, xyz in located.items() if len(xyz)}
    people = [number for number, xyz in located.items() if len(xyz) >= BRIEF * skeleton.frames and not _is_ghost(xyz)]
    variance = {number: np.nanvar(located[number], axis=(0, 1)).sum() for number in people or located}
    return sorted(variance, key=variance.__getitem__, reverse=True)[:count]


def _located(body: Body) -> Floats:
    """Positions in the frames with at least one located joint, (m, 25, 3); all NaN for a joint that is not located."""
    whole = np.all(np.isfinite(body.xyz_m), axis=2, keepdims=True)
    return np.where(whole, body.xyz_m, np.nan)[whole.any(axis=(1, 2))]


def _is_ghost(xyz: Floats) -> bool:
    width, height, _ = np.median(np.nanmax(xyz, axis=1) - np.nanmin(xyz, axis=1), axis=0)
    return width > GHOST_WIDTH * height


def read_converted(path: Path) -> tuple[Ints, Floats]:
    """Read the original's nturgb+d_numpy/<name>.npy.

    Its rows are frames; its columns are the frame number from 1, then 25 each of x, y, z, u, v and depth in mm.
    Known only from the original's code: no such file was available, so this is not verified on a real one.

    Args:
        path: of the file.

    Returns:
        numbers of the n frames from 0, int (n,); and (u, v, depth), float64 (n, 25, 3) in pixels of 1920 x 1080 and
        mm, NaN for a joint with any value not above 0.

    Raises:
        ValueError: if the file is missing, damaged or has the wrong shape.
    """
    try:
        table = np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise ValueError(f"{path} is not a readable .npy of numbers: {error}") from None
    columns = 1 + 6 * JOINTS
    if table.ndim != 2 or table.shape[1] != columns or not len(table):
        raise ValueError(f"Expected rows of {columns} numbers in {path}. Received: shape {table.shape}")
    numbers = table[:, 0]
    if not (np.all(numbers >= 1) and np.all(np.diff(numbers) > 0) and np.all(numbers == np.trunc(numbers))):
        raise ValueError(f"Expected increasing frame numbers from 1 in the first column of {path}")
    pose = np.moveaxis(table[:, 1 + 3 * JOINTS :].reshape(-1, 3, JOINTS), 1, 2)
    return numbers.astype(int) - 1, np.where((pose > 0).all(axis=2, keepdims=True), pose, np.nan)
