"""Shared by all writers of synthetic datasets: settings stored in the folder, and ordered parallel work."""

import concurrent.futures
import contextlib
import dataclasses
import functools
import multiprocessing
import pathlib
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from filelock import FileLock
from PIL import Image
from tqdm import tqdm

from deephar.data.synthetic.motion import ACTIONS
from deephar.files import keep_settings
from deephar.typed import Ints, Path, Pixels, Size

Item = typing.TypeVar("Item")
Result = typing.TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that determines the bytes of a synthetic dataset, except the number of people or videos.

    Attributes:
        format: "mpii", "penn", "ntu" or "h36m".
        size: (width, height) of the images in pixels.
        domain: of `deephar.data.synthetic.scene.DOMAINS`.
        actions: keys of `deephar.data.synthetic.motion.ACTIONS`.
        seed: number.
        length: (minimum, maximum) frames of a video.
        fps: (minimum, maximum) frames per second.
        test_share: fraction of the videos for testing, in formats without a fixed split.
        quality: of JPEG files.
        frames_only: images instead of a video file.
    """

    format: str
    size: Size
    domain: str = "wild"
    actions: tuple[str, ...] = tuple(ACTIONS)
    seed: int = 0
    length: tuple[int, int] = (18, 60)
    fps: tuple[float, float] = (10, 30)
    test_share: float = 0.3
    quality: int = 90
    frames_only: bool = False

    def generator(self, *numbers: int) -> np.random.Generator:
        """The random generator for a part of the dataset."""
        return np.random.default_rng([self.seed, *numbers])


@contextlib.contextmanager
def claim(folder: Path, settings: Settings) -> Iterator[None]:
    """Create or resume a folder for settings, with an exclusive lock: other processes wait until it is released.

    Args:
        folder: path.
        settings: `Settings`.

    Raises:
        ValueError: if the folder was created with other settings.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        keep_settings(folder / "settings.json", dataclasses.asdict(settings))
        yield


def in_order(
    function: Callable[[Settings, pathlib.Path, Item], Result],
    settings: Settings,
    folder: Path,
    items: Sequence[Item],
    processes: int,
    unit: str,
) -> Iterator[Result]:
    """Results of `function(settings, folder, item)` in the order of the items, with a progress bar.

    Args:
        function: a module-level function without state.
        settings: `Settings`.
        folder: path.
        items: list.
        processes: number of processes; results do not depend on it.
        unit: name of an item, for the progress bar.

    Yields:
        what `function` returns.
    """
    work = functools.partial(function, settings, pathlib.Path(folder))
    bar = functools.partial(tqdm, total=len(items), desc=settings.format, unit=unit)
    if processes <= 1 or len(items) <= 1:
        yield from bar(map(work, items))
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from bar(pool.map(work, items, chunksize=max(1, min(8, len(items) // (4 * processes)))))


def save_frames(
    images: Pixels, folder: pathlib.Path, digits: int, quality: int, numbers: Iterable[int] | Ints | None = None
) -> None:
    """Write frames uint8 (T, H, W, 3) as JPEG files named by number, from 1 by default."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in zip(range(1, len(images) + 1) if numbers is None else numbers, images, strict=True):
        Image.fromarray(image).save(folder / f"{number:0{digits}d}.jpg", quality=quality)
