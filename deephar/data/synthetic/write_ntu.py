"""Videos of synthetic people in NTU RGB+D's file format, recorded by three cameras at once."""

import pathlib

import numpy as np

from deephar import layouts, video
from deephar.camera import Camera
from deephar.data.readers import ntu_files
from deephar.data.synthetic import body, figure, scene, writing
from deephar.typed import Ints, Size

ACTIONS = {
    "drink": 1, "throw": 7, "sit_down": 8, "stand_up": 9, "clap": 10, "wave": 23, "kick": 24, "jump": 27,
    "phone_call": 28, "punch": 50,
}  # fmt: skip
"""Our actions that NTU RGB+D also has, and their numbers there; its punch needs two people."""

SUBJECTS, REPEATS, SETUPS, CAMERAS, FPS = 40, 2, 17, 3, 30
COLOUR_PX, COLOUR_FOCAL = (1920, 1080), 1081.0
"""Size of the official videos, to whose pixels colour coordinates refer, and a Kinect's focal length in them."""

_FIRST_ID = 72057594037931000
_PEOPLE = 1_000_000
"""Seed of the first subject; performances have smaller ones."""


def _sdk_order() -> Ints:
    """Joints as named by the Kinect SDK: its left is the person's right in an image that is not mirrored."""
    layout = layouts.get("ntu25")
    return np.array(body.order(layout))[layout.flip]


ORDER: Ints = _sdk_order()


def write(settings: writing.Settings, folder: pathlib.Path, performances: int, processes: int = 1) -> None:
    """Write nturgb+d_rgb/<name>_rgb.avi, or frames/<name>/00001.jpg, then nturgb+d_skeletons/<name>.skeleton.

    Args:
        settings: `deephar.data.synthetic.writing.Settings`; actions from `ACTIONS`, aspect ratio 16:9.
        folder: path.
        performances: number; each gives a clip per camera. Actions alternate, then subjects.
        processes: number of processes.

    Raises:
        ValueError: for an unknown action, another aspect ratio, more performances than names, or a folder created with
            other settings.
        ImportError: without PyAV, for video files.
    """
    unknown = sorted(set(settings.actions) - set(ACTIONS))
    if unknown:
        raise ValueError(f"Of our actions, NTU RGB+D has {', '.join(ACTIONS)}. Received: {', '.join(unknown)}")
    if settings.size[0] * COLOUR_PX[1] != settings.size[1] * COLOUR_PX[0]:
        raise ValueError(f"NTU RGB+D's frames are 16:9, like 320x180. Received: {settings.size}")
    most = len(settings.actions) * SUBJECTS * REPEATS * SETUPS
    if performances > most:
        raise ValueError(
            f"{len(settings.actions)} actions have names for {most} performances. Received: {performances}"
        )
    with writing.claim(folder, settings):
        clips = [(index, camera) for index in range(performances) for camera in range(1, CAMERAS + 1)]
        missing = [clip for clip in clips if not label_path(settings, folder, *clip).is_file()]
        for _ in writing.in_order(one_clip, settings, folder, missing, processes, "clip"):
            pass


def name_of(settings: writing.Settings, index: int, camera: int) -> str:
    """SsssCcccPpppRrrrAaaa of a performance, counted from 0, recorded by camera 1, 2 or 3."""
    turn, action = divmod(index, len(settings.actions))
    setup, repeat, subject = 1 + turn // (SUBJECTS * REPEATS), 1 + turn // SUBJECTS % REPEATS, 1 + turn % SUBJECTS
    number = ACTIONS[settings.actions[action]]
    return f"S{setup:03d}C{camera:03d}P{subject:03d}R{repeat:03d}A{number:03d}"


def label_path(settings: writing.Settings, folder: pathlib.Path, index: int, camera: int) -> pathlib.Path:
    """Path of the .skeleton file of a clip."""
    return folder / "nturgb+d_skeletons" / f"{name_of(settings, index, camera)}.skeleton"


def one_clip(settings: writing.Settings, folder: pathlib.Path, clip: tuple[int, int]) -> None:
    """Write one performance as recorded by one camera; `clip` is (index, camera)."""
    index, camera = clip
    filmed = draw(settings, index, camera)
    name = name_of(settings, index, camera)
    if settings.frames_only:
        writing.save_frames(filmed.images, folder / "frames" / name, 5, settings.quality)
    else:
        video.write_video(folder / "nturgb+d_rgb" / f"{name}_rgb.avi", filmed.images, FPS, threads=1)
    skeleton = ntu_files.Skeleton(len(filmed.images), {_FIRST_ID + index: as_body(filmed)})
    ntu_files.write_skeleton(label_path(settings, folder, index, camera), skeleton)


def draw(settings: writing.Settings, index: int, camera: int) -> scene.Clip:
    """The clip of a performance: `deephar.data.synthetic.scene.Clip`."""
    generator = settings.generator(index)
    turn, action = divmod(index, len(settings.actions))
    person = figure.draw_person(settings.generator(_PEOPLE + turn % SUBJECTS))
    frames = int(generator.integers(settings.length[0], settings.length[1] + 1))
    facing = generator.normal(0, 15)
    performance = scene.perform(generator, settings.actions[action], frames, FPS, person, facing=facing)
    placed = place_camera(generator, camera, settings.size)
    return scene.film(settings.generator(index, camera), [performance], placed, settings.domain)


def place_camera(generator: np.random.Generator, camera: int, size: Size) -> Camera:
    """Cameras 1, 2, 3 are to the right, in front and to the left of the person, at equal distance and height."""
    distance, height = generator.uniform(2800, 3800), generator.uniform(900, 1500)
    azimuth = np.deg2rad((-45, 0, 45)[camera - 1])
    center = (distance * np.cos(azimuth), distance * np.sin(azimuth), height)
    return Camera.looking_at(center, (0, 0, 950), COLOUR_FOCAL * size[0] / COLOUR_PX[0], size)


def as_body(clip: scene.Clip) -> ntu_files.Body:
    """A clip as `deephar.data.readers.ntu_files.Body`: hidden joints are inferred; one sensor for colour and depth."""
    joints = clip.camera.to_camera(clip.joints_mm_world[:, ORDER]) / 1000 * (1, -1, 1)
    x, y, z = np.moveaxis(joints, -1, 0)
    depth_px = np.stack([366.5 * x / z + 256.3, -366.9 * y / z + 208.5], axis=-1)
    color_px = clip.joints_uvd[:, ORDER, :2] * np.divide(COLOUR_PX, clip.camera.size)
    state = np.where(clip.visible[:, ORDER], 2, 1)
    return ntu_files.Body(np.ones(len(joints), dtype=bool), joints, color_px, depth_px, state)
