"""Synthetic people in Human3.6M's file format: every take recorded by four cameras at once."""

import pathlib

import numpy as np

from deephar import layouts
from deephar.camera import Camera
from deephar.data.readers import human36m, human36m_files
from deephar.data.synthetic import body, figure, scene, writing

ACTIONS = {
    "Directions": "stand_up", "Discussion": "clap", "Eating": "drink", "Greeting": "wave", "Phoning": "phone_call",
    "Posing": "jumping_jacks", "Purchases": "squat", "Sitting": "situp", "SittingDown": "sit_down", "Smoking": "punch",
    "TakingPhoto": "lunge", "Waiting": "throw", "Walking": "walk", "WalkingDog": "kick", "WalkingTogether": "bowl",
}  # fmt: skip
"""Our action for each of Human3.6M's names. Only Eating, Greeting, Phoning, SittingDown and Walking resemble their
names; the others just borrow a name, since readers accept no others."""

SUBJECTS = ("S1", "S9", "S5", "S11", "S6", "S7", "S8")
"""Order of the subjects, so that even a few takes contain people from both the training and the test split."""

FPS = 50
LENSES = (
    (1.145, 1.144, 0.5125, 0.5155, -0.207, 0.247, -0.003, -0.0009, -0.0016),
    (1.149, 1.148, 0.5088, 0.5081, -0.194, 0.240, -0.007, -0.0027, -0.0009),
    (1.149, 1.149, 0.5198, 0.5014, -0.208, 0.255, -0.005, 0.0024, 0.0014),
    (1.145, 1.145, 0.5149, 0.5019, -0.199, 0.218, -0.009, -0.0014, -0.0005),
)  # fmt: skip
"""Focal lengths and principal point in image widths, k1 to k3, p1 and p2, similar to Human3.6M's cameras."""

ORDER = body.order(layouts.get("h36m32"))
_PEOPLE = 1_000_000


def write(settings: writing.Settings, folder: pathlib.Path, takes: int, processes: int = 1) -> None:
    """Write metadata.xml, and per take S1/Images/<take>.<camera>/000001.jpg and so on, then its D3_Positions/*.cdf.

    Positions are written for every frame, images for those that the protocol uses
    (`deephar.data.readers.human36m.SPLITS`).

    Args:
        settings: `deephar.data.synthetic.writing.Settings`; images must be square.
        folder: path.
        takes: number; subjects alternate, then actions.
        processes: number of processes.

    Raises:
        ValueError: for images that are not square, unknown actions, or a folder created with other settings.
        ModuleNotFoundError: without cdflib.
    """
    if settings.size[0] != settings.size[1]:
        raise ValueError(f"Human3.6M's images are square. Received: {settings.size}")
    unknown = sorted(set(settings.actions) - set(ACTIONS.values()))
    if unknown:
        raise ValueError(f"Actions in Human3.6M's format are {', '.join(ACTIONS.values())}. Received: {unknown}")
    with writing.claim(folder, settings):
        indices = range(takes)
        missing = [index for index in indices if not label_path(settings, folder, index).is_file()]
        for _ in writing.in_order(one_take, settings, folder, missing, processes, "take"):
            pass
        placed = {(subject, camera): c for subject in SUBJECTS for camera, c in cameras(settings, subject).items()}
        names = {}
        for index in indices:
            subject, name, take = take_of(settings, index)
            number = human36m_files.ACTIONS.index(name) + 2
            names[subject, number, take] = f"{name} {take}"
        human36m_files.write_metadata(folder / "metadata.xml", placed, names)


def take_of(settings: writing.Settings, index: int) -> tuple[str, str, int]:
    """Subject, Human3.6M's name of the action and number of the take."""
    turn, subject = divmod(index, len(SUBJECTS))
    names = [name for name, action in ACTIONS.items() if action in settings.actions]
    take, action = divmod(turn, len(names))
    return SUBJECTS[subject], names[action], take + 1


def label_path(settings: writing.Settings, folder: pathlib.Path, index: int) -> pathlib.Path:
    """Path of the positions of a take, counted from 0."""
    subject, name, take = take_of(settings, index)
    return folder / subject / "MyPoseFeatures" / "D3_Positions" / f"{name} {take}.cdf"


def one_take(settings: writing.Settings, folder: pathlib.Path, index: int) -> None:
    """Write one take as recorded by all cameras."""
    subject, name, take = take_of(settings, index)
    performance = act(settings, index)
    numbers = np.arange(0, len(performance.joints), step_of(subject))
    for place, (camera, placed) in enumerate(cameras(settings, subject).items(), start=1):
        clip = scene.film(settings.generator(index, place), [performance], placed, settings.domain, numbers)
        path = folder / human36m.picture_path(subject, f"{name} {take}", camera)
        writing.save_frames(clip.images, path.parent, 6, settings.quality, numbers + 1)
    path = label_path(settings, folder, index)
    human36m_files.write_positions(path, performance.joints[:, ORDER])


def step_of(subject: str) -> int:
    """Frame stride of the images."""
    return next(step for subjects, step in human36m.SPLITS.values() if subject in subjects)


def act(settings: writing.Settings, index: int) -> scene.Performance:
    """The performance in a take: `deephar.data.synthetic.scene.Performance`."""
    subject, name, _ = take_of(settings, index)
    generator = settings.generator(index)
    person = figure.draw_person(settings.generator(_PEOPLE + int(subject[1:])))
    frames = int(generator.integers(settings.length[0], settings.length[1] + 1))
    place = generator.uniform(-600, 600, 2)
    return scene.perform(generator, ACTIONS[name], frames, FPS, person, place)


def cameras(settings: writing.Settings, subject: str) -> dict[str, Camera]:
    """The four cameras, slightly displaced for every subject: camera id to `deephar.camera.Camera`."""
    generator = settings.generator(_PEOPLE + int(subject[1:]), 1)
    width = settings.size[0]
    placed = {}
    for camera, corner, lens in zip(human36m_files.CAMERAS, scene.CORNERS, LENSES, strict=True):
        center = np.array([*corner, 1550.0]) + generator.normal(0, 60, 3)
        aimed = Camera.looking_at(center, (0, 0, 900), lens[0] * width, settings.size)
        scaled = np.array(lens[:4]) * width
        placed[camera] = Camera(
            aimed.rotation, center, scaled[:2], scaled[2:], np.array(lens[4:7]), np.array(lens[7:]), settings.size
        )
    return placed
