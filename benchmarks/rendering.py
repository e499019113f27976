"""Speed of drawing synthetic people on one core.

Command  python benchmarks/rendering.py [--size 128] [--seconds 3]
Task     clips of 16 frames and single frames, every action in turn, in the laboratory and in the wild: the full
         pipeline (motion, background, people, noise), and the people alone, drawn over a given background
Result   frames per second of this process' CPU time; numpy and Pillow use one thread for all of this
"""

import argparse
import itertools
import time

import numpy as np

from deephar.camera import Camera
from deephar.data.synthetic import render, scene

ACTIONS = list(scene.ACTIONS)


def whole(frames, size, domain):
    """Draw clip after clip; yields after each."""
    for seed in itertools.count():
        action, generator = ACTIONS[seed % len(ACTIONS)], np.random.default_rng(seed)
        scene.draw_clip(generator, action, frames, (size, size), domain=domain)
        yield


def people_alone(frames, size, _):
    """Draw one person of each action, posed before, over black."""
    camera = Camera.looking_at((4000, 0, 900), (0, 0, 900), 1.4 * size, (size, size))
    acts = [scene.perform(np.random.default_rng(seed), action, frames) for seed, action in enumerate(ACTIONS)]
    background = np.zeros((size, size, 3), dtype=np.uint8)
    for act in itertools.cycle(acts):
        canvas = render.Canvas(background, frames, (0, 0, -1))
        canvas.draw(act.parts(np.arange(frames)), camera, act.person.look)
        yield


def frames_a_second(way, frames, size, domain, seconds):
    work = way(frames, size, domain)
    next(work)
    start, clips = time.process_time(), 0
    while time.process_time() - start < seconds:
        next(work)
        clips += 1
    return clips * frames / (time.process_time() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=3, help="per measurement")
    args = parser.parse_args()
    cases = [("laboratory", whole), ("wild", whole), ("people alone", people_alone)]
    print(f"frames of {args.size} x {args.size} per second  clips of 16    single")
    for name, way in cases:
        clips, single = (frames_a_second(way, frames, args.size, name, args.seconds) for frames in (16, 1))
        print(f"{name:<28}{clips:14.0f}{single:10.0f}")


if __name__ == "__main__":
    main()
