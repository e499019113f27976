"""Drawn people in the formats of the datasets, with exact joints."""

import json
import time

import h5py
import numpy as np
import scipy.io
from PIL import Image, ImageDraw

from deephar import layouts
from deephar.data.readers.base import Sample, Video

TEMPLATE = np.array(
    [[-9, 95], [-8, 70], [-6, 45], [6, 45], [8, 70], [9, 95], [-22, 40], [-18, 25], [-10, 10], [10, 10], [18, 25],
     [22, 40], [0, 5], [0, -12]], dtype=float
)  # fmt: skip
"""A standing person, joints as in LSP."""


def standing(frames):
    """Captured poses (frames, 17, 3) of a person who stands, then lifts the right hand forward; y is up, z ahead."""
    right = {
        "hip": (-130, 0, 0), "knee": (-130, -420, 5), "ankle": (-130, -840, -10),
        "shoulder": (-150, 450, 0), "elbow": (-180, 170, -5), "wrist": (-190, -80, 10),
    }  # fmt: skip
    places = {f"r_{name}": place for name, place in right.items()}
    places |= {f"l_{name}": (-x, y, z) for name, (x, y, z) in right.items()}
    places |= {"pelvis": (0, 0, 0), "spine": (0, 230, -10), "thorax": (0, 480, 0), "head": (0, 600, 60)}
    places["head_top"] = (0, 720, 0)
    source = layouts.get("h36m17")
    poses = np.array([[places[name] for name in source.names]] * frames, dtype=float)
    poses[1:, source.index("r_wrist")] = (-180, 170, 250)
    return poses


def figure(generator, size=(160, 170)):
    """A drawn person and the joints (14, 2) in pixels."""
    pose = TEMPLATE * generator.uniform(0.8, 1.2) + generator.normal(0, 2, (14, 2)) + [80, 40]
    image = Image.new("RGB", size, (60, 90, 70))
    pen = ImageDraw.Draw(image)
    for a, b in zip(range(13), range(1, 14), strict=True):
        pen.line([*pose[a], *pose[b]], fill=(230, 200, 180), width=5)
    return image, pose


def drawn_lsp(folder, people=12):
    """Write LSP-extended: one joint of the first person is not located."""
    generator = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    joints = np.zeros((14, 3, people))
    for person in range(people):
        image, pose = figure(generator)
        image.save(folder / "images" / f"im{person + 1:05d}.jpg", quality=95)
        joints[:, :2, person], joints[:, 2, person] = pose, 1
    joints[0, :, 0] = 0, -26, 0
    scipy.io.savemat(folder / "joints.mat", {"joints": joints})
    return folder


def drawn_mpii(folder, people=6):
    """Write MPII: release.mat, valid.h5, train.json, valid.json and images/.

    The last two people are for validation. The RELEASE has its traps: points in any order and as any type, a visibility
    that is a character or empty, a joint that is not annotated, a second rectangle without joints, a photograph without
    rectangles, and one test photograph.
    """
    generator = np.random.default_rng(1)
    (folder / "images").mkdir(parents=True)
    annolist, single, entries = [], [], []
    for person in range(people):
        image, lsp = figure(generator)
        name = f"{person:09d}.jpg"
        image.save(folder / "images" / name, quality=95)
        lsp = np.round(lsp) + 0.5  # pixel k, counted from 1, has its middle at k - 0.5
        pose = layouts.rearrange(lsp, "lsp14", "mpii16")
        pose[6], pose[7] = (pose[2] + pose[3]) / 2, (pose[12] + pose[13]) / 2
        stored = pose + 0.5
        known = [joint for joint in range(16) if (person, joint) != (0, 1)]
        entries.append((name, stored, known))
        rectangle = _rectangle(stored, generator.permutation(known))
        annolist.append(_image(name, [rectangle, {"x1": 1, "y1": 2, "x2": 3, "y2": 4}] if person == 1 else [rectangle]))
        single.append(np.array([[1]], dtype=np.uint8))
    test = {key: value for key, value in annolist[0]["annorect"][0].items() if key in ("scale", "objpos")}
    annolist += [_image("000000000.jpg", []), _image("000000001.jpg", [{}, test])]
    single += [np.empty((0, 0)), np.array([[2]], dtype=np.uint8)]
    release = {
        "annolist": annolist, "img_train": [1] * (people + 1) + [0], "single_person": _cells(single), "version": "12",
    }  # fmt: skip
    scipy.io.savemat(folder / "release.mat", {"RELEASE": _struct_arrays(release)})
    _write_json(folder / "train.json", entries[:-2])
    _write_json(folder / "valid.json", entries[-2:])
    _write_pose_hg(folder / "valid.h5", entries[-2:])
    return folder


class DrawnVideos:
    """Reader of three videos of 8 frames with depth; nobody is located in the last frame.

    Args:
        missing: (video, frame) whose picture is missing.
    """

    layout, actions = layouts.get("pa17j"), ("wave", "kick")

    def __init__(self, missing=None):
        self.missing = missing

    def __len__(self):
        return 3

    def labelled_frames(self, index):
        return np.arange(8)

    def video(self, index):
        pictures, poses = zip(*(figure(np.random.default_rng([index, number])) for number in range(8)), strict=True)
        pose = layouts.rearrange(np.stack(poses), "lsp14", "pa17j")
        pose[:, 0] = (pose[:, 10] + pose[:, 11]) / 2
        depth = np.full((8, 17, 1), 4000.0)
        depth[:, self.layout.index("r_wrist")] = 3500.0
        pose = np.concatenate([pose, np.where(np.isfinite(pose[..., :1]), depth, np.nan)], axis=-1)
        pose[7] = np.nan

        def frame(number):
            if (index, number) == self.missing:
                raise ValueError(f"video{index}, frame {number} is missing")
            return pictures[number]

        return Video(f"video{index}", index % 2, pose, pictures[0].size, frame)


SCALE, CENTER = 0.5, (80, 70)


def _rectangle(stored, order):
    visible = {8: np.empty((0, 0)), 9: np.empty((0, 0)), 10: "0", 11: "1"}
    points = [
        {"x": stored[j, 0], "y": np.int16(stored[j, 1]) if j not in (6, 7, 8, 9) else stored[j, 1],
         "id": np.uint8(j), "is_visible": visible.get(j, np.uint8(1))}
        for j in order
    ]  # fmt: skip
    head = {"x1": np.uint8(70), "y1": np.uint16(20), "x2": np.uint8(100), "y2": np.uint8(60)}
    objpos = {"x": np.uint8(CENTER[0]), "y": np.uint8(CENTER[1])}
    return {**head, "scale": SCALE, "objpos": objpos, "annopoints": {"point": points}}


def _image(name, rectangles):
    keys = sorted({key for rectangle in rectangles for key in rectangle})
    even = [{key: rectangle.get(key, np.empty((0, 0))) for key in keys} for rectangle in rectangles]
    return {"image": {"name": name}, "annorect": even}


def _struct_arrays(value):
    if isinstance(value, dict):
        return {key: _struct_arrays(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict) and value[0]:
        array = np.empty((1, len(value)), dtype=[(key, object) for key in value[0]])
        for place, row in enumerate(value):
            array[0, place] = tuple(_struct_arrays(row[key]) for key in value[0])
        return array
    return value


def _cells(values):
    cells = np.empty((len(values), 1), dtype=object)
    cells[:, 0] = values
    return cells


def _write_json(path, entries):
    people = []
    for name, stored, known in entries:
        mask = np.isin(np.arange(16), known)
        joints = np.where(mask[:, None], stored, -1).tolist()
        people.append(
            {"image": name, "center": CENTER, "scale": SCALE, "joints": joints, "joints_vis": mask.astype(int).tolist()}
        )
    path.write_text(json.dumps(people))


def _write_pose_hg(path, entries):
    count = len(entries)
    with h5py.File(path, "w") as file:
        file["imgname"] = np.array([name.encode() for name, _, _ in entries], dtype="S13")
        file["person"], file["index"] = np.zeros(count), np.arange(count, dtype=float)
        file["center"] = np.tile([CENTER[0], CENTER[1] + 15 * SCALE], (count, 1))
        file["scale"] = np.full(count, 1.25 * SCALE)
        file["normalize"] = np.full(count, 0.6 * np.hypot(30, 40))
        file["part"] = np.trunc([stored for _, stored, _ in entries])
        file["visible"] = np.tile(np.where(np.isin(np.arange(16), (8, 9, 10)), 0.0, 1.0), (count, 1))


class Noise:
    """A reader of people, who cannot be seen, on noise of some brightness."""

    layout = layouts.get("lsp14")

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __len__(self):
        return 16

    def sample(self, index):
        generator = np.random.default_rng([self.low, index])
        image = Image.fromarray(generator.integers(self.low, self.high, (64, 64, 3), dtype=np.uint8))
        return Sample("noise", image, generator.uniform(4, 60, (14, 2)), np.full(2, 32.0), np.full(2, 64.0))


class Told(Noise):
    """`Noise` that takes its time, and tells in a file how far it is: a byte for every sample."""

    def __init__(self, low, high, progress):
        super().__init__(low, high)
        self.progress = progress

    def sample(self, index):
        time.sleep(0.05)
        with open(self.progress, "ab") as file:
            file.write(b".")
        return super().sample(index)
