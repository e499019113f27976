"""Speed of cropping a photograph, compared with rotating the whole photograph and with OpenCV.

Command  python benchmarks/loading.py [--photo FILE.jpg] [--rounds 40]
Task     decode a 1280 x 720 JPEG and crop a window of 400 pixels, rotated by 30 degrees, to 256 x 256
Result   milliseconds of this process' CPU time, minimum over interleaved rounds, and ratios; above 1: ours is faster.
         All three decode the same way, with Pillow. OpenCV (pip install opencv-python-headless) is optional here.
"""

import argparse
import io
import pathlib
import time

import numpy as np
from PIL import Image

from deephar import geometry, layouts
from deephar.data.readers.base import Sample
from deephar.data.samples import frames

CENTER, WINDOW, ANGLE, SIZE = (640, 360), (400, 400), 30, (256, 256)


def drawn_photo():
    """A JPEG of 1280 x 720 with the detail of a photograph: noise at several scales."""
    generator = np.random.default_rng(0)
    pixels = np.zeros((720, 1280, 3))
    for cell in (4, 16, 64):
        noise = generator.uniform(0, 85, (-(-720 // cell), -(-1280 // cell), 3)).astype(np.uint8)
        pixels += np.asarray(Image.fromarray(noise).resize((1280, 720), Image.Resampling.BICUBIC))
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


class Photograph:
    """A reader of one person in one photograph, many times, for worker processes too, which import this file."""

    layout = layouts.get("mpii16")

    def __init__(self, content, people=6000):
        self.content, self.people = content, people

    def __len__(self):
        return self.people

    def sample(self, index):
        pose = np.random.default_rng(index).uniform(500, 700, (16, 2))
        return Sample("drawn", frames.open_image(self.content), pose, np.array(CENTER, float), np.array(WINDOW, float))


def decoded(content):
    return frames.to_rgb(frames.open_image(content, "the photograph"))


def ours(content):
    px_to_crop = geometry.window_to_crop(CENTER, WINDOW, ANGLE)
    return frames.warp(decoded(content), px_to_crop, SIZE)


def turned_whole(content):
    """The window is centred in the photograph, and so also in the rotated one."""
    turned = decoded(content).rotate(ANGLE, Image.Resampling.BILINEAR, expand=True)
    left, top = ((side - length) / 2 for side, length in zip(turned.size, WINDOW, strict=True))
    window = turned.crop((left, top, left + WINDOW[0], top + WINDOW[1]))
    return np.asarray(window.resize(SIZE, Image.Resampling.BILINEAR))


def opencv(content):
    import cv2

    cv2.setNumThreads(1)
    px_to_crop = geometry.scaling(*SIZE) @ geometry.window_to_crop(CENTER, WINDOW, ANGLE)
    return cv2.warpAffine(np.asarray(decoded(content)), px_to_crop[:2], SIZE, flags=cv2.INTER_LINEAR)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=pathlib.Path, help="a JPEG of 1280 x 720; drawn by default")
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    content = args.photo.read_bytes() if args.photo else drawn_photo()
    ways = {"decoding alone": decoded, "ours": ours, "turned whole, then cropped": turned_whole, "OpenCV": opencv}
    try:
        import cv2  # noqa: F401
    except ImportError:
        print("OpenCV is not installed; skipped")
        del ways["OpenCV"]
    times = {name: [] for name in ways}
    for _ in range(args.rounds):
        for name, way in ways.items():
            start = time.process_time()
            way(content)
            times[name].append(1000 * (time.process_time() - start))
    for name, values in times.items():
        print(f"{name:<28}{min(values):7.2f} ms   ratio to ours {min(values) / min(times['ours']):.2f}")


if __name__ == "__main__":
    main()
