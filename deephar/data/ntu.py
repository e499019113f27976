"""NTU RGB+D: one person's action a clip, with 2D and 3D joints, from Kinect skeletons and frames, videos or neither."""

import functools
import os
import pathlib
import re
import typing

import numpy as np

from deephar import layouts
from deephar.data import ntu_files
from deephar.data.base import Video
from deephar.video import NoPictures, PictureFolder, open_video

SIZE_PX = (1920, 1080)
"""Of the videos, and of the colour coordinates in the label files."""

SPLITS = ("cross_subject", "cross_view", "cross_setup")

TRAIN_SUBJECTS = {
    60: (1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38),
    120: (
        *(1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38, 45, 46, 47, 49, 50, *range(52, 60)),
        *(70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103),
    ),
}
"""Of the cross-subject split, by the number of classes. That of 60 is the original's. That of 120 is as published code
of several authors has it; the paper that defines it was not at hand."""

TRAIN_CAMERAS = (2, 3)

_LAST = {60: {"setup": 17, "subject": 40, "action": 60}, 120: {"setup": 32, "subject": 106, "action": 120}}

_SMALL = 4096
"""Bytes; a smaller file is searched for a body when the list of clips is made, a larger one holds one: 25 joints take
at least 600 bytes, a frame without a body 3."""

_NAME = re.compile("".join(rf"{letter}((?!000)\d{{3}})" for letter in "SCPRA"))

_ACTIONS = """
drink water; eat meal/snack; brushing teeth; brushing hair; drop; pickup; throw; sitting down; standing up (from
sitting position); clapping; reading; writing; tear up paper; wear jacket; take off jacket; wear a shoe; take
off a shoe; wear on glasses; take off glasses; put on a hat/cap; take off a hat/cap; cheer up; hand waving;
kicking something; reach into pocket; hopping (one foot jumping); jump up; make a phone call/answer phone;
playing with phone/tablet; typing on a keyboard; pointing to something with finger; taking a selfie; check time
(from watch); rub two hands together; nod head/bow; shake head; wipe face; salute; put the palms together; cross
hands in front (say stop); sneeze/cough; staggering; falling; touch head (headache); touch chest
(stomachache/heart pain); touch back (backache); touch neck (neckache); nausea or vomiting condition; use a fan
(with hand or paper)/feeling warm; punching/slapping other person; kicking other person; pushing other person;
pat on back of other person; point finger at the other person; hugging other person; giving something to other
person; touch other person's pocket; handshaking; walking towards each other; walking apart from each other; put
on headphone; take off headphone; shoot at the basket; bounce ball; tennis bat swing; juggling table tennis
balls; hush (quiet); flick hair; thumb up; thumb down; make ok sign; make victory sign; staple book; counting
money; cutting nails; cutting paper (using scissors); snapping fingers; open bottle; sniff (smell); squat down;
toss a coin; fold paper; ball up paper; play magic cube; apply cream on face; apply cream on hand back; put on
bag; take off bag; put something into a bag; take something out of a bag; open a box; move heavy objects; shake
fist; throw up cap/hat; hands up (both hands); cross arms; arm circles; arm swings; running on the spot; butt
kicks (kick backward); cross toe touch; side kick; yawn; stretch oneself; blow nose; hit other person with
something; wield knife towards other person; knock over other person (hit with body); grab other person's stuff;
shoot at other person with a gun; step on foot; high-five; cheers and drink; carry something with other person;
take a photo of other person; follow other person; whisper in other person's ear; exchange things with other
person; support somebody with hand; finger-guessing game (playing rock-paper-scissors)
"""
ACTIONS = tuple(" ".join(_ACTIONS.split()).split("; "))
"""Of the 120 classes in order; the first 60 are those of the older set."""


class ClipName(typing.NamedTuple):
    """What the name of a clip, SsssCcccPpppRrrrAaaa, tells: five numbers from 1."""

    setup: int
    camera: int
    subject: int
    repeat: int
    action: int


def parse_name(name):
    """`ClipName` of a name, without what follows it. Raises ValueError for another kind of name."""
    match = _NAME.fullmatch(name)
    if not match:
        raise ValueError(f"Expected the name of a clip of NTU RGB+D like S001C001P001R001A001. Received: {name}")
    return ClipName(*map(int, match.groups()))


class Ntu:
    """Reader of NTU RGB+D: the main actor of each clip (`deephar.data.ntu_files.main_body`).

    Poses are colour u, v in pixels of the pictures at hand, and the depth sensor's z in mm. Joints that were not
    tracked are NaN; those that the Kinect inferred are kept. Whether the files' coordinates count from the corner or
    from the middle of the first pixel is not known; they are taken as they are.

    Sides: a person who faces the camera has the Kinect's left joints on the picture's left (in every frame of three
    clips, and drawn on the video of S001C001P001R001A001, of the same person and place as A011), where an ordinary
    photograph shows the right ones. The videos are mirror images, it seems: the numerals of that video's wall clock,
    averaged over its frames, read right only in a mirror. Whatever the cause, a network sees the picture, so the joints
    of each pair are exchanged: in `pose_px`, in the order of layout ntu25, `r_shoulder` is the one that looks like a
    right shoulder, as in the layouts of photographs, and `deephar.layouts.rearrange` is right by names. (The original's
    published map from ntu25 exchanges sides too; it is for the files' order and must not be applied on top.)

    Args:
        skeletons: folder of the .skeleton files, or of the original's .npy (see `ntu_files.read_converted`).
        split: None for all clips; or one of `SPLITS`: cross_view is of the 60 classes only, cross_setup (even setups
            train) of the 120 only.
        train: of a split, whether its training or its test clips.
        frames: folder of folders <name>/00001.jpg ..., of any size, as `datasets/prepare_ntu.py` writes them.
        videos: folder of <name>_rgb.avi, read instead of frames. With neither, only labels are at hand.
        names: clips to read, None for all in the folder.
        classes: 60 or 120.
        missing: lists of clips to leave out, a path or several; e.g. the official text files.

    Attributes:
        names: tuple of the clips' names, sorted.
        left_out: dict of a reason to the names of clips that are left out for it: on the list, without any body, not of
            the classes.
        truncated: dict of a clip's name to its numbers of labelled frames and of pictures, where they differ, of the
            clips opened so far; the shorter counts.

    Raises:
        ValueError: for a missing folder or list, a name without a file, a split that is not defined, or no clips.
    """

    layout = layouts.get("ntu25")

    def __init__(
        self, skeletons, split=None, train=True, frames=None, videos=None, names=None, classes=60, missing=None
    ):
        if classes not in _LAST:
            raise ValueError(f"`classes` must be 60 or 120. Received: {classes}")
        if frames is not None and videos is not None:
            raise ValueError("Expected a folder of frames or one of videos. Received: both")
        self.actions = ACTIONS[:classes]
        self.skeletons = _folder(skeletons, "the .skeleton files")
        self.frames = frames and _folder(frames, "the clips' frames")
        self.videos = videos and _folder(videos, "the .avi files")
        self.left_out, self.truncated = {}, {}
        files = _label_files(self.skeletons, names)
        listed = _listed(missing)
        wanted = _splitter(split, train, classes)
        self._files = {name: path for name, path in files.items() if self._keep(name, path, listed, wanted, classes)}
        self.names = tuple(self._files)
        if not self.names:
            counts = {reason: len(found) for reason, found in self.left_out.items()}
            raise ValueError(f"There are no clips of NTU RGB+D to read in {skeletons}. Left out: {counts}")

    def _keep(self, name, path, listed, wanted, classes):
        clip, reason = parse_name(name), None
        if any(getattr(clip, key) > last for key, last in _LAST[classes].items()):
            reason = f"not of the {classes} classes"
        elif not wanted(clip):
            return False
        elif name in listed:
            reason = "on the missing list"
        elif path.suffix == ".skeleton" and path.stat().st_size < _SMALL and not ntu_files.read_skeleton(path).bodies:
            reason = "no body"
        if reason:
            self.left_out.setdefault(reason, []).append(name)
        return not reason

    def __len__(self):
        return len(self.names)

    def video(self, index):
        """The clip at a position: `Video`. Its `frame` opens pictures from where the reader was told.

        Raises:
            ValueError: if its labels, its video or its folder of frames are missing or damaged; the message names it.
        """
        name = self.names[index]
        numbers, pose = _read_pose(self._files[name])
        pictures = self._pictures(name, int(numbers[-1]) + 1)
        if len(pictures) != numbers[-1] + 1:
            self.truncated[name] = (int(numbers[-1]) + 1, len(pictures))
        numbers = numbers[numbers < len(pictures)]
        pose = pose[: len(numbers), self.layout.flip]
        pose[..., :2] *= np.divide(pictures.size, SIZE_PX)
        frame = functools.partial(_frame, pictures, numbers)
        return Video(name, parse_name(name).action - 1, pose, pictures.size, frame)

    def _pictures(self, name, length):
        if self.frames is not None:
            return PictureFolder(self.frames / name)
        if self.videos is not None:
            return open_video(self.videos / f"{name}_rgb.avi")
        return NoPictures(name, length, SIZE_PX)


def _frame(pictures, numbers, index):
    if not 0 <= index < len(numbers):
        raise ValueError(f"Expected a frame from 0 to {len(numbers) - 1} of {pictures.path}. Received: {index}")
    return pictures.frame(int(numbers[index]))


def _read_pose(path):
    """Numbers of the pictures from 0, (n,); and u, v, depth of the main actor in the Kinect's order, (n, 25, 3)."""
    if path.suffix == ".npy":
        return ntu_files.read_converted(path)
    skeleton = ntu_files.read_skeleton(path)
    numbers = np.arange(skeleton.frames)
    found = ntu_files.main_body(skeleton)
    if not found:
        return numbers, np.full((skeleton.frames, ntu_files.JOINTS, 3), np.nan)
    body = skeleton.bodies[found[0]]
    located = (body.state > 0) & np.isfinite(body.color_px).all(axis=2) & (body.color_px != 0).any(axis=2)
    depth = 1000.0 * body.xyz_m[..., 2:]
    pose = np.concatenate([body.color_px, np.where(depth > 0, depth, np.nan)], axis=2)
    return numbers, np.where(located[..., None], pose, np.nan)


def _folder(path, what):
    path = pathlib.Path(path)
    if not path.is_dir():
        raise ValueError(f"Expected the folder of {what} of NTU RGB+D. Received: {path}")
    return path


def _label_files(folder, names):
    """Sorted dict of a clip's name to its file, of the names asked for; .skeleton before .npy."""
    found = {}
    for entry in sorted(os.listdir(folder)):
        name, suffix = os.path.splitext(entry)
        if suffix in (".skeleton", ".npy") and _NAME.fullmatch(name):
            found[name] = folder / entry
    if names is None:
        return found
    absent = sorted(set(names) - set(found))
    if absent:
        raise ValueError(f"{folder} lacks the .skeleton or .npy of {len(absent)} clips asked for: {absent[0]} ...")
    return {name: found[name] for name in sorted(set(names))}


def _listed(missing):
    """Names on lists of clips, which may be empty; other lines are passed over."""
    paths = [] if missing is None else [missing] if isinstance(missing, (str, os.PathLike)) else missing
    listed = set()
    for path in paths:
        try:
            lines = pathlib.Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError as error:
            raise ValueError(f"Expected a list of clips of NTU RGB+D. Received: {path}: {error.strerror}") from None
        names = {line.strip() for line in lines if _NAME.fullmatch(line.strip())}
        if not names and any(lines):
            raise ValueError(f"Expected a list of clips, a name like S001C002P005R002A008 a line. Received: {path}")
        listed |= names
    return listed


def _splitter(split, train, classes):
    """Function of a `ClipName` that tells whether it is in the split."""
    rules = {
        None: lambda clip: bool(train),
        "cross_subject": lambda clip: clip.subject in TRAIN_SUBJECTS[classes],
        "cross_view": lambda clip: clip.camera in TRAIN_CAMERAS,
        "cross_setup": lambda clip: clip.setup % 2 == 0,
    }
    if split not in rules or (split, classes) in (("cross_view", 120), ("cross_setup", 60)):
        raise ValueError(
            f"The splits are {', '.join(SPLITS)}; cross_view is of the 60 classes, cross_setup of the 120. "
            f"Received: {split} of {classes} classes"
        )
    return lambda clip: rules[split](clip) == bool(train)
